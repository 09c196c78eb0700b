//! `checkrein report`: detection measured on labelled corpora.

use std::io::Write;

use anyhow::{Result, bail};

use crate::cli::{Preset, Report, ReportPart};
use crate::exit::Exit;
use crate::{packs, report};

pub fn run(args: &Report) -> Result<Exit> {
    if !args.dir.is_dir() {
        bail!("`{}` is no folder; name the one with the corpora (*.jsonl.gz)", args.dir.display());
    }
    let rules = packs::load(Preset::Standard, &[])?;
    let (dir, detectors) = (args.dir.as_path(), &rules.detectors);
    let mut out = std::io::stdout().lock();
    let wanted = |part: ReportPart| args.only.is_none_or(|only| only == part);
    if wanted(ReportPart::Detect) {
        writeln!(
            out,
            "# Texts through the detectors\n\n`aim` ends with NO where the measured share misses it.\n"
        )?;
        report::detect::print(&mut out, dir, detectors)?;
        writeln!(out, "\n# Personal data, by span\n")?;
        report::personal::print(&mut out, dir, detectors)?;
    }
    if wanted(ReportPart::Disguise) {
        writeln!(
            out,
            "\n# Disguises\n\nAttacks that are found in plain sight, and harmless prompts. The model has seen both"
        )?;
        writeln!(out, "in plain form, so only the change from the first line means anything.\n")?;
        report::disguise::print(&mut out, dir, detectors)?;
    }
    if wanted(ReportPart::Sessions) {
        writeln!(out, "\n# Sessions\n")?;
        report::sessions::print(&mut out, dir, &rules)?;
    }
    if wanted(ReportPart::Opa) {
        writeln!(out, "\n# Rego conformance\n")?;
        report::opa::print(&mut out, dir)?;
    }
    if wanted(ReportPart::Injection) {
        writeln!(
            out,
            "\n# Injection model, cross-validated and with one source left out\n\nThis trains many models and takes minutes.\n"
        )?;
        report::injection::print(&mut out, dir)?;
    }
    Ok(Exit::Success)
}
