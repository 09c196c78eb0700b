//! The signature base of RFC 9421, section 2.5: the text that is signed.

use http::HeaderName;
use http::header::HOST;
use http::request::Parts;

use super::fields::List;
use super::{Wrong, joined};

/// One line for each component, and the parameters last.
pub(super) fn of(head: &Parts, list: &List) -> Result<String, Wrong> {
    let mut base = String::new();
    for (place, (name, parameters)) in list.items.iter().enumerate() {
        let twice = list.items.iter().take(place).any(|(before, _)| before == name);
        // Components with parameters (a part of a header, the request behind a response) mean
        // something else than the same name without.
        if twice || !parameters.is_empty() {
            return Err(Wrong::Malformed);
        }
        base.push_str(&format!("\"{name}\": {}\n", component(head, name)?));
    }
    base.push_str(&format!("\"@signature-params\": {}", list.written()));
    Ok(base)
}

fn component(head: &Parts, name: &str) -> Result<String, Wrong> {
    match name {
        "@method" => Ok(head.method.as_str().to_owned()),
        "@path" => Ok(match head.uri.path() {
            "" => "/".to_owned(),
            path => path.to_owned(),
        }),
        "@query" => Ok(format!("?{}", head.uri.query().unwrap_or_default())),
        "@authority" => {
            let host = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
            let authority = head.uri.authority().map(http::uri::Authority::as_str).or_else(host);
            authority.map(str::to_ascii_lowercase).ok_or(Wrong::Malformed)
        }
        derived if derived.starts_with('@') => Err(Wrong::Malformed),
        header => {
            let lower = HeaderName::from_lowercase(header.as_bytes()).map_err(|_| Wrong::Malformed)?;
            joined(&head.headers, lower.as_str())?.ok_or(Wrong::Malformed)
        }
    }
}
