//! What an answer took and how it ended, told at once and piece by piece.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use wire::dialect::{self, ALL};
use wire::doc::Doc;
use wire::usage::{Ended, Tally};

fn tally(dialect: &str, events: &[&str]) -> Tally {
    let dialect = dialect::named(dialect).unwrap_or_else(|| panic!("no dialect is called {dialect}"));
    let mut tally = Tally::default();
    for event in events {
        let doc = Doc::parse(event.as_bytes()).unwrap_or_else(|fault| panic!("{fault}: {event}"));
        tally.merge(Tally::of(dialect, doc.root()));
    }
    tally
}

/// dialect, events (one for a whole answer), input, output, cached, reasoning, end
type Case = (
    &'static str,
    &'static [&'static str],
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<u64>,
    Option<Ended>,
);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("openai_chat", &[r#"{"choices":[{"message":{"content":"x","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":40}}}"#],
        Some(100), Some(50), Some(64), Some(40), Some(Ended::Stop)),
    ("openai_chat", &[r#"{"choices":[{"delta":{"refusal":"I "},"finish_reason":null}],"usage":null}"#, r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, r#"{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}"#],
        Some(7), Some(3), None, None, Some(Ended::Refusal)),
    ("openai_chat", &[r#"{"choices":[{"message":{"tool_calls":[{"id":"1"}]},"finish_reason":"stop"}]}"#],
        None, None, None, None, Some(Ended::ToolCalls)),
    ("openai_chat", &[r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]},"finish_reason":null}]}"#],
        None, None, None, None, None),
    ("openai_chat", &[r#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"}]}"#],
        None, None, None, None, Some(Ended::Filtered)),
    ("openai_chat", &[r#"{"choices":[{"finish_reason":"never heard of"}]}"#],
        None, None, None, None, Some(Ended::Other)),
    ("openai_chat", &[r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":4,"completion_tokens":2}}}"#],
        Some(4), Some(2), None, None, None),
    ("openai_responses", &[r#"{"type":"response.created","response":{"status":"in_progress","usage":null,"output":[]}}"#, r#"{"type":"response.completed","response":{"status":"completed","incomplete_details":null,"output":[{"type":"function_call","call_id":"c"}],"usage":{"input_tokens":10,"output_tokens":4,"input_tokens_details":{"cached_tokens":2},"output_tokens_details":{"reasoning_tokens":1}}}}"#],
        Some(10), Some(4), Some(2), Some(1), Some(Ended::ToolCalls)),
    ("openai_responses", &[r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],"usage":{"input_tokens":10,"output_tokens":4}}"#],
        Some(10), Some(4), None, None, Some(Ended::Length)),
    ("openai_responses", &[r#"{"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}"#],
        None, None, None, None, Some(Ended::Refusal)),
    ("openai_responses", &[r#"{"response":{"status":"failed","error":{"code":"x"}}}"#],
        None, None, None, None, Some(Ended::Other)),
    ("anthropic_messages", &[r#"{"type":"message_start","message":{"stop_reason":null,"usage":{"input_tokens":10,"cache_read_input_tokens":200,"cache_creation_input_tokens":30,"output_tokens":1}}}"#, r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":25}}"#],
        Some(240), Some(25), Some(200), None, Some(Ended::ToolCalls)),
    ("anthropic_messages", &[r#"{"message":{"usage":{"input_tokens":0,"output_tokens":0}}}"#, r#"{"delta":{"stop_reason":"refusal"},"usage":{"input_tokens":12,"output_tokens":3}}"#],
        Some(12), Some(3), None, None, Some(Ended::Refusal)),
    ("anthropic_messages", &[r#"{"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":2}}"#],
        Some(1), Some(2), None, None, Some(Ended::Length)),
    ("gemini", &[r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"pay"}}]}}],"usageMetadata":{"promptTokenCount":9}}"#, r#"{"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"toolUsePromptTokenCount":6,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":70}}"#],
        Some(15), Some(75), Some(4), Some(70), Some(Ended::ToolCalls)),
    ("gemini", &[r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9}}"#],
        Some(9), None, None, None, Some(Ended::Filtered)),
    ("bedrock_converse", &[r#"{"stopReason":"guardrail_intervened"}"#, r#"{"usage":{"inputTokens":9,"outputTokens":5,"cacheReadInputTokens":3,"cacheWriteInputTokens":1}}"#],
        Some(13), Some(5), Some(3), None, Some(Ended::Filtered)),
    ("cohere_chat", &[r#"{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":9,"output_tokens":5}}}}"#],
        Some(9), Some(5), None, None, Some(Ended::Length)),
    ("ollama", &[r#"{"message":{"content":"","tool_calls":[{"function":{"name":"pay"}}]},"done":false}"#, r#"{"done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":5}"#],
        Some(9), Some(5), None, None, Some(Ended::ToolCalls)),
    ("bedrock_anthropic", &[r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}"#, r#"{"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":25}}"#],
        Some(10), Some(25), None, None, Some(Ended::Stop)),
    ("openai_completions", &[r#"{"choices":[{"text":"x","finish_reason":"length"}],"usage":{"prompt_tokens":4,"completion_tokens":2}}"#],
        Some(4), Some(2), None, None, Some(Ended::Length)),
    ("ollama_generate", &[r#"{"response":"x","done":true,"done_reason":"stop","prompt_eval_count":9,"eval_count":5}"#],
        Some(9), Some(5), None, None, Some(Ended::Stop)),
    ("openai_embeddings", &[r#"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#], Some(8), None, None, None, None),
];

#[test]
fn counts_and_ends_are_read_in_each_dialect() {
    for (dialect, events, input, output, cached, reasoning, ended) in CASES {
        let tally = tally(dialect, events);
        let told = (tally.input(), tally.output(), tally.cached(), tally.reasoning(), tally.ended());
        assert_eq!(told, (*input, *output, *cached, *reasoning, *ended), "{dialect}: {events:?}");
    }
}

#[test]
fn the_order_of_the_parts_does_not_matter() {
    for (dialect, events, ..) in CASES {
        let backwards: Vec<&str> = events.iter().rev().copied().collect();
        assert_eq!(tally(dialect, events), tally(dialect, &backwards), "{dialect}");
    }
}

#[test]
fn every_dialect_of_a_model_tells_in_its_fixtures() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for dialect in ALL.iter().filter(|dialect| !dialect.tells.counts.is_empty()) {
        let answer = std::fs::read_to_string(root.join(dialect.name).join("answer.json")).unwrap();
        let tally = tally(dialect.name, &[&answer]);
        assert!(tally.input().is_some() || tally.output().is_some(), "{}", dialect.name);
        assert!(tally.ended().is_some() || dialect.tells.ends.is_empty(), "{}", dialect.name);
    }
}

#[test]
fn numbers_that_are_none_are_not_counted() {
    let told = tally("openai_chat", &[r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"7"}}"#]);
    assert_eq!((told.input(), told.output(), told.ended()), (None, None, None));
}
