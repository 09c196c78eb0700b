//! Why a caller gets no answer of a model, and how it is told.

use action::{Name, Timestamp};
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use wire::dialect::Dialect;
use wire::refuse::{self, Why};
use wire::translate::Untranslatable;

use crate::money::Spent;
use crate::refuse::Refusal;
use crate::route::NoRoute;
use crate::upstream;

pub(super) const RECEIPT: HeaderName = HeaderName::from_static("checkrein-receipt");
pub(super) const TOKEN: HeaderName = HeaderName::from_static("checkrein-token");

/// A refusal, before it is put into a dialect's words.
#[derive(Debug)]
pub struct No {
    why: Why,
    code: &'static str,
    message: String,
    receipt: Option<Name>,
    /// To come back with once a person has approved.
    token: Option<String>,
    /// Seconds after which it is worth asking again, where that is known.
    again: Option<i64>,
}

impl No {
    fn new(why: Why, code: &'static str, message: impl Into<String>) -> Self {
        No { why, code, message: message.into(), receipt: None, token: None, again: None }
    }

    /// It was decided so.
    pub fn blocked(receipt: &Name, reason: Option<&str>) -> Self {
        let message = match reason {
            Some(reason) => {
                format!("this is not allowed here ({reason}); the receipt says which decision it was")
            }
            None => "this is not allowed here; the receipt says which decision it was".to_owned(),
        };
        No { receipt: Some(receipt.clone()), ..Self::new(Why::Refused, "refused", message) }
    }

    /// It waits for a person, longer than a connection is kept for it.
    pub fn waiting(receipt: &Name, token: String) -> Self {
        let message = "this waits for a person to approve it; send the same request again with the header \
                       `checkrein-token` and the receipt in `checkrein-receipt` once that is done";
        No {
            receipt: Some(receipt.clone()),
            token: Some(token),
            ..Self::new(Why::Refused, "approval_pending", message)
        }
    }

    /// A rule has its own words for it, in a dialect that has no answer to put them in.
    pub fn in_words(text: &str) -> Self {
        Self::new(Why::Refused, "redirected", text)
    }

    /// A person decided against it, or nobody did in time.
    pub fn not_approved(receipt: &Name) -> Self {
        No {
            receipt: Some(receipt.clone()),
            ..Self::new(Why::Refused, "not_approved", "this was not approved")
        }
    }

    pub fn unreadable(what: impl std::fmt::Display) -> Self {
        Self::new(Why::Unreadable, "malformed", format!("the body is not what this path takes: {what}"))
    }

    pub fn encoded() -> Self {
        let message = "a compressed body cannot be judged; send it without `content-encoding`";
        Self::new(Why::Unreadable, "content_encoding", message)
    }

    /// A rule changes the request in a way that has no place in it.
    pub fn unfit(receipt: &Name) -> Self {
        let message = "a rule changes this request in a way that its body leaves no room for";
        No { receipt: Some(receipt.clone()), ..Self::new(Why::Refused, "change_does_not_fit", message) }
    }

    pub fn no_route(no: &NoRoute) -> Self {
        let why = match no {
            NoRoute::UnknownUpstream | NoRoute::UnknownModel | NoRoute::Format => Why::Unreadable,
            NoRoute::Forbidden(_) => Why::Refused,
        };
        Self::new(why, no.code(), no.to_string())
    }

    /// A budget has no room for it.
    pub fn spent(spent: &Spent, now: Timestamp) -> Self {
        // Rounded up: a client that comes back a moment early is refused once more.
        let again = spent.again.map(|at| (at.millis().saturating_sub(now.millis()).max(0) + 999) / 1_000);
        No { again, ..Self::new(Why::TooMuch, "budget_spent", spent.to_string()) }
    }

    pub fn failed(failed: &upstream::Why) -> Self {
        use upstream::Why as Failed;
        let message = match failed {
            Failed::Connect(_) => "the provider cannot be reached",
            Failed::Broken(_) => "the provider ended the connection before it answered",
            Failed::TimedOut => "the provider did not begin to answer in time",
            Failed::Unsendable(_) => "the request cannot be sent to this provider",
        };
        Self::new(Why::Unavailable, failed.code(), message)
    }

    /// No provider can be asked, or its answer is none that can be judged.
    pub fn unavailable(code: &'static str, message: &'static str) -> Self {
        Self::new(Why::Unavailable, code, message)
    }

    #[must_use]
    pub fn about(mut self, receipt: &Name) -> Self {
        self.receipt.get_or_insert_with(|| receipt.clone());
        self
    }

    /// What stands in the place of a call that is refused, where it was decided so: the model reads it.
    /// `None` where nothing was decided, so that all of the answer ends here.
    pub fn in_place(&self) -> Option<String> {
        let receipt = self.receipt.as_ref().filter(|_| self.why == Why::Refused)?;
        Some(format!("This call was not made: {} (receipt {receipt}).", self.message))
    }

    /// The provider refused, in words of another dialect than the caller's.
    pub fn foreign(status: u16) -> Self {
        let (why, message) = match status {
            429 => (Why::TooMuch, "the provider takes no more calls at the moment"),
            400..=499 => (Why::Unreadable, "the provider does not take this request"),
            _ => (Why::Unavailable, "the provider has a fault"),
        };
        Self::new(why, "provider_refused", message)
    }

    /// It cannot be said in the provider's dialect, or its answer not in the caller's.
    pub fn untranslatable(no: Untranslatable, on_the_way_back: bool) -> Self {
        let why = if on_the_way_back { Why::Unavailable } else { Why::Unreadable };
        Self::new(why, no.code(), no.to_string())
    }

    pub const fn code(&self) -> &'static str {
        self.code
    }

    fn told(&self) -> refuse::Refusal<'_> {
        refuse::Refusal {
            why: self.why,
            code: self.code,
            message: &self.message,
            receipt: self.receipt.as_ref().map_or("", |receipt| receipt.as_str()),
        }
    }

    /// The answer in place of the provider's.
    pub fn response(&self, dialect: &Dialect) -> Response {
        let answer = refuse::answer(dialect, self.told(), None);
        let mut response = Response::new(axum::body::Body::from(answer.body));
        *response.status_mut() =
            http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in answer.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let own = [(RECEIPT, self.receipt.as_ref().map(|it| it.as_str())), (TOKEN, self.token.as_deref())];
        for (name, value) in own {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        // Official clients ask again by themselves; what is decided is not asked again.
        if matches!(self.why, Why::Refused | Why::Stranger | Why::Unreadable) {
            headers.insert("x-should-retry", HeaderValue::from_static("false"));
        }
        match self.again {
            Some(seconds) => {
                drop(headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds.max(1))))
            }
            // Not before the next day or month; a client that waits and asks again only waits.
            None if self.code == "budget_spent" => {
                headers.insert("x-should-retry", HeaderValue::from_static("false"));
            }
            None if self.why == Why::TooMuch => {
                headers.insert(http::header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            None => {}
        }
        response
    }

    /// The last event of a stream that is cut.
    pub fn event(&self, dialect: &Dialect) -> Vec<u8> {
        match &self.token {
            // Headers are gone by now: what is needed to come back stands in the sentence.
            Some(token) => {
                let message = format!("{} (token {token})", self.message);
                refuse::event(dialect, refuse::Refusal { message: &message, ..self.told() }, None)
            }
            None => refuse::event(dialect, self.told(), None),
        }
    }
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        let (status, code, message) = refusal.told();
        let why = match status.as_u16() {
            401 => Why::Stranger,
            403 | 404 | 405 | 409 => Why::Refused,
            429 => Why::TooMuch,
            400..=499 => Why::Unreadable,
            _ => Why::Unavailable,
        };
        if status.is_server_error() {
            tracing::error!(code, ?refusal, "refused");
        }
        Self::new(why, code, message)
    }
}
