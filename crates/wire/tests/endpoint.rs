//! Which path is which call: every provider's own, and nothing that only looks like one.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it does not expect")]

use proptest::prelude::*;
use wire::doc::Doc;
use wire::endpoint::{Call, ENDPOINTS, MAX_MODEL, Streams, endpoint, streams, towards};

/// method, path, dialect, call, streams, model, root
type Row = (&'static str, &'static str, &'static str, Call, Streams, Option<&'static str>, &'static str);

use Call::{Count, Embed, Generate, Models};
use Streams::{Always, Never, UnlessToldNot, WhenAsked};

#[rustfmt::skip]
const KNOWN: &[Row] = &[
    ("POST", "/v1/chat/completions",                     "openai_chat", Generate, WhenAsked, None, "/v1"),
    ("POST", "/openai/v1/chat/completions",              "openai_chat", Generate, WhenAsked, None, "/openai/v1"),
    ("POST", "/api/v1/chat/completions",                 "openai_chat", Generate, WhenAsked, None, "/api/v1"),
    ("POST", "/inference/v1/chat/completions",           "openai_chat", Generate, WhenAsked, None, "/inference/v1"),
    ("POST", "/v1beta/openai/chat/completions",          "openai_chat", Generate, WhenAsked, None, "/v1beta/openai"),
    ("POST", "/chat/completions",                        "openai_chat", Generate, WhenAsked, None, ""),
    ("POST", "/openai/deployments/gpt-4o/chat/completions", "openai_chat", Generate, WhenAsked, Some("gpt-4o"), "/openai"),
    ("POST", "/v1/responses",                            "openai_responses", Generate, WhenAsked, None, "/v1"),
    ("POST", "/openai/responses",                        "openai_responses", Generate, WhenAsked, None, "/openai"),
    ("POST", "/v1/messages",                             "anthropic_messages", Generate, WhenAsked, None, "/v1"),
    ("POST", "/anthropic/v1/messages",                   "anthropic_messages", Generate, WhenAsked, None, "/anthropic/v1"),
    ("POST", "/v1beta/models/gemini-2.5-pro:generateContent", "gemini", Generate, Never, Some("gemini-2.5-pro"), "/v1beta"),
    ("POST", "/v1/models/gemini-2.5-pro:streamGenerateContent", "gemini", Generate, Always, Some("gemini-2.5-pro"), "/v1"),
    ("POST", "/v1beta/tunedModels/mine:generateContent", "gemini", Generate, Never, Some("mine"), "/v1beta"),
    ("POST", "/model/anthropic.claude-3-sonnet-20240229-v1:0/converse", "bedrock_converse", Generate, Never, Some("anthropic.claude-3-sonnet-20240229-v1:0"), ""),
    ("POST", "/model/amazon.nova-lite-v1%3A0/converse-stream", "bedrock_converse", Generate, Always, Some("amazon.nova-lite-v1:0"), ""),
    ("POST", "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.amazon.nova-pro-v1%3A0/converse", "bedrock_converse", Generate, Never, Some("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"), ""),
    ("POST", "/model/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0/converse", "bedrock_converse", Generate, Never, Some("arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0"), ""),
    ("POST", "/v2/chat",                                 "cohere_chat", Generate, WhenAsked, None, ""),
    ("POST", "/api/chat",                                "ollama", Generate, UnlessToldNot, None, ""),
    ("POST", "/api/generate",                            "ollama_generate", Generate, UnlessToldNot, None, ""),
    ("POST", "/v1/completions",                          "openai_completions", Generate, WhenAsked, None, "/v1"),
    ("POST", "/openai/deployments/old/completions",      "openai_completions", Generate, WhenAsked, Some("old"), "/openai"),
    ("POST", "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke", "bedrock_anthropic", Generate, Never, Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ""),
    ("POST", "/model/anthropic.claude-3-haiku-20240307-v1:0/invoke-with-response-stream", "bedrock_anthropic", Generate, Always, Some("anthropic.claude-3-haiku-20240307-v1:0"), ""),
    ("POST", "/model/amazon.titan-text-express-v1/invoke", "bedrock_invoke", Generate, Never, Some("amazon.titan-text-express-v1"), ""),
    ("POST", "/model/meta.llama3-8b-instruct-v1:0/invoke-with-response-stream", "bedrock_invoke", Generate, Always, Some("meta.llama3-8b-instruct-v1:0"), ""),
    ("POST", "/v1/embeddings",                           "openai_embeddings", Embed, Never, None, "/v1"),
    ("POST", "/openai/deployments/ada/embeddings",       "openai_embeddings", Embed, Never, Some("ada"), "/openai"),
    ("POST", "/v1beta/models/gemini-embedding-001:batchEmbedContents", "gemini_embeddings", Embed, Never, Some("gemini-embedding-001"), "/v1beta"),
    ("POST", "/v2/embed",                                "cohere_embeddings", Embed, Never, None, ""),
    ("POST", "/api/embed",                               "ollama_embeddings", Embed, Never, None, ""),
    ("POST", "/v1/messages/count_tokens",                "anthropic_count_tokens", Count, Never, None, "/v1"),
    ("POST", "/v1beta/models/gemini-3-flash:countTokens", "gemini_count_tokens", Count, Never, Some("gemini-3-flash"), "/v1beta"),
    ("POST", "/model/amazon.nova-lite-v1:0/count-tokens", "bedrock_count_tokens", Count, Never, Some("amazon.nova-lite-v1:0"), ""),
    ("GET",  "/v1/models",                               "openai_models", Models, Never, None, "/v1"),
    ("GET",  "/v1/models/Qwen/Qwen3-8B",                 "openai_models", Models, Never, Some("Qwen/Qwen3-8B"), "/v1"),
    ("GET",  "/v1beta/models",                           "gemini_models", Models, Never, None, "/v1beta"),
    ("GET",  "/v1beta/models/gemini-3-flash",            "gemini_models", Models, Never, Some("gemini-3-flash"), "/v1beta"),
    ("GET",  "/api/tags",                                "ollama_models", Models, Never, None, ""),
];

#[test]
fn each_path_of_a_provider_is_its_call() {
    for (method, path, dialect, call, streams, model, root) in KNOWN {
        let found = endpoint(method, path).unwrap_or_else(|| panic!("{path} is no endpoint"));
        let told = (found.endpoint.dialect.name, found.endpoint.call, found.endpoint.streams);
        assert_eq!(told, (*dialect, *call, *streams), "{path}");
        assert_eq!((found.model.as_deref(), found.root), (*model, *root), "{path}");
        assert_eq!(format!("{}{}", found.root, found.tail), *path);
    }
}

#[test]
fn what_only_looks_like_an_endpoint_is_none() {
    let long = format!("/model/{}/converse", "m".repeat(MAX_MODEL + 1));
    for path in [
        "",
        "/",
        "v1/chat/completions",
        "/v1/chat/completions/",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/./chat/completions",
        "/v1/Chat/completions",
        "/v1/chat/completions?x=1",
        "/v1/fine_tuning/jobs",
        "/v1beta/models/:generateContent",
        "/v1beta/models/x:deleteEverything",
        "/v1beta/models/x%:generateContent",
        "/v1beta/models/x%+1:generateContent",
        "/v1beta/models/%ff:generateContent",
        "/v1beta/models/a%00b:generateContent",
        "/v1beta/models/a%3Fb:generateContent",
        "/model/../converse",
        "/model/a%2F..%2Fb/converse",
        "/model/a//converse",
        "/model//converse",
        "/openai/deployments//chat/completions",
        &long,
    ] {
        assert!(endpoint("POST", path).is_none(), "{path}");
    }
    assert!(endpoint("GET", "/v1/chat/completions").is_none());
    assert!(endpoint("post", "/v1/chat/completions").is_none());
}

#[test]
fn whether_an_answer_streams_is_said_by_the_path_or_by_the_body() {
    let asked = |path: &str, body: &str| {
        streams(&endpoint("POST", path).unwrap(), &Doc::parse(body.as_bytes()).unwrap())
    };
    for (path, absent, told, told_not) in [
        ("/v1/messages", false, true, false),
        ("/api/chat", true, true, false),
        ("/model/m/converse", false, false, false),
        ("/model/m/converse-stream", true, true, true),
    ] {
        assert_eq!(asked(path, "{}"), absent, "{path}");
        assert_eq!(asked(path, r#"{"stream":null}"#), absent, "{path}");
        assert_eq!(asked(path, r#"{"stream":true}"#), told, "{path}");
        assert_eq!(asked(path, r#"{"stream":false}"#), told_not, "{path}");
    }
}

#[test]
fn no_row_is_hidden_by_one_above_it() {
    for row in ENDPOINTS {
        let model = row.only.map_or_else(|| "a/b".to_owned(), |only| format!("a/{only}b"));
        for root in row.roots {
            let path = format!("{root}{}", row.tail(&model));
            let found = endpoint(row.method, &path).unwrap_or_else(|| panic!("{path} is not found"));
            assert_eq!(
                (found.endpoint.dialect.name, found.endpoint.call, found.endpoint.streams),
                (row.dialect.name, row.call, row.streams),
                "{path}"
            );
        }
    }
}

#[test]
fn every_dialect_is_reached_with_and_without_a_stream() {
    for row in ENDPOINTS.iter().filter(|row| row.call == Generate) {
        for stream in [false, true] {
            assert!(towards(row.dialect, Generate, stream).is_some(), "{}", row.dialect.name);
        }
    }
}

proptest! {
    #[test]
    fn no_path_is_too_strange(method in "[A-Z]{0,5}|POST|GET", path in "(/|v1|model|models|%[0-9a-f]{0,2}|:|converse|\\PC|[.]{1,3}|\n){0,12}") {
        if let Some(found) = endpoint(&method, &path) {
            prop_assert_eq!(format!("{}{}", found.root, found.tail), path);
        }
    }

    #[test]
    fn a_model_in_a_path_is_read_as_it_was_written(number in 0..ENDPOINTS.len(), model in "[a-z0-9:.@ é_-]{1,20}(/[a-z0-9:é_-]{1,9}){0,2}") {
        prop_assume!(!model.split('/').any(|step| matches!(step, "." | "..")));
        let row = ENDPOINTS.get(number).unwrap();
        let model = row.only.map_or_else(|| model.clone(), |only| format!("{only}{model}"));
        let path = format!("{}{}", row.roots.first().unwrap(), row.tail(&model));
        let found = endpoint(row.method, &path).unwrap();
        prop_assert_eq!(found.model.as_deref(), row.after.map(|_| model.as_str()));
    }
}
