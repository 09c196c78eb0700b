use super::rules as rules_table;
use super::*;
use crate::text::Prepared;
use action::SemanticType;

fn rules(text: &str) -> Vec<String> {
    rules_under("", text)
}

fn rules_under(key: &str, text: &str) -> Vec<String> {
    let leaf = Leaf { key, channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
    let mut out = Vec::new();
    find(&leaf, &mut out);
    assert!(out.iter().all(|hit| text.get(hit.span.clone()).is_some()), "spans stand in the text");
    out.into_iter().map(|hit| hit.rule.into_owned()).collect()
}

/// A token of this shape, from a fixed sequence: no secret of anybody.
fn token(shape: &Shape, mut seed: u64) -> String {
    let mut text = String::new();
    for step in shape.steps() {
        let set: Vec<u8> = step.set.bytes().collect();
        for _ in 0..step.min.max(1).min(step.max) {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push(char::from(set[(seed >> 33) as usize % set.len()]));
        }
    }
    text
}

/// One token of every row of the tables, as it would stand in a text.
pub(crate) fn samples() -> Vec<String> {
    let prefixed =
        PREFIXED.iter().map(|rule| format!("{}{}", rule.prefix, token(&Shape::parse(rule.shape), 3)));
    let keyed = KEYED.iter().flat_map(|rule| {
        let shapes = rule.shapes.iter().map(|shape| token(&Shape::parse(shape), 5));
        shapes.map(|token| format!("{}_key = \"{token}\"", rule.words[0]))
    });
    let named = NAMES.iter().map(|(name, promise)| match promise {
        Promise::Token => format!("{name}: k29f8s7df6gh5j4k3l2m1n0p"),
        Promise::Password => format!("{name}: Zebra-77!x"),
    });
    prefixed.chain(keyed).chain(named).collect()
}

#[test]
fn every_prefixed_rule_finds_its_tokens_and_no_shorter_ones() {
    for rule in PREFIXED {
        let shape = Shape::parse(rule.shape);
        let tokens: Vec<String> =
            (1..9).map(|seed| format!("{}{}", rule.prefix, token(&shape, seed))).collect();
        let found =
            tokens.iter().filter(|t| rules(&format!("use {t} now")).contains(&rule.id.to_owned())).count();
        assert!(found >= 6, "{} {}: {found} of 8", rule.id, rule.shape);
        let cut = tokens.iter().map(|t| &t[..rule.prefix.len() + 3]).filter(|t| !rules(t).is_empty()).count();
        assert_eq!(cut, 0, "{} fires on its beginning", rule.id);
    }
}

#[test]
fn every_keyed_rule_needs_its_name_and_the_exact_length() {
    for rule in KEYED {
        for shape in rule.shapes {
            let shape = Shape::parse(shape);
            let found = (1..9)
                .map(|seed| token(&shape, seed))
                .filter(|t| !rules(&format!("{}_key = \"{t}\"", rule.words[0])).is_empty());
            assert!(found.count() >= 5, "{} {shape:?}", rule.id);
        }
        let long = format!("{}_colour = \"{}\"", rule.words[0], "k3".repeat(4) + &"z9q".repeat(1400));
        assert!(!rules(&long).contains(&rule.id.to_owned()), "{}", rule.id);
    }
}

#[test]
fn names_of_issuers_are_whole_words() {
    let hex = token(&Shape::parse("[a-f0-9]{32}"), 3);
    assert_eq!(rules(&format!("linear_secret: {hex}")), ["secret.linear"]);
    assert!(rules(&format!("bilinear: {hex}")).is_empty());
    let short = token(&Shape::parse("su[A-Za-z0-9]{12}"), 4);
    assert!(rules(&format!("sumOfParts = {short}")).is_empty());
}

#[test]
fn stand_ins_of_the_documentation_are_let_through() {
    for text in [
        "AKIA".to_owned() + "IOSFODNN7" + "EXAMPLE",
        format!("ghp_{}", "x".repeat(36)),
        format!("OPENAI_API_KEY=sk-{}", "your-key-here-".repeat(3)),
        "password=${DB_PASSWORD}".to_owned(),
        "api_key: <your api key>".to_owned(),
        "postgres://user:password@localhost/db".to_owned(),
        "postgres://app:$PASS@localhost/db".to_owned(),
        "curl -u \"$USER:$PASS\" https://api.acme.test".to_owned(),
    ] {
        assert!(rules(&text).is_empty(), "{text}");
    }
}

#[test]
fn a_jwt_needs_a_header_that_decodes() {
    let body = "eyJzdWIiOiI0MiJ9";
    let good = format!("{}.{body}.c2lnbmF0dXJl", "eyJhbGciOiJIUzI1NiJ9");
    assert_eq!(rules(&format!("Cookie: t={good}; path=/")), ["secret.jwt"]);
    assert!(rules("eyJrZXk.eyJ2YWw.x").is_empty());
    assert!(rules("they say: eyes.eyebrows.").is_empty());
}

#[test]
fn key_blocks_count_with_a_body_only() {
    let block = |kind: &str, body: &str| format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----");
    let body = token(&Shape::parse("[A-Za-z0-9+/]{200}"), 7);
    assert_eq!(rules(&block("RSA PRIVATE KEY", &body)), ["secret.private_key"]);
    assert_eq!(rules(&block("PGP PRIVATE KEY BLOCK", &body)), ["secret.private_key"]);
    assert!(rules(&block("PUBLIC KEY", &body)).is_empty());
    assert!(rules(&block("PRIVATE KEY", "...")).is_empty());
}

#[test]
fn log_ins_in_urls_and_commands_point_at_the_password() {
    for (text, secret) in [
        ("postgres://app:s3cr3tPw@db.acme.test:5432/x", "s3cr3tPw"),
        ("https://bot:p%40ss9@git.acme.test/repo.git", "p%40ss9"),
        ("curl -s -u admin:Tr0ub4dor https://acme.test", "Tr0ub4dor"),
        ("curl https://acme.test --user 'ops:n0tAguess'", "n0tAguess"),
        ("Server=db;User=sa;Password=Qw9!tulip;", "Qw9!tulip"),
        ("db_password: \"Zebra77!\"", "Zebra77!"),
    ] {
        let leaf =
            Leaf { key: "", channel: None, semantic: SemanticType::FreeText, text: Prepared::new(text) };
        let mut out = Vec::new();
        find(&leaf, &mut out);
        assert_eq!(out.iter().map(|hit| &text[hit.span.clone()]).collect::<Vec<_>>(), [secret], "{text}");
    }
}

#[test]
fn names_that_only_mention_a_secret_do_not_count() {
    for text in [
        "token_count = 4096000012345678",
        "public_key = \"k29f8s7df6gh5j4k3l2m1n0p\"",
        "The secret: be kind to people you meet in 2024",
        "password: must contain 8 characters",
        "secretId: \"a81bc81b-dead-4e5d-abff-90865d1e13b1\"",
        "the secretary = 4f5a6b7c8d9e0f1a2b3c4d5e",
    ] {
        assert!(rules(text).is_empty(), "{text}: {:?}", rules(text));
    }
}

#[test]
fn a_field_name_gives_the_value_away() {
    assert_eq!(rules_under("db_password", "Zebra77!"), ["secret.password"]);
    assert_eq!(rules_under("client_secret", "k29f8s7df6gh5j4k3l2m1n0p"), ["secret.token"]);
    assert!(rules_under("colour", "k29f8s7df6gh5j4k3l2m1n0p").is_empty());
    assert!(rules_under("password_policy", "Zebra77!").is_empty());
    assert!(rules_under("token", "hello there").is_empty());
}

#[test]
fn keys_without_a_beginning_of_their_own_are_found_by_their_form() {
    let random = |shape: &str, seed: u64| token(&Shape::parse(shape), seed);
    let telegram = format!("{}:AA{}", random(r"\d{10}", 3), random("[A-Za-z0-9]{33}", 4));
    assert_eq!(rules(&telegram), ["secret.telegram"]);
    assert!(rules(&telegram[..40]).is_empty() && rules(&format!("{telegram}x")).is_empty());
    let azure = format!("{}JQQJ99{}", random("[A-Za-z0-9]{52}", 5), random("[A-Za-z0-9]{26}", 6));
    assert_eq!(rules(&azure), ["secret.azure"]);
    let link =
        format!("https://a.example/b?sv=2022-11-02&se=2030-01-01&sig={}%3D", random("[A-Za-z0-9]{43}", 7));
    assert_eq!(rules(&link), ["secret.azure_sas"]);
    assert!(rules(&link.replace("sv=20", "v=").replace("se=20", "e=")).is_empty());
}

#[test]
fn a_password_may_be_told_in_words() {
    assert_eq!(rules("my password is Zebra-77!x"), ["secret.password"]);
    assert_eq!(rules("Das Passwort ist Zebra-77!x"), ["secret.password"]);
    for text in ["the password is wrong", "my password is required", "password is too short: 4 of 8"] {
        assert!(rules(text).is_empty(), "{text}: {:?}", rules(text));
    }
}

#[test]
fn every_rule_is_listed_once() {
    let all = rules_table();
    assert!(all.len() > 150, "{}", all.len());
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(all.iter().all(|(id, ..)| id.starts_with("secret.")));
}

#[test]
fn hostile_texts_stay_linear() {
    for unit in [
        "eyJ",
        "eyJ.",
        "eyJ-",
        "ey.ey",
        "://a:b@",
        "-----BEGIN PRIVATE KEY-----",
        "password=",
        "sk-",
        "glpat-",
        "pypi-AgEIcHlwaS5vcmc-",
        "curl -u a:",
        "token:token=",
        "kind: Secret data:",
        "|",
        "Q~",
        "(",
    ] {
        let text = unit.repeat(65_536 / unit.len());
        let started = std::time::Instant::now();
        rules(&text);
        // Far above the release bound of 20 ms, far below what anything quadratic needs.
        assert!(started.elapsed().as_millis() < 2_000, "{unit}: {:?}", started.elapsed());
    }
}
