//! Answers that hold no words of a model: vectors, counts, lists.

use serde_json::{Value, json};
use wire::dialect::{Dialect, Family};
use wire::doc::Doc;
use wire::shape::{Meaning, Speaker, places};

use super::answer::MODEL;

/// What each text becomes.
const VECTOR: [f32; 4] = [0.5, -0.25, 0.125, 1.0];

pub fn models(dialect: &Dialect, one: Option<&str>) -> Vec<u8> {
    let model = one.unwrap_or(MODEL);
    let listed = match dialect.family {
        Family::Google => json!({ "name": format!("models/{model}"), "version": "1", "displayName": model,
            "inputTokenLimit": 8192, "outputTokenLimit": 8192,
            "supportedGenerationMethods": ["generateContent", "countTokens"] }),
        Family::Ollama => json!({ "name": model, "model": model, "modified_at": "2026-01-01T00:00:00Z",
            "size": 0, "digest": "00", "details": { "format": "gguf", "family": model } }),
        Family::OpenAi | Family::Anthropic | Family::Amazon | Family::Cohere | Family::Mcp => {
            json!({ "id": model, "object": "model", "created": 0, "owned_by": "checkrein" })
        }
    };
    let body = match (dialect.family, one) {
        (_, Some(_)) => listed,
        (Family::Google | Family::Ollama, None) => json!({ "models": [listed] }),
        (_, None) => json!({ "object": "list", "data": [listed] }),
    };
    written(&body)
}

pub fn embedded(dialect: &Dialect, request: &Doc<'_>) -> Vec<u8> {
    let said = said(dialect, request);
    let vectors: Vec<Value> = said.iter().map(|_| json!(VECTOR)).collect();
    let several = request.root().get("requests").is_some();
    let body = match dialect.family {
        Family::Google if several => {
            json!({ "embeddings": vectors.iter().map(|values| json!({ "values": values })).collect::<Vec<_>>() })
        }
        Family::Google => json!({ "embedding": { "values": VECTOR } }),
        Family::Cohere => json!({ "id": "mock", "response_type": "embeddings_by_type", "texts": said,
            "embeddings": { "float": vectors }, "meta": { "billed_units": { "input_tokens": 10 } } }),
        Family::Ollama if request.root().get("prompt").is_some() => json!({ "embedding": VECTOR }),
        Family::Ollama => json!({ "model": MODEL, "embeddings": vectors, "prompt_eval_count": 10 }),
        Family::OpenAi | Family::Anthropic | Family::Amazon | Family::Mcp => {
            let data: Vec<Value> = (0..)
                .zip(vectors)
                .map(|(index, vector): (u32, Value)| json!({ "object": "embedding", "index": index, "embedding": vector }))
                .collect();
            json!({ "object": "list", "data": data, "model": MODEL,
                "usage": { "prompt_tokens": 10, "total_tokens": 10 } })
        }
    };
    written(&body)
}

/// About as many tokens as there are four bytes of text.
pub fn counted(dialect: &Dialect, request: &Doc<'_>) -> Vec<u8> {
    let bytes: usize = said(dialect, request).iter().map(String::len).sum();
    let tokens = bytes.div_ceil(4);
    written(&match dialect.family {
        Family::Google => json!({ "totalTokens": tokens }),
        Family::Amazon => json!({ "inputTokens": tokens }),
        Family::OpenAi | Family::Anthropic | Family::Cohere | Family::Ollama | Family::Mcp => {
            json!({ "input_tokens": tokens })
        }
    })
}

fn said(dialect: &Dialect, request: &Doc<'_>) -> Vec<String> {
    let mut said = Vec::new();
    places(request.root(), &dialect.request, &mut |place| {
        if matches!(place.meaning, Meaning::Text | Meaning::Media) && place.speaker != Speaker::Nobody {
            said.push(place.value.text().unwrap_or_else(|| place.value.raw().into()).into_owned());
        }
    });
    said
}

fn written(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use wire::dialect::ALL;
    use wire::endpoint::{Call, towards};

    use super::*;

    /// Nothing in these answers is unknown to the product's own reader of the dialect.
    #[test]
    fn what_holds_no_words_is_read_in_its_dialect() {
        let request = Doc::parse(br#"{"input":["a","b"],"texts":["a","b"]}"#).unwrap();
        for dialect in ALL {
            let answers = [
                (Call::Models, models(dialect, None)),
                (Call::Models, models(dialect, Some("one"))),
                (Call::Embed, embedded(dialect, &request)),
                (Call::Count, counted(dialect, &request)),
            ];
            for (call, answer) in answers {
                let one_of_them = call == Call::Models && answer == models(dialect, Some("one"));
                // Ollama has no path that tells of one model.
                if towards(dialect, call, false).is_none() || one_of_them && dialect.name == "ollama_models" {
                    continue;
                }
                let doc = Doc::parse(&answer).unwrap();
                places(doc.root(), &dialect.answer, &mut |place| {
                    assert_ne!(place.meaning, Meaning::Unknown, "{}: {}", dialect.name, doc.source());
                });
            }
        }
    }
}
