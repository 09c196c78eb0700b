//! Tokens of outside issuers (RFC 7519, with the advice of RFC 8725).
//!
//! A token names a subject; which agent that is, and what it may, was written down by an operator.
//! No claim but issuer, audience, subject and times is looked at. [`Issuers::subject`] is the way
//! through: read within bounds, find the issuer, find its key, verify, and only then believe.

mod algorithm;
mod keys;
mod token;

use action::{Decimal, Json, Name, Timestamp};

pub use algorithm::Algorithm;
pub use keys::{KeySet, KeySetError};

use super::{Proof, Wrong};
use token::Token;

/// Everybody whose tokens are taken.
#[derive(Debug, Default)]
pub struct Issuers(Vec<Issuer>);

/// One issuer, as the settings name it, with its keys as they were last read.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Compared with `iss`, character by character.
    pub name: Name,
    /// One of these must be in `aud`, character by character.
    pub audiences: Vec<Name>,
    pub algorithms: Vec<Algorithm>,
    /// The claim that names the subject, `sub` as a rule.
    pub subject_claim: String,
    /// How far its clock and ours may be apart.
    pub skew_millis: i64,
    pub keys: KeySet,
}

impl Issuers {
    pub fn new(issuers: Vec<Issuer>) -> Self {
        Issuers(issuers)
    }

    pub fn all(&self) -> &[Issuer] {
        &self.0
    }

    /// The subject of a token that holds now.
    pub fn subject(&self, text: &str, now: Timestamp) -> Result<Proof, Wrong> {
        let token = Token::read(text)?;
        let named = token.claims.get("iss").and_then(Json::as_text).ok_or(Wrong::Malformed)?;
        let issuer = self.0.iter().find(|issuer| issuer.name.as_str() == named).ok_or(Wrong::Issuer)?;
        issuer.verify(&token)?;
        issuer.judge(&token.claims, now)
    }
}

impl Issuer {
    fn verify(&self, token: &Token<'_>) -> Result<(), Wrong> {
        if !self.algorithms.contains(&token.algorithm) {
            return Err(Wrong::Algorithm);
        }
        let key = self.keys.find(token.key.as_deref(), token.algorithm)?;
        key.verify_sig(token.signed.as_bytes(), &token.signature).map_err(|_| Wrong::Signature)
    }

    /// What a token whose signature holds says.
    fn judge(&self, claims: &Json, now: Timestamp) -> Result<Proof, Wrong> {
        let meant = |text: &str| self.audiences.iter().any(|audience| audience.as_str() == text);
        let for_us = match claims.get("aud") {
            Some(Json::Text(one)) => meant(one),
            Some(Json::List(all)) => all.iter().any(|one| one.as_text().is_some_and(meant)),
            _ => false,
        };
        if !for_us {
            return Err(Wrong::Audience);
        }
        // A token without an end would be a key that nobody can revoke.
        let end = time(claims, "exp")?.ok_or(Wrong::Malformed)?;
        if now >= end.plus_millis(self.skew_millis) {
            return Err(Wrong::Expired);
        }
        for start in [time(claims, "nbf")?, time(claims, "iat")?].into_iter().flatten() {
            if now.plus_millis(self.skew_millis) < start {
                return Err(Wrong::TooEarly);
            }
        }
        let subject = claims.get(&self.subject_claim).and_then(Json::as_text);
        let subject = subject.and_then(|text| Name::new(text).ok()).ok_or(Wrong::Malformed)?;
        Ok(Proof::Subject { issuer: self.name.clone(), subject })
    }
}

/// A claim in seconds since 1970, to the second. Absent is none; anything but a number is a fault.
fn time(claims: &Json, claim: &str) -> Result<Option<Timestamp>, Wrong> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => {
            let seconds = value.as_number().map(Decimal::trunc).ok_or(Wrong::Malformed)?;
            Ok(Some(Timestamp::from_millis(seconds.saturating_mul(1000))))
        }
    }
}

#[cfg(test)]
mod tests;
