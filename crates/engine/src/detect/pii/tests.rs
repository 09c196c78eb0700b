use super::*;
use crate::text::Prepared;
use action::SemanticType;

fn found_under(key: &str, text: &str) -> Vec<(String, String)> {
    let leaf = Leaf { key, channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
    let mut out = Vec::new();
    find(&leaf, &mut out);
    out.into_iter().map(|hit| (hit.rule.into_owned(), text[hit.span].to_owned())).collect()
}

fn found(text: &str) -> Vec<(String, String)> {
    found_under("", text)
}

/// What each text holds, as `rule` and exact place, and a near miss of it that holds nothing.
#[rustfmt::skip]
const CASES: &[(&str, &str, &str, &str)] = &[
    ("pii.card", "charge 4539 5787 6362 1486 today", "4539 5787 6362 1486", "charge 4539 5787 6362 1487 today"),
    ("pii.card", "charge 4539-5787-6362-1486.", "4539-5787-6362-1486", "charge 0000-0000-0000-0000."),
    ("pii.card", "charge 4539.5787.6362.1486 today", "4539.5787.6362.1486", "values 0.4539 5787.6362 1486.1"),
    ("pii.card", "my card 9792030394440796", "9792030394440796", "the hash 9792030394440797"),
    ("pii.ssn", "it is 536-22-1843 for him", "536-22-1843", "it is 936-22-1843 for him"),
    ("pii.ssn", "SSN: 536221843", "536221843", "lot: 536221843"),
    ("pii.ssn", "his social security number 536 22 1843", "536 22 1843", "his lot number 000 22 1843"),
    ("pii.email", "write to Ann.Lee+x@mail.acme.co.uk.", "Ann.Lee+x@mail.acme.co.uk", "see img@2x.png and a@b"),
    ("pii.iban", "pay DE89 3704 0044 0532 0130 00 now", "DE89 3704 0044 0532 0130 00", "pay DE88 3704 0044 0532 0130 00 now"),
    ("pii.iban", "IBAN GB82WEST12345698765432", "GB82WEST12345698765432", "IBAN XX82WEST12345698765432"),
    ("pii.phone", "call +44 20 7946 0958 now", "+44 20 7946 0958", "grid 44 20 79 now"),
    ("pii.phone", "(602) 272-9781 ext. 12", "(602) 272-9781 ext. 12", "602 272 97"),
    ("pii.phone", "Tel.: 030 123456-78", "030 123456-78", "Part 030 123456-78"),
    ("pii.ipv4", "from 203.0.114.7:80", "203.0.114.7", "from 203.0.314.7:80"),
    ("pii.ipv4", "host 10.1.2.3", "10.1.2.3", "version 10.1.2.3"),
    ("pii.ipv6", "at 2001:db8:85a3::8a2e:370:7334.", "2001:db8:85a3::8a2e:370:7334", "at 12:30:45 std::fmt"),
    ("pii.passport", "Passport No. C01X00T47", "C01X00T47", "Product no. C01X00T47"),
    ("pii.birth_date", "date of birth: 1985-03-14", "1985-03-14", "meeting on 1985-03-14"),
    ("pii.birth_date", "She was born on March 14th, 1985 in Rome", "March 14th, 1985", "She moved on March 14th, 1985 to Rome"),
    ("pii.birth_date", "geboren am 14. Mai 1985", "14. Mai 1985", "gekauft am 14. Mai 1985"),
    ("pii.bank_routing", "routing number 021000021", "021000021", "routing number 021000022"),
    ("pii.bank_account", "account number: 000123456789", "000123456789", "build 000123456789"),
    ("pii.salary", "her salary: $85,000 a year", "85,000", "the car: $85,000 a year"),
    ("pii.medical_record", "MRN 00482913", "00482913", "lot 00482913"),
    ("pii.nino", "NI AB 12 34 56 C", "AB 12 34 56 C", "NI QQ 12 34 56 C"),
    ("pii.nhs", "NHS number 943 476 5919", "943 476 5919", "lot 943 476 5918"),
    ("pii.de_tax_id", "Steuer-ID 86095742719", "86095742719", "Menge 86095742718"),
    ("pii.fr_insee", "le 2 55 08 14 168 025 38", "2 55 08 14 168 025 38", "le 2 55 08 14 168 025 39"),
    ("pii.es_dni", "titular 12345678Z", "12345678Z", "titular 12345678A"),
    ("pii.es_dni", "titular 12345678-Z", "12345678-Z", "titular 12345678-A"),
    ("pii.it_codice_fiscale", "cf RSSMRA85T10A562S", "RSSMRA85T10A562S", "cf RSSMRA85T10A562T"),
    ("pii.nl_bsn", "BSN 111222333", "111222333", "lot 111222334"),
    ("pii.be_national", "nr 85.07.30-033.28", "85.07.30-033.28", "nr 85.07.30-033.29"),
    ("pii.pl_pesel", "PESEL 44051401359", "44051401359", "numer 44051401358"),
    ("pii.se_personnummer", "nr 811218-9876", "811218-9876", "nr 811218-9875"),
    ("pii.fi_hetu", "hetu 131052-308T", "131052-308T", "code 131052-308U"),
    ("pii.ch_ahv", "nr 756.9217.0769.85", "756.9217.0769.85", "nr 756.9217.0769.84"),
    ("pii.in_aadhaar", "Aadhaar 2341 2341 2346", "2341 2341 2346", "lot 2341 2341 2347"),
    ("pii.ca_sin", "SIN 046 454 286", "046 454 286", "lot 046 454 287"),
    ("pii.br_cpf", "dele 529.982.247-25", "529.982.247-25", "dele 529.982.247-26"),
    ("pii.sg_nric", "id S1234567D", "S1234567D", "id S1234567E"),
    ("pii.in_pan", "pan ABCPE1234F", "ABCPE1234F", "pan ABCDE12345"),
];

#[test]
fn each_kind_is_found_at_its_exact_place_and_its_near_miss_is_not() {
    let mut wrong = Vec::new();
    for (rule, text, want, miss) in CASES {
        if found(text) != [((*rule).to_owned(), (*want).to_owned())] {
            wrong.push((text, found(text)));
        }
        if found(miss).iter().any(|(id, _)| id == rule) {
            wrong.push((miss, found(miss)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_name_of_a_field_is_its_label() {
    for (key, text, rule) in [
        ("ssn", "536221843", "pii.ssn"),
        ("passport_number", "C01X00T47", "pii.passport"),
        ("dob", "14/03/1985", "pii.birth_date"),
        ("salary", "85000", "pii.salary"),
        ("mrn", "A0048291", "pii.medical_record"),
        ("phone", "4517728", "pii.phone"),
        ("diagnosis", "type 2 diabetes", "pii.diagnosis"),
        ("account_number", "12345678", "pii.bank_account"),
    ] {
        assert_eq!(found_under(key, text).first().map(|f| f.0.as_str()), Some(rule), "{key}");
        assert!(found_under("note", text).is_empty(), "{text}: {:?}", found_under("note", text));
    }
}

#[test]
fn digits_in_another_script_count_where_they_stand() {
    let wide: String =
        "4539578763621486".chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    let text = format!("card {wide} now");
    assert_eq!(found(&text), [("pii.card".to_owned(), wide)]);
}

#[test]
fn one_text_may_hold_several() {
    let text = "Ann, ann@acme.org, 602-272-9781, card 4539578763621486 exp 12/27, SSN 536-22-1843";
    let rules: Vec<String> = found(text).into_iter().map(|f| f.0).collect();
    assert_eq!(rules, ["pii.email", "pii.phone", "pii.card", "pii.ssn"]);
}

#[test]
fn what_leaves_is_found_in_every_ordinary_spelling() {
    use base64::Engine as _;
    type Dress = (&'static str, fn(&str) -> String);
    let dresses: [Dress; 4] = [
        ("as it is", |text| text.to_owned()),
        ("in JSON", |text| format!("{{\"note\": \"{text}\"}}")),
        ("percent", |text| text.bytes().map(|b| format!("%{b:02X}")).collect()),
        ("base64", |text| base64::engine::general_purpose::STANDARD.encode(text)),
    ];
    for (text, rule) in [
        ("card 4539578763621486", "pii.card"),
        ("card 4539 5787 6362 1486, exp 12/27", "pii.card"),
        ("paid with 4539-5787-6362-1486", "pii.card"),
        ("SSN 536-22-1843", "pii.ssn"),
        ("ssn: 536221843", "pii.ssn"),
        ("my social security number is 536 22 1843", "pii.ssn"),
        ("passport number 533445678", "pii.passport"),
        ("passport no. C01X00T47", "pii.passport"),
        ("write to ann.lee+x@mail.acme.org", "pii.email"),
    ] {
        for (dress, wear) in &dresses {
            let worn = wear(text);
            assert!(found(&worn).iter().any(|(id, _)| id == rule), "{text} {dress}: {:?}", found(&worn));
        }
    }
}

#[test]
fn an_address_spelled_for_people_is_one_and_brackets_are_not() {
    assert_eq!(found("write to ann.lee [at] acme [dot] org")[0].1, "ann.lee [at] acme [dot] org");
    assert_eq!(found("ann(at)acme.org")[0].0, "pii.email");
    for text in ["meet (at) noon", "look [at] this", "x (at)", "[at] home. Then"] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn an_illness_told_in_a_sentence_counts() {
    assert_eq!(
        found("She was diagnosed with type 2 diabetes."),
        [("pii.diagnosis".into(), "type 2 diabetes".into())]
    );
    assert!(found("the fault was diagnosed by the engineer").is_empty());
}

#[test]
fn published_test_data_is_of_low_severity() {
    for (text, want) in [
        ("4111 1111 1111 1111", Severity::Low),
        ("4539 5787 6362 1486", Severity::High),
        ("ann@example.com", Severity::Low),
        ("ann@acme.org", Severity::Medium),
        ("SSN 078-05-1120", Severity::Low),
        ("call 602-555-0142", Severity::Low),
    ] {
        let leaf =
            Leaf { key: "", channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
        let mut out = Vec::new();
        find(&leaf, &mut out);
        assert_eq!(out.first().map(|hit| hit.severity), Some(want), "{text}");
    }
}

#[test]
fn ordinary_numbers_are_let_through() {
    for text in [
        "order 83920174 of 2024-05-17, 3 items at $1,299.00",
        "pi is 3.14159265358979 and e 2.718281828459045",
        "id 550e8400-e29b-41d4-a716-446655440000",
        "at 12:30:45 on 17.05.2024, page 12 of 340",
        "release 2.10.4-rc.1 of build 20240517",
        "lat 48.858370, lon 2.294481",
        "timestamp 1715932800000 ms",
        "flight HAT136, reservation Q69X3R, zip 94107-1234",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn hostile_texts_stay_linear() {
    for unit in [
        "1",
        "1 ",
        "4111 ",
        "@",
        "a@a@",
        "a@b.c",
        "-",
        "1-",
        ":",
        "a:",
        "1:",
        "::1",
        "<",
        "A<",
        "GB82",
        "+1",
        "(1",
        "1a",
        "1.1.1.1 ",
        "12345678-",
    ] {
        let text = unit.repeat(65_536 / unit.len());
        let started = std::time::Instant::now();
        found(&text);
        // Far above the release bound of 20 ms, far below what anything quadratic needs.
        assert!(started.elapsed().as_millis() < 2_000, "{unit}: {:?}", started.elapsed());
    }
}

#[test]
fn rule_ids_are_unique_and_named_alike() {
    let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    assert!(RULES.iter().all(|rule| rule.id.starts_with("pii.") && !rule.sentence.is_empty()));
}
