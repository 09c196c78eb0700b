//! Agents' keys: a public part to find them by, and a secret part that only its hash is kept of.

use std::sync::Arc;

use action::{Digest, Name, Timestamp};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use subtle::ConstantTimeEq as _;

use super::Wrong;
use crate::book::{Book, Registration};

pub const OWN_HEADER: HeaderName = HeaderName::from_static("x-checkrein-key");

/// The key or token in a request: `x-checkrein-key`, or else `Authorization: Bearer …`. The first is
/// for requests whose `Authorization` is meant for somebody behind us.
pub(super) fn presented(headers: &HeaderMap) -> Result<Option<&str>, Wrong> {
    if let Some(text) = only(headers, &OWN_HEADER)? {
        return Ok(Some(text));
    }
    let Some(text) = only(headers, &AUTHORIZATION)? else { return Ok(None) };
    let scheme = text.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    scheme.and(text.get(7..)).map(|rest| Some(rest.trim())).ok_or(Wrong::Malformed)
}

/// A header that must not stand twice: another program on the way may read the other one.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Wrong> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Wrong::Malformed);
    }
    value.to_str().map(Some).map_err(|_| Wrong::Malformed)
}

/// Finds the key by its public part and compares the rest in constant time, also when there is no
/// such key.
pub(super) fn check<'b>(
    prefix: &Name,
    hash: &Digest,
    book: &'b Book,
    now: Timestamp,
) -> Result<&'b Arc<Registration>, Wrong> {
    let known = book.keys.get(prefix);
    let expected = known.map_or_else(Digest::default, |key| key.hash);
    let same = bool::from(expected.as_bytes().ct_eq(hash.as_bytes()));
    let key = known.ok_or(Wrong::Unknown)?;
    if !same {
        return Err(Wrong::Secret);
    }
    if key.revoked {
        return Err(Wrong::Revoked);
    }
    if key.expires.is_some_and(|expires| now >= expires) {
        return Err(Wrong::Expired);
    }
    book.agents.get(&key.agent).ok_or(Wrong::Unknown)
}
