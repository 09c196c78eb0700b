//! Rule sets and their versions. A text never changes; what moves is its state.

use action::{Digest, Layer, Name, Timestamp};
use aws_lc_rs::digest;
use rusqlite::{Row, Transaction};

use super::bounds::{self, RULE_VERSIONS, RULES_BYTES, check_bytes, check_note};
use super::{
    Change, Done, Language, ReturnWhen, RuleSet, RuleState, RuleVersion, State, all, check_seen, missing,
    one, taken,
};
use crate::database::Fault;
use crate::row::{Hash, Packed, Word, count, hash, time, time_if, word, word_if};
use crate::{DatabaseError, Limit, Page, WriteError};

const SET: &str = "rule set";
const VERSION: &str = "version of rules";

impl State {
    pub fn add_rule_set(
        &self,
        name: &Name,
        layer: Layer,
        target: Option<&Name>,
        language: Language,
        now: Timestamp,
    ) -> Done<RuleSet> {
        self.change("rules.create", |transaction| {
            if (layer == Layer::Organisation) != target.is_none() {
                return Err(refused(
                    "rules.target",
                    "the layers application and agent need a target, the organisation has none",
                ));
            }
            if let Some(set) = set_by_name(transaction, name)? {
                let same = set.layer == layer && set.target.as_ref() == target && set.language == language;
                return if same { Ok(Change::none(set, name)) } else { Err(taken(SET, name).into()) };
            }
            bounds::RULE_SETS.check(transaction)?;
            let target = target.cloned();
            let set =
                RuleSet { name: name.clone(), layer, target, language, created: now, newest: 0, version: 1 };
            transaction
                .prepare_cached(
                    "INSERT INTO rule_sets (name, layer, target, language, created, newest, version)
                     VALUES (?1, ?2, ?3, ?4, ?5, 0, 1)",
                )?
                .execute((
                    name.as_str(),
                    layer.as_str(),
                    set.target.as_ref().map(Name::as_str),
                    Word(language),
                    now.millis(),
                ))?;
            Ok(Change::made(set, name))
        })
    }

    /// A new version, as a draft. The same text again, by the same author with the same note, is the
    /// version that is there.
    pub fn draft_rules(
        &self,
        set: &Name,
        text: &str,
        author: &Name,
        note: &str,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<RuleVersion> {
        self.change("rules.draft", |transaction| {
            check_bytes(text.len(), RULES_BYTES, "a text of rules has at most 1 MiB")?;
            check_note(note)?;
            let owner = set_by_name(transaction, set)?.ok_or_else(|| missing(SET, set))?;
            if let Some(newest) = version(transaction, set, owner.newest)?
                && newest.text == text
                && newest.author == *author
                && newest.note == note
            {
                return Ok(Change::none(newest, set));
            }
            check_seen(SET, set, seen, owner.version)?;
            let draft = append(transaction, &owner, text, author, note, now)?;
            Ok(Change::made(draft, set))
        })
    }

    /// By a person who is not the author.
    pub fn approve_rules(&self, set: &Name, number: u32, by: &Name, seen: Option<u64>) -> Done<RuleVersion> {
        self.change("rules.approve", |transaction| {
            let (owner, have) = both(transaction, set, number)?;
            if have.author == *by {
                return Err(refused(
                    "rules.same_person",
                    "rules are approved by somebody who did not write them",
                ));
            }
            if have.approved_by.is_some() {
                return Ok(Change::none(have, set));
            }
            check_seen(SET, set, seen, owner.version)?;
            match have.state {
                RuleState::Draft | RuleState::Shadow => {}
                RuleState::Active | RuleState::Retired => {
                    return Err(refused("rules.state", "only a draft or a shadow version can be approved"));
                }
            }
            store(transaction, RuleVersion { approved_by: Some(by.clone()), ..have }, set)
        })
    }

    /// To shadow or to retired; see [`State::activate_rules`] for the way to active.
    pub fn move_rules(&self, set: &Name, number: u32, to: RuleState, seen: Option<u64>) -> Done<RuleVersion> {
        let act = if to == RuleState::Retired { "rules.retire" } else { "rules.shadow" };
        self.change(act, |transaction| {
            let (owner, have) = both(transaction, set, number)?;
            if have.state == to {
                return Ok(Change::none(have, set));
            }
            check_seen(SET, set, seen, owner.version)?;
            match (have.state, to) {
                (RuleState::Draft | RuleState::Active, RuleState::Shadow)
                | (RuleState::Draft | RuleState::Shadow | RuleState::Active, RuleState::Retired) => {}
                (RuleState::Draft | RuleState::Shadow | RuleState::Active | RuleState::Retired, _) => {
                    return Err(refused("rules.state", "a version goes from draft to shadow to active to retired, and from active back to shadow"));
                }
            }
            store(transaction, RuleVersion { state: to, percent: 100, return_when: None, ..have }, set)
        })
    }

    /// Active for this share of traffic. Below 100 the version that was active stays for the rest; at 100
    /// it is retired. With `four_eyes`, only what somebody else has approved.
    #[expect(clippy::too_many_arguments, reason = "what one move of a version is made of")]
    pub fn activate_rules(
        &self,
        set: &Name,
        number: u32,
        percent: u8,
        return_when: Option<ReturnWhen>,
        four_eyes: bool,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<RuleVersion> {
        self.change("rules.activate", |transaction| {
            check_return(return_when, percent)?;
            if !(1..=100).contains(&percent) {
                return Err(refused("rules.percent", "a share of traffic is 1 to 100 percent"));
            }
            let (owner, have) = both(transaction, set, number)?;
            if have.state == RuleState::Active && have.percent == percent && have.return_when == return_when {
                return Ok(Change::none(have, set));
            }
            check_seen(SET, set, seen, owner.version)?;
            match have.state {
                RuleState::Shadow | RuleState::Active => {}
                RuleState::Draft | RuleState::Retired => {
                    return Err(refused("rules.state", "only a shadow version becomes active"));
                }
            }
            if four_eyes && have.approved_by.is_none() {
                return Err(refused(
                    "rules.unapproved",
                    "somebody who did not write the rules has to approve them first",
                ));
            }
            let others = active_beside(transaction, set, number)?;
            if percent == 100 {
                retire(transaction, &others)?;
            } else if others.iter().any(|other| other.percent < 100) {
                return Err(refused(
                    "rules.rollout",
                    "another version is being rolled out; finish it or take it back first",
                ));
            }
            let activated = have.activated.or(Some(now));
            let changed = RuleVersion { state: RuleState::Active, percent, activated, return_when, ..have };
            store(transaction, changed, set)
        })
    }

    /// The text of a version that was once active, as a new version that is active at once: who approved
    /// it then has approved it.
    pub fn roll_back_rules(
        &self,
        set: &Name,
        to: u32,
        by: &Name,
        note: &str,
        seen: Option<u64>,
        now: Timestamp,
    ) -> Done<RuleVersion> {
        self.change("rules.roll_back", |transaction| {
            check_note(note)?;
            let (owner, old) = both(transaction, set, to)?;
            if let Some(newest) = version(transaction, set, owner.newest)?
                && newest.state == RuleState::Active
                && newest.digest == old.digest
                && newest.author == *by
                && newest.note == note
            {
                return Ok(Change::none(newest, set));
            }
            check_seen(SET, set, seen, owner.version)?;
            if old.activated.is_none() {
                return Err(refused(
                    "rules.never_active",
                    "this version was never active; activate it instead",
                ));
            }
            retire(transaction, &active_beside(transaction, set, 0)?)?;
            let new = append(transaction, &owner, &old.text, by, note, now)?;
            let (approved_by, activated) = (old.approved_by, Some(now));
            store(transaction, RuleVersion { state: RuleState::Active, approved_by, activated, ..new }, set)
        })
    }

    pub fn rule_set(&self, name: &Name) -> Result<Option<RuleSet>, DatabaseError> {
        self.database.read("read a rule set", |transaction| set_by_name(transaction, name))
    }

    /// By name.
    pub fn rule_sets(
        &self,
        after: Option<&Name>,
        limit: Limit,
    ) -> Result<Page<RuleSet, Name>, DatabaseError> {
        self.database.read("list rule sets", |transaction| {
            let sql = "SELECT * FROM rule_sets WHERE name > ?1 ORDER BY name LIMIT ?2";
            let rows = all(transaction, sql, (after.map_or("", Name::as_str), limit.one_more()), read_set)?;
            Ok(Page::of(rows, limit, |set| set.name.clone()))
        })
    }

    pub fn rule_version(&self, set: &Name, number: u32) -> Result<Option<RuleVersion>, DatabaseError> {
        self.database.read("read rules", |transaction| version(transaction, set, number))
    }

    /// The newest first.
    pub fn rule_versions(
        &self,
        set: &Name,
        before: Option<u32>,
        limit: Limit,
    ) -> Result<Page<RuleVersion, u32>, DatabaseError> {
        self.database.read("list versions of rules", |transaction| {
            let sql = "SELECT * FROM rule_versions WHERE rule_set = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";
            let before = before.unwrap_or(u32::MAX);
            let rows = all(transaction, sql, (set.as_str(), before, limit.one_more()), read_version)?;
            Ok(Page::of(rows, limit, |version| version.number))
        })
    }
}

fn refused(code: &'static str, why: &'static str) -> Fault {
    WriteError::Refused { code, why }.into()
}

/// A bound that can never be met would be a false promise.
fn check_return(when: Option<ReturnWhen>, percent: u8) -> Result<(), WriteError> {
    let refused = |why| Err(WriteError::Refused { code: "rules.return", why });
    let Some(when) = when else { return Ok(()) };
    if percent == 100 {
        return refused("a version that decides everything has nothing to be compared with");
    }
    if when.blocked_share_above.is_none() && when.faults_above.is_none() {
        return refused("say at least one of blocked_share_above and faults_above");
    }
    if when.blocked_share_above.is_some_and(|share| share > 99) {
        return refused("blocked_share_above is 0 to 99 points of a hundred");
    }
    if !(1..=86_400).contains(&when.within_seconds) {
        return refused("within_seconds is 1 to 86,400");
    }
    if when.least_decisions == 0 {
        return refused("least_decisions is at least 1");
    }
    Ok(())
}

fn both(transaction: &Transaction<'_>, set: &Name, number: u32) -> Result<(RuleSet, RuleVersion), Fault> {
    let owner = set_by_name(transaction, set)?.ok_or_else(|| missing(SET, set))?;
    let have = version(transaction, set, number)?
        .ok_or_else(|| WriteError::Missing { what: VERSION, name: format!("{set} {number}") })?;
    Ok((owner, have))
}

fn append(
    transaction: &Transaction<'_>,
    set: &RuleSet,
    text: &str,
    author: &Name,
    note: &str,
    now: Timestamp,
) -> Result<RuleVersion, Fault> {
    if set.newest >= RULE_VERSIONS {
        return Err(
            WriteError::Limit { what: "versions of this rule set", most: RULE_VERSIONS.into() }.into()
        );
    }
    let draft = RuleVersion {
        set: set.name.clone(),
        number: set.newest + 1,
        text: text.to_owned(),
        digest: sha256(text),
        author: author.clone(),
        note: note.to_owned(),
        created: now,
        state: RuleState::Draft,
        percent: 100,
        approved_by: None,
        activated: None,
        return_when: None,
    };
    transaction
        .prepare_cached(
            "INSERT INTO rule_versions (rule_set, number, text, digest, author, note, created, state, percent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute((
            draft.set.as_str(),
            draft.number,
            &draft.text,
            Hash(draft.digest),
            draft.author.as_str(),
            &draft.note,
            now.millis(),
            Word(draft.state),
            draft.percent,
        ))?;
    transaction
        .prepare_cached("UPDATE rule_sets SET newest = ?2, version = version + 1 WHERE name = ?1")?
        .execute((set.name.as_str(), draft.number))?;
    Ok(draft)
}

/// Writes what may change of a version, and moves the ETag of its set.
fn store(
    transaction: &Transaction<'_>,
    changed: RuleVersion,
    set: &Name,
) -> Result<Change<RuleVersion>, Fault> {
    transaction
        .prepare_cached(
            "UPDATE rule_versions SET state = ?3, percent = ?4, approved_by = ?5, activated = ?6, return_when = ?7
             WHERE rule_set = ?1 AND number = ?2",
        )?
        .execute((
            set.as_str(),
            changed.number,
            Word(changed.state),
            changed.percent,
            changed.approved_by.as_ref().map(Name::as_str),
            changed.activated.map(Timestamp::millis),
            changed.return_when.map(Packed),
        ))?;
    transaction
        .prepare_cached("UPDATE rule_sets SET version = version + 1 WHERE name = ?1")?
        .execute([set.as_str()])?;
    Ok(Change::made(changed, set))
}

fn active_beside(
    transaction: &Transaction<'_>,
    set: &Name,
    number: u32,
) -> rusqlite::Result<Vec<RuleVersion>> {
    let sql = "SELECT * FROM rule_versions WHERE rule_set = ?1 AND number <> ?2 AND state = 'active'";
    all(transaction, sql, (set.as_str(), number), read_version)
}

fn retire(transaction: &Transaction<'_>, versions: &[RuleVersion]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "UPDATE rule_versions SET state = 'retired', percent = 100, return_when = NULL WHERE rule_set = ?1 AND number = ?2",
    )?;
    versions
        .iter()
        .try_for_each(|version| statement.execute((version.set.as_str(), version.number)).map(|_| ()))
}

fn set_by_name(transaction: &Transaction<'_>, name: &Name) -> rusqlite::Result<Option<RuleSet>> {
    one(transaction, "SELECT * FROM rule_sets WHERE name = ?1", [name.as_str()], read_set)
}

fn version(transaction: &Transaction<'_>, set: &Name, number: u32) -> rusqlite::Result<Option<RuleVersion>> {
    let sql = "SELECT * FROM rule_versions WHERE rule_set = ?1 AND number = ?2";
    one(transaction, sql, (set.as_str(), number), read_version)
}

pub(super) fn read_set(row: &Row<'_>) -> rusqlite::Result<RuleSet> {
    Ok(RuleSet {
        name: word(row, "name")?,
        layer: word(row, "layer")?,
        target: word_if(row, "target")?,
        language: word(row, "language")?,
        created: time(row, "created")?,
        newest: row.get("newest")?,
        version: count(row, "version")?,
    })
}

pub(super) fn read_version(row: &Row<'_>) -> rusqlite::Result<RuleVersion> {
    Ok(RuleVersion {
        set: word(row, "rule_set")?,
        number: row.get("number")?,
        text: row.get("text")?,
        digest: hash(row, "digest")?,
        author: word(row, "author")?,
        note: row.get("note")?,
        created: time(row, "created")?,
        state: word(row, "state")?,
        percent: row.get("percent")?,
        approved_by: word_if(row, "approved_by")?,
        activated: time_if(row, "activated")?,
        return_when: row.get::<_, Option<Packed<ReturnWhen>>>("return_when")?.map(|packed| packed.0),
    })
}

fn sha256(text: &str) -> Digest {
    let mut bytes = [0u8; 32];
    let made = digest::digest(&digest::SHA256, text.as_bytes());
    bytes.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
    Digest::from_bytes(bytes)
}
