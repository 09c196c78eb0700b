//! Every shipped pack loads, has cases, and answers them as written.

use std::path::{Path, PathBuf};

use engine::policy::cases::{self, Given, Outcome};
use engine::policy::{Policies, Source, judge};
use engine::yaml::Faults;

/// Each file of the folder is a pack; each folder in it is one pack of several files.
fn packs() -> Vec<Vec<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut packs = Vec::new();
    for path in listed(&root.join("policies")) {
        let files = if path.is_dir() { listed(&path) } else { vec![path] };
        let read = |path: &PathBuf| {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            (name, std::fs::read_to_string(path).unwrap())
        };
        let known = |path: &&PathBuf| path.extension().is_some_and(|e| e == "yaml" || e == "rego");
        packs.push(files.iter().filter(known).map(read).collect());
    }
    packs.retain(|pack: &Vec<_>| !pack.is_empty());
    packs
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn load(pack: &[(String, String)]) -> Result<Policies, Faults> {
    let sources: Vec<Source<'_>> = pack.iter().map(|(file, text)| Source { file, text }).collect();
    Policies::load(&sources)
}

#[test]
fn every_pack_answers_its_own_cases() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for pack in packs() {
        let policies = match load(&pack) {
            Ok(policies) => policies,
            Err(faults) => {
                wrong.extend(faults.0.iter().map(ToString::to_string));
                continue;
            }
        };
        let mut faults = Faults::default();
        let cases = cases::of(&policies, &mut faults);
        wrong.extend(faults.0.iter().map(ToString::to_string));
        if cases.is_empty() {
            wrong.push(format!("{} has no cases", pack[0].0));
        }
        for case in &cases {
            let nothing = Given::default();
            let given = case.given.as_ref().unwrap_or(&nothing);
            let judgement = judge(&case.judged(given), &policies);
            let faults = case.want.check(&Outcome::of_judgement(&judgement, given));
            wrong.extend(faults.iter().map(|fault| format!("{}: {fault}", case.title())));
            asked += 1;
        }
    }
    assert!(wrong.is_empty(), "{} wrong of {asked} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked >= 20, "only {asked} cases were found");
}
