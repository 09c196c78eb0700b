//! The public keys of an issuer, from a JWK set (RFC 7517).

use action::Json;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Algorithm, Wrong};
use crate::limits::MAX_KEYS_OF_ISSUER;

/// Keys that tokens can be verified with.
#[derive(Debug, Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Debug, Clone)]
struct Key {
    id: Option<String>,
    /// The algorithms that fit its type and its own statement, each ready to verify.
    fits: Vec<(Algorithm, ParsedPublicKey)>,
}

/// Why a text is no key set to verify with. Nothing of the text is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    #[error("it is no JSON: {0}")]
    Json(#[from] action::JsonError),
    #[error("it is no key set; an object with a list `keys` is expected")]
    Shape,
    #[error("it has more than {MAX_KEYS_OF_ISSUER} keys")]
    TooMany,
    #[error("key {0} (counted from 1) is secret; publish the public keys alone, and replace this one")]
    Secret(usize),
    #[error("key {0} (counted from 1) is faulty: {1}")]
    Faulty(usize, &'static str),
    #[error("two keys have the same `kid`, so it does not say which is meant")]
    TwiceTheSame,
    #[error("no key in it is of a kind that is taken: Ed25519, P-256, or RSA of at least 2048 bits")]
    NoneUsable,
}

impl KeySet {
    /// Reads a set. Keys of other kinds or for other uses are left out; a faulty key of our kinds is
    /// not, since somebody expects it to work.
    pub fn read(bytes: &[u8]) -> Result<KeySet, KeySetError> {
        let json = Json::parse(bytes)?;
        let Some(Json::List(listed)) = json.get("keys") else { return Err(KeySetError::Shape) };
        if listed.len() > MAX_KEYS_OF_ISSUER {
            return Err(KeySetError::TooMany);
        }
        let mut keys: Vec<Key> = Vec::new();
        for (place, jwk) in (1..).zip(listed) {
            if ["d", "k", "p", "q"].iter().any(|member| jwk.get(member).is_some()) {
                return Err(KeySetError::Secret(place));
            }
            if let Some(key) = key(jwk).map_err(|what| KeySetError::Faulty(place, what))? {
                if key.id.is_some() && keys.iter().any(|known| known.id == key.id) {
                    return Err(KeySetError::TwiceTheSame);
                }
                keys.push(key);
            }
        }
        if keys.is_empty() { Err(KeySetError::NoneUsable) } else { Ok(KeySet(keys)) }
    }

    /// The key that a token names, if it is one for the algorithm. A token that names none is good only
    /// where there is no choice.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<&ParsedPublicKey, Wrong> {
        let fitting = |key: &'_ Key| key.fits.iter().any(|(fits, _)| *fits == algorithm);
        let key = match id {
            Some(id) => self.0.iter().find(|key| key.id.as_deref() == Some(id)).ok_or(Wrong::NoSuchKey)?,
            None => {
                let mut all = self.0.iter().filter(|key| fitting(key));
                match (all.next(), all.next()) {
                    (Some(key), None) => key,
                    _ => return Err(Wrong::NoSuchKey),
                }
            }
        };
        let found = key.fits.iter().find(|(fits, _)| *fits == algorithm);
        found.map(|(_, key)| key).ok_or(Wrong::Algorithm)
    }
}

/// One key. None when it is not for us.
fn key(jwk: &Json) -> Result<Option<Key>, &'static str> {
    let text = |member: &str| jwk.get(member).and_then(Json::as_text);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return Ok(None);
    }
    if let Some(Json::List(may)) = jwk.get("key_ops")
        && !may.iter().any(|one| one.as_text() == Some("verify"))
    {
        return Ok(None);
    }
    let mut fits = match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => vec![(Algorithm::EdDsa, ed25519(jwk)?)],
        (Some("EC"), Some("P-256")) => vec![(Algorithm::Es256, p256(jwk)?)],
        (Some("RSA"), _) => rsa(jwk)?,
        _ => return Ok(None),
    };
    if let Some(stated) = jwk.get("alg") {
        let stated = stated.as_text().and_then(Algorithm::named);
        fits.retain(|(algorithm, _)| Some(*algorithm) == stated);
    }
    if fits.is_empty() {
        return Ok(None);
    }
    let id = match jwk.get("kid") {
        None => None,
        Some(id) => Some(id.as_text().ok_or("`kid` is no text")?.to_owned()),
    };
    Ok(Some(Key { id, fits }))
}

fn ed25519(jwk: &Json) -> Result<ParsedPublicKey, &'static str> {
    let point = bytes(jwk, "x").ok_or("`x` is no base64url")?;
    ParsedPublicKey::new(Algorithm::EdDsa.verifier(), point).map_err(|_| "`x` is no Ed25519 key")
}

fn p256(jwk: &Json) -> Result<ParsedPublicKey, &'static str> {
    let part = |member| bytes(jwk, member).filter(|bytes| bytes.len() == 32);
    let (Some(x), Some(y)) = (part("x"), part("y")) else { return Err("`x` and `y` are 32 bytes each") };
    // The uncompressed form of a point.
    let point = [&[4], x.as_slice(), y.as_slice()].concat();
    ParsedPublicKey::new(Algorithm::Es256.verifier(), point).map_err(|_| "`x` and `y` are no point of P-256")
}

fn rsa(jwk: &Json) -> Result<Vec<(Algorithm, ParsedPublicKey)>, &'static str> {
    let (Some(n), Some(e)) = (bytes(jwk, "n"), bytes(jwk, "e")) else {
        return Err("`n` and `e` are no base64url");
    };
    // Some writers put a zero in front, as if the number had a sign.
    let plain = |number: Vec<u8>| -> Vec<u8> { number.into_iter().skip_while(|byte| *byte == 0).collect() };
    let (n, e) = (plain(n), plain(e));
    if n.len() < 256 {
        return Err("RSA keys have at least 2048 bits");
    }
    if n.len() > 1024 || e.len() > 8 {
        return Err("RSA keys have at most 8192 bits, and exponents at most 64");
    }
    let components = RsaPublicKeyComponents { n, e };
    let ready = |algorithm: Algorithm| {
        let parsed = algorithm.rsa().and_then(|rsa| components.to_parsed_public_key(rsa).ok());
        parsed.map(|key| (algorithm, key)).ok_or("`n` and `e` are no RSA key")
    };
    [Algorithm::Rs256, Algorithm::Ps256].into_iter().map(ready).collect()
}

fn bytes(jwk: &Json, member: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(jwk.get(member)?.as_text()?).ok()
}
