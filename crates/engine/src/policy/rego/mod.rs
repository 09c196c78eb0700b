//! Rego modules: the same input, the same verdicts, in the language of Open Policy Agent.
//!
//! A module is one voice in its layer. It collects into a set, so that no two of its bodies can
//! contradict each other:
//!
//! ```rego
//! # METADATA
//! # custom:
//! #   layer: organisation
//! #   priority: 50
//! #   when: { tool: [send_email, http_post] }
//! #   on_fault: block
//! package checkrein.egress
//!
//! decisions contains {"verdict": "block", "rule": "unknown-host", "reason": "no such partner"} if {
//!     some host in input.action.resource.destinations
//!     not endswith(host, ".partner.example")
//! }
//! ```
//!
//! The strictest element is what the module says. `when` is the native condition language; it is
//! asked first and files the module in the dispatch index, so a module about other tools costs
//! nothing. Modules are compiled once and run as byte code with a bound on instructions, which is
//! the same on every machine, instead of a clock. A module that panics, runs on or answers
//! nonsense is a fault and counts as `on_fault`: unless the module says otherwise, approve for
//! actions with an effect and alert for reads; never allow.
//!
//! `rule` is a name of letters, digits and `._-`, at most 64 of them. `reason` is at most 240 bytes
//! on one line and may quote what is no secret: a reason in which a detector finds personal data
//! or a credential is left out, because reasons go into records and alerts.

mod builtins;
mod codec;
mod header;
mod input;
mod module;
mod needs;
mod split;

pub use builtins::{Clock, EXTRA, Extra, NOT_OFFERED, WITHHELD, interpreter};
pub use header::read;
pub use input::input;
pub use module::{Decided, MAX_INSTRUCTIONS, Module, Outcome};
pub use needs::Needs;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The published list is this table; `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_published_list_of_builtins_is_the_table() {
        let mut page = String::from(
            "# Rego builtins\n\nA module may call every builtin of Open Policy Agent 1.2 but these.\n\n| not offered | why |\n|---|---|\n",
        );
        NOT_OFFERED.iter().for_each(|(name, why)| page.push_str(&format!("| `{name}` | {why} |\n")));
        page.push_str("\nAlso withheld: ");
        let withheld: Vec<String> = WITHHELD
            .iter()
            .filter(|(name, _)| !NOT_OFFERED.iter().any(|(other, _)| other == name))
            .map(|(name, why)| format!("`{name}` ({why})"))
            .collect();
        page.push_str(&format!("{}.\n", withheld.join(", ")));
        page.push_str("\nNot offered as syntax: `with`, string interpolation, keywords as references.\n");
        page.push_str("\nAdded or replaced by us, called as functions only (not with the result as a last argument):\n\n");
        EXTRA.iter().for_each(|extra| page.push_str(&format!("- `{}`\n", extra.name)));
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy/rego/builtins.md");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &page).unwrap();
        }
        assert_eq!(page, include_str!("builtins.md"), "run with UPDATE_GOLDEN=1 and look at the change");
    }
}
