//! One message of the protocol: what it is and whom it answers.

use std::borrow::Cow;

use wire::doc::{Doc, Kind, Value};

/// Messages of one body, as older clients send several; a body with more is refused.
pub const MAX_MESSAGES: usize = 64;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Request,
    Notification,
    /// A result or an error.
    Answer,
    /// Nothing that the protocol knows.
    Unreadable,
}

/// One message, where it stands in its body.
#[derive(Debug, Clone)]
pub struct Message<'d> {
    pub what: What,
    pub value: Value<'d>,
    /// The id as it was written.
    pub id: Option<&'d str>,
    pub method: Cow<'d, str>,
}

impl<'d> Message<'d> {
    pub fn of(value: Value<'d>) -> Self {
        let id = value.get("id").filter(|id| matches!(id.kind(), Kind::Text | Kind::Number)).map(Value::raw);
        let method = value.get("method").and_then(Value::text);
        let (result, error) = (value.get("result").is_some(), value.get("error").is_some());
        let answers = result != error;
        // A request with an outcome of either kind, or of both, is none.
        let asks = !result && !error;
        // An id of another kind answers nobody and is answered by nobody.
        let odd = id.is_none() && value.get("id").is_some_and(|id| id.kind() != Kind::Null);
        let what = match (&method, id) {
            _ if value.kind() != Kind::Object || odd || !is_known(value) => What::Unreadable,
            // What acts is a request: a call that nobody answers is none.
            (Some(method), None) if !method.starts_with("notifications/") => What::Unreadable,
            (Some(_), Some(_)) if asks => What::Request,
            (Some(_), None) if asks => What::Notification,
            // An error that answers nobody in particular has no id.
            (None, Some(_)) if answers => What::Answer,
            (None, None) if error && !result => What::Answer,
            (Some(_) | None, Some(_) | None) => What::Unreadable,
        };
        Message { what, value, id, method: method.unwrap_or_default() }
    }

    pub fn params(&self) -> Option<Value<'d>> {
        self.value.get("params")
    }

    /// A text among the parameters.
    pub fn param(&self, key: &str) -> Option<Cow<'d, str>> {
        self.params()?.get(key)?.text()
    }

    /// The result or the error.
    pub fn outcome(&self) -> Option<Value<'d>> {
        self.value.get("result").or_else(|| self.value.get("error"))
    }
}

/// Whether a message has no parts but those of the protocol. Another one would go past whoever judges
/// the known ones.
fn is_known(value: Value<'_>) -> bool {
    const KNOWN: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];
    value.entries().all(|(key, _)| KNOWN.iter().any(|known| key.is_text(known)))
}

/// The messages of a body: one, or a list of them.
pub fn messages<'d>(doc: &'d Doc<'d>) -> Vec<Message<'d>> {
    match doc.root().kind() {
        Kind::List => doc.root().items().map(Message::of).collect(),
        Kind::Null | Kind::Bool | Kind::Number | Kind::Text | Kind::Object => vec![Message::of(doc.root())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_is_follows_from_its_parts() {
        for (text, what) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, What::Request),
            (r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#, What::Request),
            (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, What::Notification),
            (r#"{"jsonrpc":"2.0","id":null,"method":"notifications/x"}"#, What::Notification),
            (r#"{"jsonrpc":"2.0","method":"tools/call"}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","more":"text"}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, What::Answer),
            (r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, What::Answer),
            (r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, What::Answer),
            (r#"{"jsonrpc":"2.0","id":1,"error":{},"result":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","result":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","result":{},"error":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","method":"notifications/x","result":{},"error":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","result":{},"error":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","id":[1],"result":{}}"#, What::Unreadable),
            (r#"{"jsonrpc":"2.0","result":{}}"#, What::Unreadable),
            (r#""text""#, What::Unreadable),
        ] {
            let doc = Doc::parse(text.as_bytes()).unwrap();
            assert_eq!(Message::of(doc.root()).what, what, "{text}");
        }
    }
}
