//! Every shipped pack loads, has cases, and answers them as written.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use engine::policy::cases::{self, Given, Outcome};
use engine::policy::{Policies, Source, judge};
use engine::yaml::Faults;

fn packs() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "rego") {
                let name = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).unwrap();
                found.push((name.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_pack_answers_its_own_cases() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (file, text) in packs() {
        let policies = match Policies::load(&[Source { file: &file, text: &text }]) {
            Ok(policies) => policies,
            Err(faults) => {
                wrong.extend(faults.0.iter().map(ToString::to_string));
                continue;
            }
        };
        let mut faults = Faults::default();
        let cases: Vec<_> = policies
            .cases()
            .iter()
            .flat_map(|case| {
                cases::read(&case.file, case.rule.as_deref(), std::slice::from_ref(&case.node), &mut faults)
            })
            .collect();
        wrong.extend(faults.0.iter().map(ToString::to_string));
        for case in &cases {
            let nothing = Given::default();
            let given = case.given.as_ref().unwrap_or(&nothing);
            let judgement = judge(&case.judged(given), &policies);
            let faults = case.want.check(&Outcome::of_judgement(&judgement, given));
            wrong.extend(faults.iter().map(|fault| format!("{}: {fault}", case.title())));
            asked += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {asked} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked >= 10, "only {asked} cases were found");
}
