//! F473 in every dialect: whoever asks off the subject reads the operator's words, as if the model had said
//! them, at once or in pieces.

use serde_json::{Value, json};

use crate::leaks::{Turns, ask, fixture, read, spoken};
use crate::models::server_with;
use crate::provider::{Answers, Provider};

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

/// The question in every dialect: how many answered, and which refused in the same words.
fn off_topic(turns: &mut Turns, streams: bool) -> (usize, Vec<String>) {
    let (mut told, mut others) = (0, Vec::new());
    for (dialect, path) in spoken(streams) {
        if fixture(dialect, "request").is_none() {
            continue;
        }
        let body = body(dialect.name, streams).to_string();
        let (status, answer) = ask(turns.next(), &path, &body);
        let read = read(dialect, &answer);
        assert!(read.contains(WORDS), "{}: {status} {read}", dialect.name);
        match status {
            200 => told += 1,
            // A dialect that has no form for words of ours says them as a refusal.
            _ => others.push(format!("{} {status}", dialect.name)),
        }
    }
    (told, others)
}

#[test]
fn an_off_topic_question_is_answered_with_the_operators_words_in_every_dialect() {
    let provider = Provider::start(|_| Answers::json("{}"));
    let server = server_with(&provider, RULE);
    let mut turns = Turns::new(&server, 24);
    let (plain, refused) = off_topic(&mut turns, false);
    let (streamed, cut) = off_topic(&mut turns, true);
    println!("{plain} dialects plain, {streamed} streamed; refused with the words: {refused:?}, {cut:?}");
    assert!(plain >= 6 && streamed >= 6, "{plain} {refused:?}, {streamed} {cut:?}");
    assert_eq!(provider.seen().len(), 0, "no model was asked");
}
