use super::*;
use crate::detect::{Leaf, pii, secrets};
use crate::text::Prepared;
use action::{Json, SemanticType};
use proptest::prelude::*;

fn key() -> Key {
    Key::from_secret(b"a key for tests")
}

fn hits(text: &str) -> Vec<Hit> {
    let leaf = Leaf { key: "", channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
    let mut out = Vec::new();
    pii::find(&leaf, &mut out);
    secrets::find(&leaf, &mut out);
    out
}

fn synthetic(text: &str) -> Redacted {
    redact(text, &hits(text), Mode::Synthetic, &key(), &Options::default())
}

/// A secret of a well-known shape, put together here.
fn token() -> String {
    ["ghp", "_", "k3Jd82hsKq", "Pz71mXw4Rt", "Bv90nYc6Ls", "Ud5Ef1"].concat()
}

fn mail() -> String {
    format!(
        "Ann (ann.lee@acme.org, +44 20 7946 0958) pays with 4539 5787 6362 1486 from \
         DE89 3704 0044 0532 0130 00; SSN 536-22-1843, host 10.4.7.21, key {}.",
        token()
    )
}

#[test]
fn a_text_with_everything_keeps_its_shape_and_comes_back() {
    let text = mail();
    let redacted = synthetic(&text);
    assert_eq!(redacted.map.len(), 7, "{:?}", redacted.map);
    assert_eq!(restore(&redacted.text, &redacted.map), text);
    // The same detectors find the same kinds in the redacted text: check digits hold.
    let kinds = |text: &str| hits(text).into_iter().map(|hit| hit.rule.into_owned()).collect::<Vec<_>>();
    assert_eq!(kinds(&redacted.text), kinds(&text), "{}", redacted.text);
    for original in
        ["ann.lee@acme.org", "4539 5787", "536-22-1843", "10.4.7.21", "7946 0958", token().as_str()]
    {
        assert!(!redacted.text.contains(original), "{original}");
    }
}

#[test]
fn one_original_has_one_replacement_in_a_session_and_another_in_the_next() {
    let mut session = Redactor::new(Mode::Synthetic, key().narrowed("s1"), Options::default());
    let first = session.redact("write to ann@acme.org", &hits("write to ann@acme.org"));
    let again = session.redact("ann@acme.org wrote", &hits("ann@acme.org wrote"));
    let address = first.strip_prefix("write to ").unwrap();
    assert_eq!(again, format!("{address} wrote"));
    let mut other = Redactor::new(Mode::Synthetic, key().narrowed("s2"), Options::default());
    assert_ne!(other.redact("write to ann@acme.org", &hits("write to ann@acme.org")), first);
}

#[test]
fn what_is_found_once_is_replaced_everywhere() {
    let text = "SSN 536221843. Later the digits 536221843 stand alone.";
    for mode in [Mode::Synthetic, Mode::Mask, Mode::Hash] {
        let out = redact(text, &hits(text), mode, &key(), &Options::default()).text;
        assert!(!out.contains("536221843"), "{mode:?}: {out}");
    }
}

#[test]
fn masks_keep_the_shape_and_of_secrets_nothing() {
    let out = |text: &str| redact(text, &hits(text), Mode::Mask, &key(), &Options::default()).text;
    assert_eq!(out("card 4539 5787 6362 1486!"), "card **** **** **** 1486!");
    assert_eq!(out("to ann@acme.org"), "to ***@****.***");
    assert_eq!(out(&token()), "***_************************************");
    let plain = Options { preserve_format: false, ..Options::default() };
    let text = "card 4539 5787 6362 1486!";
    assert_eq!(redact(text, &hits(text), Mode::Mask, &key(), &plain).text, "card [card]!");
}

#[test]
fn hashes_are_keyed_and_differ_by_class() {
    let text = "SSN 536221843";
    let hashed = |key: &Key| redact(text, &hits(text), Mode::Hash, key, &Options::default()).text;
    assert_eq!(hashed(&key()), hashed(&key()));
    assert_ne!(hashed(&key()), hashed(&Key::from_secret(b"another")));
    assert!(hashed(&key()).starts_with("SSN ssn:"));
    let as_class = |class| mask::hash(&key(), class, "536221843");
    assert_ne!(as_class(SensitiveClass::Ssn)[4..], as_class(SensitiveClass::Custom)[7..]);
}

#[test]
fn a_hash_is_of_the_value_however_it_is_written_and_of_its_own_key() {
    let hash = |class, value: &str| mask::hash(&key(), class, value);
    assert_eq!(
        hash(SensitiveClass::Card, "4539 5787 6362 1486"),
        hash(SensitiveClass::Card, "4539-5787-6362-1486")
    );
    assert_eq!(hash(SensitiveClass::Email, "Ann@Acme.org"), hash(SensitiveClass::Email, "ann@acme.org"));
    assert_ne!(hash(SensitiveClass::ApiKey, "aB-1"), hash(SensitiveClass::ApiKey, "AB1"));
    let text = "write to ann@acme.org";
    let of = |session: &str| {
        let redactor = Redactor::new(Mode::Hash, key().narrowed(session), Options::default());
        redactor.hashing(key()).redact(text, &hits(text))
    };
    assert_eq!(of("s1"), of("s2"));
    assert_eq!(of("s1"), format!("write to {}", hash(SensitiveClass::Email, "ann@acme.org")));
}

/// One text, and a way of its own for each value of it: what may come back does, the rest never.
#[test]
fn values_of_one_text_are_replaced_each_in_its_way() {
    let text = "card 4539578763621486 of ann@acme.org, SSN 536221843, once more 4539578763621486";
    let found = hits(text);
    let piece = |class: SensitiveClass, mode| {
        let hit = found.iter().find(|hit| hit.class == Some(class)).unwrap();
        Piece { pointer: String::new(), is_key: false, span: hit.span.clone(), class, mode }
    };
    let pieces = [
        piece(SensitiveClass::Card, Some(Mode::Hash)),
        piece(SensitiveClass::Email, None),
        piece(SensitiveClass::Ssn, Some(Mode::Mask)),
    ];
    let mut redactor = Redactor::new(Mode::Synthetic, key(), Options::default());
    let Json::Text(out) = redactor.redact_json(&Json::Text(text.into()), &pieces) else { panic!() };
    let hash = mask::hash(&key(), SensitiveClass::Card, "4539578763621486");
    assert_eq!(out.matches(&hash).count(), 2, "{out}");
    assert!(out.contains("SSN *****1843") && !out.contains("ann@acme.org"), "{out}");
    assert_eq!(redactor.map().len(), 1);
    let back = restore(&out, redactor.map());
    assert_eq!(back, format!("card {hash} of ann@acme.org, SSN *****1843, once more {hash}"));
}

#[test]
fn what_a_model_makes_of_a_value_is_still_put_back() {
    let text = "card 4539578763621486 of ann@acme.org";
    let Redacted { text: out, map } = synthetic(text);
    let card = out.split(' ').nth(1).unwrap();
    let address = out.split(' ').next_back().unwrap();
    let grouped = card.as_bytes().chunks(4).map(|c| std::str::from_utf8(c).unwrap()).collect::<Vec<_>>();
    for said in [
        format!("I charged {}.", grouped.join(" ")),
        format!("I charged {}.", grouped.join("-")),
        format!("I charged **{}**.", grouped.join("\u{a0}")),
        format!("I charged `{card}`."),
    ] {
        assert!(restore(&said, &map).contains("4539578763621486"), "{said}");
    }
    assert_eq!(restore(&address.to_uppercase(), &map), "ann@acme.org");
    // A longer number is another number.
    let longer = format!("9{card}");
    assert_eq!(restore(&longer, &map), longer);
}

#[test]
fn four_digits_come_back_only_where_they_are_announced_and_unambiguous() {
    let Redacted { text: out, map } = synthetic("card 4539578763621486");
    let ending = &out[out.len() - 4..];
    assert_eq!(restore(&format!("the card ending in {ending}."), &map), "the card ending in 1486.");
    assert_eq!(restore(&format!("the card **** {ending}"), &map), "the card **** 1486");
    let year = format!("in the year {ending}");
    assert_eq!(restore(&year, &map), year);
    let mut both = TokenMap::default();
    for (original, synthetic) in
        [("4539578763621486", "4539000000001111"), ("4716461583322103", "4716000000001111")]
    {
        let (original, synthetic) = (original.to_owned(), synthetic.to_owned());
        assert!(both.add(Entry { class: SensitiveClass::Card, original, synthetic }));
    }
    assert_eq!(restore("ending in 1111", &both), "ending in 1111");
}

#[test]
fn numbers_that_differ_in_their_marks_only_keep_theirs() {
    let text = "4539 5787 6362 1486 is 4539578763621486 and card 4539-5787-6362-1486";
    let redacted = synthetic(text);
    assert_eq!(restore(&redacted.text, &redacted.map), text);
}

#[test]
fn a_replacement_that_the_text_already_holds_is_replaced_too() {
    let mut session = Redactor::new(Mode::Synthetic, key(), Options::default());
    let text = "write to ann@acme.org";
    let first = session.redact(text, &hits(text));
    // The other side learned our replacement and sends it as its own content.
    let echoed = format!("is {} ann@acme.org?", &first[9..]);
    let second = session.redact(&echoed, &hits(&echoed));
    assert_eq!(restore(&second, session.map()), echoed);
}

#[test]
fn an_echo_in_another_spelling_survives_the_round_trip() {
    let mut session = Redactor::new(Mode::Synthetic, key(), Options::default());
    let text = "card 4539578763621486";
    let first = session.redact(text, &hits(text));
    let digits = first.strip_prefix("card ").unwrap();
    let spaced = format!("card {} {}; ending in {}", &digits[..8], &digits[8..], &digits[12..]);
    let second = session.redact(&spaced, &[]);
    assert_eq!(restore(&second, session.map()), spaced);
}

#[test]
fn a_payload_of_many_values_is_redacted_in_linear_time() {
    let list: Vec<Json> = (0..3_000).map(|n| Json::Text(format!("user{n}@acme.org"))).collect();
    let piece = |n: usize| Piece {
        pointer: format!("/{n}"),
        is_key: false,
        span: 0..format!("user{n}@acme.org").len(),
        class: SensitiveClass::Email,
        mode: None,
    };
    let pieces: Vec<Piece> = (0..3_000).map(piece).collect();
    let payload = Json::List(list);
    let started = std::time::Instant::now();
    let mut redactor = Redactor::new(Mode::Synthetic, key(), Options::default());
    let redacted = redactor.redact_json(&payload, &pieces);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert_eq!(redactor.map().len(), 3_000);
    assert_eq!(restore_json(&redacted, redactor.map()), payload);
}

#[test]
fn a_sealed_map_opens_with_its_key_only_and_shows_no_original() {
    let Redacted { map, .. } = synthetic(&mail());
    let sealed = serde_json::to_string(&map.seal(&key())).unwrap();
    let debug = format!("{map:?}");
    for original in ["acme.org", "536-22-1843", "1486"] {
        assert!(!sealed.contains(original) && !debug.contains(original), "{original}");
    }
    let read: Sealed = serde_json::from_str(&sealed).unwrap();
    assert_eq!(read.open(&key()), Ok(map));
    assert_eq!(read.open(&Key::from_secret(b"another")), Err(OpenError::WrongKey(0)));
}

#[test]
fn a_full_map_leaks_nothing() {
    let mut map = TokenMap::default();
    for count in 0..MOST_ENTRIES {
        let entry = Entry {
            class: SensitiveClass::Custom,
            original: format!("orig{count}x"),
            synthetic: format!("synt{count}x"),
        };
        assert!(map.add(entry));
    }
    let mut redactor = Redactor::new(Mode::Synthetic, key(), Options::default()).with_map(map);
    let text = "write to ann@acme.org";
    assert_eq!(redactor.redact(text, &hits(text)), "write to [email]");
}

#[test]
fn payloads_are_redacted_in_place_and_come_back() {
    let payload = Json::parse(
        br#"{"to":["x@y","ann@acme.org"],"a/b":{"ssn":536221843,"note":"ask ann@acme.org"},"n":7}"#,
    )
    .unwrap();
    let piece = |pointer: &str, span: Range<usize>, class| Piece {
        pointer: pointer.into(),
        is_key: false,
        span,
        class,
        mode: None,
    };
    let pieces =
        [piece("/to/1", 0..12, SensitiveClass::Email), piece("/a~1b/ssn", 0..9, SensitiveClass::Ssn)];
    let mut redactor = Redactor::new(Mode::Synthetic, key(), Options::default());
    let redacted = redactor.redact_json(&payload, &pieces);
    let written = serde_json::to_string(&redacted).unwrap();
    assert!(!written.contains("acme.org") && !written.contains("536221843"), "{written}");
    assert!(matches!(redacted.at("a/b.ssn"), Some(Json::Number(_))), "{written}");
    assert_eq!(redacted.get("n"), payload.get("n"));
    assert_eq!(restore_json(&redacted, redactor.map()), payload);
}

#[test]
fn hostile_texts_stay_linear() {
    let Redacted { text: out, map } = synthetic(&mail());
    let card = out.split("with ").nth(1).unwrap().get(..10).unwrap();
    for unit in [card, "1 ", "((((", "ending in 1", "a@", "4 "] {
        let text = unit.repeat(65_536 / unit.len());
        let started = std::time::Instant::now();
        restore(&text, &map);
        assert!(started.elapsed().as_millis() < 2_000, "{unit}: {:?}", started.elapsed());
    }
}

/// Values of every class, and arbitrary text between them.
fn mixed() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("4539 5787 6362 1486".to_owned()),
        Just("4716461583322103".to_owned()),
        Just("SSN 536-22-1843".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("GB82WEST12345698765432".to_owned()),
        Just("+44 20 7946 0958".to_owned()),
        Just("call (602) 272-9781 ext. 12".to_owned()),
        Just("10.4.7.21".to_owned()),
        Just("2001:db8:85a3::8a2e:370:7334".to_owned()),
        Just("born on 1985-03-14".to_owned()),
        Just("passport C01X00T47".to_owned()),
        Just("MRN 00482913".to_owned()),
        Just("salary: $85,000".to_owned()),
        Just(".2001:db8:85a3::8a2e:370:7334.".to_owned()),
        Just("ending in 1486".to_owned()),
        Just("postgres://app:s3cr3tPw@db.acme.test/x".to_owned()),
        Just(token()),
        "[a-z]{1,8}@[a-z]{1,8}\\.(org|net|io)",
        "[0-9]{3}-[0-9]{2}-[0-9]{4}",
        "[0-9]{3}-[0-9]{3}-[0-9]{4}",
    ];
    prop::collection::vec((any::<String>(), value, "[ ,.;:\n*]{0,2}"), 0..6).prop_map(|parts| {
        parts.into_iter().map(|(noise, value, gap)| format!("{noise}{gap}{value}{gap}")).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn restoring_gives_the_text_back_and_nothing_remains(text in mixed()) {
        let found = hits(&text);
        let redacted = redact(&text, &found, Mode::Synthetic, &key(), &Options::default());
        prop_assert_eq!(restore(&redacted.text, &redacted.map), text.as_str());
        prop_assert_eq!(&redact(&text, &found, Mode::Synthetic, &key(), &Options::default()), &redacted);
        for mode in [Mode::Synthetic, Mode::Mask, Mode::Hash] {
            let out = redact(&text, &found, mode, &key(), &Options { preserve_format: true, keep_last: 0 }).text;
            // A value inside a longer one is replaced as part of it.
            let inside = |part: &str| found.iter().any(|hit| hit.span.len() > part.len() && text[hit.span.clone()].contains(part));
            for part in found.iter().map(|hit| &text[hit.span.clone()]).filter(|p| p.len() >= SHORTEST_REPEAT && !inside(p)) {
                prop_assert!(!out.contains(part), "{:?} {}", mode, out);
            }
        }
    }

    #[test]
    fn whatever_the_ways_are_nothing_remains_and_what_goes_for_good_does_not_come_back(text in mixed(), first in 0usize..3) {
        let found = hits(&text);
        let way = |n: usize| [Mode::Synthetic, Mode::Hash, Mode::Mask][(first + n) % 3];
        let pieces: Vec<Piece> = found.iter().enumerate().filter_map(|(n, hit)| Some(Piece {
            pointer: String::new(), is_key: false, span: hit.span.clone(), class: hit.class?, mode: Some(way(n)),
        })).collect();
        let options = Options { preserve_format: true, keep_last: 0 };
        let mut redactor = Redactor::new(Mode::Synthetic, key(), options);
        let Json::Text(out) = redactor.redact_json(&Json::Text(text.clone()), &pieces) else { panic!("a text stays one") };
        let back = restore(&out, redactor.map());
        let inside = |part: &str| pieces.iter().any(|piece| piece.span.len() > part.len() && text[piece.span.clone()].contains(part));
        for piece in &pieces {
            let part = &text[piece.span.clone()];
            if part.len() < SHORTEST_REPEAT || inside(part) {
                continue;
            }
            prop_assert!(!out.contains(part), "{:?} {}", piece.mode, out);
            if piece.mode != Some(Mode::Synthetic) {
                prop_assert!(!back.contains(part), "{:?} came back in {}", piece.mode, back);
            }
        }
    }

    #[test]
    fn arbitrary_spans_come_back_too(text in any::<String>(), cuts in prop::collection::vec((0usize..64, 1usize..24), 0..5)) {
        let classes = SensitiveClass::ALL;
        let found: Vec<Hit> = cuts.iter().enumerate().map(|(n, (start, length))| Hit {
            rule: "test".into(), severity: action::Severity::High, confidence: action::Confidence::HIGH,
            class: Some(classes[(n + start) % classes.len()]), span: *start..start + length, via: Vec::new(),
        }).collect();
        let redacted = redact(&text, &found, Mode::Synthetic, &key(), &Options::default());
        if !redacted.map.is_empty() {
            prop_assert_eq!(restore(&redacted.text, &redacted.map), text);
        }
    }

    #[test]
    fn cutting_a_stream_anywhere_changes_nothing(text in mixed(), cuts in prop::collection::vec(0usize..4096, 0..12)) {
        let redacted = synthetic(&text);
        let said = format!("{} ending in 1234 {}", redacted.text, redacted.text.replace(' ', "-"));
        let whole = restore(&said, &redacted.map);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c % (said.len() + 1)).collect();
        cuts.sort_unstable();
        let mut restorer = Restorer::new(&redacted.map);
        let mut out = Vec::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([said.len()]) {
            out.extend(restorer.push(&said.as_bytes()[at..cut]));
            at = cut;
        }
        out.extend(restorer.finish());
        prop_assert_eq!(String::from_utf8(out).unwrap(), whole.as_str());
        let mut bytewise = Vec::new();
        for byte in said.as_bytes() {
            bytewise.extend(restorer.push(std::slice::from_ref(byte)));
            // A number of 64 bytes with three marks of three bytes after each, or a shaped value.
            prop_assert!(restorer.held() <= 64 * 10 + 8 || restorer.held() <= synthetic::LONGEST);
        }
        bytewise.extend(restorer.finish());
        prop_assert_eq!(String::from_utf8(bytewise).unwrap(), whole);
    }

    #[test]
    fn synthetic_numbers_pass_their_checks(digits in prop::collection::vec(0u8..10, 15), body in prop::collection::vec(0u8..10, 18)) {
        let mut card: Vec<u8> = std::iter::once(4).chain(digits.iter().skip(1).copied()).collect();
        let sum: u32 = card.iter().rev().enumerate().map(|(n, d)| { let d = u32::from(*d); if n % 2 == 0 { d * 2 / 10 + d * 2 % 10 } else { d } }).sum();
        card.push(((10 - sum % 10) % 10) as u8);
        let card: String = card.iter().map(|d| char::from(b'0' + d)).collect();
        let new = synthetic::like(&key(), SensitiveClass::Card, &card, 0).unwrap();
        prop_assert!(hits(&format!("card {new}")).iter().any(|hit| hit.rule == "pii.card"), "{new}");
        let iban: String = body.iter().map(|d| char::from(b'0' + d)).collect();
        let new = synthetic::like(&key(), SensitiveClass::Iban, &format!("DE00{iban}"), 0).unwrap();
        prop_assert!(hits(&new).iter().any(|hit| hit.rule == "pii.iban"), "{new}");
    }
}
