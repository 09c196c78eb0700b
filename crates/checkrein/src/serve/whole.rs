//! What belongs to a ledger is there when the ledger is.
//!
//! A part that is missing would be made anew, and nobody would notice: another binding key decides
//! repeated questions twice and lets no held action go on, an empty `state.db` makes a new first
//! operator, and an empty ledger is a history without its beginning. So a server starts on all of it, or,
//! the first time, on nothing.

use std::path::Path;

use anyhow::{Result, bail};

/// Made before the ledger is.
const BEFORE: &[&str] = &[
    "state.db",
    "content.db",
    "keys/content.key",
    "keys/ledger.key",
    "keys/binding.key",
    "keys/redaction.key",
    "keys/token.key",
];

/// Made from the ledger, after it.
const AFTER: &str = "index.db";

const LEDGER: &str = "ledger/shards";

/// Refuses a data folder of which a part is missing.
pub fn check(data: &Path) -> Result<()> {
    let shown = data.display();
    if !data.join(LEDGER).exists() {
        if data.join(AFTER).exists() {
            bail!(
                "the ledger is missing in `{shown}`, where one was; put the folder back whole, from one \
                 backup, or start in an empty one"
            );
        }
        return Ok(());
    }
    let missing: Vec<String> =
        BEFORE.iter().filter(|part| !data.join(part).exists()).map(|part| format!("`{part}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "`{shown}` holds a ledger, but not what belongs to it: {} missing; put the folder back whole, from \
         one backup",
        missing.join(", ")
    )
}
