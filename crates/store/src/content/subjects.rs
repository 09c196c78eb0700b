//! Subjects: from an identity to a pseudonym, and back for those who may know.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{PoisonError, TryLockError};

use action::{Digest, Name, Timestamp};
use aws_lc_rs::hmac;
use rusqlite::OptionalExtension as _;
use zeroize::Zeroizing;

use super::seal::{self, Key, Unsealed};
use super::writer::Order;
use super::{Content, ContentError, Shared, Subject};
use crate::row::word;

/// Identities that are known without asking the database.
const KNOWN: usize = 50_000;
const DAY: i64 = 86_400_000;

/// A subject that is not in the database yet. The writer wraps its key.
pub(super) struct NewSubject {
    pub pseudonym: Name,
    pub lookup: Digest,
    pub data_key: Key,
    pub identity: Zeroizing<String>,
    pub seen: Timestamp,
}

/// Pseudonyms by keyed hash. Who changes which identity has which pseudonym holds it meanwhile.
#[derive(Default)]
pub(super) struct Known {
    by_lookup: HashMap<Digest, Seen>,
}

struct Seen {
    pseudonym: Name,
    /// The last day that the database was told of.
    day: i64,
}

impl Known {
    pub fn forget(&mut self, pseudonym: &Name) {
        self.by_lookup.retain(|_, seen| seen.pseudonym != *pseudonym);
    }

    fn learn(&mut self, lookup: Digest, pseudonym: Name, day: i64) {
        if self.by_lookup.len() >= KNOWN {
            // The database knows them all; forgetting costs one question each.
            self.by_lookup.clear();
        }
        self.by_lookup.insert(lookup, Seen { pseudonym, day });
    }
}

impl Content {
    /// The pseudonym of a subject; a new one when it has none. Waits for no write: a new subject goes to
    /// the writer ahead of its pieces. When the writer's queue is full the pseudonym stands for nobody.
    pub fn pseudonym(&self, subject: &Subject, now: Timestamp) -> Result<Name, ContentError> {
        let identity = identity_of(subject);
        let lookup = self.shared.lookup_of(&identity);
        let day = now.millis().div_euclid(DAY);
        let mut known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pseudonym) = self.seen(&mut known, &lookup, now) {
            return Ok(pseudonym);
        }
        if let Some(pseudonym) = self.shared.find(lookup)? {
            let told = self.try_order(Order::Seen(pseudonym.clone(), now));
            known.learn(lookup, pseudonym.clone(), if told { day } else { i64::MIN });
            return Ok(pseudonym);
        }
        let pseudonym = random_pseudonym()?;
        let new = NewSubject {
            pseudonym: pseudonym.clone(),
            lookup,
            data_key: seal::random_key().map_err(|Unsealed| ContentError::Random)?,
            identity,
            seen: now,
        };
        if self.try_order(Order::Subject(new)) {
            known.learn(lookup, pseudonym.clone(), day);
        }
        Ok(pseudonym)
    }

    /// The same without any wait: none when the database would have to be asked, or when somebody is
    /// asking it.
    pub fn known(&self, subject: &Subject, now: Timestamp) -> Option<Name> {
        let lookup = self.shared.lookup_of(&identity_of(subject));
        let mut known = match self.shared.known.try_lock() {
            Ok(known) => known,
            Err(TryLockError::Poisoned(known)) => known.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        self.seen(&mut known, &lookup, now)
    }

    /// One that is known by heart. Once a day the database is told that it is in use.
    fn seen(&self, known: &mut Known, lookup: &Digest, now: Timestamp) -> Option<Name> {
        let seen = known.by_lookup.get_mut(lookup)?;
        let day = now.millis().div_euclid(DAY);
        if seen.day < day && self.try_order(Order::Seen(seen.pseudonym.clone(), now)) {
            seen.day = day;
        }
        Some(seen.pseudonym.clone())
    }

    /// The pseudonym of a subject, if it has one.
    pub fn find(&self, subject: &Subject) -> Result<Option<Name>, ContentError> {
        let lookup = self.shared.lookup_of(&identity_of(subject));
        let known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.by_lookup.get(&lookup) {
            Some(seen) => Ok(Some(seen.pseudonym.clone())),
            None => self.shared.find(lookup),
        }
    }

    /// The identity behind a pseudonym, for those who may know. None when there is none, or when it was
    /// erased; sessions and agents are given by name.
    pub fn identity(&self, subject: &Name) -> Result<Option<Zeroizing<String>>, ContentError> {
        let altered = || ContentError::Altered { of: subject.clone() };
        let Some((data_key, sealed)) = self.shared.data_key(subject)? else { return Ok(None) };
        let plain = seal::open(&data_key, &[b"identity", subject.as_str().as_bytes()], &sealed)
            .map_err(|Unsealed| altered())?;
        let text = std::str::from_utf8(&plain).map_err(|_| altered())?;
        Ok(Some(Zeroizing::new(text.split_once(':').map_or(text, |(_, name)| name).to_owned())))
    }
}

impl Shared {
    fn lookup_of(&self, identity: &str) -> Digest {
        let mut bytes = [0u8; 32];
        let tag = hmac::sign(&self.lookup, identity.as_bytes());
        bytes.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        Digest::from_bytes(bytes)
    }

    fn find(&self, lookup: Digest) -> Result<Option<Name>, ContentError> {
        Ok(self.database.read("find a subject", |transaction| {
            transaction
                .prepare_cached("SELECT pseudonym FROM subjects WHERE lookup = ?1")?
                .query_row([crate::row::Hash(lookup)], |row| word(row, "pseudonym"))
                .optional()
        })?)
    }

    /// The key of a subject, opened, and its sealed identity.
    pub(super) fn data_key(&self, subject: &Name) -> Result<Option<(Key, Vec<u8>)>, ContentError> {
        let row: Option<(String, Vec<u8>, Vec<u8>)> =
            self.database.read("read a subject", |transaction| {
                transaction
                    .prepare_cached("SELECT master, data_key, identity FROM subjects WHERE pseudonym = ?1")?
                    .query_row([subject.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                    .optional()
            })?;
        let Some((master, wrapped, identity)) = row else { return Ok(None) };
        let data_key = self
            .master(&master)
            .and_then(|master| seal::open_key(&master.key, &key_of(subject), &wrapped).ok())
            .ok_or_else(|| ContentError::Altered { of: subject.clone() })?;
        Ok(Some((data_key, identity)))
    }
}

/// What the wrapped key of a subject is bound to.
pub(super) fn key_of(subject: &Name) -> [&[u8]; 2] {
    [b"data key", subject.as_str().as_bytes()]
}

/// The kind in front: a person who is called like a session is another subject.
fn identity_of(subject: &Subject) -> Zeroizing<String> {
    Zeroizing::new(match subject {
        Subject::Person(identity) => format!("person:{}", identity.as_str()),
        // Names have no control characters, so the border between the two cannot move.
        Subject::Session { agent, session } => format!("session:{agent}\n{session}"),
        Subject::Agent(agent) => format!("agent:{agent}"),
    })
}

fn random_pseudonym() -> Result<Name, ContentError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| ContentError::Random)?;
    let mut text = String::from("psn:");
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Name::new(&text).map_err(|_| ContentError::Random)
}
