//! Why credentials do not hold. For our metrics and log; callers get one answer for all of it.

use crate::refuse::Refusal;

/// The reason. A closed list without content, so that it can be a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Nothing was presented.
    Nothing,
    /// Not readable as what it should be.
    Malformed,
    /// Larger than its bound.
    TooLarge,
    /// It stands for no registered agent.
    Unknown,
    /// The secret part of a key is another one.
    Secret,
    Revoked,
    Expired,
    /// Good only from a later time on.
    TooEarly,
    /// A token of an issuer that is not in the settings.
    Issuer,
    Audience,
    /// An algorithm that is not allowed, or does not fit the key.
    Algorithm,
    /// No key of the issuer has this id.
    NoSuchKey,
    Signature,
    /// Not everything that must be signed is.
    NotCovered,
    /// Another body than the one that was signed.
    Body,
    /// This agent's requests must be signed.
    Unsigned,
    /// Signed, and used before.
    Replayed,
    /// Credentials of two agents in one request.
    Contradiction,
}

impl Wrong {
    pub const fn as_str(self) -> &'static str {
        match self {
            Wrong::Nothing => "nothing",
            Wrong::Malformed => "malformed",
            Wrong::TooLarge => "too_large",
            Wrong::Unknown => "unknown",
            Wrong::Secret => "secret",
            Wrong::Revoked => "revoked",
            Wrong::Expired => "expired",
            Wrong::TooEarly => "too_early",
            Wrong::Issuer => "issuer",
            Wrong::Audience => "audience",
            Wrong::Algorithm => "algorithm",
            Wrong::NoSuchKey => "no_such_key",
            Wrong::Signature => "signature",
            Wrong::NotCovered => "not_covered",
            Wrong::Body => "body",
            Wrong::Unsigned => "unsigned",
            Wrong::Replayed => "replayed",
            Wrong::Contradiction => "contradiction",
        }
    }
}

impl From<Wrong> for Refusal {
    /// One answer for every kind of wrong credentials, so that nobody learns which agents, keys or
    /// issuers exist. A replay is told apart: only who has a signature that holds gets to hear of it,
    /// and must know that it was the nonce.
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Nothing => Refusal::NoCredentials,
            Wrong::Replayed => Refusal::Replayed,
            Wrong::Malformed
            | Wrong::TooLarge
            | Wrong::Unknown
            | Wrong::Secret
            | Wrong::Revoked
            | Wrong::Expired
            | Wrong::TooEarly
            | Wrong::Issuer
            | Wrong::Audience
            | Wrong::Algorithm
            | Wrong::NoSuchKey
            | Wrong::Signature
            | Wrong::NotCovered
            | Wrong::Body
            | Wrong::Unsigned
            | Wrong::Contradiction => Refusal::BadCredentials,
        }
    }
}
