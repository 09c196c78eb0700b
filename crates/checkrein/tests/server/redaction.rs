//! F447 to F454: what a model sees in the place of a value, what comes back, and what of a model's own words is
//! covered.

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server};
use crate::mcp;
use crate::models::{answered, chat, joined, said, stream, streamed};
use crate::provider::{Answers, Provider, Seen};
use crate::tools::{CARD, Tools};

const RULES: &str = "
policy: own
version: 1
rules:
  - id: own.prompts
    instead_of_bands: true
    note: a model sees other values
    when: { kind: llm_call, operation: send, classes: [card, ssn, passport, email, api_key, credential, jwt, phone, iban] }
    then: { constrain: [ { redact: [card, ssn, passport, email, api_key, credential, jwt, phone, iban] } ] }
  - id: own.answers
    instead_of_bands: true
    note: nobody reads them in an answer
    when: { kind: llm_call, operation: read, classes: [card, ssn, phone, iban, email, api_key, credential, jwt] }
    then: { constrain: [ { redact: [card, ssn, phone, iban, email, api_key, credential, jwt] } ] }
";

struct Row {
    class: &'static str,
    value: String,
    before: &'static str,
    after: &'static str,
    /// Whether another value has the form of this one.
    alike: fn(&str, &str) -> bool,
    /// What a value of this class is covered by in an answer; none where the whole of it is stars.
    masked: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    // Put together here, so that no scanner takes this file for a leak.
    let token = [
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"sub":"17","exp":1999999999}"#,
        "a signature of 32 bytes, invented",
    ];
    let row = |class, value: &str, before, after, alike, masked| Row {
        class,
        value: value.to_owned(),
        before,
        after,
        alike,
        masked,
    };
    vec![
        row(
            "card",
            "4539 1488 0343 6467",
            "charge card ",
            " with 5 euros",
            card,
            Some("**** **** **** 6467"),
        ),
        row("ssn", "536-22-8714", "the SSN is ", " and no other", pattern, Some("***-**-8714")),
        row("email", "ana.ruiz@mail.example.org", "write to ", " please", email, None),
        row("iban", "DE89 3704 0044 0532 0130 00", "pay to IBAN ", " today", pattern, None),
        row("phone", "+49 30 901820", "call ", " at noon", pattern, None),
        row("api_key", &format!("AKIA{}", "Q3EGRKXW5MZTV7LP"), "use ", " for it", secret, None),
        row("jwt", &token.map(part).join("."), "use ", " for it", secret, None),
    ]
}

/// The same kinds of characters in the same places.
fn pattern(a: &str, b: &str) -> bool {
    let kind = |it: char| match it {
        '0'..='9' => '0',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        other => other,
    };
    a.chars().map(kind).eq(b.chars().map(kind))
}

/// Of the same brand, and with a check digit that is right.
fn card(a: &str, b: &str) -> bool {
    let digits: Vec<u32> = b.chars().filter_map(|it| it.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(n, digit)| match n % 2 {
            0 => *digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    pattern(a, b) && a[..2] == b[..2] && sum.is_multiple_of(10)
}

fn email(_: &str, b: &str) -> bool {
    b.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && ["example.com", "example.org", "example.net"].contains(&host)
    })
}

/// The recognisable beginning stays.
fn secret(a: &str, b: &str) -> bool {
    a.len() == b.len() && a[..3] == b[..3]
}

fn letters(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

fn pieces(text: &str) -> Answers {
    let letters = letters(text);
    Answers::events(&stream(&letters.iter().map(String::as_str).collect::<Vec<_>>()))
}

fn server(provider: &Provider) -> Server {
    let settings = format!(
        "{SETTINGS}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n",
        provider.address
    );
    Server::prepared(&settings, &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/own.yaml"), RULES).unwrap();
    })
}

fn prompt(seen: &Seen) -> (String, bool) {
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    (body["messages"][0]["content"].as_str().unwrap().to_owned(), body["stream"] == true)
}

/// A10 for each class: another value of the same form goes out, and the caller reads its own again.
#[test]
fn a10_a_model_sees_a_value_of_the_same_form_and_the_caller_its_own() {
    let provider = Provider::start(|seen| match prompt(seen) {
        (text, true) => pieces(&text),
        (text, false) => answered(&text),
    });
    let server = server(&provider);
    for (n, row) in rows().iter().enumerate() {
        let text = format!("{}{}{}", row.before, row.value, row.after);
        let [plain, pieced] = ["plain", "pieced"].map(|how| server.agent(&format!("{how}-{n}"), &[]));
        let reply = chat(&plain, &said(&text)).is(200);
        assert_eq!(reply["choices"][0]["message"]["content"], text, "{}", row.class);
        let reply = chat(&pieced, &streamed(&text));
        assert_eq!(joined(&reply.body), text, "{}: {}", row.class, reply.body);
        for seen in provider.seen().iter().skip(2 * n) {
            let (shown, _) = prompt(seen);
            assert!(!seen.body.contains(&row.value), "{} went out", row.class);
            let other = shown.strip_prefix(row.before).and_then(|it| it.strip_suffix(row.after));
            let other =
                other.unwrap_or_else(|| panic!("{}: the words around it changed: {shown}", row.class));
            assert!((row.alike)(&row.value, other), "{}: `{other}` has another form", row.class);
        }
    }
}

/// One conversation has one replacement for one value, so that a model can tell that two are the same.
#[test]
fn in_one_conversation_a_value_has_one_replacement_and_in_another_a_different_one() {
    let provider = Provider::start(|seen| answered(&prompt(seen).0));
    let server = server(&provider);
    let value = &rows()[0].value;
    let ask = |agent: &str, session: &str, text: &str| {
        let agent = server.agent(agent, &[]);
        let headers = format!("x-checkrein-key: {}\r\nx-checkrein-session: {session}\r\n", agent.key);
        let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": text }] });
        let reply = crate::models::post(agent.address, "/v1/chat/completions", &headers, &body.to_string());
        assert_eq!(reply.is(200)["choices"][0]["message"]["content"], text);
        prompt(provider.seen().last().unwrap()).0
    };
    let shown = ask("one", "s-1", &format!("charge card {value} and refund card {value}"));
    let (first, second) =
        shown.strip_prefix("charge card ").unwrap().split_once(" and refund card ").unwrap();
    assert!(first == second && first != value, "{shown}");
    let other = ask("two", "s-2", &format!("charge card {value} and refund card {value}"));
    assert!(!other.contains(first) && !other.contains(value.as_str()), "{other}");
}

/// F450, F454: what a model says by itself is masked for good, at once and in pieces.
#[test]
fn what_a_model_says_by_itself_is_masked() {
    let rows = rows();
    let texts: Vec<String> =
        rows.iter().map(|row| format!("{}{}{}", row.before, row.value, row.after)).collect();
    let provider = Provider::start(move |seen| {
        let (text, streams) = prompt(seen);
        let n: usize = text.strip_prefix("tell me number ").unwrap().parse().unwrap();
        if streams { pieces(&texts[n]) } else { answered(&texts[n]) }
    });
    let server = server(&provider);
    for (n, row) in rows.iter().enumerate() {
        let [plain, pieced] = ["plain", "pieced"].map(|how| server.agent(&format!("{how}-{n}"), &[]));
        let ask = format!("tell me number {n}");
        let whole = chat(&plain, &said(&ask)).is(200);
        let whole = whole["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        let streamed = chat(&pieced, &streamed(&ask));
        assert!(!streamed.body.contains(&row.value), "{}: {}", row.class, streamed.body);
        for shown in [whole, joined(&streamed.body)] {
            assert!(!shown.contains(&row.value) && shown.contains('*'), "{}: {shown}", row.class);
            assert!(
                shown.starts_with(row.before.trim_end()) && shown.ends_with(row.after),
                "{}: {shown}",
                row.class
            );
            if let Some(masked) = row.masked {
                assert!(shown.contains(masked), "{}: {shown}", row.class);
            }
        }
    }
}

/// One way to replace, and how a card looks in it.
struct Way {
    mode: &'static str,
    /// In what a model is sent.
    sent: fn(&str) -> bool,
    /// Everywhere else, where nothing can be put back.
    elsewhere: fn(&str) -> bool,
    /// What a model was sent in its place is put back for the caller.
    comes_back: bool,
}

const WAYS: [Way; 3] = [
    Way { mode: "synthetic", sent: |it| card(CARD, it), elsewhere: is_masked, comes_back: true },
    Way { mode: "hash", sent: is_hash, elsewhere: is_hash, comes_back: false },
    Way { mode: "mask", sent: is_masked, elsewhere: is_masked, comes_back: false },
];

fn is_masked(text: &str) -> bool {
    text == "**** **** **** 1111"
}

fn is_hash(text: &str) -> bool {
    let digits = text.strip_prefix("card:").unwrap_or_default();
    digits.len() == 24 && digits.bytes().all(|it| it.is_ascii_hexdigit())
}

fn by(mode: &str) -> String {
    format!(
        "
policy: own
version: 1
rules:
  - id: own.cards
    instead_of_bands: true
    when: {{ classes: [card] }}
    then: {{ constrain: [ {{ redact: [card], as: {mode} }} ] }}
  - id: own.rest
    priority: 200
    instead_of_bands: true
    when: {{}}
    then: allow
"
    )
}

/// Every way to replace, at every place where something can be replaced: what an agent sends to a model and to
/// a tool, and what comes back from both, at once and in pieces.
#[test]
fn f447_to_f451_every_way_to_replace_works_at_every_place() {
    let (before, after) = ("paid with ", " today");
    for Way { mode, sent, elsewhere, comes_back } in WAYS {
        // A model repeats what it is told, or says a card of its own where it is asked for one.
        let provider = Provider::start(move |seen| {
            let (text, streams) = prompt(seen);
            let text = if text == "which card" { format!("{before}{CARD}{after}") } else { text };
            if streams { pieces(&text) } else { answered(&text) }
        });
        let tools = Tools::start();
        let settings = format!(
            "{SETTINGS}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
             mcp:\n  servers: [ {{ name: shop, url: 'http://{}/mcp' }} ]\n",
            provider.address, tools.address
        );
        let server =
            Server::prepared(&settings.replace("preset: standard", "preset: permissive"), &[], |folder| {
                std::fs::create_dir_all(folder.join("rules")).unwrap();
                std::fs::write(folder.join("rules/own.yaml"), by(mode)).unwrap();
            });
        let replaced = |text: &str, is_replaced: fn(&str) -> bool, place: &str| {
            let part = text.strip_prefix(before).and_then(|it| it.strip_suffix(after));
            let part = part.unwrap_or_else(|| panic!("{mode}, {place}: the words around it changed: {text}"));
            assert!(part != CARD && is_replaced(part), "{mode}, {place}: {part}");
            part.to_owned()
        };
        let text = format!("{before}{CARD}{after}");
        for (streams, how) in [(false, "plain"), (true, "pieced")] {
            let ask = |agent: &Agent, text: &str| match streams {
                true => joined(&chat(agent, &streamed(text)).body),
                false => chat(agent, &said(text)).is(200)["choices"][0]["message"]["content"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            };
            let agent = server.agent(&format!("asks-{how}"), &[]);
            let came = ask(&agent, &text);
            let went = replaced(&prompt(provider.seen().last().unwrap()).0, sent, "what a model is sent");
            match comes_back {
                true => assert_eq!(came, text, "{mode}, {how}: what was sent comes back"),
                false => assert_eq!(replaced(&came, sent, "what it repeats"), went),
            }
            let agent = server.agent(&format!("hears-{how}"), &[]);
            replaced(&ask(&agent, "which card"), elsewhere, "what a model says");
        }
        for (n, tool) in ["read_back", "read_back_slowly"].into_iter().enumerate() {
            let agent = server.agent(&format!("tools-{n}"), &[]);
            let session = mcp::begin(&agent, "/mcp/shop");
            let reply = mcp::call(&agent, "/mcp/shop", &session, tool, &json!({ "text": text }));
            assert!(!reply.body.contains(CARD), "{mode}, {tool}: {reply:?}");
            let got = tools.with(&format!("\"name\":\"{tool}\"")).pop().unwrap();
            let got: Value = serde_json::from_str(&got.body).unwrap();
            let went = got["params"]["arguments"]["text"].as_str().unwrap();
            replaced(went, elsewhere, "what a tool is sent");
        }
        for (n, tool) in ["read_card", "read_card_slowly"].into_iter().enumerate() {
            let agent = server.agent(&format!("results-{n}"), &[]);
            let session = mcp::begin(&agent, "/mcp/shop");
            let reply = mcp::call(&agent, "/mcp/shop", &session, tool, &json!({}));
            let last = reply.body.lines().rfind(|line| line.contains("\"content\"")).unwrap();
            let last: Value = serde_json::from_str(last.trim_start_matches("data: ")).unwrap();
            replaced(last["result"]["content"][0]["text"].as_str().unwrap(), elsewhere, "what a tool gives");
            assert!(!reply.body.contains(CARD), "{mode}, {tool}: {reply:?}");
        }
    }
}

/// Equal values have equal hashes for every agent of a tenant, however they are written; nobody without the
/// key can make them, and another tenant has others.
#[test]
fn r55_a_hash_is_one_for_a_value_in_all_of_a_tenant_and_another_elsewhere() {
    let provider = Provider::start(|seen| answered(&prompt(seen).0));
    let hashed = |server: &Server, agent: &str, written: &str| {
        let agent = server.agent(agent, &[]);
        chat(&agent, &said(&format!("paid with {written} today"))).is(200);
        let (shown, _) = prompt(provider.seen().last().unwrap());
        let hash =
            shown.strip_prefix("paid with ").and_then(|it| it.strip_suffix(" today")).map(str::to_owned);
        hash.filter(|it| is_hash(it)).unwrap_or_else(|| panic!("no hash: {shown}"))
    };
    let start = || {
        let settings = format!(
            "{SETTINGS}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n",
            provider.address
        );
        Server::prepared(&settings, &[], |folder| {
            std::fs::create_dir_all(folder.join("rules")).unwrap();
            std::fs::write(folder.join("rules/own.yaml"), by("hash")).unwrap();
        })
    };
    let (one, other) = (start(), start());
    let first = hashed(&one, "a", CARD);
    assert_eq!(hashed(&one, "b", &CARD.replace(' ', "-")), first);
    assert_ne!(hashed(&one, "c", "4539 1488 0343 6467"), first);
    assert_ne!(hashed(&other, "a", CARD), first);
    use sha2::Digest as _;
    for guess in [CARD.to_owned(), CARD.replace(' ', "")] {
        let bare = sha2::Sha256::digest(guess.as_bytes());
        let bare: String = bare.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        assert_ne!(first, format!("card:{bare}"), "a bare hash is no redaction");
    }
}
