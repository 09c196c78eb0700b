//! A11 through the gateway: with capture off no byte of what was said is in any store, log or queue, and
//! nothing of it is told to anybody else.

use serde_json::{Value, json};

use crate::evidence::holds;
use crate::harness::{Agent, SETTINGS, Server, call as operate, checkrein, until};
use crate::mcp;
use crate::models::{KEY, RULES, answered, call_of, post, providers, said, stream, streamed};
use crate::provider::{Answers, Provider, Seen};
use crate::receiver::Receiver;
use crate::tools::Tools;

/// Stands in every prompt, answer, call of a tool and result of one.
const CANARY: &str = "zebra-canary-7319";

/// What is not looked at for its score, so that nothing waits that is not meant to.
const PLAIN: &str = "  - id: contentless.plain
    instead_of_bands: true
    note: everything else passes
    when: { tool: [chat, embed, answer, get_weather, read_back, read_back_slowly] }
    then: allow
";

/// What the provider makes of a prompt: the word after `as` says which answer it gives.
fn answer(seen: &Seen) -> Answers {
    let whole = format!("so you say {CANARY}");
    let has = |word: &str| seen.body.contains(word);
    match seen.body.contains("\"stream\":true") {
        false if has("as call") => {
            call_of("get_weather", &json!({ "city": CANARY }).to_string(), "tool_calls")
        }
        false if has("as refused call") => {
            call_of("wipe_everything", &json!({ "what": CANARY }).to_string(), "tool_calls")
        }
        false if has("as fault") => {
            Answers { status: 500, ..Answers::json(&json!({ "error": { "message": whole } }).to_string()) }
        }
        false if has("as page") => Answers::pieces("text/html", vec![format!("<p>{whole}").into_bytes()]),
        false if has("as key") => answered(&format!("{whole} and {KEY}")),
        false => answered(&whole),
        true if has("as call") => Answers::events(&stream_of_call(&json!({ "city": CANARY }).to_string())),
        true if has("as cut") => Answers { cut: true, ..Answers::events(&stream(&[&whole, "more"])[..300]) },
        true if has("as nonsense") => Answers::events(&format!("data: {{\"choices\": [{CANARY}\n\n")),
        true if has("as key") => Answers::events(&stream(&[&whole, " and ", KEY, " it is"])),
        true => Answers::events(&stream(&["so you say ", CANARY, " indeed"])),
    }
}

fn stream_of_call(arguments: &str) -> String {
    let event = |delta: Value, finish: Option<&str>| {
        format!(
            "data: {}\n\n",
            json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
        )
    };
    let begin = json!({ "role": "assistant", "tool_calls": [{ "index": 0, "id": "call_1", "type": "function",
        "function": { "name": "get_weather", "arguments": "" } }] });
    let piece = json!({ "tool_calls": [{ "index": 0, "function": { "arguments": arguments } }] });
    [
        event(begin, None),
        event(piece, None),
        event(json!({}), Some("tool_calls")),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

/// Every kind of traffic: the path, the body, and the status that comes of it.
fn traffic() -> Vec<(&'static str, String, u16)> {
    let prompt = |how: &str| format!("remember {CANARY} {how}");
    let chat = "/v1/chat/completions";
    let mut all = Vec::new();
    for how in ["as text", "as call", "as refused call", "as key"] {
        all.push((chat, said(&prompt(how)), 200));
        all.push((chat, streamed(&prompt(how)), 200));
    }
    let message = json!([{ "role": "user", "content": prompt("as text") }]);
    let tools = json!([{ "type": "function", "function": { "name": "get_weather", "description": CANARY } }]);
    let turns = json!([{ "role": "system", "content": CANARY }, { "role": "user", "content": prompt("as text") },
        { "role": "assistant", "tool_calls": [{ "id": "c1", "type": "function",
            "function": { "name": "get_weather", "arguments": json!({ "city": CANARY }).to_string() } }] },
        { "role": "tool", "tool_call_id": "c1", "content": CANARY }]);
    let known = json!({ "model": "gpt-4o", "messages": turns, "tools": tools, "metadata": { "note": CANARY },
        "x_unknown": [CANARY], "prompt_cache_key": CANARY });
    all.extend([
        (chat, known.to_string(), 200),
        (
            "/v1/messages",
            json!({ "model": "claude-x", "max_tokens": 9, "system": CANARY, "messages": message })
                .to_string(),
            200,
        ),
        (
            "/v1/responses",
            json!({ "model": "gpt-4o", "instructions": CANARY, "input": prompt("as text") }).to_string(),
            200,
        ),
        ("/v1/embeddings", json!({ "model": "text-embedding-3-small", "input": [CANARY] }).to_string(), 200),
        (chat, said(&prompt(&format!("and the key {KEY}"))), 403),
        (chat, streamed(&prompt(&format!("and the key {KEY}"))), 403),
        (chat, said(&prompt("as fault")), 500),
        (chat, said(&prompt("as page")), 503),
        (chat, streamed(&prompt("as cut")), 200),
        (chat, streamed(&prompt("as nonsense")), 200),
        (chat, format!("{{\"model\": \"gpt-4o\", \"messages\": [{{\"role\": \"{CANARY}"), 400),
    ]);
    all
}

fn own_header(agent: &Agent) -> String {
    format!("x-checkrein-key: {}\r\n", agent.key)
}

#[test]
fn a11_with_capture_off_no_byte_of_a_prompt_an_answer_or_a_call_is_anywhere() {
    let (provider, tools) = (Provider::start(answer), Tools::start());
    let (spans, hooks) = (Receiver::start(200), Receiver::start(200));
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let settings = format!(
        "{}{}mcp: {{ arguments: block, wait: 0, servers: [ {{ name: shop, url: 'http://{}/mcp' }} ] }}\n\
         telemetry: {{ url: 'http://{}', private: true }}\n\
         webhooks:\n  - {{ name: soc, url: 'http://{}/hook', private: true, secret: [{{ file: {}/secret }}], \
         events: [decision.blocked, approval.requested, approval.decided, finding] }}\n\
         budgets:\n  - {{ name: all, per: day, tokens: 100, on_limit: {{ throttle_per_minute: 1000 }} }}\n",
        SETTINGS.replace("capture: full", "capture: metadata"),
        providers(provider.address),
        tools.address,
        spans.address,
        hooks.address,
        secrets.path().display(),
    );
    let mut server = Server::prepared(&settings, &["read-write.yaml"], |folder| {
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        std::fs::write(folder.join("rules/models.yaml"), format!("{RULES}{PLAIN}")).unwrap();
    });

    let mut replies = String::new();
    for (n, (path, body, status)) in traffic().into_iter().enumerate() {
        let agent = server.agent(&format!("caller-{n}"), &[]);
        let reply = post(agent.address, path, &own_header(&agent), &body);
        assert_eq!(reply.status, status, "{path} {body}: {reply:?}");
        replies.push_str(&reply.body);
    }
    held_and_approved(&server);
    for (n, (tool, arguments)) in [
        ("read_back", json!({ "text": CANARY })),
        ("read_back_slowly", json!({ "text": CANARY })),
        ("echo", json!({ "n": CANARY })),
        ("crm_update", json!({ "note": CANARY })),
    ]
    .into_iter()
    .enumerate()
    {
        let agent = server.agent(&format!("tool-caller-{n}"), &[]);
        let session = mcp::begin(&agent, "/mcp/shop");
        replies.push_str(&mcp::call(&agent, "/mcp/shop", &session, tool, &arguments).body);
    }

    // It did pass: the provider, the server of tools and the callers have it.
    assert!(provider.all().matches(CANARY).count() > 20 && tools.with(CANARY).len() >= 2);
    assert!(replies.matches(CANARY).count() > 10, "{replies}");
    nobody_is_told(&server);
    until("everything was told to the collector", || {
        !spans.got().is_empty()
            && !hooks.events("decision.blocked").is_empty()
            && !hooks.events("approval.requested").is_empty()
    });
    assert!(server.stop().success(), "so that everything is written");
    for got in spans.got().iter().chain(&hooks.got()) {
        let body = String::from_utf8_lossy(&got.body);
        assert!(!body.contains(CANARY) && !body.contains(KEY), "{body}");
    }
    let none = [] as [String; 0];
    assert_eq!(holds(&server.folder, CANARY.as_bytes()), none);
    assert_eq!(holds(&server.folder, KEY.as_bytes()), none);
    assert_eq!(checkrein(&server, &["ledger", "verify"]).0, 0);
}

/// A prompt that waits for a person who then says yes.
fn held_and_approved(server: &Server) {
    let agent = server.agent("patient", &[]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let body = said(&format!("please hold {CANARY} as text"));
            post(agent.address, "/v1/chat/completions", &own_header(&agent), &body)
        });
        let mut held = Value::Null;
        until("it waits", || {
            held = server.look("/api/v1/approvals");
            held[0]["id"].is_string()
        });
        assert!(!held.to_string().contains(CANARY), "{held}");
        let path = format!("/api/v1/approvals/{}/approve", held[0]["id"].as_str().unwrap());
        server.operate("POST", &path, &json!({ "comment": "fine" })).is(200);
        assert_eq!(waiting.join().unwrap().status, 200);
    });
}

/// Every page that operators have, and the metrics.
fn nobody_is_told(server: &Server) {
    let mut all = operate(server.operators, "GET", "/metrics", "", None).body;
    let mut decisions = Vec::new();
    until("the decisions are in the index", || {
        let page = server.look("/api/v1/decisions?limit=200");
        decisions = page["items"].as_array().unwrap().clone();
        decisions.len() >= 40
    });
    for decision in &decisions {
        let path = format!("/api/v1/decisions/{}", decision["id"].as_str().unwrap());
        all.push_str(&server.look(&path).to_string());
        assert_eq!(server.look(&format!("{path}/content")), json!([]), "no content is kept");
    }
    for page in ["findings?limit=200", "approvals", "budgets", "spend", "agents", "webhooks", "mcp/pins"] {
        all.push_str(&server.look(&format!("/api/v1/{page}")).to_string());
    }
    all.push_str(
        &operate(server.operators, "GET", "/api/v1/ledger/records?from=0", &server.admin, None).body,
    );
    assert!(all.contains("caller-3") && !all.contains(CANARY) && !all.contains(KEY), "{all}");
}
