//! Content of actions: whose it is, what the ledger commits to, and what the vault may keep.

use action::{Action, Capture, Decision, Name};

use super::Guard;
use crate::book::Scope;
use crate::ports::Whose;
use crate::refuse::Refusal;

impl Guard {
    /// Whose content an action carries: the person's, or else the session's or the agent's.
    pub(super) fn subject(&self, action: &Action) -> Result<Name, Refusal> {
        let whose = match (&action.principal, &action.session) {
            (Some(principal), _) => Whose::Person(principal.id.as_str()),
            (None, Some(session)) => Whose::Session { agent: &action.agent.name, session: &session.id },
            (None, None) => Whose::Agent(&action.agent.name),
        };
        Ok(self.vault.pseudonym(whose)?)
    }

    /// Commits to content and gives it to the vault as far as the capture level allows.
    pub(super) fn commit(
        &self,
        id: &Name,
        subject: &Name,
        scope: &Scope,
        role: ledger::Committed,
        bytes: Vec<u8>,
    ) -> ledger::Commitment {
        let mut salt = [0u8; 32];
        self.dice.fill(&mut salt);
        let commitment = ledger::Commitment {
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            hash: ledger::hash::commit(&salt, &bytes),
        };
        if scope.capture != Capture::Metadata {
            self.vault.keep(crate::ports::Piece {
                of: id.clone(),
                role,
                capture: scope.capture,
                subject: subject.clone(),
                salt,
                bytes,
            });
        }
        commitment
    }

    /// An action in the form in which its scope keeps content.
    pub(super) fn kept_form(&self, action: &Action, decision: &Decision, capture: Capture) -> Vec<u8> {
        let redacted = match capture {
            Capture::Full | Capture::Metadata => None,
            Capture::Redacted => Some(engine::redacted(action, decision, &mut self.mask(action))),
        };
        serde_json::to_vec(redacted.as_ref().unwrap_or(action)).unwrap_or_default()
    }
}
