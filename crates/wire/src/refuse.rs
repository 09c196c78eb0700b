//! Refusals in each dialect's own words.
//!
//! Official clients turn these into their normal error types, so that an agent falls back as it would
//! for any other refusal of its provider. No refusal repeats anything of what was refused.

use crate::dialect::{Dialect, Family, Stream};
use crate::doc::quoted;
use crate::frame::encode_aws;

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is not allowed.
    Refused,
    /// The caller is not known.
    Stranger,
    /// The request cannot be read.
    Unreadable,
    /// A budget is spent, or calls come too fast.
    TooMuch,
    /// No decision, or no provider, can be had.
    Unavailable,
}

/// What is told.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'r> {
    pub why: Why,
    /// A stable word for programs.
    pub code: &'r str,
    /// A sentence that is safe to show to anybody.
    pub message: &'r str,
    /// By which the decision is found.
    pub receipt: &'r str,
}

/// An answer in place of the provider's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// How each family calls a reason.
struct Words {
    status: u16,
    openai: &'static str,
    anthropic: &'static str,
    google: &'static str,
    amazon: &'static str,
    json_rpc: i32,
}

#[rustfmt::skip]
const fn words(why: Why) -> Words {
    match why {
        Why::Refused     => Words { status: 403, openai: "permission_error",      anthropic: "permission_error",      google: "PERMISSION_DENIED",  amazon: "AccessDeniedException",       json_rpc: -32_003 },
        Why::Stranger    => Words { status: 401, openai: "authentication_error",  anthropic: "authentication_error",  google: "UNAUTHENTICATED",    amazon: "UnrecognizedClientException", json_rpc: -32_001 },
        Why::Unreadable  => Words { status: 400, openai: "invalid_request_error", anthropic: "invalid_request_error", google: "INVALID_ARGUMENT",   amazon: "ValidationException",         json_rpc: -32_600 },
        Why::TooMuch     => Words { status: 429, openai: "rate_limit_error",      anthropic: "rate_limit_error",      google: "RESOURCE_EXHAUSTED", amazon: "ThrottlingException",         json_rpc: -32_029 },
        Why::Unavailable => Words { status: 503, openai: "server_error",          anthropic: "api_error",             google: "UNAVAILABLE",        amazon: "ServiceUnavailableException", json_rpc: -32_000 },
    }
}

/// The answer to a request that is refused before anything was sent. `id` is the request's own, as
/// it was written, where the dialect has one.
pub fn answer(dialect: &Dialect, refusal: Refusal<'_>, id: Option<&str>) -> Answer {
    let words = words(refusal.why);
    let mut headers = vec![("content-type", "application/json".to_owned())];
    if dialect.family == Family::Amazon {
        headers.push(("x-amzn-errortype", words.amazon.to_owned()));
    }
    // A refusal in this protocol is an answer like any other, to which the transport says yes.
    let status = if dialect.family == Family::Mcp { 200 } else { words.status };
    Answer { status, headers, body: body(dialect.family, refusal, id).into_bytes() }
}

/// The last event of a stream that is cut. What came before it stays with the client.
pub fn event(dialect: &Dialect, refusal: Refusal<'_>, id: Option<&str>) -> Vec<u8> {
    let body = match dialect.family {
        Family::Cohere => end(refusal),
        family => body(family, refusal, id),
    };
    match dialect.stream {
        Stream::Events if dialect.family == Family::Anthropic => {
            format!("event: error\ndata: {body}\n\n").into_bytes()
        }
        Stream::Events if dialect.family == Family::Cohere => {
            format!("event: message-end\ndata: {body}\n\n").into_bytes()
        }
        Stream::Events => format!("data: {body}\n\n").into_bytes(),
        Stream::Lines => format!("{body}\n").into_bytes(),
        Stream::Aws | Stream::AwsChunks => {
            let headers = [
                (":exception-type", exception(refusal.why)),
                (":content-type", "application/json"),
                (":message-type", "exception"),
            ];
            // Only a message of megabytes would not fit.
            encode_aws(&headers, body.as_bytes()).unwrap_or_default()
        }
    }
}

/// Whether clients of this dialect take no event for an error, so that a stream that ended like any other
/// would be a good answer to them. Then the connection has to break after [`event`].
pub const fn must_break(dialect: &Dialect) -> bool {
    matches!(dialect.family, Family::Cohere)
}

/// The end of an answer that failed, which is all that this family has for it.
fn end(refusal: Refusal<'_>) -> String {
    let (message, code, receipt) = (quoted(refusal.message), quoted(refusal.code), quoted(refusal.receipt));
    format!(
        r#"{{"type":"message-end","id":{receipt},"code":{code},"delta":{{"error":{message},"finish_reason":"ERROR"}}}}"#
    )
}

fn body(family: Family, refusal: Refusal<'_>, id: Option<&str>) -> String {
    let words = words(refusal.why);
    let (message, code, receipt) = (quoted(refusal.message), quoted(refusal.code), quoted(refusal.receipt));
    match family {
        Family::OpenAi => format!(
            r#"{{"error":{{"message":{message},"type":"{}","param":null,"code":{code},"receipt":{receipt}}}}}"#,
            words.openai
        ),
        Family::Anthropic => format!(
            r#"{{"type":"error","error":{{"type":"{}","message":{message}}},"request_id":{receipt}}}"#,
            words.anthropic
        ),
        Family::Google => format!(
            r#"{{"error":{{"code":{},"message":{message},"status":"{}","details":[{{"reason":{code},"receipt":{receipt}}}]}}}}"#,
            words.status, words.google
        ),
        Family::Amazon => format!(r#"{{"message":{message},"code":{code},"receipt":{receipt}}}"#),
        Family::Cohere => format!(r#"{{"message":{message},"code":{code},"id":{receipt}}}"#),
        Family::Ollama => format!(r#"{{"error":{message},"code":{code},"receipt":{receipt}}}"#),
        Family::Mcp => json_rpc(refusal, words.json_rpc, id),
    }
}

/// An error as JSON-RPC has it. Protocols over it differ in which numbers mean something of their own.
pub fn json_rpc(refusal: Refusal<'_>, number: i32, id: Option<&str>) -> String {
    let (message, code, receipt) = (quoted(refusal.message), quoted(refusal.code), quoted(refusal.receipt));
    let id = id.unwrap_or("null");
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{number},"message":{message},"data":{{"code":{code},"receipt":{receipt}}}}}}}"#
    )
}

/// The numbers of MCP's errors.
pub const fn number_in_mcp(why: Why) -> i32 {
    words(why).json_rpc
}

/// The numbers of errors between agents. Those of MCP mean something else there: -32003 that nobody is
/// called back, -32001 that a task is unknown.
pub const fn number_in_a2a(why: Why) -> i32 {
    match why {
        Why::Refused => -31_003,
        Why::Stranger => -31_001,
        Why::Unreadable => words(why).json_rpc,
        Why::TooMuch => -31_029,
        Why::Unavailable => -31_000,
    }
}

/// The exceptions that a stream of events can hold are fewer than those of an answer.
const fn exception(why: Why) -> &'static str {
    match why {
        Why::Refused | Why::Stranger | Why::Unreadable => "validationException",
        Why::TooMuch => "throttlingException",
        Why::Unavailable => "serviceUnavailableException",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::ALL;
    use crate::doc::Doc;
    use crate::stream::{Reader, Reading};

    const REASONS: [Why; 5] = [Why::Refused, Why::Stranger, Why::Unreadable, Why::TooMuch, Why::Unavailable];

    fn refusal(why: Why) -> Refusal<'static> {
        Refusal { why, code: "refused", message: "the action cannot be \"completed\"", receipt: "dec_1" }
    }

    #[test]
    fn every_refusal_is_a_body_of_its_dialect_that_says_so_and_no_more() {
        for dialect in ALL {
            for why in REASONS {
                let told = answer(dialect, refusal(why), Some("7"));
                let doc = Doc::parse(&told.body).unwrap();
                assert!(doc.source().contains(r#"the action cannot be \"completed\""#), "{}", dialect.name);
                assert!(doc.source().contains("dec_1"), "{}: the receipt is there", dialect.name);
                assert!(told.status >= 400 || dialect.family == Family::Mcp, "{}", dialect.name);
            }
        }
    }

    #[test]
    fn a_cut_stream_ends_with_an_event_that_its_own_reader_reads() {
        for dialect in ALL {
            let mut reader = Reader::new(dialect);
            reader.push(&event(dialect, refusal(Why::Refused), None));
            let step = reader.step().unwrap().unwrap_or_else(|| panic!("{}: no event", dialect.name));
            assert!(matches!(step.reading, Reading::Event(_)), "{}: {step:?}", dialect.name);
            assert!(reader.rest().is_empty());
        }
    }

    #[test]
    fn a_stream_that_clients_would_take_for_a_whole_one_says_that_it_failed_and_breaks() {
        let cohere = crate::dialect::named("cohere_chat").unwrap();
        let event = String::from_utf8(event(cohere, refusal(Why::Refused), None)).unwrap();
        assert!(event.starts_with("event: message-end\ndata: {\"type\":\"message-end\","), "{event}");
        assert!(
            event.contains(
                r#""delta":{"error":"the action cannot be \"completed\"","finish_reason":"ERROR"}"#
            )
        );
        assert!(must_break(cohere));
        assert!(!must_break(crate::dialect::named("openai_chat").unwrap()));
    }

    #[test]
    fn an_answer_over_json_rpc_carries_the_id_of_its_question() {
        let mcp = crate::dialect::named("mcp").unwrap();
        for id in ["7", "\"a\""] {
            let body = String::from_utf8(answer(mcp, refusal(Why::Refused), Some(id)).body).unwrap();
            assert!(body.starts_with(&format!(r#"{{"jsonrpc":"2.0","id":{id},"#)), "{body}");
        }
    }
}
