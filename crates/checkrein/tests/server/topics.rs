//! Topics in every dialect: whoever asks off the subject reads the operator's words, as if the model had said
//! them, at once or in pieces.

use std::time::Duration;

use serde_json::{Value, json};

use crate::leaks::{Turns, ask_within, read, spoken};
use crate::models::server_with;
use crate::provider::{Answers, Provider};

/// How long an answer is waited for that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(20);
const WORDS: &str = "I can help with orders, deliveries and returns.";
const RULE: &str = "  - id: topics.off
    instead_of_bands: true
    note: the assistant of the shop answers questions about the shop
    when: { kind: llm_call, operation: send, text: { contains: 'poem about the sea' } }
    then: { constrain: [ { redirect: 'I can help with orders, deliveries and returns.' } ] }
";

/// The question as the clients of a dialect write it.
fn body(dialect: &str, streams: bool) -> Value {
    let said = "Write a poem about the sea";
    let mut body = match dialect {
        "openai_responses" => json!({ "input": said }),
        "gemini" => json!({ "contents": [{ "role": "user", "parts": [{ "text": said }] }] }),
        "bedrock_converse" => json!({ "messages": [{ "role": "user", "content": [{ "text": said }] }] }),
        "bedrock_invoke" => json!({ "inputText": said }),
        "openai_completions" | "ollama_generate" => json!({ "prompt": said }),
        _ => json!({ "max_tokens": 50, "messages": [{ "role": "user", "content": said }] }),
    };
    // Those of others say both in their paths.
    if !["gemini", "bedrock_converse", "bedrock_invoke"].contains(&dialect) {
        body["model"] = json!("m");
        body["stream"] = json!(streams);
    }
    body
}

/// Dialects that have no form for words of ours, which then stand in the refusal: here each maker of models
/// has a format of its own.
const REFUSED: [&str; 1] = ["bedrock_invoke"];

#[test]
fn an_off_topic_question_is_answered_with_the_operators_words_in_every_dialect() {
    let provider = Provider::start(|_| Answers::json("{}"));
    let server = server_with(&provider, RULE);
    let mut turns = Turns::new(&server, 24);
    let mut told = 0;
    for streams in [false, true] {
        for (dialect, path) in spoken(streams) {
            let body = body(dialect.name, streams).to_string();
            let (status, answer) = ask_within(PATIENCE, turns.next(), &path, &body);
            let (read, name) = (read(dialect, &answer), dialect.name);
            let wanted = if REFUSED.contains(&name) { 403 } else { 200 };
            assert_eq!(status, wanted, "{name}, streams {streams}: {read}");
            assert!(read.contains(WORDS), "{name}, streams {streams}: {read}");
            told += usize::from(status == 200);
        }
    }
    assert!(told >= 20, "{told} answers");
    assert_eq!(provider.seen().len(), 0, "no model was asked");
}
