//! F339: some live calls are made once more at a second model; both answers are compared, and nobody is given
//! the second one.

use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, until};
use crate::models::{chat, joined, stream};
use crate::provider::{Answers, Gate, Provider, Seen};

/// What stands in front of the rules of a test: nothing waits for its score.
const RULES: &str = "
policy: own
version: 1
rules:
  - id: own.rest
    instead_of_bands: true
    when: {}
    then: allow
";

fn settings(live: &Provider, second: SocketAddr, route: &str) -> String {
    format!(
        "{SETTINGS}providers:\n\
         \x20 - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
         \x20 - {{ name: trial, kind: openai_compatible, url: 'http://{}' }}\n\
         prices:\n\
         \x20 - {{ provider: main, otherwise: {{ input: 1, output: 1 }} }}\n\
         \x20 - {{ provider: trial, otherwise: {{ input: 2, output: 2 }} }}\n\
         routes:\n  - {{ models: [m], to: [main], {route} }}\n",
        live.address, second
    )
}

fn server(live: &Provider, second: SocketAddr, route: &str, rules: &str) -> Server {
    Server::prepared(&settings(live, second, route), &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/own.yaml"), rules).unwrap();
    })
}

fn asks(text: &str, streams: bool) -> String {
    json!({ "model": "m", "max_tokens": 100, "stream": streams,
            "messages": [{ "role": "user", "content": text }] })
    .to_string()
}

fn answer(text: &str, output: u64, calls: &Value) -> Answers {
    let message = match calls.as_array() {
        Some(_) => json!({ "role": "assistant", "content": text, "tool_calls": calls }),
        None => json!({ "role": "assistant", "content": text }),
    };
    Answers::json(
        &json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 10, "completion_tokens": output, "total_tokens": 10 + output } })
        .to_string(),
    )
}

fn says(text: &'static str, output: u64) -> impl Fn(&Seen) -> Answers {
    move |seen| {
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        if body["stream"] == true {
            Answers::events(&stream(&words))
        } else {
            answer(text, output, &Value::Null)
        }
    }
}

fn text(reply: &crate::harness::Reply) -> String {
    reply.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

fn standing(server: &Server) -> Value {
    server.look("/api/v1/shadows")["items"][0].clone()
}

fn became(server: &Server, what: &str, times: u64) -> Value {
    until(&format!("{times} calls are {what}"), || standing(server)["calls"][what] == times);
    standing(server)
}

fn agent(server: &Server, name: &str) -> Agent {
    server.agent(name, &[])
}

#[test]
fn f339_a_live_call_is_made_once_more_and_both_answers_are_compared() {
    let live = Provider::start(says("your order is on its way", 6));
    let second = Provider::start(says("your order is lost at sea", 7));
    let server = server(&live, second.address, "shadow: { to: trial, model: new, share: 100 }", RULES);
    let plain = chat(&agent(&server, "plain"), &asks("where is it", false));
    assert_eq!(text(&plain), "your order is on its way");
    became(&server, "compared", 1);
    let streamed = chat(&agent(&server, "streamed"), &asks("where is it", true));
    assert_eq!(joined(&streamed.body), "your order is on its way");
    let standing = became(&server, "compared", 2);

    // The second model got the same question under its own name, in the same form.
    let seen: Vec<Value> = second.seen().iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect();
    assert_eq!(seen.len(), 2);
    for (seen, streams) in seen.iter().zip([false, true]) {
        assert_eq!((&seen["model"], &seen["stream"]), (&json!("new"), &json!(streams)), "{seen}");
        assert_eq!(seen["messages"][0]["content"], "where is it");
    }
    assert_eq!(live.seen().len(), 2);

    // Three of six words are in both.
    assert_eq!(standing["similarity"], json!({ "mean": 50, "fifths": [0, 0, 2, 0, 0] }));
    assert_eq!((&standing["provider"], &standing["model"]), (&json!("trial"), &json!("new")));
    assert_eq!((&standing["live"]["errors"], &standing["shadow"]["errors"]), (&json!(0), &json!(0)));
    assert_eq!(standing["live"]["characters"], 24);
    let all = server.look("/api/v1/shadows/comparisons");
    let first = &all["items"][1];
    assert_eq!((&first["live"]["output_tokens"], &first["shadow"]["output_tokens"]), (&json!(6), &json!(7)));
    assert_eq!(
        (&first["live"]["micro_dollars"], &first["shadow"]["micro_dollars"]),
        (&json!(16), &json!(34))
    );
    assert_eq!((&first["live"]["status"], &first["shadow"]["status"]), (&json!(200), &json!(200)));
    assert_eq!((&first["similarity"], &first["live_model"]), (&json!(50), &json!("m")));
    assert!(!all.to_string().contains("order"), "no word of either answer is kept: {all}");

    // A record of its own, which names the live one, and its end with the figures.
    let receipt = |name: &str| first[name].as_str().unwrap().to_owned();
    assert!(plain.head.contains(&receipt("live_decision")));
    let told = server.told(&json!({ "id": receipt("shadow_decision") })).to_string();
    assert!(told.contains(&format!("\"mirrors\":\"{}\"", receipt("live_decision"))), "{told}");
    assert!(told.contains("\"similarity\":\"50\"") && told.contains("\"ended\":\"compared\""), "{told}");

    // A line of its own among what was spent.
    let spend = server.look("/api/v1/spend?by=agent,model");
    let of = |agent: &str| {
        let rows = spend["items"].as_array().unwrap().iter().filter(|row| row["agent"] == agent);
        rows.map(|row| (row["model"].clone(), row["calls"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(of("(shadow)"), [(json!("new"), json!(2))], "{spend}");
    assert_eq!(of("plain"), [(json!("m"), json!(1))], "{spend}");
    assert_eq!(server.metric("checkrein_llm_shadow_calls_total{outcome=\"compared\"}"), 2);
    assert_eq!(server.metric("checkrein_llm_shadow_similarity_count"), 2);
}

#[test]
fn calls_of_tools_are_compared_and_none_of_the_second_model_is_carried_out() {
    let call = |id: u64| {
        json!([{ "id": "c1", "type": "function",
                 "function": { "name": "get_order", "arguments": json!({ "id": id }).to_string() } }])
    };
    let live = Provider::start(move |_| answer("", 5, &call(7)));
    let second =
        Provider::start(move |seen| answer("", 5, &call(if seen.body.contains("same") { 7 } else { 8 })));
    let server = server(&live, second.address, "shadow: { to: trial, share: 100 }", RULES);
    chat(&agent(&server, "a"), &asks("the same", false)).is(200);
    became(&server, "compared", 1);
    let reply = chat(&agent(&server, "b"), &asks("another", false)).is(200);
    assert!(reply.to_string().contains("\\\"id\\\":7"), "{reply}");
    let standing = became(&server, "compared", 2);
    assert_eq!((&standing["tool_calls_alike"], &standing["tool_calls_differ"]), (&json!(1), &json!(1)));
    until("every decision is in the index", || {
        let decisions = server.look("/api/v1/decisions?limit=100");
        let tools =
            decisions["items"].as_array().unwrap().iter().filter(|it| it["act"]["tool"] == "get_order");
        tools.count() == 2
    });
}

#[test]
fn what_a_provider_may_not_be_sent_its_shadow_is_not_sent() {
    let live = Provider::start(says("done", 1));
    let second = Provider::start(says("done", 1));
    let never = "never: { classes: [card], providers: [trial] }, shadow: { to: trial, share: 100 }";
    let server = server(&live, second.address, never, RULES);
    let card = "pay with 4539 1488 0343 6467 please";
    chat(&agent(&server, "a"), &asks(card, false)).is(200);
    became(&server, "forbidden", 1);
    chat(&agent(&server, "b"), &asks("pay with what you have", false)).is(200);
    became(&server, "compared", 1);
    assert_eq!(second.seen().len(), 1);
    assert!(!second.all().contains("4539"));

    // What rules replace for the live model, the second one does not see either.
    let rules = format!(
        "{RULES}  - id: own.cards\n    priority: 1\n    instead_of_bands: true\n    \
         when: {{ kind: llm_call, operation: send, classes: [card] }}\n    \
         then: {{ constrain: [ {{ redact: [card] }} ] }}\n"
    );
    let server = self::server(&live, second.address, "shadow: { to: trial, model: new, share: 100 }", &rules);
    chat(&agent(&server, "a"), &asks(card, false)).is(200);
    became(&server, "compared", 1);
    let (sent, mirrored) = (live.seen().pop().unwrap().body, second.seen().pop().unwrap().body);
    let words = |body: &str| serde_json::from_str::<Value>(body).unwrap()["messages"].clone();
    assert_eq!(words(&sent), words(&mirrored), "one replacement for both");
    assert!(!mirrored.contains("4539 1488 0343 6467"));
}

#[test]
fn a_second_model_that_is_ill_or_dear_is_nothing_to_a_live_call() {
    let live = Provider::start(says("done", 1));
    let mut ill = Answers::json("{\"error\": {\"message\": \"ill\"}}");
    ill.status = 503;
    let second = Provider::start(move |seen| {
        let mut answers = ill.clone();
        if seen.body.contains("cut") {
            answers.status = 200;
            answers.cut = true;
        }
        answers
    });
    let server = self::server(&live, second.address, "shadow: { to: trial, share: 100 }", RULES);
    for n in 0..6 {
        chat(&agent(&server, &format!("a-{n}")), &asks("hello", false)).is(200);
    }
    let standing = became(&server, "compared", 6);
    assert_eq!((&standing["live"]["errors"], &standing["shadow"]["errors"]), (&json!(0), &json!(6)));
    chat(&agent(&server, "b"), &asks("cut", false)).is(200);
    became(&server, "failed", 1);
    // Its faults are no news for those who would call it live.
    let providers = server.look("/api/v1/providers");
    assert!(providers["items"].as_array().unwrap().iter().all(|it| it["able"] == true), "{providers}");

    // One that is not there, and one that never comes to its end.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = self::server(&live, nobody, "shadow: { to: trial, share: 100 }", RULES);
    assert_eq!(text(&chat(&agent(&server, "n"), &asks("hello", false))), "done");
    became(&server, "failed", 1);
    let endless = Provider::start(|_| {
        let mut answers = Answers::pieces("application/json", vec![b"{".to_vec(), b"}".to_vec()]);
        answers.gate = Some(Gate::default());
        answers
    });
    let server = self::server(&live, endless.address, "shadow: { to: trial, share: 100 }", RULES);
    for n in 0..2 {
        assert_eq!(text(&chat(&agent(&server, &format!("e-{n}")), &asks("hello", false))), "done");
        until("the second model was asked", || endless.seen().len() == n + 1);
    }

    let dear = "shadow: { to: trial, model: new, share: 100, dollars_a_day: '0.000100' }";
    let server = self::server(&live, Provider::start(says("done", 30)).address, dear, RULES);
    for n in 0..2 {
        chat(&agent(&server, &format!("c-{n}")), &asks("hello", false)).is(200);
    }
    became(&server, "spent", 2);
}

/// What an agent may spend is not touched by what is mirrored of it, and neither are throttles.
#[test]
fn a_mirrored_call_falls_under_no_budget_and_no_throttle() {
    let live = Provider::start(says("done", 1));
    let second = Provider::start(says("done", 1));
    let throttled = format!(
        "{RULES}  - id: own.slow\n    always: true\n    when: {{ kind: llm_call, operation: send }}\n    \
         then: {{ constrain: [ {{ throttle: 2/min }} ] }}\n"
    );
    let route = "shadow: { to: trial, share: 100 } }\nbudgets:\n  - { name: few, per: day, requests: 2, on_limit: block";
    let server = server(&live, second.address, route, &throttled);
    let agent = agent(&server, "a");
    for n in 1..=2 {
        chat(&agent, &asks(&format!("hello {n}"), false)).is(200);
        became(&server, "compared", n);
    }
    assert_eq!(server.look("/api/v1/budgets")["items"][0]["used"]["requests"], 2);
    assert_eq!(second.seen().len(), 2);
}
