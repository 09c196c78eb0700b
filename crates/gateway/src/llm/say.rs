//! Words of ours in the place of a model's: what a rule says to a caller whose request goes nowhere,
//! as an answer of the caller's own dialect.

use action::Name;
use wire::dialect::{self, Dialect};
use wire::doc::{Doc, quoted};
use wire::translate;

/// An answer that comes at once. `None` where the dialect is one that nothing is translated to.
pub fn whole(dialect: &Dialect, id: &Name, model: &str, text: &str) -> Option<Vec<u8>> {
    let chat = dialect::named("openai_chat")?;
    let said = format!(
        r#"{{"id":{},"object":"chat.completion","created":0,"model":{},"choices":[{{"index":0,"message":{{"role":"assistant","content":{}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}}}"#,
        quoted(id.as_str()),
        quoted(model),
        quoted(text)
    );
    if dialect.name == chat.name {
        return Some(said.into_bytes());
    }
    let doc = Doc::parse(said.as_bytes()).ok()?;
    translate::answer(chat, dialect, &doc, id.as_str(), model).ok().map(String::into_bytes)
}

/// The same as a stream.
pub fn pieces(dialect: &'static Dialect, id: &Name, model: &str, text: &str) -> Option<Vec<u8>> {
    let chat = dialect::named("openai_chat")?;
    let (id_said, model_said) = (quoted(id.as_str()), quoted(model));
    let event = |delta: &str, finish: &str| {
        format!(
            r#"{{"id":{id_said},"object":"chat.completion.chunk","created":0,"model":{model_said},"choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
        )
    };
    let words = format!(r#"{{"role":"assistant","content":{}}}"#, quoted(text));
    let events = [event(&words, "null"), event("{}", r#""stop""#)];
    let mut out = Vec::new();
    if dialect.name == chat.name {
        for event in &events {
            out.extend(chat.stream.framed(None, event)?);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        return Some(out);
    }
    let mut translator = translate::Stream::new(chat, dialect, id.as_str(), model).ok()?;
    for event in &events {
        out.extend(translator.event(&Doc::parse(event.as_bytes()).ok()?).ok()?);
    }
    out.extend(translator.end().ok()?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_as_an_answer_in_every_dialect_that_can_be_told() {
        let id = Name::new("dec_1").unwrap();
        let mut told = 0;
        for dialect in dialect::ALL.iter().copied() {
            let Some(said) = whole(dialect, &id, "m", "about \"billing\" only") else { continue };
            let doc = Doc::parse(&said).unwrap();
            assert!(doc.source().contains(r#"about \"billing\" only"#), "{}", dialect.name);
            let streamed = pieces(dialect, &id, "m", "about \"billing\" only").unwrap();
            let mut reader = wire::stream::Reader::new(dialect);
            reader.push(&streamed);
            while reader.step().unwrap().is_some() {}
            let text: String = reader.texts().map(|(_, text)| text).collect();
            assert_eq!(text, "about \"billing\" only", "{}", dialect.name);
            told += 1;
        }
        assert!(told >= 3, "only {told} dialects");
    }
}
