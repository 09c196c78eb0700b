//! The compact form of a token, taken apart. Nothing of it is believed yet.

use action::Json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Wrong};
use crate::limits::MAX_TOKEN_BYTES;

/// A token as it was sent.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub algorithm: Algorithm,
    /// The id of the key, `kid`.
    pub key: Option<String>,
    pub claims: Json,
    /// What the signature is over: the first two parts as they were sent.
    pub signed: &'t str,
    pub signature: Vec<u8>,
}

impl<'t> Token<'t> {
    pub fn read(text: &'t str) -> Result<Token<'t>, Wrong> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Wrong::TooLarge);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Wrong::Malformed)?;
        let (head, claims) = signed.split_once('.').ok_or(Wrong::Malformed)?;
        let head = object(head)?;
        // An extension that must be understood, and we understand none.
        if head.get("crit").is_some() {
            return Err(Wrong::Malformed);
        }
        let kind = head.get("typ").map(|kind| kind.as_text().unwrap_or_default());
        if !kind.is_none_or(is_for_access) {
            return Err(Wrong::Malformed);
        }
        let algorithm = head.get("alg").and_then(Json::as_text).ok_or(Wrong::Malformed)?;
        let algorithm = Algorithm::named(algorithm).ok_or(Wrong::Algorithm)?;
        let key = match head.get("kid") {
            None => None,
            Some(id) => Some(id.as_text().ok_or(Wrong::Malformed)?.to_owned()),
        };
        // A key in the token itself (`jwk`, `jku`, `x5c`, `x5u`) is never looked at: whoever made the
        // token made that, too.
        Ok(Token { algorithm, key, claims: object(claims)?, signed, signature: decoded(signature)? })
    }
}

/// Tokens that issuers make for something else (logout, proof of possession, security events) are
/// signed with the same keys and say so here.
fn is_for_access(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    matches!(kind.strip_prefix("application/").unwrap_or(&kind), "jwt" | "at+jwt")
}

/// One part: JSON within the bounds of all JSON here, in which no key stands twice.
fn object(part: &str) -> Result<Json, Wrong> {
    match Json::parse(&decoded(part)?) {
        Ok(json @ Json::Object(_)) => Ok(json),
        Ok(_) | Err(_) => Err(Wrong::Malformed),
    }
}

/// Without padding and in the one canonical spelling.
fn decoded(part: &str) -> Result<Vec<u8>, Wrong> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Wrong::Malformed)
}
