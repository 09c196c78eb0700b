//! Findings that no record states: what follows when an outcome is held against its decision.

use action::{ApprovalState, Severity, Verdict};
use ledger::Report;
use rusqlite::{OptionalExtension as _, Transaction};

use crate::row::{word, word_if};

/// Something was done that the decision did not let through.
pub(super) const CONTRADICTS: &str = "outcome.contradicts";
/// Two reports of one effect say different things.
pub(super) const DISAGREES: &str = "outcome.disagrees";
/// Two decisions carry one id.
pub(super) const REPEATED: &str = "decision.repeated";

/// How a decision stands when a report of its effect comes.
pub(super) struct Stand {
    effective: Verdict,
    /// Approved, and handed to its caller.
    let_go: bool,
    earlier: Option<Report>,
}

impl Stand {
    pub fn of(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<Option<Self>> {
        transaction
            .prepare_cached(
                "SELECT effective, outcome, state, coalesce(released, 0) AS released
                 FROM decisions LEFT JOIN holds ON of = id
                 WHERE id = ?1 ORDER BY decisions.sequence LIMIT 1",
            )?
            .query_row([id], |row| {
                let state: Option<ApprovalState> = word_if(row, "state")?;
                Ok(Stand {
                    effective: word(row, "effective")?,
                    let_go: state == Some(ApprovalState::Approved) && row.get("released")?,
                    earlier: word_if(row, "outcome")?,
                })
            })
            .optional()
    }

    /// How bad it is that this was done. A call that ran and failed was still dispatched; one that ran in
    /// isolation where nothing should have run touched nothing.
    pub fn contradicted_by(&self, report: Report) -> Option<Severity> {
        let nothing_may_run = match self.effective {
            Verdict::Allow | Verdict::Alert | Verdict::Constrain => return None,
            // What could not be isolated was held, and may have been released.
            Verdict::Sandbox | Verdict::Approve if self.let_go => return None,
            Verdict::Sandbox => false,
            Verdict::Approve | Verdict::Block => true,
        };
        match report {
            Report::Executed => Some(Severity::Critical),
            Report::Failed if nothing_may_run => Some(Severity::High),
            Report::Isolated if nothing_may_run => Some(Severity::Medium),
            Report::Failed | Report::Isolated | Report::NotExecuted | Report::Missing => None,
        }
    }

    /// A report that comes late replaces one that was missing; any other change is worth a look.
    pub fn disagrees_with(&self, report: Report) -> Option<Severity> {
        match self.earlier {
            None | Some(Report::Missing) => None,
            Some(earlier) if earlier == report => None,
            // The caller says the same in its own words: it did not run what ran in isolation.
            Some(Report::Isolated) if report == Report::NotExecuted => None,
            Some(_) if report == Report::Missing => None,
            Some(_) => Some(Severity::Medium),
        }
    }
}
