//! Dry runs: what a version of rules would have answered to recorded actions.
//!
//! An action is judged by the rules in force and by the same rules with the version in the place of its
//! set, over the same facts. What was remembered of the agent when it asked is not on record, so neither
//! side has it, and the answer says so.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::TryLockError;
use std::time::{Duration, Instant};

use action::{Action, Capture, Json, Name, Timestamp, Verdict};
use http::StatusCode;
use ledger::Committed;
use serde::{Deserialize, Serialize};
use store::{DecisionFilter, DecisionRow, EventFilter, Limit};

use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::{Answer, Compare, Office};

/// Decisions that one dry run looks at.
const MOST: u32 = 10_000;
const USUAL: u32 = 1_000;
/// Time for one; then it answers with what it has.
const WITHIN: Duration = Duration::from_secs(20);
/// Differences that are listed; further ones are counted.
const MAX_DIFFERENCES: usize = 200;
/// Decisions that are read from the index at once.
const PAGE: u16 = 200;

/// Facts that no record holds.
const WITHOUT: &[&str] = &[
    "what the session had read and done before",
    "counters, rates and budgets",
    "the agent's baseline, and how far it had moved from it",
    "what outside judges answered",
    "refusals and freezes that stood then",
    "what operators said of the agent then, where it differs from today",
];

/// One at a time: each reads and judges as fast as it can, on a core that decisions need.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DryRun {
    from: Timestamp,
    /// Before this time.
    to: Timestamp,
    /// Decisions to look at, the newest first: 1,000 when absent, at most 10,000.
    #[serde(default)]
    most: Option<u32>,
}

/// Why an action was not judged again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum NotReplayed {
    /// Its content was not kept.
    NotCaptured,
    /// Kept without the sensitive values, which rules may be about.
    Redacted,
    /// The person it was for was erased.
    Erased,
    /// What is kept is no action of this form.
    Unreadable,
    /// The agent is not registered any more.
    UnknownAgent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stopped {
    /// At `most` decisions.
    Most,
    /// At 20 seconds.
    Time,
}

#[derive(Serialize)]
struct Difference {
    id: Name,
    time: ledger::Nanos,
    /// What was answered then.
    recorded: Verdict,
    before: Verdict,
    before_by: String,
    after: Verdict,
    after_by: String,
}

#[derive(Default, Serialize)]
struct Outcome {
    looked_at: u64,
    replayed: u64,
    not_replayed: BTreeMap<NotReplayed, u64>,
    /// Absent when everything in the range was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Stopped>,
    before: BTreeMap<Verdict, u64>,
    after: BTreeMap<Verdict, u64>,
    /// Replayed actions to which the rules in force now answer otherwise than was answered then: for
    /// other rules, or for facts that are not replayed.
    otherwise_than_recorded: u64,
    differences: Vec<Difference>,
    /// Differences beyond those listed.
    differences_left_out: u64,
    /// Facts that neither side had.
    without: &'static [&'static str],
}

pub fn run(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (set, number, wish): (Name, u32, DryRun) = (call.name("set")?, call.number("number")?, call.take()?);
    let most = wish.most.unwrap_or(USUAL);
    if wish.from >= wish.to || !(1..=MOST).contains(&most) {
        return Err(Fault::bad("bad_range", "`from` is before `to`, and `most` is 1 to 10,000"));
    }
    let version = office.state.rule_version(&set, number)?.ok_or_else(|| Fault::missing("version"))?;
    let _turn = match TURN.try_lock() {
        Ok(turn) => turn,
        Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
        Err(TryLockError::WouldBlock) => {
            let message = "another dry run is under way; try again when it has ended";
            return Err(Fault::new(StatusCode::TOO_MANY_REQUESTS, "busy", message));
        }
    };
    let compare = office.rules.compare(&version).map_err(|faults| Fault::bad("faulty_rules", faults))?;
    Reply::of(&replay(office, &*compare, &wish, u64::from(most))?)
}

fn replay(office: &Office, compare: &dyn Compare, wish: &DryRun, most: u64) -> Result<Outcome, Fault> {
    let started = Instant::now();
    let filter = DecisionFilter { from: Some(wish.from), before: Some(wish.to), ..DecisionFilter::default() };
    let mut outcome = Outcome { without: WITHOUT, ..Outcome::default() };
    let mut before = None;
    loop {
        let page = office.index.decisions(&filter, before, Limit::new(PAGE))?;
        for row in page.items {
            if outcome.looked_at >= most {
                outcome.stopped = Some(Stopped::Most);
                return Ok(outcome);
            }
            if started.elapsed() > WITHIN {
                outcome.stopped = Some(Stopped::Time);
                return Ok(outcome);
            }
            outcome.looked_at += 1;
            match judge(office, compare, &row)? {
                Ok(answers) => outcome.add(row, answers),
                Err(why) => *outcome.not_replayed.entry(why).or_default() += 1,
            }
        }
        before = page.next;
        if before.is_none() {
            return Ok(outcome);
        }
    }
}

impl Outcome {
    fn add(&mut self, row: DecisionRow, (before, after): (Answer, Answer)) {
        self.replayed += 1;
        *self.before.entry(before.verdict).or_default() += 1;
        *self.after.entry(after.verdict).or_default() += 1;
        self.otherwise_than_recorded += u64::from(before.verdict != row.verdict);
        if before.verdict == after.verdict {
            return;
        }
        if self.differences.len() >= MAX_DIFFERENCES {
            self.differences_left_out += 1;
            return;
        }
        self.differences.push(Difference {
            id: row.id,
            time: row.time,
            recorded: row.verdict,
            before: before.verdict,
            before_by: before.rule,
            after: after.verdict,
            after_by: after.rule,
        });
    }
}

type Judged = Result<(Answer, Answer), NotReplayed>;

fn judge(office: &Office, compare: &dyn Compare, row: &DecisionRow) -> Result<Judged, Fault> {
    let action = match recorded(office, row)? {
        Ok(action) => action,
        Err(why) => return Ok(Err(why)),
    };
    Ok(compare.answers(&action, row.time.timestamp()).ok_or(NotReplayed::UnknownAgent))
}

/// The action as it was sent, where it is still there in that form.
fn recorded(office: &Office, row: &DecisionRow) -> Result<Result<Action, NotReplayed>, Fault> {
    let stored =
        office.ledger.read(row.sequence, 1).map_err(|error| Fault::ours("read the ledger", &error))?;
    let commitment = stored.first().and_then(|stored| stored.record.commitments.get(&Committed::Action));
    let piece = match commitment {
        Some(commitment) => match office.content.get(&row.id, Committed::Action, commitment) {
            Ok(piece) => piece,
            Err(store::ContentError::Altered { .. }) => return Ok(Err(NotReplayed::Unreadable)),
            Err(error) => return Err(Fault::content(error)),
        },
        None => None,
    };
    let Some(piece) = piece else { return gone(office, row).map(Err) };
    if piece.row.level != Capture::Full {
        return Ok(Err(NotReplayed::Redacted));
    }
    Ok(Json::parse_as(&piece.content).map_err(|_| NotReplayed::Unreadable))
}

/// Why there is no content: an erasure of the person stands on the ledger, or it was never kept.
fn gone(office: &Office, row: &DecisionRow) -> Result<NotReplayed, Fault> {
    let Some(person) = row.principal.clone() else { return Ok(NotReplayed::NotCaptured) };
    let of_person = EventFilter { of: Some(person), ..EventFilter::default() };
    let erasures = office.index.erasures(&of_person, None, Limit::new(1))?;
    let erased = !erasures.items.is_empty();
    Ok(if erased { NotReplayed::Erased } else { NotReplayed::NotCaptured })
}
