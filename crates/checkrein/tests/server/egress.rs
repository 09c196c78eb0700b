//! A9 through the gateway: what a class of data is in does not leave, neither with a prompt, nor with a call
//! of a tool, nor with a call that a model asks for.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{SETTINGS, Server};
use crate::mcp;
use crate::models::{answered, call_of, chat, said, streamed};
use crate::provider::{Answers, Provider};
use crate::tools::Tools;

const RULES: &str = "
policy: own
version: 1
rules:
  - id: own.prompts
    always: true
    note: data of people and keys are not sent to a model
    when: { kind: llm_call, operation: send, classes: [card, ssn, passport, email, api_key, credential, jwt] }
    then: block
  - id: own.outside
    always: true
    note: nor to a host outside
    when: { external: true, classes: [card, ssn, passport, email, api_key, credential, jwt] }
    then: block
  - id: own.plain
    instead_of_bands: true
    note: everything else may go
    when: { tool: [http_post, chat, answer] }
    then: allow
";

/// What the scenario names: the class, the value, and the words that it stands in.
fn classes() -> Vec<(&'static str, String)> {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    // Put together here, so that no scanner takes this file for a leak.
    let token = [
        r#"{"alg":"HS256","typ":"JWT"}"#,
        r#"{"sub":"17","exp":1999999999}"#,
        "a signature of 32 bytes, invented",
    ];
    vec![
        ("card", "4539 5787 6362 1486".to_owned()),
        ("ssn", "536-22-8714".to_owned()),
        ("passport", "C01X00T47".to_owned()),
        ("email", "ana.ruiz@mail.example.org".to_owned()),
        ("api_key", format!("AKIA{}", "Q3EGRKXW5MZTV7LP")),
        ("jwt", token.map(part).join(".")),
    ]
}

fn sentence(class: &str, value: &str) -> String {
    match class {
        "ssn" => format!("the SSN is {value}"),
        "passport" => format!("passport number {value}, issued in Berlin"),
        _ => format!("use {value} for it"),
    }
}

const PLAIN: &str = "the shop opens at nine";

#[test]
fn a9_no_class_of_data_reaches_a_host_outside_by_any_way_through_the_gateway() {
    let next: Arc<Mutex<String>> = Arc::default();
    let provider = Provider::start({
        let next = Arc::clone(&next);
        move |seen| {
            let body = next.lock().unwrap().clone();
            match body.is_empty() {
                true if seen.body.contains("\"stream\":true") => Answers::events("data: [DONE]\n\n"),
                true => answered("good"),
                false => {
                    let arguments = json!({ "url": "https://hooks.example.net/in", "body": body });
                    call_of("http_post", &arguments.to_string(), "tool_calls")
                }
            }
        }
    });
    let tools = Tools::start();
    let settings = format!(
        "{SETTINGS}providers:\n  - {{ name: main, kind: openai_compatible, url: 'http://{}' }}\n\
         mcp: {{ wait: 0, servers: [ {{ name: out, url: 'http://{}/mcp' }} ] }}\n",
        provider.address, tools.address
    );
    let server = Server::prepared(&settings, &[], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/own.yaml"), RULES).unwrap();
    });
    let mut agents = 0;
    let mut agent = || {
        agents += 1;
        server.agent(&format!("sender-{agents}"), &[])
    };
    let posted = |text: &str| json!({ "url": "https://hooks.example.net/in", "body": text });

    // What holds nothing goes by each of them.
    assert_eq!(chat(&agent(), &said(PLAIN)).status, 200);
    let one = agent();
    let session = mcp::begin(&one, "/mcp/out");
    let reply = mcp::call(&one, "/mcp/out", &session, "http_post", &posted(PLAIN)).is(200);
    assert_eq!(reply["result"]["content"][0]["text"], "done", "{reply}");
    PLAIN.clone_into(&mut next.lock().unwrap());
    let asked = chat(&agent(), &said("tell them")).is(200);
    let call =
        |reply: &Value| reply["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"].clone();
    assert!(call(&asked).to_string().contains(PLAIN), "{asked}");
    let arrived = (provider.seen().len(), tools.with("tools/call").len());

    for (class, value) in classes() {
        let text = sentence(class, &value);
        next.lock().unwrap().clear();
        for body in [said(&text), streamed(&text)] {
            let reply = chat(&agent(), &body);
            assert!(reply.status == 403 && !reply.body.contains(&value), "{class}: {reply:?}");
        }
        let one = agent();
        let session = mcp::begin(&one, "/mcp/out");
        let reply = mcp::call(&one, "/mcp/out", &session, "http_post", &posted(&text));
        assert!(!reply.body.contains(&value), "{class}: {reply:?}");
        assert_eq!(reply.is(200)["error"]["code"], -32_003, "{class}");

        text.clone_into(&mut next.lock().unwrap());
        let asked = chat(&agent(), &said("tell them")).is(200);
        assert!(call(&asked).is_null() && !asked.to_string().contains(&value), "{class}: {asked}");
    }
    let sent = provider.seen().len() - arrived.0;
    assert_eq!(
        (sent, tools.with("tools/call").len()),
        (classes().len(), arrived.1),
        "only `tell them` was sent"
    );
    let all = provider.all() + &tools.got().into_iter().map(|got| got.body).collect::<String>();
    for (class, value) in classes() {
        assert!(!all.contains(&value), "{class} arrived");
    }
}
