//! A13 by the table: whose budget, of what, for how long, what is told before it is spent, and what follows.
//! F465 to F471.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::harness::{Agent, Reply, SETTINGS, Server, call, until};
use crate::models::{answered, post};
use crate::provider::{Answers, Provider, Seen};

/// A client that asks without pause is a finding by itself; here that is what is wanted.
const LIMITS: &str = "
kind: settings
limits: { calls_per_minute: 100000, calls_burst: 100000, session_calls_per_minute: 100000, session_calls_burst: 100000,
          tool_calls_per_minute: 100000, tool_calls_burst: 100000, identical_calls: 100000, failures_per_hour: 100000 }
";

/// How it is asked. What a call uses is 1,000 tokens, which are a dollar here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Chat,
    Stream,
    Messages,
    /// The provider does not say what it counted.
    Uncounted,
    UncountedStream,
}

struct Row {
    name: &'static str,
    /// `@` stands for the number of the row, `@KEY` for the public part of the caller's key.
    budget: &'static str,
    asks: Asks,
    /// What comes of calls one after the other.
    statuses: &'static [u16],
    /// Per cent that are told of, in this order.
    told: &'static [&'static str],
    /// What somebody else gets when it is spent.
    other: u16,
}

const fn row(
    name: &'static str,
    budget: &'static str,
    asks: Asks,
    statuses: &'static [u16],
    told: &'static [&'static str],
    other: u16,
) -> Row {
    Row { name, budget, asks, statuses, told, other }
}

const THREE: &[u16] = &[200, 200, 200, 429];
const TWO: &[u16] = &[200, 200, 429];
/// A third, two thirds, all of it.
const BY_THIRDS: &[&str] = &["50", "80", "100"];
/// 40, 80 and 120 per cent: the second call passes two thresholds, and both are told.
const BY_FIFTHS: &[&str] = &["50", "80", "100"];

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("everybody, day, requests",        "per: day, requests: 3",                        Asks::Chat,            THREE, BY_THIRDS, 429),
    row("agent, day, requests",            "agent: mine-@, per: day, requests: 3",         Asks::Chat,            THREE, BY_THIRDS, 200),
    row("agent, month, tokens",            "agent: mine-@, per: month, tokens: 2500",      Asks::Chat,            THREE, BY_FIFTHS, 200),
    row("each agent, day, dollars",        "each: agent, per: day, dollars: 2.50",         Asks::Chat,            THREE, BY_FIFTHS, 200),
    row("key, day, tokens",                "key: @KEY, per: day, tokens: 2500",            Asks::Chat,            THREE, BY_FIFTHS, 200),
    row("each key, month, dollars",        "each: key, per: month, dollars: 2.5",          Asks::Messages,        THREE, BY_FIFTHS, 200),
    row("team, day, dollars",              "team: unit-@, per: day, dollars: 2.50",        Asks::Chat,            THREE, BY_FIFTHS, 200),
    row("each team, month, requests",      "each: team, per: month, requests: 3",          Asks::Messages,        THREE, BY_THIRDS, 200),
    row("application, month, tokens",      "application: app-@, per: month, tokens: 2500", Asks::Stream,          THREE, BY_FIFTHS, 200),
    row("each application, day, requests", "each: application, per: day, requests: 3",     Asks::Stream,          THREE, BY_THIRDS, 200),
    // 1,000 tokens that the call itself names as its bound, and some for its text.
    row("no count, tokens",                "agent: mine-@, per: day, tokens: 2500",        Asks::Uncounted,       TWO,   BY_FIFTHS, 200),
    row("no count, dollars",               "agent: mine-@, per: month, dollars: 2.50",     Asks::UncountedStream, TWO,   BY_FIFTHS, 200),
    row("no count in a stream, tokens",    "agent: mine-@, per: month, tokens: 2500",      Asks::UncountedStream, TWO,   BY_FIFTHS, 200),
];

fn answer(seen: &Seen) -> Answers {
    let usage = json!({ "prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000 });
    let counts = !seen.body.contains("uncounted");
    let event = |choices: Value, usage: &Value| {
        format!(
            "data: {}\n\n",
            json!({ "id": "c", "object": "chat.completion.chunk", "choices": choices, "usage": usage })
        )
    };
    if seen.body.contains("\"stream\":true") {
        let said =
            json!([{ "index": 0, "delta": { "role": "assistant", "content": "hi" }, "finish_reason": null }]);
        let ends = json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]);
        let last = if counts { event(json!([]), &usage) } else { String::new() };
        let events =
            [event(said, &Value::Null), event(ends, &Value::Null), last, "data: [DONE]\n\n".to_owned()];
        return Answers::events(&events.concat());
    }
    let mut whole: Value = serde_json::from_slice(&answered("hi").pieces[0]).unwrap();
    whole["usage"] = usage;
    if !counts {
        whole.as_object_mut().unwrap().remove("usage");
    }
    Answers::json(&whole.to_string())
}

/// A caller with a team and an application of its own: its key, and the public part of it.
fn caller(server: &Server, kind: &str, n: usize) -> (String, String) {
    let name = format!("{kind}-{n}");
    let (unit, app) = if kind == "mine" { ("unit", "app") } else { ("elsewhere", "another") };
    let profile = json!({ "environments": ["production"], "business_unit": format!("{unit}-{n}"), "application": format!("{app}-{n}") });
    server.operate("PUT", &format!("/api/v1/agents/{name}"), &profile).is(201);
    let made =
        server.operate("POST", &format!("/api/v1/agents/{name}/keys"), &json!({ "label": "test" })).is(201);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("key"), text("prefix"))
}

fn ask(address: SocketAddr, key: &str, asks: Asks) -> Reply {
    let stream = matches!(asks, Asks::Stream | Asks::UncountedStream);
    let uncounted = matches!(asks, Asks::Uncounted | Asks::UncountedStream);
    let (text, most) = if uncounted { ("uncounted", 1_000) } else { ("hello", 20) };
    let body = json!({ "model": "m", "max_tokens": most, "stream": stream, "messages": [{ "role": "user", "content": text }] });
    let path = if asks == Asks::Messages { "/v1/messages" } else { "/v1/chat/completions" };
    post(address, path, &format!("x-checkrein-key: {key}\r\n"), &body.to_string())
}

fn settings(provider: &Provider, budgets: &str) -> String {
    format!(
        "{}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
         routes: [ {{ models: ['*'], to: [main] }} ]\n\
         prices: [ {{ provider: main, otherwise: {{ input: 1000, output: 1000 }} }} ]\n{budgets}",
        SETTINGS, provider.address
    )
}

/// What the ledger tells of a budget, in its order.
fn told(server: &Server, budget: &str) -> Vec<(String, String)> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!("/api/v1/ledger/records?from={}", all.len());
        let page = call(server.operators, "GET", &path, &server.admin, None).body;
        let lines: Vec<Value> = page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.len() < 1_000;
        all.extend(lines);
        if last {
            break;
        }
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = all.iter().filter(|record| record["notes"]["budget"] == budget);
    of.map(|record| (text(&record["finding"]["rule"]), text(&record["notes"]["per_cent"]))).collect()
}

#[test]
fn a13_every_budget_alerts_at_its_thresholds_and_ends_at_its_limit() {
    let provider = Provider::start(answer);
    let mut server = Server::prepared(&settings(&provider, ""), &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/limits.yaml"), LIMITS).unwrap();
    });
    let callers: Vec<_> =
        (0..ROWS.len()).map(|n| (caller(&server, "mine", n), caller(&server, "other", n))).collect();
    for (n, (row, ((key, prefix), (other, _)))) in ROWS.iter().zip(&callers).enumerate() {
        let budget = row.budget.replace("@KEY", prefix).replace('@', &n.to_string());
        let budgets = format!("budgets: [ {{ name: row-{n}, alert_at: [50, 80], {budget} }} ]\n");
        let changed = settings(&provider, &budgets);
        let restarted =
            server.restart_after(|folder| std::fs::write(folder.join("checkrein.yaml"), changed).unwrap());
        server = restarted.unwrap_or_else(|log| panic!("{}: {log}", row.name));
        let sent = provider.seen().len();
        for (turn, status) in row.statuses.iter().enumerate() {
            let reply = ask(server.agents, key, row.asks);
            assert_eq!(reply.status, *status, "{}, call {turn}: {reply:?}", row.name);
            if *status == 429 {
                assert_eq!(reply.json()["error"]["type"], "rate_limit_error", "{}", row.name);
                assert!(reply.body.contains(&format!("`row-{n}`")), "{}: {reply:?}", row.name);
                assert!(reply.head.contains("x-should-retry: false"), "{}: {reply:?}", row.name);
            }
        }
        assert_eq!(ask(server.agents, other, row.asks).status, row.other, "{}: somebody else", row.name);
        let passed =
            row.statuses.iter().filter(|status| **status == 200).count() + usize::from(row.other == 200);
        assert_eq!(provider.seen().len() - sent, passed, "{}: what is refused is not sent", row.name);
        let expected: Vec<(String, String)> = row
            .told
            .iter()
            .map(|share| (if *share == "100" { "budget.spent" } else { "budget.threshold" }, *share))
            .map(|(rule, share)| (rule.to_owned(), share.to_owned()))
            .collect();
        until(&format!("{}: all of it is told", row.name), || {
            let told = told(&server, &format!("row-{n}"));
            // Somebody else with a purse of its own may have passed a threshold of that one.
            told.len() >= expected.len() && told[..expected.len()] == expected[..]
        });
    }
    until("what was not counted is in the sums", || {
        server.look("/api/v1/spend?by=agent").to_string().contains("mine-10")
    });
}

/// F469: beyond the limit so many a minute still pass, and whoever is refused is told when to come back.
#[test]
fn a_budget_that_throttles_lets_some_pass_and_says_when_to_come_back() {
    let provider = Provider::start(answer);
    let budgets = "budgets: [ { name: slow, each: agent, per: day, requests: 1, on_limit: { throttle_per_minute: 2 } } ]\n";
    let server = Server::prepared(&settings(&provider, budgets), &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/limits.yaml"), LIMITS).unwrap();
    });
    let Agent { address, key } = server.agent("hasty", &[]);
    let replies: Vec<Reply> = (0..12).map(|_| ask(address, &key, Asks::Chat)).collect();
    let passed = replies.iter().filter(|reply| reply.status == 200).count();
    // A minute may end in between, which lets two more pass.
    assert!((3..=5).contains(&passed), "{replies:?}");
    let refused = replies.iter().find(|reply| reply.status == 429).unwrap();
    let after = refused.head.lines().find_map(|line| line.strip_prefix("retry-after: ")).unwrap();
    assert!((1..=60).contains(&after.trim().parse::<u64>().unwrap()), "{refused:?}");
    assert!(!refused.head.contains("x-should-retry: false"), "{refused:?}");
    assert_eq!(provider.seen().len(), passed);
}
