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

const DEFAULT: Source<'_> = pack!("default.yaml");

/// What each preset adds to the defaults.
const PRESETS: &[(Preset, &[Source<'_>])] = &[
    (Preset::Standard, &[pack!("preset-standard.yaml")]),
    (Preset::Strict, &[pack!("preset-strict.yaml")]),
    (Preset::Permissive, &[pack!("preset-permissive.yaml")]),
    (Preset::Hipaa, &[pack!("preset-hipaa.yaml")]),
    (Preset::PciDss, &[pack!("preset-pci-dss.yaml")]),
    (Preset::Gdpr, &[pack!("preset-gdpr.yaml")]),
    (Preset::Defaults, &[]),
];

/// Rules of the tour: small, readable, one idea each.
pub const EXAMPLES: &[Source<'_>] =
    &[pack!("refunds.yaml"), pack!("read-write.yaml"), pack!("exfiltration.yaml"), pack!("llm-calls.yaml")];

/// Detection rules that are part of every set.
const DETECTORS: &[Source<'_>] = &[
    Source { file: "rules/injection.yaml", text: engine::detect::INJECTION_RULES },
    Source { file: "rules/exploits.yaml", text: engine::detect::EXPLOIT_RULES },
];

/// The sources of a preset, in the order in which they are read.
pub fn sources(preset: Preset) -> Vec<Source<'static>> {
    let mut sources = DETECTORS.to_vec();
    if preset != Preset::None {
        sources.push(DEFAULT);
    }
    let added = PRESETS.iter().find(|(known, _)| *known == preset);
    sources.extend(added.into_iter().flat_map(|(_, packs)| packs.iter().copied()));
    sources
}

/// A preset's name, as it is written in settings and on the command line.
pub fn name_of(preset: Preset) -> &'static str {
    match preset {
        Preset::Standard => "standard",
        Preset::Strict => "strict",
        Preset::Permissive => "permissive",
        Preset::Hipaa => "hipaa",
        Preset::PciDss => "pci-dss",
        Preset::Gdpr => "gdpr",
        Preset::Defaults => "defaults",
        Preset::None => "none",
    }
}

/// Every preset.
pub fn presets() -> impl Iterator<Item = Preset> {
    PRESETS.iter().map(|(preset, _)| *preset)
}

/// Whether a text is the default pack itself, which cannot stand beside itself.
pub fn is_default(text: &str) -> bool {
    text == DEFAULT.text
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
