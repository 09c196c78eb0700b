//! `checkrein report`: detection measured on labelled corpora.

use anyhow::{Result, bail};

use crate::cli::{Preset, Report, ReportPart};
use crate::exit::Exit;
use crate::packs;
use crate::report;

pub fn run(args: &Report) -> Result<Exit> {
    if !args.dir.is_dir() {
        bail!("`{}` is no folder; name the one with the corpora (*.jsonl.gz)", args.dir.display());
    }
    let rules = packs::load(Preset::Standard, &[])?;
    let wanted = |part: ReportPart| args.only.is_none_or(|only| only == part);
    if wanted(ReportPart::Detect) {
        println!("# Texts through the detectors\n");
        report::detect::print(&args.dir, &rules.detectors)?;
    }
    Ok(Exit::Success)
}
