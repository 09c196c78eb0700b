//! Keys of agents and tokens of operators. What is stored cannot be presented.

use action::{Name, Timestamp};
use rusqlite::{Row, Transaction};

use super::{Change, Credential, Done, State, agents, all, bounds, missing, one, operators, taken};
use crate::row::{Hash, hash, time, time_if, word};
use crate::{DatabaseError, TokenKind};

const HOUR: i64 = 3_600_000;

impl State {
    pub fn add_key(&self, key: &Credential) -> Done<Credential> {
        self.add_credential("key.create", TokenKind::Agent, key)
    }

    pub fn revoke_key(&self, prefix: &Name, now: Timestamp) -> Done<Credential> {
        self.revoke_credential("key.revoke", TokenKind::Agent, prefix, now)
    }

    /// The newest first, at most 1,000.
    pub fn keys_of(&self, agent: &Name) -> Result<Vec<Credential>, DatabaseError> {
        self.credentials_of(TokenKind::Agent, agent)
    }

    pub fn add_token(&self, token: &Credential) -> Done<Credential> {
        self.add_credential("token.create", TokenKind::Operator, token)
    }

    pub fn revoke_token(&self, prefix: &Name, now: Timestamp) -> Done<Credential> {
        self.revoke_credential("token.revoke", TokenKind::Operator, prefix, now)
    }

    /// The newest first, at most 1,000.
    pub fn tokens_of(&self, operator: &Name) -> Result<Vec<Credential>, DatabaseError> {
        self.credentials_of(TokenKind::Operator, operator)
    }

    /// Notes that these keys and tokens were used; to the hour, so that most calls write nothing.
    pub fn note_use(&self, prefixes: &[Name], now: Timestamp) -> Result<(), DatabaseError> {
        let hour = now.millis().div_euclid(HOUR) * HOUR;
        let stale = self.database.read("read last use", |transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT 1 FROM credentials WHERE prefix = ?1 AND (last_used IS NULL OR last_used < ?2)",
            )?;
            let mut stale = Vec::new();
            for prefix in prefixes {
                if statement.exists((prefix.as_str(), hour))? {
                    stale.push(prefix);
                }
            }
            Ok(stale)
        })?;
        if stale.is_empty() {
            return Ok(());
        }
        self.database.write_plain("note last use", |transaction| {
            let mut statement =
                transaction.prepare_cached("UPDATE credentials SET last_used = ?2 WHERE prefix = ?1")?;
            stale.iter().try_for_each(|prefix| statement.execute((prefix.as_str(), hour)).map(|_| ()))
        })
    }

    fn add_credential(&self, act: &'static str, kind: TokenKind, new: &Credential) -> Done<Credential> {
        self.change(act, |transaction| {
            if let Some((holder, have)) = by_prefix(transaction, &new.prefix)? {
                let same = holder == word_of(kind) && have.hash == new.hash && have.owner == new.owner;
                return if same {
                    Ok(Change::none(have, &new.prefix))
                } else {
                    Err(taken("key", &new.prefix).into())
                };
            }
            let owner = match kind {
                TokenKind::Agent => agents::by_name(transaction, &new.owner)?.map(|agent| agent.name),
                TokenKind::Operator => operators::by_name(transaction, &new.owner)?.map(|who| who.name),
            };
            owner.ok_or_else(|| missing(word_of(kind), &new.owner))?;
            bounds::CREDENTIALS.check(transaction)?;
            let credential = Credential { revoked: None, last_used: None, ..new.clone() };
            transaction
                .prepare_cached(
                    "INSERT INTO credentials (prefix, holder, owner, hash, label, created, expires)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    credential.prefix.as_str(),
                    word_of(kind),
                    credential.owner.as_str(),
                    Hash(credential.hash),
                    credential.label.as_str(),
                    credential.created.millis(),
                    credential.expires.map(Timestamp::millis),
                ))?;
            Ok(Change::made(credential, &new.prefix))
        })
    }

    fn revoke_credential(
        &self,
        act: &'static str,
        kind: TokenKind,
        prefix: &Name,
        now: Timestamp,
    ) -> Done<Credential> {
        self.change(act, |transaction| {
            let have = by_prefix(transaction, prefix)?
                .filter(|(holder, _)| holder == word_of(kind))
                .map(|(_, credential)| credential)
                .ok_or_else(|| missing("key", prefix))?;
            // The first revocation stands: its time is what the ledger says.
            if have.revoked.is_some() {
                return Ok(Change::none(have, prefix));
            }
            transaction
                .prepare_cached("UPDATE credentials SET revoked = ?2 WHERE prefix = ?1")?
                .execute((prefix.as_str(), now.millis()))?;
            Ok(Change::made(Credential { revoked: Some(now), ..have }, prefix))
        })
    }

    fn credentials_of(&self, kind: TokenKind, owner: &Name) -> Result<Vec<Credential>, DatabaseError> {
        self.database.read("list keys", |transaction| {
            let sql = "SELECT * FROM credentials WHERE holder = ?1 AND owner = ?2
                       ORDER BY created DESC, prefix LIMIT 1000";
            all(transaction, sql, (word_of(kind), owner.as_str()), read)
        })
    }
}

pub(super) const fn word_of(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Agent => "agent",
        TokenKind::Operator => "operator",
    }
}

fn by_prefix(transaction: &Transaction<'_>, prefix: &Name) -> rusqlite::Result<Option<(String, Credential)>> {
    one(transaction, "SELECT * FROM credentials WHERE prefix = ?1", [prefix.as_str()], |row| {
        Ok((row.get("holder")?, read(row)?))
    })
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Credential> {
    Ok(Credential {
        prefix: word(row, "prefix")?,
        owner: word(row, "owner")?,
        hash: hash(row, "hash")?,
        label: word(row, "label")?,
        created: time(row, "created")?,
        expires: time_if(row, "expires")?,
        revoked: time_if(row, "revoked")?,
        last_used: time_if(row, "last_used")?,
    })
}
