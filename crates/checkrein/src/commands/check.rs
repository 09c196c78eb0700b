//! `checkrein check`: everything a folder holds, and what is built in, read as the product reads it.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use engine::detect::injection::model::Model;

use super::decide::Question;
use crate::cli::{Check, Preset};
use crate::exit::Exit;
use crate::{input, packs};

pub fn run(args: &Check) -> Result<Exit> {
    let mut out = std::io::stdout().lock();
    let mut sound = built_in(&mut out)?;
    for path in input::files(&args.paths, &[".json", ".yaml", ".yml", ".rego"])? {
        if path.extension().is_some_and(|end| end == "json") {
            sound &= action(&mut out, &path)?;
        }
    }
    let has_rules = |path: &&std::path::PathBuf| {
        input::files(std::slice::from_ref(path), packs::ENDINGS).is_ok_and(|files| !files.is_empty())
    };
    let rules: Vec<_> = args.paths.iter().filter(has_rules).cloned().collect();
    drop(out);
    if !rules.is_empty() {
        sound &= super::rules::check(&rules)? == Exit::Success;
    }
    Ok(if sound { Exit::Success } else { Exit::BadInput })
}

/// The rules and the weights that are part of the program.
fn built_in(out: &mut impl Write) -> Result<bool> {
    let mut sound = true;
    for preset in [Preset::Standard] {
        match packs::load(preset, &[]) {
            Ok(rules) => {
                writeln!(out, "preset {preset:?}: {} rules, no faults", rules.policies.rules().len())?
            }
            Err(error) => {
                sound = false;
                writeln!(out, "preset {preset:?}: {error}")?;
            }
        }
    }
    let detectors = packs::load(Preset::None, &[])?.detectors;
    let failures = detectors.book.test();
    writeln!(out, "detection rules: {}, cases failed: {}", detectors.book.rules().count(), failures.len())?;
    let model = Model::shipped().is_some();
    writeln!(
        out,
        "injection model: {}",
        if model { "loaded" } else { "unavailable: the built-in weights cannot be read" }
    )?;
    Ok(sound && failures.is_empty() && model)
}

fn action(out: &mut impl Write, path: &Path) -> Result<bool> {
    let shown = path.display();
    match Question::read(&input::bytes(path)?) {
        Ok(_) => {
            writeln!(out, "{shown}: an action, no faults")?;
            Ok(true)
        }
        Err(error) => {
            writeln!(out, "{shown}: {error} [{}]", error.code())?;
            Ok(false)
        }
    }
}
