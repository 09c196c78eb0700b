//! The rules that ship with the program, and an operator's own beside them.

use std::path::PathBuf;

use anyhow::{Result, bail};
use engine::Rules;
use engine::policy::Source;
use engine::yaml::Faults;

use crate::cli::Preset;
use crate::input;

/// Endings of rule files.
pub const ENDINGS: &[&str] = &[".yaml", ".yml", ".rego"];

macro_rules! pack {
    ($name:literal) => {
        Source { file: concat!("policies/", $name), text: include_str!(concat!("../../../policies/", $name)) }
    };
}

/// Rules of the tour: small, readable, one idea each.
pub const EXAMPLES: &[Source<'_>] = &[pack!("refunds.yaml")];

/// Detection rules that are part of every set.
const DETECTORS: &[Source<'_>] = &[
    Source { file: "rules/injection.yaml", text: engine::detect::INJECTION_RULES },
    Source { file: "rules/exploits.yaml", text: engine::detect::EXPLOIT_RULES },
];

/// The sources of a preset, in the order in which they are read.
pub fn sources(preset: Preset) -> Vec<Source<'static>> {
    let _ = preset;
    DETECTORS.to_vec()
}

/// A preset with an operator's files beside it.
pub fn load(preset: Preset, paths: &[PathBuf]) -> Result<Rules> {
    let files = read(paths)?;
    let own: Vec<Source<'_>> = files.iter().map(|(file, text)| Source { file, text }).collect();
    load_with(preset, &own)
}

pub fn load_with(preset: Preset, own: &[Source<'_>]) -> Result<Rules> {
    let mut sources = sources(preset);
    sources.extend(own);
    match Rules::load(&sources) {
        Ok(rules) => Ok(rules),
        Err(faults) => bail!("{}", told(&faults)),
    }
}

/// Rule files with their texts.
pub fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>> {
    let files = input::files(paths, ENDINGS)?;
    files.iter().map(|path| Ok((path.display().to_string(), input::text(Some(path))?))).collect()
}

/// Every fault on lines of its own, under one sentence.
pub fn told(faults: &Faults) -> String {
    let mut text = match faults.0.len() {
        1 => "the rules have a fault".to_owned(),
        count => format!("the rules have {count} faults"),
    };
    for fault in &faults.0 {
        text.push('\n');
        text.push_str(&fault.to_string());
    }
    text
}
