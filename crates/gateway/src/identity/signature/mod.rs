//! Signed requests: HTTP Message Signatures (RFC 9421) with Ed25519.
//!
//! The server holds the public key alone, so nothing that it keeps can sign. A signature covers
//! method, path, query and body, is young, and carries a nonce that is taken once. [`read`] is the
//! way through: it gives back only what was verified.

mod base;
mod fields;

use action::{Digest, Name, Timestamp};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::request::Parts;

use super::{Proof, Wrong};
use crate::limits::{MAX_NONCE_BYTES, MAX_SIGNATURE_BYTES, MIN_NONCE_BYTES, SIGNATURE_WINDOW};
use fields::{Item, List};

/// The `tag` of signatures that are made for us. A signature with another tag is somebody else's,
/// for instance of a proxy on the way, and is left alone; one that was made for another program does
/// not count here.
pub const TAG: &str = "checkrein";

/// What must be covered. A body must be, too, but whether there is one is seen later.
const ALWAYS: [&str; 3] = ["@method", "@path", "@query"];
const DIGEST: &str = "content-digest";

/// A signature that holds for the head of its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The public key, in base64url as it is registered.
    pub key: Name,
    pub created: Timestamp,
    /// Hash of key and nonce.
    pub nonce: Digest,
    pub body: Body,
}

/// What was signed of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// No digest is covered, so there must be no body.
    Empty,
    Sha256([u8; 32]),
}

impl Signed {
    pub(super) fn proof(&self) -> Proof {
        Proof::SigningKey(self.key.clone())
    }

    /// After this no signature with the nonce is young enough. Twice the window, so that the time
    /// between looking at its age and spending the nonce does not matter.
    pub(super) fn may_be_forgotten(&self) -> Timestamp {
        self.created.plus_millis(2 * window_millis())
    }
}

fn window_millis() -> i64 {
    i64::try_from(SIGNATURE_WINDOW.as_millis()).unwrap_or(i64::MAX)
}

/// The signature that was made for us, verified against the key that it names. Whether somebody is
/// registered under that key is asked afterwards, so that an answer does not tell.
pub fn read(head: &Parts, now: Timestamp) -> Result<Option<Signed>, Wrong> {
    let Some(input) = joined(&head.headers, "signature-input")? else { return Ok(None) };
    let lists = fields::lists(&input).map_err(|_| Wrong::Malformed)?;
    let mut ours = lists.into_iter().filter(|(_, list)| text(list, "tag") == Some(TAG));
    let (label, list) = match (ours.next(), ours.next()) {
        (None, _) => return Ok(None),
        (Some(one), None) => one,
        (Some(_), Some(_)) => return Err(Wrong::Malformed),
    };
    let said = Said::of(&list, now)?;
    let body = covered(head, &list)?;
    let signatures = joined(&head.headers, "signature")?.ok_or(Wrong::Malformed)?;
    let signatures = fields::byte_sequences(&signatures).map_err(|_| Wrong::Malformed)?;
    let signature = signatures.iter().find(|(name, _)| *name == label).ok_or(Wrong::Malformed)?;
    let base = base::of(head, &list)?;
    UnparsedPublicKey::new(&ED25519, said.public)
        .verify(base.as_bytes(), &signature.1)
        .map_err(|_| Wrong::Signature)?;
    let nonce = action::digest("checkrein.nonce.v1", &[said.key.as_str().as_bytes(), said.nonce.as_bytes()]);
    Ok(Some(Signed { key: said.key, created: said.created, nonce, body }))
}

/// The parameters of a signature, checked.
struct Said<'l> {
    key: Name,
    public: [u8; 32],
    created: Timestamp,
    nonce: &'l str,
}

impl<'l> Said<'l> {
    fn of(list: &'l List, now: Timestamp) -> Result<Said<'l>, Wrong> {
        let known = |key: &str| matches!(key, "created" | "expires" | "nonce" | "alg" | "keyid" | "tag");
        if !list.parameters.iter().all(|(key, _)| known(key)) {
            return Err(Wrong::Malformed);
        }
        if parameter(list, "alg").is_some_and(|alg| *alg != Item::Text("ed25519".to_owned())) {
            return Err(Wrong::Algorithm);
        }
        let created = seconds(list, "created")?.ok_or(Wrong::Malformed)?;
        if now > created.plus_millis(window_millis()) {
            return Err(Wrong::Expired);
        }
        if created > now.plus_millis(window_millis()) {
            return Err(Wrong::TooEarly);
        }
        if seconds(list, "expires")?.is_some_and(|end| now >= end) {
            return Err(Wrong::Expired);
        }
        let nonce = text(list, "nonce").ok_or(Wrong::Malformed)?;
        if !(MIN_NONCE_BYTES..=MAX_NONCE_BYTES).contains(&nonce.len()) {
            return Err(Wrong::Malformed);
        }
        let (key, public) = public_key(text(list, "keyid").ok_or(Wrong::Malformed)?)?;
        Ok(Said { key, public, created, nonce })
    }
}

/// A public key in base64url, which has one spelling, so that it can be found by its text.
fn public_key(text: &str) -> Result<(Name, [u8; 32]), Wrong> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Malformed)?;
    let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| Wrong::Malformed)?;
    Ok((Name::new(text).map_err(|_| Wrong::Malformed)?, bytes))
}

/// Whether enough is covered, and what of the body.
fn covered(head: &Parts, list: &List) -> Result<Body, Wrong> {
    let covers = |name: &str| list.items.iter().any(|(item, _)| item == name);
    if !ALWAYS.iter().all(|name| covers(name)) {
        return Err(Wrong::NotCovered);
    }
    if !covers(DIGEST) {
        return Ok(Body::Empty);
    }
    let digests = joined(&head.headers, DIGEST)?.ok_or(Wrong::Malformed)?;
    let digests = fields::byte_sequences(&digests).map_err(|_| Wrong::Malformed)?;
    let sha256 = digests.iter().find(|(algorithm, _)| algorithm == "sha-256").ok_or(Wrong::NotCovered)?;
    <[u8; 32]>::try_from(sha256.1.as_slice()).map(Body::Sha256).map_err(|_| Wrong::Malformed)
}

/// A header that may be spread over several lines, as one text.
fn joined(headers: &HeaderMap, name: &str) -> Result<Option<String>, Wrong> {
    let mut whole: Option<String> = None;
    for value in headers.get_all(name) {
        let line = value.to_str().map_err(|_| Wrong::Malformed)?.trim();
        match &mut whole {
            None => whole = Some(line.to_owned()),
            Some(whole) => {
                whole.push_str(", ");
                whole.push_str(line);
            }
        }
    }
    match whole {
        Some(whole) if whole.len() > MAX_SIGNATURE_BYTES => Err(Wrong::TooLarge),
        whole => Ok(whole),
    }
}

fn parameter<'l>(list: &'l List, name: &str) -> Option<&'l Item> {
    list.parameters.iter().find(|(key, _)| key == name).map(|(_, item)| item)
}

fn text<'l>(list: &'l List, name: &str) -> Option<&'l str> {
    match parameter(list, name) {
        Some(Item::Text(text)) => Some(text),
        _ => None,
    }
}

fn seconds(list: &List, name: &str) -> Result<Option<Timestamp>, Wrong> {
    match parameter(list, name) {
        None => Ok(None),
        Some(Item::Whole(seconds)) => Ok(Some(Timestamp::from_millis(seconds.saturating_mul(1000)))),
        Some(_) => Err(Wrong::Malformed),
    }
}

#[cfg(test)]
mod tests;
