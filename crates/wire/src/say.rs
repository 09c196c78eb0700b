//! Words of ours in the place of a model's: what a rule says to a caller whose request goes nowhere, as an
//! answer of the caller's own dialect.
//!
//! Amazon's raw calls are in the format of each model's maker, so that only those of Anthropic's models have
//! words here; all other dialects that words are made in do.

use crate::dialect::{ANTHROPIC, CHAT, Dialect};
use crate::doc::{Doc, quoted};
use crate::frame::{Framing as _, Sse};
use crate::translate;

/// What is said. A model that a path names stands in no body of the caller.
#[derive(Debug, Clone, Copy)]
pub struct Words<'w> {
    /// Under which the answer is known.
    pub id: &'w str,
    pub model: &'w str,
    pub text: &'w str,
}

/// An answer that comes at once. `None` where the dialect has no form for it.
pub fn whole(dialect: &Dialect, words: Words<'_>) -> Option<Vec<u8>> {
    if let Some(own) = OWN.iter().find(|own| own.dialect == dialect.name) {
        return Some((own.whole)(&Quoted::of(words)).into_bytes());
    }
    let source = chat_answer(&Quoted::of(words));
    if dialect.name == CHAT.name {
        return Some(source.into_bytes());
    }
    let doc = Doc::parse(source.as_bytes()).ok()?;
    let told = translate::answer(&CHAT, translated(dialect), &doc, words.id, words.model);
    told.ok().map(String::into_bytes)
}

/// The same as a stream.
pub fn pieces(dialect: &'static Dialect, words: Words<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    if let Some(own) = OWN.iter().find(|own| own.dialect == dialect.name) {
        for (kind, event) in (own.events)(&Quoted::of(words)) {
            out.extend(dialect.stream.framed(kind, &event)?);
        }
        return Some(with_end(dialect, out));
    }
    let events = chat_events(&Quoted::of(words));
    if dialect.name == CHAT.name {
        for event in &events {
            out.extend(CHAT.stream.framed(None, event)?);
        }
        return Some(with_end(dialect, out));
    }
    let mut translator = translate::Stream::new(&CHAT, translated(dialect), words.id, words.model).ok()?;
    for event in &events {
        out.extend(translator.event(&Doc::parse(event.as_bytes()).ok()?).ok()?);
    }
    out.extend(translator.end().ok()?);
    if translated(dialect).name == dialect.name { Some(out) } else { reframed(&out, dialect) }
}

/// The dialect whose events another one has in frames of its own.
fn translated(dialect: &Dialect) -> &'static Dialect {
    match dialect.name {
        "bedrock_anthropic" => &ANTHROPIC,
        name => crate::dialect::named(name).unwrap_or(&CHAT),
    }
}

fn reframed(events: &[u8], dialect: &Dialect) -> Option<Vec<u8>> {
    let (mut sse, mut out) = (Sse::default(), Vec::new());
    sse.push(events);
    while let Some(frame) = sse.next().ok()? {
        out.extend(dialect.stream.framed(None, std::str::from_utf8(&frame.data).ok()?)?);
    }
    Some(out)
}

fn with_end(dialect: &Dialect, mut out: Vec<u8>) -> Vec<u8> {
    if let Some(end) = dialect.ends_with {
        out.extend(format!("data: {end}\n\n").into_bytes());
    }
    out
}

/// Texts as they stand in JSON.
struct Quoted {
    id: String,
    model: String,
    text: String,
}

impl Quoted {
    fn of(words: Words<'_>) -> Self {
        Quoted { id: quoted(words.id), model: quoted(words.model), text: quoted(words.text) }
    }
}

fn chat_answer(Quoted { id, model, text }: &Quoted) -> String {
    format!(
        r#"{{"id":{id},"object":"chat.completion","created":0,"model":{model},"choices":[{{"index":0,"message":{{"role":"assistant","content":{text}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}}}"#
    )
}

fn chat_events(Quoted { id, model, text }: &Quoted) -> [String; 2] {
    let event = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":{id},"object":"chat.completion.chunk","created":0,"model":{model},"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
        )
    };
    [event(&format!(r#"{{"role":"assistant","content":{text}}}"#), "null"), event("{}", r#""stop""#)]
}

type Events = Vec<(Option<&'static str>, String)>;

/// How a dialect that nothing is translated to has an answer of one text.
struct Own {
    dialect: &'static str,
    whole: fn(&Quoted) -> String,
    /// Each with the name that its framing has for it.
    events: fn(&Quoted) -> Events,
}

const OWN: &[Own] = &[
    Own { dialect: "gemini", whole: gemini, events: |said| vec![(None, gemini(said))] },
    Own { dialect: "bedrock_converse", whole: converse, events: converse_events },
    Own { dialect: "cohere_chat", whole: cohere, events: cohere_events },
    Own {
        dialect: "ollama",
        whole: |said| ollama(said, true, &ollama_message(&said.text)),
        events: |said| {
            let event = |done, text: &str| (None, ollama(said, done, &ollama_message(text)));
            vec![event(false, &said.text), event(true, r#""""#)]
        },
    },
    Own {
        dialect: "ollama_generate",
        whole: |said| ollama(said, true, &ollama_response(&said.text)),
        events: |said| {
            let event = |done, text: &str| (None, ollama(said, done, &ollama_response(text)));
            vec![event(false, &said.text), event(true, r#""""#)]
        },
    },
    Own {
        dialect: "openai_completions",
        whole: |said| completion(said, &said.text, r#""stop""#),
        events: |said| {
            let event = |text: &str, finish| (None, completion(said, text, finish));
            vec![event(&said.text, "null"), event(r#""""#, r#""stop""#)]
        },
    },
];

fn gemini(Quoted { id, model, text }: &Quoted) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":{text}}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":0,"candidatesTokenCount":0,"totalTokenCount":0}},"modelVersion":{model},"responseId":{id}}}"#
    )
}

const NOTHING_USED: &str =
    r#""usage":{"inputTokens":0,"outputTokens":0,"totalTokens":0},"metrics":{"latencyMs":0}"#;

fn converse(Quoted { text, .. }: &Quoted) -> String {
    format!(
        r#"{{"output":{{"message":{{"role":"assistant","content":[{{"text":{text}}}]}}}},"stopReason":"end_turn",{NOTHING_USED}}}"#
    )
}

fn converse_events(Quoted { text, .. }: &Quoted) -> Events {
    let events = [
        ("messageStart", r#"{"role":"assistant"}"#.to_owned()),
        ("contentBlockDelta", format!(r#"{{"contentBlockIndex":0,"delta":{{"text":{text}}}}}"#)),
        ("contentBlockStop", r#"{"contentBlockIndex":0}"#.to_owned()),
        ("messageStop", r#"{"stopReason":"end_turn"}"#.to_owned()),
        ("metadata", format!("{{{NOTHING_USED}}}")),
    ];
    events.into_iter().map(|(kind, event)| (Some(kind), event)).collect()
}

const NO_TOKENS: &str = r#""usage":{"tokens":{"input_tokens":0,"output_tokens":0}}"#;

fn cohere(Quoted { id, text, .. }: &Quoted) -> String {
    format!(
        r#"{{"id":{id},"finish_reason":"COMPLETE","message":{{"role":"assistant","content":[{{"type":"text","text":{text}}}]}},{NO_TOKENS}}}"#
    )
}

fn cohere_events(Quoted { id, text, .. }: &Quoted) -> Events {
    let events = [
        (
            "message-start",
            format!(
                r#"{{"type":"message-start","id":{id},"delta":{{"message":{{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}}}}"#
            ),
        ),
        (
            "content-start",
            r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#
                .to_owned(),
        ),
        (
            "content-delta",
            format!(
                r#"{{"type":"content-delta","index":0,"delta":{{"message":{{"content":{{"text":{text}}}}}}}}}"#
            ),
        ),
        ("content-end", r#"{"type":"content-end","index":0}"#.to_owned()),
        (
            "message-end",
            format!(r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE",{NO_TOKENS}}}}}"#),
        ),
    ];
    events.into_iter().map(|(kind, event)| (Some(kind), event)).collect()
}

/// `said` is the member that holds the words.
fn ollama(Quoted { model, .. }: &Quoted, done: bool, said: &str) -> String {
    let end = if done { r#","done_reason":"stop","prompt_eval_count":0,"eval_count":0"# } else { "" };
    format!(r#"{{"model":{model},"created_at":"1970-01-01T00:00:00Z",{said},"done":{done}{end}}}"#)
}

fn ollama_message(text: &str) -> String {
    format!(r#""message":{{"role":"assistant","content":{text}}}"#)
}

fn ollama_response(text: &str) -> String {
    format!(r#""response":{text}"#)
}

fn completion(Quoted { id, model, .. }: &Quoted, text: &str, finish: &str) -> String {
    format!(
        r#"{{"id":{id},"object":"text_completion","created":0,"model":{model},"choices":[{{"index":0,"text":{text},"logprobs":null,"finish_reason":{finish}}}],"usage":{{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;
    use crate::endpoint::{Call, towards};
    use crate::shape::{Meaning, places};
    use crate::usage::{Ended, Tally};

    const TEXT: &str = "about \"billing\" only";

    #[test]
    fn what_is_said_is_read_as_an_answer_in_every_dialect_that_words_are_made_in() {
        let words = Words { id: "dec_1", model: "m", text: TEXT };
        let mut without = Vec::new();
        for dialect in dialect::ALL.iter().copied() {
            if towards(dialect, Call::Generate, false).is_none() {
                continue;
            }
            let Some(said) = whole(dialect, words) else {
                assert_eq!(pieces(dialect, words), None, "{}", dialect.name);
                without.push(dialect.name);
                continue;
            };
            let doc = Doc::parse(&said).unwrap();
            let mut read = String::new();
            places(doc.root(), &dialect.answer, &mut |place| {
                assert_ne!(place.meaning, Meaning::Unknown, "{}: {}", dialect.name, doc.source());
                if place.meaning == Meaning::Text {
                    read.push_str(&place.value.text().unwrap());
                }
            });
            assert_eq!(read, TEXT, "{}", dialect.name);
            let ended = Tally::of(dialect, doc.root()).ended();
            assert!(matches!(ended, Some(Ended::Stop)), "{}: {ended:?}", dialect.name);

            let streamed = pieces(dialect, words).unwrap();
            let mut reader = crate::stream::Reader::new(dialect);
            reader.push(&streamed);
            while reader.step().unwrap().is_some() {}
            let text: String = reader.texts().map(|(_, text)| text).collect();
            assert_eq!(text, TEXT, "{}", dialect.name);
        }
        assert_eq!(without, ["bedrock_invoke"], "the format of each model's maker");
    }
}
