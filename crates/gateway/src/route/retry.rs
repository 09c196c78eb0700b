//! Whether a call that came to nothing is tried at the next upstream.
//!
//! A call of a model costs money and may act, so it is repeated only when the first upstream certainly
//! has not begun with it, or has said itself that it did not do it.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

use super::standing::{Ended, USUAL_REST};

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Not resolved, refused, or broken off before all of the call was sent.
    NotSent,
    /// All of it was sent, and no byte came back. It may have been done.
    Unanswered,
    /// An answer has begun with this status.
    Answered { status: u16, rest: Option<Duration>, after: Duration },
}

impl Tried {
    pub fn answered(status: u16, headers: &HeaderMap, after: Duration) -> Self {
        Tried::Answered { status, rest: rest(headers), after }
    }

    /// Whether the next upstream may be asked. Only before anything of an answer was handed on.
    pub fn again(self, retry_on: &[u16]) -> bool {
        match self {
            Tried::NotSent => true,
            Tried::Unanswered => false,
            Tried::Answered { status, .. } => retry_on.contains(&status),
        }
    }

    /// What it says of the upstream.
    pub fn ended(self) -> Ended {
        match self {
            Tried::NotSent | Tried::Unanswered => Ended::Failed,
            Tried::Answered { status: 429, rest, .. } => Ended::Rest(rest.unwrap_or(USUAL_REST)),
            Tried::Answered { status: 503, rest: Some(rest), .. } => Ended::Rest(rest),
            Tried::Answered { status: 500.., .. } => Ended::Failed,
            // Also a refusal: it is there, and what is wrong is ours or the caller's.
            Tried::Answered { after, .. } => Ended::Answered(after),
        }
    }
}

/// How long it wants to be left alone: in seconds, or in the milliseconds that some add. A date is not
/// read: it would be one of the upstream's clock.
fn rest(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let millis = number("retry-after-ms").map(Duration::from_millis);
    millis.or_else(|| number(RETRY_AFTER.as_str()).map(Duration::from_secs))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ON: &[u16] = &[429, 503];

    fn answered(status: u16, header: Option<(&'static str, &'static str)>) -> Tried {
        let mut headers = HeaderMap::new();
        headers.extend(
            header
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value))),
        );
        Tried::answered(status, &headers, Duration::from_millis(5))
    }

    #[test]
    fn only_what_was_surely_not_done_is_tried_again() {
        assert!(Tried::NotSent.again(&[]));
        assert!(!Tried::Unanswered.again(&[429, 500, 503]));
        for (status, again) in
            [(200, false), (400, false), (401, false), (429, true), (500, false), (503, true)]
        {
            assert_eq!(answered(status, None).again(ON), again, "{status}");
        }
    }

    #[test]
    fn an_answer_tells_how_the_upstream_is() {
        let took = Duration::from_millis(5);
        for (status, header, ended) in [
            (200, None, Ended::Answered(took)),
            (401, None, Ended::Answered(took)),
            (500, None, Ended::Failed),
            (529, None, Ended::Failed),
            (503, None, Ended::Failed),
            (503, Some(("retry-after", "3")), Ended::Rest(Duration::from_secs(3))),
            (429, None, Ended::Rest(USUAL_REST)),
            (429, Some(("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")), Ended::Rest(USUAL_REST)),
            (429, Some(("retry-after", "20")), Ended::Rest(Duration::from_secs(20))),
            (429, Some(("retry-after-ms", "1500")), Ended::Rest(Duration::from_millis(1_500))),
            (429, Some(("retry-after", "-1")), Ended::Rest(USUAL_REST)),
        ] {
            assert_eq!(answered(status, header).ended(), ended, "{status} {header:?}");
        }
        assert_eq!(Tried::Unanswered.ended(), Ended::Failed);
    }
}
