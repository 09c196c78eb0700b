//! Which headers go on, and which stay here.

use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

/// What providers read of a request beside its body. Everything else stays here: a header is a place for
/// data like any other, and nobody judges these.
const TO_PROVIDER: &[&str] =
    &["anthropic-beta", "anthropic-version", "openai-beta", "x-amzn-bedrock-guardrailidentifier"];
/// What clients read of an answer beside its body.
const TO_CLIENT: &[&str] = &[
    "request-id",
    "retry-after",
    "retry-after-ms",
    "x-request-id",
    "x-should-retry",
    "openai-processing-ms",
    "openai-version",
    "x-amzn-requestid",
    "x-amzn-errortype",
];
const TO_CLIENT_BEGINNINGS: &[&str] = &["x-ratelimit-", "anthropic-ratelimit-"];

/// Parameters of an address that providers read. Keys in it are the caller's, and stay here.
const PARAMETERS: &[&str] = &["alt", "api-version", "beta"];

/// The headers of a request as it goes out. Keys are added by the upstream.
pub fn to_provider(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(8);
    for name in [CONTENT_TYPE, ACCEPT, USER_AGENT] {
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    for name in TO_PROVIDER {
        let name = HeaderName::from_static(name);
        if let Some(value) = from.get(&name) {
            to.insert(name, value.clone());
        }
    }
    // What is judged must be readable, and a small body that unfolds to a large one is no answer.
    to.insert(http::header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    to
}

/// The headers of an answer as it goes to the client.
pub fn to_client(from: &HeaderMap) -> HeaderMap {
    let mut to = HeaderMap::with_capacity(8);
    for (name, value) in from {
        let text = name.as_str();
        let known = *name == CONTENT_TYPE || TO_CLIENT.contains(&text);
        if known || TO_CLIENT_BEGINNINGS.iter().any(|start| text.starts_with(start)) {
            to.append(name.clone(), value.clone());
        }
    }
    to
}

/// Whether Google is asked for a stream of events, and not for one list of them.
pub fn wants_events(query: Option<&str>) -> bool {
    query.unwrap_or_default().split('&').any(|pair| pair == "alt=sse" || pair == "$alt=sse")
}

/// The query of an address as it goes out.
pub fn query(from: Option<&str>) -> String {
    let kept: Vec<&str> = from
        .unwrap_or_default()
        .split('&')
        .filter(|pair| {
            let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
            PARAMETERS.contains(&name) && pair.len() <= 64
        })
        .collect();
    match kept.is_empty() {
        true => String::new(),
        false => format!("?{}", kept.join("&")),
    }
}
