//! `checkrein tour`: a guided tour through a dozen decisions.

use std::io::Write;

use anyhow::{Context, Result};

use super::decide::Question;
use crate::cli::Preset;
use crate::exit::Exit;
use crate::packs;
use crate::show::{self, Paint};

macro_rules! stops {
    ($($name:literal),+ $(,)?) => {
        &[$((concat!("examples/tour/", $name, ".json"), include_str!(concat!("../../../../examples/tour/", $name, ".json"))),)+]
    };
}

/// The stops of the tour, each also a file to try and to change.
const TOUR: &[(&str, &str)] = stops![
    "01-read-one-profile",
    "02-bulk-export-at-night",
    "03-small-refund",
    "04-large-refund-without-role",
    "05-injected-bulk-refund",
    "06-personal-data-to-outside",
    "07-sql-injection-in-a-value",
    "08-remote-script",
    "09-write-needs-approval",
    "10-delete-in-staging",
    "11-address-from-memory",
    "12-prompt-with-card-number",
];

pub fn run() -> Result<Exit> {
    let paint = Paint::for_stdout();
    let rules = packs::load_with(Preset::Standard, packs::EXAMPLES)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", paint.bold("Checkrein judges what AI agents are about to do."))?;
    writeln!(
        out,
        "{} actions under the standard rules and the examples; nothing is executed.\n",
        TOUR.len()
    )?;
    for (number, (file, text)) in TOUR.iter().enumerate() {
        let question = Question::read(text.as_bytes()).with_context(|| format!("`{file}` is no action"))?;
        let decision = question.decide(&rules, None);
        let note = question.note.as_deref().unwrap_or_default();
        writeln!(out, "{} {}", paint.bold(&format!("{:>2}.", number + 1)), paint.bold(note))?;
        writeln!(out, "    {}", paint.dim(file))?;
        for line in show::full(&question.action, &decision, paint).lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out)?;
    }
    writeln!(out, "{}", paint.bold("Next"))?;
    writeln!(
        out,
        "  change an action     checkrein decide --rules policies/refunds.yaml examples/tour/04-large-refund-without-role.json"
    )?;
    writeln!(
        out,
        "  see all of it        checkrein decide --json examples/tour/05-injected-bulk-refund.json"
    )?;
    writeln!(out, "  write a rule         README.md, \"Write a rule\"")?;
    Ok(Exit::Success)
}
