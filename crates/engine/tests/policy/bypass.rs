//! Ways around a rule: each is tried against a rule that stops and against one that lets pass.

use action::Verdict;
use engine::policy::{Policies, Source};

use crate::ask::{ask, load};

/// A rule that blocks, and beside it one by which the same condition would let pass what another
/// rule holds back. What may match must be stopped by the first and gain nothing from the second.
fn both(when: &str) -> (Policies, Policies) {
    let stops = format!("policy: t\nrules: [ {{ id: stop, when: {when}, then: block }} ]\n");
    let passes = format!(
        "policy: t\nrules:\n  - {{ id: pass, priority: 1, when: {when}, then: allow, instead_of_bands: true }}\n  - {{ id: rest, priority: 2, when: {{}}, then: approve }}\n"
    );
    (load(&[stops]), load(&[passes]))
}

fn stopped_and_not_let_pass(when: &str, fields: &[&str]) {
    let (stops, passes) = both(when);
    for fields in fields {
        assert_eq!(ask(&stops, fields).ruling.verdict, Verdict::Block, "{when}: {fields} gets past");
        assert_eq!(ask(&passes, fields).ruling.verdict, Verdict::Approve, "{when}: {fields} is let pass");
    }
}

fn neither(when: &str, fields: &[&str]) {
    let (stops, passes) = both(when);
    for fields in fields {
        assert_eq!(ask(&stops, fields).ruling.verdict, Verdict::Allow, "{when}: {fields} is stopped");
        assert_eq!(ask(&passes, fields).ruling.verdict, Verdict::Approve, "{when}: {fields} is let pass");
    }
}

fn certain(when: &str, fields: &[&str]) {
    let (stops, passes) = both(when);
    for fields in fields {
        assert_eq!(ask(&stops, fields).ruling.verdict, Verdict::Block, "{when}: {fields}");
        assert_eq!(ask(&passes, fields).ruling.verdict, Verdict::Allow, "{when}: {fields}");
    }
}

#[test]
fn a_name_that_looks_like_another() {
    let tool = "{ tool: send_email }";
    certain(tool, &[r#"{ "tool": "send_email" }"#]);
    stopped_and_not_let_pass(
        tool,
        &[
            r#"{ "tool": "Send_Email" }"#,
            r#"{ "tool": "send＿email" }"#,
            r#"{ "tool": "ѕend_email" }"#,
            r#"{ "tool": "𝗌𝖾𝗇𝖽_𝖾𝗆𝖺𝗂𝗅" }"#,
        ],
    );
    neither(tool, &[r#"{ "tool": "send_email2" }"#, r#"{ "tool": "sendemail" }"#]);
    stopped_and_not_let_pass(
        "{ resource: customer* }",
        &[r#"{ "resource": { "type": "Customer_profile" } }"#],
    );
    stopped_and_not_let_pass("{ agent: shop-* }", &[r#"{ "agent": { "name": "SHOP-bot" } }"#]);
}

#[test]
fn a_name_behind_a_not_is_turned_round() {
    let others = "{ not: { tool: read_file } }";
    stopped_and_not_let_pass(others, &[r#"{ "tool": "Read_File" }"#, r#"{ "tool": "rеad_file" }"#]);
    certain(others, &[r#"{ "tool": "write_file" }"#]);
    neither(others, &[r#"{ "tool": "read_file" }"#]);
}

#[test]
fn a_host_in_another_spelling() {
    let to = |name: &str| format!(r#"{{ "resource": {{ "type": "mail", "destinations": [{name}] }} }}"#);
    let evil = "{ resource: { destination: \"*evil.example\" } }";
    certain(evil, &[&to("\"evil.example\""), &to("\"a.evil.example\", \"b.evil.example\"")]);
    for name in [
        "\"EVIL.example\"",
        "\"evil.example.\"",
        "\"https://evil.example/path\"",
        "\"https://api.evil.example:8443\"",
        "\"еvil.example\"",
        "\"xn--vil-qdd.example\"",
        "\"mallory@evil.example;x\"",
        "\"corp.example\", \"evil.example\"",
    ] {
        stopped_and_not_let_pass(evil, &[&to(name)]);
    }
    stopped_and_not_let_pass("{ resource: { destination: 127.0.0.1 } }", &[&to("\"http://2130706433/\"")]);
    let partners = "{ not: { resource: { destination: \"*.partner.example\" } } }";
    stopped_and_not_let_pass(partners, &[&to("\"a.partner.example\", \"evil.example\"")]);
    neither(partners, &[&to("\"a.partner.example\"")]);
}

#[test]
fn a_number_in_another_notation() {
    let over = "{ payload: { limit: { over: 1000 } } }";
    certain(
        over,
        &[
            r#"{ "payload": { "limit": 5000 } }"#,
            r#"{ "payload": { "limit": "5000" } }"#,
            r#"{ "payload": { "limit": "5e3" } }"#,
            r#"{ "payload": { "limit": "５０００" } }"#,
            r#"{ "payload": { "limit": "1,000,000" } }"#,
        ],
    );
    stopped_and_not_let_pass(
        over,
        &[
            r#"{ "payload": { "limit": [5000] } }"#,
            r#"{ "payload": { "limit": "5.000" } }"#,
            r#"{ "payload": { "limit": "1e400" } }"#,
            r#"{ "payload": { "limit": "5k" } }"#,
            r#"{ "payload": { "Limit": 5000 } }"#,
            r#"{ "payload": { "limit": 10, "LIMIT": 5000 } }"#,
        ],
    );
    neither(over, &[r#"{ "payload": { "limit": 1000 } }"#, r#"{ "payload": { "limit": "many" } }"#]);
}

#[test]
fn arguments_that_were_sent_as_a_text() {
    let over = "{ payload: { arguments.limit: { over: 1000 } } }";
    certain(over, &[r#"{ "payload": { "arguments": { "limit": 5000 } } }"#]);
    stopped_and_not_let_pass(over, &[r#"{ "payload": { "arguments": "{\"limit\": 5000}" } }"#]);
    neither(over, &[r#"{ "payload": { "arguments": "{\"limit\": 50}" } }"#]);
}

#[test]
fn a_second_recipient() {
    let inside = "{ payload: { \"to.*\": { ends_with: \"@corp.example\" } } }";
    certain(inside, &[r#"{ "payload": { "to": ["ana@corp.example", "bo@corp.example"] } }"#]);
    stopped_and_not_let_pass(
        inside,
        &[
            r#"{ "payload": { "to": ["ana@corp.example", "eve@evil.example"] } }"#,
            r#"{ "payload": { "to": "ana@corp.example", "To": "eve@evil.example" } }"#,
            r#"{ "payload": { "to": "ana@соrp.example" } }"#,
        ],
    );
    let outside = "{ payload: { \"to.*\": { not: { ends_with: \"@corp.example\" } } } }";
    stopped_and_not_let_pass(
        outside,
        &[
            r#"{ "payload": { "to": ["ana@corp.example", "eve@evil.example"] } }"#,
            r#"{ "payload": { "to": "eve@соrp.example" } }"#,
        ],
    );
    neither(outside, &[r#"{ "payload": { "to": ["ana@corp.example"] } }"#]);
}

#[test]
fn a_flag_or_word_in_another_type() {
    let forced = "{ payload: { force: true } }";
    certain(forced, &[r#"{ "payload": { "force": true } }"#]);
    stopped_and_not_let_pass(
        forced,
        &[
            r#"{ "payload": { "force": "true" } }"#,
            r#"{ "payload": { "force": 1 } }"#,
            r#"{ "payload": { "force": "Yes" } }"#,
        ],
    );
    neither(forced, &[r#"{ "payload": { "force": false } }"#, r#"{ "payload": { "force": "maybe" } }"#]);
    stopped_and_not_let_pass(
        "{ payload: { role: admin } }",
        &[r#"{ "payload": { "role": "Admin" } }"#, r#"{ "payload": { "role": ["admin"] } }"#],
    );
}

#[test]
fn an_amount_that_the_payload_contradicts() {
    let pay =
        |more: &str| format!(r#"{{ "kind": "payment", "operation": "pay", "tool": "refund", {more} }}"#);
    let usd = |value: i64, payload: &str| {
        pay(&format!(r#""amount": {{ "value": {value}, "currency": "USD" }}, "payload": {payload}"#))
    };
    let over = "{ amount: { over: 1000, currency: USD } }";
    certain(
        over,
        &[
            &usd(99, r#"{ "amount": 500000 }"#),
            &usd(99, r#"{ "refund": { "total": "500,000.00" } }"#),
            &usd(-5000, "{}"),
        ],
    );
    neither(over, &[&usd(99, r#"{ "amount": 99 }"#)]);
    // In another currency, or stated by nobody, it cannot be shown to be within any limit.
    let under = "{ amount: { under: 100, currency: USD } }";
    stopped_and_not_let_pass(
        under,
        &[
            &usd(99, r#"{ "amount": 99, "currency": "KWD" }"#),
            &pay(r#""payload": { "amount": 50, "currency": "USD" }"#),
            &pay(r#""payload": {}"#),
        ],
    );
    certain(under, &[&usd(99, r#"{ "amount": 99, "currency": "usd" }"#)]);
}

#[test]
fn leaving_the_amount_out_does_not_let_a_milder_rule_hide_a_stricter_one() {
    let policies = load(&["policy: t\nrules:\n  - { id: small, priority: 1, when: { amount: { under: 100, currency: USD } }, then: alert }\n  - { id: large, priority: 2, when: { amount: { over: 1000, currency: USD } }, then: block }\n".to_owned()]);
    let pay = r#"{ "kind": "payment", "operation": "pay", "tool": "refund" }"#;
    assert_eq!(ask(&policies, pay).ruling.verdict, Verdict::Block);
}

#[test]
fn a_module_sees_the_amount_that_counts_and_names_by_what_they_look_like() {
    let module = |body: &str| {
        let text = format!(
            "package checkrein.m\n\ndecisions contains {{\"verdict\": \"block\", \"rule\": \"r\"}} if {{\n\t{body}\n}}\n"
        );
        Policies::load(&[Source { file: "m.rego", text: &text }]).unwrap()
    };
    let lied = r#"{ "kind": "payment", "operation": "pay", "amount": { "value": -99, "currency": "USD" }, "payload": { "amount": 5000 } }"#;
    assert_eq!(ask(&module("input.action.amount.value > 1000"), lied).ruling.verdict, Verdict::Block);
    let tool = module("input.alike.tool == \"send_email\"");
    assert_eq!(ask(&tool, r#"{ "tool": "Ѕend_Email" }"#).ruling.verdict, Verdict::Block);
    let host = module("some host in input.alike.destinations\n\thost == \"evil.example\"");
    let sent = r#"{ "resource": { "type": "mail", "destinations": ["https://EVIL.example./x"] } }"#;
    assert_eq!(ask(&host, sent).ruling.verdict, Verdict::Block);
}

#[test]
fn bands_and_exceptions_of_a_look_alike_agent_are_not_milder() {
    let bands = "policy: t\nscope: { agent: case-agent }\nbands: { production: [90, 95, 99] }\nrules: [ { id: stop, when: {}, then: block, exceptions: [ { id: e, owner: o, reason: r, until: 2030-01-01 } ] } ]\n";
    let policies = load(&[bands.to_owned()]);
    assert_eq!(ask(&policies, "{}").ruling.verdict, Verdict::Allow);
    let other = ask(&policies, r#"{ "agent": { "name": "Case-Agent" } }"#).ruling;
    assert_eq!((other.verdict, other.matched[0].possibly), (Verdict::Block, true));
}
