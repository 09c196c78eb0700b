//! Agents' keys: a public part to find them by, and a secret part that only its hash is kept of.

use std::sync::Arc;

use action::{Digest, Name, Timestamp};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use super::Caller;
use crate::book::Book;
use crate::refuse::Refusal;

/// The key in a request: `Authorization: Bearer …` or `x-checkrein-key`.
pub(super) fn presented(headers: &HeaderMap, book: &Book) -> Result<Option<(Name, Digest)>, Refusal> {
    let text = match (headers.get("x-checkrein-key"), headers.get(AUTHORIZATION)) {
        (Some(value), _) => value.to_str().map_err(|_| Refusal::BadCredentials)?,
        (None, Some(value)) => {
            let text = value.to_str().map_err(|_| Refusal::BadCredentials)?;
            let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
            scheme.and(text.get(7..)).ok_or(Refusal::BadCredentials)?.trim()
        }
        (None, None) => return Ok(None),
    };
    book.key_form.read(text).map(Some).ok_or(Refusal::BadCredentials)
}

/// Finds the key by its public part and compares the rest in constant time.
pub(super) fn check(presented: &(Name, Digest), book: &Book, now: Timestamp) -> Result<Caller, Refusal> {
    let (prefix, hash) = presented;
    let key = book.keys.get(prefix).ok_or(Refusal::BadCredentials)?;
    let same = bool::from(key.hash.as_bytes().ct_eq(hash.as_bytes()));
    if !same || key.revoked || key.expires.is_some_and(|expires| now >= expires) {
        return Err(Refusal::BadCredentials);
    }
    let agent = book.agents.get(&key.agent).ok_or(Refusal::BadCredentials)?;
    Ok(Caller { agent: Arc::clone(agent), key: Some(prefix.clone()) })
}
