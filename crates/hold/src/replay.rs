//! Rebuilding the holds from their records, after a restart.

use std::collections::HashMap;

use action::{Name, Timestamp};
use ledger::{ApprovalPart, ApprovalStep, Record};

use crate::hold::{Hold, State, Vote};
use crate::registry::{Holds, IN_PLACE_OF};

/// A record that no history of this program writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    #[error("record {0} moves a held action that no record before it has requested")]
    Orphan(u64),
    #[error("record {0} requests a held action without saying {1}")]
    Incomplete(u64, &'static str),
    #[error("record {0} moves a held action in a way that its state does not allow")]
    Impossible(u64),
}

impl Holds {
    /// Restores every hold that the records tell of, in their order. Records of other kinds are
    /// passed over.
    pub fn replay<'r>(&self, records: impl IntoIterator<Item = &'r Record>) -> Result<usize, ReplayError> {
        let mut holds: HashMap<Name, Hold> = HashMap::new();
        let mut order: Vec<Name> = Vec::new();
        for record in records {
            let Some(part) = &record.approval else { continue };
            if part.step == ApprovalStep::Requested {
                order.push(part.of.clone());
                holds.insert(part.of.clone(), requested(record, part)?);
                continue;
            }
            let hold = holds.get_mut(&part.of).ok_or(ReplayError::Orphan(record.sequence))?;
            hold.state = moved(hold, record, part).ok_or(ReplayError::Impossible(record.sequence))?;
        }
        let restored = holds.len();
        for hold in order.iter().filter_map(|id| holds.remove(id)) {
            self.restore(hold);
        }
        Ok(restored)
    }
}

fn requested(record: &Record, part: &ApprovalPart) -> Result<Hold, ReplayError> {
    let missing = |what| ReplayError::Incomplete(record.sequence, what);
    Ok(Hold {
        id: part.of.clone(),
        agent: record.agent.as_ref().map(|agent| agent.name.clone()).ok_or(missing("its agent"))?,
        principal: record.principal.clone(),
        payload: part.payload.ok_or(missing("what it is bound to"))?,
        requested: record.time.timestamp(),
        deadline: part.until.map(ledger::Nanos::timestamp).ok_or(missing("its deadline"))?,
        release_within: part.release_within.ok_or(missing("how long it may be taken"))?,
        needed: part.needed.ok_or(missing("how many approvals it needs"))?,
        from: part.from.clone(),
        state: State::Pending { votes: Vec::new() },
    })
}

/// The state after a recorded step. The rules of who and when were applied before the record was
/// written; here only the shape is checked.
fn moved(hold: &Hold, record: &Record, part: &ApprovalPart) -> Option<State> {
    let at: Timestamp = record.time.timestamp();
    match (&hold.state, part.step) {
        (State::Pending { votes }, ApprovalStep::Voted | ApprovalStep::Approved) => {
            let mut votes = votes.clone();
            let in_place_of = record.notes.get(IN_PLACE_OF).cloned();
            votes.push(Vote { by: part.by.clone()?, in_place_of, at });
            if part.step == ApprovalStep::Voted {
                return Some(State::Pending { votes });
            }
            let within = i64::try_from(hold.release_within).unwrap_or(i64::MAX);
            Some(State::Approved { at, until: at.plus_millis(within), votes })
        }
        (State::Pending { .. }, ApprovalStep::Denied) => Some(State::Denied { at, by: part.by.clone()? }),
        (State::Pending { .. }, ApprovalStep::Cancelled) => Some(State::Cancelled { at }),
        (State::Pending { .. } | State::Approved { .. }, ApprovalStep::Expired) => {
            Some(State::Expired { at })
        }
        (State::Approved { votes, .. }, ApprovalStep::Released) => {
            Some(State::Released { at, claim: part.claim?, votes: votes.clone() })
        }
        _ => None,
    }
}
