//! Refusals in the words of the protocol.

use action::Name;
use http::StatusCode;
use wire::refuse::{self, Why};

use super::protocol::Protocol;
use crate::refuse::Refusal;

/// Why a message does not go on, as its sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    pub why: Why,
    pub code: String,
    pub message: String,
    /// The decision, where there is one.
    pub receipt: Option<Name>,
    /// Needed to come back for a held action.
    pub token: Option<String>,
}

impl No {
    pub fn new(why: Why, code: &str, message: &str) -> Self {
        No { why, code: code.to_owned(), message: message.to_owned(), receipt: None, token: None }
    }

    /// The whole answer to a request with this id.
    pub fn body(&self, protocol: &Protocol, id: Option<&str>) -> String {
        let receipt = self.receipt.as_ref().map_or("", Name::as_str);
        let refusal = refuse::Refusal { why: self.why, code: &self.code, message: &self.message, receipt };
        let body = refuse::json_rpc(refusal, (protocol.number)(self.why), id);
        match &self.token {
            None => body,
            Some(token) => with_token(&body, token),
        }
    }
}

/// The token stands beside the receipt, under the same name by which it is sent back.
fn with_token(body: &str, token: &str) -> String {
    let told = format!(",{}:{}", wire::doc::quoted(TOKEN), wire::doc::quoted(token));
    match body.strip_suffix("}}}") {
        Some(open) => format!("{open}{told}}}}}}}"),
        None => body.to_owned(),
    }
}

/// Under which a caller sends back the token of a held call, in `_meta`.
pub const TOKEN: &str = "checkrein/token";
/// And the receipt it belongs to.
pub const RECEIPT: &str = "checkrein/receipt";

impl From<&Refusal> for No {
    fn from(refusal: &Refusal) -> Self {
        let status = refusal.status();
        let why = match status {
            StatusCode::UNAUTHORIZED => Why::Stranger,
            StatusCode::TOO_MANY_REQUESTS => Why::TooMuch,
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                Why::Unreadable
            }
            status if status.is_server_error() => Why::Unavailable,
            _ => Why::Refused,
        };
        let told = refusal.body().error;
        No::new(why, &told.code, &told.message)
    }
}

#[cfg(test)]
mod tests {
    use wire::doc::Doc;

    use super::*;

    #[test]
    fn a_refusal_carries_the_id_the_receipt_and_the_token_to_come_back_with() {
        let mut no = No::new(Why::Refused, "waiting", "it \"waits\"");
        no.receipt = Name::new("dec_1").ok();
        no.token = Some("crt1.1.a".to_owned());
        let body = no.body(&super::super::MCP, Some("\"q\""));
        let doc = Doc::parse(body.as_bytes()).unwrap();
        assert!(doc.root().get("id").unwrap().is_text("q"));
        let data = doc.root().get("error").unwrap().get("data").unwrap();
        assert!(data.get("receipt").unwrap().is_text("dec_1"));
        assert!(data.get(TOKEN).unwrap().is_text("crt1.1.a"));
        assert!(data.get("code").unwrap().is_text("waiting"));
    }

    #[test]
    fn refusals_of_the_gateway_keep_their_code() {
        for (refusal, why) in [
            (Refusal::BudgetSpent, Why::TooMuch),
            (Refusal::BadCredentials, Why::Stranger),
            (Refusal::Unrecorded, Why::Unavailable),
            (Refusal::Stricter, Why::Refused),
            (Refusal::BodyTooLarge, Why::Unreadable),
        ] {
            let no = No::from(&refusal);
            assert_eq!((no.why, no.code.as_str()), (why, refusal.code()));
        }
    }
}
