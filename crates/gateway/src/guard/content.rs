//! Content of actions: whose it is, what the ledger commits to, and what the vault may keep.

use std::sync::Arc;

use action::{Action, Capture, Decision, Name};

use super::Guard;
use crate::book::Scope;
use crate::ports::Whose;
use crate::refuse::Refusal;

impl Guard {
    /// Whose content an action carries: the person's, or else the session's or the agent's. Who is not
    /// known by heart is looked up away from the threads that answer.
    pub(super) async fn subject(&self, action: &Action) -> Result<Name, Refusal> {
        let whose = match (&action.principal, &action.session) {
            (Some(principal), _) => Whose::Person(principal.id.as_str().into()),
            (None, Some(session)) => {
                Whose::Session { agent: action.agent.name.clone(), session: session.id.clone() }
            }
            (None, None) => Whose::Agent(action.agent.name.clone()),
        };
        if let Some(known) = self.vault.known(&whose) {
            return Ok(known);
        }
        // With a place of its own: a thread for each of thousands that come at once, all new here, would leave
        // no processor to those that answer.
        let _place = self.large.acquire().await.map_err(|_| Refusal::Stopping)?;
        if let Some(known) = self.vault.known(&whose) {
            return Ok(known);
        }
        let vault = Arc::clone(&self.vault);
        let found = tokio::task::spawn_blocking(move || vault.pseudonym(&whose)).await;
        Ok(found.map_err(|_| Refusal::Faulty)??)
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
