//! The properties, over texts made of prose with values of every kind in it, cut at every byte.

use std::collections::BTreeSet;

use action::SensitiveClass;
use proptest::prelude::*;

use super::*;
use crate::detect::rules::{Compile, load};
use crate::detect::{Detectors, TypeHints};
use crate::policy::Source;

fn detectors(pack: &str) -> Detectors {
    let book = load(&[("own.yaml", pack)], Compile::Now).unwrap();
    Detectors::new(book, TypeHints::default())
}

fn none() -> Detectors {
    detectors("kind: detectors\nrules: []\n")
}

/// What the detectors find in the whole text as sent.
fn whole(text: &str) -> Vec<Hit> {
    let leaf = Leaf::new(action::SemanticType::FreeText, text);
    let mut hits = Vec::new();
    pii::find(&leaf, &mut hits);
    secrets::find(&leaf, &mut hits);
    // Over two lines only in the normal form, see the first page of `live`.
    let over_lines =
        |hit: &Hit| text.get(hit.span.clone()).is_some_and(|value| value.contains(['\n', '\r', '\t']));
    let numbers = |hit: &Hit| hit.rule.starts_with("pii.");
    hits.retain(|hit| hit.via.is_empty() && (text.is_ascii() || !numbers(hit) || !over_lines(hit)));
    hits
}

/// Keys whose mark stands behind their first letters, see the first page of `live`.
const MARKED_LATE: &[&str] = &[
    "secret.azure_ad",
    "secret.terraform",
    "secret.maxmind",
    "secret.azure",
    "secret.telegram",
    "secret.facebook",
];

fn is_excepted(text: &str, hit: &Hit, place: usize) -> bool {
    let gone = text.get(hit.span.start..place).unwrap_or_default().bytes().enumerate();
    let words = gone
        .into_iter()
        .all(|(at, b)| b.is_ascii_lowercase() || (at == 0 && b.is_ascii_alphabetic()) || b"_-.".contains(&b));
    MARKED_LATE.contains(&hit.rule.as_ref()) && words
}

/// Feeds a text in pieces of the given sizes; returns the settled places.
fn places(text: &str, sizes: &[usize], watch: &Watch) -> Vec<usize> {
    let (mut at, mut from, mut places) = (0, 0, Vec::new());
    let mut sizes = sizes.iter().cycle();
    while at < text.len() {
        at = (at + sizes.next().copied().unwrap_or(1).max(1)).min(text.len());
        while !text.is_char_boundary(at) {
            at += 1;
        }
        let place = settled(&text[..at], from, watch);
        assert!(place >= from && place <= at && text.is_char_boundary(place), "{from} {place} {at}");
        from = place;
        places.push(place);
    }
    places
}

/// Every property for one text.
fn check(text: &str, sizes: &[usize], watch: &Watch) -> Result<(), String> {
    let hits: Vec<Hit> =
        whole(text).into_iter().filter(|hit| hit.class.is_none_or(|class| watch.wants(class))).collect();
    // The first exception: a quote that nobody closed makes a password of half a page.
    if hits.iter().any(|hit| hit.span.len() > MAX_LIVE / 2 && hit.rule != "secret.private_key") {
        return Ok(());
    }
    let places = places(text, sizes, watch);
    for hit in &hits {
        for place in &places {
            if hit.span.start < *place && *place < hit.span.end && !is_excepted(text, hit, *place) {
                return Err(format!(
                    "{} {:?} is cut at {place}: {:?} | {:?}",
                    hit.rule,
                    hit.span,
                    &text[hit.span.start..*place],
                    &text[*place..hit.span.end]
                ));
            }
        }
    }
    // Stretch by stretch, each judged with no more of the text than was there.
    let (mut at, mut from, mut found) = (0, 0, Vec::new());
    let mut sizes = sizes.iter().cycle();
    while at < text.len() {
        at = (at + sizes.next().copied().unwrap_or(1).max(1)).min(text.len());
        while !text.is_char_boundary(at) {
            at += 1;
        }
        let to = if at == text.len() { at } else { settled(&text[..at], from, watch) };
        found.extend(
            sensitive(&text[..at], from..to, watch, &none()).into_iter().filter(|hit| hit.via.is_empty()),
        );
        from = to;
    }
    let ends = |hits: &[Hit]| -> BTreeSet<(usize, usize, String)> {
        let late = |hit: &Hit| if MARKED_LATE.contains(&hit.rule.as_ref()) { 0 } else { hit.span.start };
        hits.iter().map(|hit| (late(hit), hit.span.end, hit.rule.to_string())).collect()
    };
    let (found, wanted) = (ends(&found), ends(&hits));
    // More may be found in a stretch than in the whole: of two values in one place the surer one is told,
    // which may not have been whole yet, or is of a class that nobody watches; and of digits in two groups
    // the second may be a number for itself.
    match found.is_superset(&wanted) {
        true => Ok(()),
        false => Err(format!("missed {:?}, found {found:?}", wanted.difference(&found))),
    }
}

/// Values and what announces them. None belongs to anybody.
fn values() -> Vec<String> {
    let mut values: Vec<String> = [
        "4111 1111 1111 1111",
        "4012-8888-8888-1881",
        "378282246310005",
        "card 5555555555554444 exp 11/29",
        "123-45-6789",
        "her SSN is 536904399",
        "536904399 is her social security number",
        "078 05 1120",
        "passport no. X1234567",
        "passport C01X00T47 of",
        "Reisepass: C01X00T47",
        "GB82 WEST 1234 5698 7654 32",
        "DE89370400440532013000",
        "FR14 2004 1010 0505 0001 3M02 606",
        "AB 12 34 56 C",
        "AB123456C",
        "ann.lee+x@acme.org",
        "mail ann [at] acme [dot] org now",
        "bob(at)acme.org",
        "<eve@acme.co.uk>.",
        "diagnosed with acute bronchitis, and",
        "She was born on March 14th, 1985.",
        "geboren am 14. Mai 1985",
        "dob 1985-03-14",
        "salary of $85,000 a year",
        "she earns a salary of 85k now",
        "net pay 4200 EUR",
        "(602) 272-9781",
        "+41 96 471 07 95 x123",
        "call 602.272.9781 ext 55",
        "tel 0171 2345678",
        "fe80::1ff:fe23:4567:890a",
        "10.12.200.7",
        "192.168.1.20:8080",
        "RSSMRA85T10A562S",
        "12345678Z",
        "131052-308T",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122ZE184226B<<<<<10",
        "MRN: 1234567",
        "routing number 021000021",
        "account number 1234567890",
        "sort code 12-34-56",
        "756.9217.0769.85",
        "my password is Zebra-77!x",
        "password: \"Zebra77!\"",
        "db_password=hunter22x",
        "Das Passwort ist Zebra-77!x",
        "postgres://app:s3cr3tPw@db.acme.test:5432/x",
        "curl -s -u admin:Tr0ub4dor https://acme.test",
        "curl https://acme.test --user 'ops:n0tAguess'",
        "Server=db;User=sa;Password=Qw9!tulip;",
        "api_key = k29f8s7df6gh5j4k3l2m1n0p",
        "token: \"a8f5f167f44f4964e6c998dee827110c\"",
        "eyebrows and eyes.",
        "datadog_key = \"0a1b2c3d4e5f60718293a4b5c6d7e8f9\"",
        "linear: 9f86d081884c7d659a2feaa0c55ad015",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl",
        "Authorization: Bearer a1b2C3d4e5F6g7H8i9J0k1L2",
        "<add key=\"DbPassword\" value=\"Zebra77!tulip\"/>",
        "kind: Secret\ndata:\n  pass: WmVicmE3N3R1bGlw\n",
        "12345678901:AAf8d7s6a5f4d3s2a1q0w9e8r7t6y5u4i3o",
        "&sv=2022-11-02&sig=Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe9Dc8Ba7Zy6X&se=2030-01-01",
        "123456789012345|abcDEFghiJKL0123456789mnoPQ",
        "Abc7Q~Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0F",
    ]
    .map(str::to_owned)
    .to_vec();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";
    values.push(format!("-----BEGIN RSA PRIVATE KEY-----\n{body}\n{body}\n-----END RSA PRIVATE KEY-----"));
    values.push(format!("sk-proj-Zx9Yw8Vu7Ts6Rq5Po4NmT3BlbkFJ{}", &body[..24]));
    values
}

const WORDS: &[&str] = &[
    "the",
    "plan",
    "for",
    "next",
    "year",
    "was",
    "agreed",
    "in",
    "May",
    "API",
    "and",
    "a",
    "call",
    "to",
    "Key",
    "account",
    "number",
    "of",
    "2024",
    "3",
    "items",
    "cost",
    "$12",
    "v2.1",
    "see",
    "https://docs.acme.test/a/b",
    "token",
    "is",
    "not",
    "born",
    "card",
    "passport",
    "phone",
    "re",
    "patient",
    "access",
    "secret",
    "- ",
    "[1]",
    "(at",
    "x = 4;",
    "foo_bar(baz)",
    "été",
    "naïve",
    "日本語",
    "—",
    "100%",
    "A-17",
    "id",
    "SSN",
    "IBAN",
    "bearer",
    "curl",
    "password",
    "authorization",
    "10:30",
];

fn text() -> impl Strategy<Value = String> {
    let values = values();
    let part = prop_oneof![
        6 => prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(values.clone()),
        // A value that is cut or runs into something else.
        1 => (prop::sample::select(values), 1usize..60).prop_map(|(value, cut)| value.chars().take(cut).collect()),
        1 => "[ -~]{1,12}",
    ];
    let between = prop::sample::select(vec![" ", " ", " ", " ", ", ", ". ", "\n", "", ": ", "="]);
    prop::collection::vec((part, between), 1..24)
        .prop_map(|parts| parts.into_iter().map(|(part, between)| part + between).collect())
}

fn watch() -> impl Strategy<Value = Watch> {
    prop_oneof![
        2 => Just(Watch::all()),
        1 => prop::sample::subsequence(SensitiveClass::ALL.to_vec(), 1..5).prop_map(|classes| Watch::only(&classes)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(600), max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_cut_and_stretches_find_what_the_whole_holds(text in text(), sizes in prop::collection::vec(1usize..9, 1..6), watch in watch()) {
        check(&text, &sizes, &watch).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_settled_place_never_goes_back_and_larger_pieces_settle_no_more(text in text(), size in 1usize..40) {
        let watch = Watch::all();
        let single = places(&text, &[1], &watch);
        let coarse = places(&text, &[size], &watch);
        // Larger pieces are asked about less often, so they may be held longer, never shorter.
        prop_assert!(coarse.last() <= single.last());
    }
}

#[test]
fn every_value_is_held_whole_at_every_cut() {
    for value in values() {
        for text in [
            format!("Well, {value} and so on, as agreed with everybody in the room."),
            value.clone(),
            format!("a\n{value}\n\nb"),
        ] {
            check(&text, &[1], &Watch::all()).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
        }
    }
}

#[test]
fn every_row_of_the_tables_of_secrets_is_held() {
    for text in secrets::tests::samples() {
        let text = format!("Here it is: {text} and that is all of it, for everybody in the room.");
        check(&text, &[1], &Watch::all()).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
    }
}

#[test]
fn prose_is_settled_to_its_last_byte() {
    use SensitiveClass::{ApiKey, Card, Credential, Jwt, Ssn};
    let watch = Watch::only(&[ApiKey, Credential, Jwt, Card, Ssn]);
    let text = "The committee met on Tuesday to review the plans. Several members asked about the cost, and nobody objected.";
    for end in 1..=text.len() {
        let held = end - settled(&text[..end], 0, &watch);
        assert!(held <= 3, "{held} bytes of {:?}", &text[..end]);
    }
    assert!(Watch::only(&[]).is_idle());
    assert_eq!(settled("sk-live", 0, &Watch::only(&[])), 7);
}

#[test]
fn little_is_held_for_long() {
    let endless = [
        "a1".repeat(4_000),
        "1 ".repeat(4_000),
        "ab@".repeat(4_000),
        "日本".repeat(4_000),
        "A".repeat(8_000),
    ];
    for text in endless {
        let place = settled(&text, 0, &Watch::all());
        assert!(text.len() - place <= MAX_LIVE, "{} of {:.20}", text.len() - place, text);
    }
    // A key block is held to its end, and let go at the bound of its reader.
    let block = format!("x -----BEGIN PRIVATE KEY-----\n{}", "Zx9Yw8Vu7T".repeat(1_000));
    assert_eq!(settled(&block, 0, &Watch::all()), 2);
    let longer = format!("{block}{}", "Zx9Yw8Vu7T".repeat(1_000));
    assert!(longer.len() - settled(&longer, 2, &Watch::all()) <= MAX_LIVE);
}

#[test]
fn an_encoded_value_is_held_with_its_encoding() {
    let (text, watch) = ("the blob is cGFzc3dvcmQ6IFplYnJhNzchdHVsaXA= as sent by them", Watch::all());
    let (mut from, mut found) = (0, Vec::new());
    for end in 1..=text.len() {
        let to = settled(&text[..end], from, &watch);
        found.extend(sensitive(&text[..end], from..to, &watch, &none()));
        from = to;
    }
    assert!(found.iter().any(|hit| !hit.via.is_empty()), "{found:?}");
}

#[test]
fn digits_of_other_scripts_are_digits() {
    let text = "card ４１１１ １１１１ １１１１ １１１１ was charged, as agreed with everybody in the room";
    check(text, &[1], &Watch::all()).unwrap_or_else(|fault| panic!("{fault}"));
    let hidden = "ssn 123\u{200b}-45-\u{200b}6789 was read out, as agreed with everybody in the room";
    check(hidden, &[3], &Watch::all()).unwrap_or_else(|fault| panic!("{fault}"));
}

const OWN: &str = "kind: detectors\nrules:\n  - { id: own.badge, vector: pii, class: custom, severity: high, about: a badge of ours, \
    literals: [\"emp-\"], pattern: '\\bemp-\\d{4,6}(?:-[a-z]{2})?\\b', cases: { hit: [\"EMP-1234-ab\"], miss: [\"EMP-12\"] } }\n  \
    - { id: own.project, vector: pii, class: custom, severity: high, about: a project name, reading: raw, literals: [\"Project\"], \
    pattern: 'Project (?:Nightjar|Kestrel)', cases: { hit: [\"Project Kestrel\"], miss: [\"Project X\"] } }\n";

#[test]
fn an_operators_own_rule_is_held_like_the_others() {
    let detectors = detectors(OWN);
    let watch = Watch { own: Own::of(&detectors, |_| true), ..Watch::only(&[SensitiveClass::Custom]) };
    for text in
        ["ask emp-1234 and EMP-123456-ab or emp-12 about it", "the Project Nightjar and Project X, Project"]
    {
        let leaf = Leaf::new(action::SemanticType::FreeText, text);
        let mut wanted = Vec::new();
        detectors.book.of(Vector::Pii).unwrap().find(&leaf, &mut wanted);
        assert!(!wanted.is_empty());
        let (mut from, mut found) = (0, Vec::new());
        for end in 1..=text.len() {
            let to = if end == text.len() { end } else { settled(&text[..end], from, &watch) };
            assert!(
                !wanted.iter().any(|hit| hit.span.start < to && to < hit.span.end),
                "{} cut at {to}",
                text
            );
            found.extend(sensitive(&text[..end], from..to, &watch, &detectors));
            from = to;
        }
        let spans = |hits: &[Hit]| hits.iter().map(|hit| hit.span.clone()).collect::<Vec<_>>();
        assert_eq!(spans(&found), spans(&wanted), "{text}");
        assert!(settled("we met the team", 0, &watch) >= 14);
    }
}

#[test]
fn a_watch_follows_the_rules_that_can_speak_of_answers() {
    let watch = |rules: &str| {
        let text = format!("policy: t\nrules:\n{rules}");
        Watch::of_answers(
            &Rules::load(&[Source { file: "t.yaml", text: &text }]).unwrap_or_else(|f| panic!("{:?}", f.0)),
        )
    };
    let sent =
        watch("  - { id: a, when: { kind: llm_call, operation: send, classes: [ssn] }, then: block }\n");
    assert!(sent.is_idle());
    let read =
        watch("  - { id: a, when: { kind: llm_call, operation: read, classes: [ssn] }, then: block }\n");
    assert!(read.wants(SensitiveClass::Ssn) && !read.wants(SensitiveClass::Email));
    let any = watch("  - { id: a, when: { vector: { pii: { confidence: 80 } } }, then: block }\n");
    assert!(SensitiveClass::ALL.iter().all(|class| any.wants(*class)));
    let named =
        watch("  - { id: a, when: { vector: { pii: { rule: secret.private_key } } }, then: block }\n");
    assert!(named.wants(SensitiveClass::Credential) && !named.wants(SensitiveClass::Email));
    let outside = watch("  - { id: a, when: { vector: pii, external: true }, then: block }\n");
    assert!(outside.is_idle());
    let redacts = watch("  - { id: a, when: {}, then: { constrain: [ { redact: [jwt] } ] } }\n");
    assert!(redacts.wants(SensitiveClass::Jwt) && !redacts.wants(SensitiveClass::Card));
}
