//! What the request path must not do twice: idempotency keys and nonces. Durable, and published nowhere.

use std::sync::atomic::{AtomicU64, Ordering};

use action::{Digest, Name, Timestamp};
use rusqlite::Transaction;

use super::bounds::{CLAIMS, NONCES};
use super::{Claim, ClaimRequest, State, one};
use crate::WriteError;
use crate::row::{Hash, hash, time, word};

/// Rows of the two tables. Counting a million rows on each request would cost more than the request; only
/// this process writes, so it can count along.
pub(super) struct Counts {
    claims: AtomicU64,
    nonces: AtomicU64,
}

impl State {
    /// Answers in the order of the requests; all in one transaction.
    pub fn claim(&self, requests: &[ClaimRequest], now: Timestamp) -> Result<Vec<Claim>, WriteError> {
        let (answers, added) = self.database.write("claim idempotency keys", |transaction| {
            let mut added = 0u64;
            let mut answers = Vec::with_capacity(requests.len());
            for request in requests {
                let sql = "SELECT * FROM claims WHERE agent = ?1 AND key = ?2";
                let key = (request.agent.as_str(), request.key.as_str());
                let have = one(transaction, sql, key, |row| {
                    Ok((hash(row, "request")?, word::<Name>(row, "decision")?, time(row, "expires")?))
                })?;
                answers.push(match have {
                    Some((digest, decision, end)) if now < end => {
                        if digest == request.request {
                            Claim::Known { decision }
                        } else {
                            Claim::Differs
                        }
                    }
                    expired => {
                        if expired.is_none() {
                            check(self.counts.claims(), added, "idempotency keys", CLAIMS)?;
                            added += 1;
                        }
                        save_claim(transaction, request)?;
                        Claim::New
                    }
                });
            }
            Ok((answers, added))
        })?;
        self.counts.claims.fetch_add(added, Ordering::AcqRel);
        Ok(answers)
    }

    /// True for a nonce that nobody had used; all in one transaction. The time is when it may be forgotten.
    pub fn spend(
        &self,
        nonces: &[(Name, Digest, Timestamp)],
        now: Timestamp,
    ) -> Result<Vec<bool>, WriteError> {
        let (answers, added) = self.database.write("spend nonces", |transaction| {
            let mut added = 0u64;
            let mut answers = Vec::with_capacity(nonces.len());
            let mut insert = transaction.prepare_cached(
                "INSERT INTO nonces (agent, nonce, expires) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?;
            let forgotten = one(transaction, "SELECT until FROM forgotten", [], |row| time(row, "until"))?;
            for (agent, nonce, expires) in nonces {
                // Whoever asks has checked that the signature is young enough; a nonce that could be
                // forgotten at once would not protect it. One that may have been forgotten counts as
                // used: the clock came back from where it was forgotten.
                if *expires <= now || forgotten.is_some_and(|until| *expires <= until) {
                    answers.push(false);
                    continue;
                }
                let new = insert.execute((agent.as_str(), Hash(*nonce), expires.millis()))? == 1;
                if new {
                    check(self.counts.nonces(), added, "nonces", NONCES)?;
                    added += 1;
                }
                answers.push(new);
            }
            Ok((answers, added))
        })?;
        self.counts.nonces.fetch_add(added, Ordering::AcqRel);
        Ok(answers)
    }
}

impl Counts {
    pub fn read(transaction: &Transaction<'_>) -> rusqlite::Result<Self> {
        let count = |sql: &str| {
            let rows: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
            Ok::<_, rusqlite::Error>(AtomicU64::new(u64::try_from(rows).unwrap_or(0)))
        };
        Ok(Counts {
            claims: count("SELECT count(*) FROM claims")?,
            nonces: count("SELECT count(*) FROM nonces")?,
        })
    }

    pub fn swept(&self, claims: u64, nonces: u64) {
        for (count, gone) in [(&self.claims, claims), (&self.nonces, nonces)] {
            let _ = count
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |rows| Some(rows.saturating_sub(gone)));
        }
    }

    fn claims(&self) -> u64 {
        self.claims.load(Ordering::Acquire)
    }

    fn nonces(&self) -> u64 {
        self.nonces.load(Ordering::Acquire)
    }
}

fn check(have: u64, added: u64, what: &'static str, most: u64) -> Result<(), WriteError> {
    if have.saturating_add(added) >= most { Err(WriteError::Limit { what, most }) } else { Ok(()) }
}

fn save_claim(transaction: &Transaction<'_>, request: &ClaimRequest) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO claims (agent, key, request, decision, expires)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            request.agent.as_str(),
            request.key.as_str(),
            Hash(request.request),
            request.decision.as_str(),
            request.expires.millis(),
        ))
        .map(|_| ())
}
