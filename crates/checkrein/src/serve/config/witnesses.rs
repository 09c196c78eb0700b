//! The settings of witnesses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::yaml::{Faults, Fields};
use ledger::note::{KeyKind, VerifierKey};

use super::outward::{destination, each, seconds};
use crate::serve::outward::Destination;

/// More cosignatures than anybody asks for.
const MAX_WITNESSES: usize = 16;

/// Who cosigns the ledger's checkpoints. All are asked about the same checkpoint, so that one
/// carries the cosignatures of all.
#[derive(Debug, Clone)]
pub struct Witnesses {
    pub every: Duration,
    /// A witness that has not signed for so long is a finding.
    pub silent_after: Duration,
    pub from: Vec<WitnessAt>,
}

#[derive(Debug, Clone)]
pub struct WitnessAt {
    pub key: VerifierKey,
    pub to: Destination,
    pub ca: Option<PathBuf>,
}

pub fn witnesses(fields: Option<Fields<'_>>, folder: &Path, faults: &mut Faults) -> Option<Witnesses> {
    let mut fields = fields?;
    let every = seconds(&mut fields, "every_seconds", 60, 1..=86_400, faults);
    let silent_after = seconds(&mut fields, "silent_after_seconds", 900, 1..=30 * 86_400, faults);
    let from = each(&mut fields, "from", MAX_WITNESSES, faults, |one, faults| witness(one, folder, faults));
    if from.is_empty() {
        let hint = Some("for example `from: [{ key: KEY, url: https://witness.example }]`".to_owned());
        fields.fault(faults, "missing_key", "`from` names no witness".to_owned(), hint);
    }
    for (n, witness) in from.iter().enumerate() {
        if from.iter().take(n).any(|other| other.key.name() == witness.key.name()) {
            let message = format!("witness `{}` stands twice", witness.key.name());
            fields.fault(faults, "twice", message, None);
        }
    }
    fields.finish(faults);
    Some(Witnesses { every, silent_after, from })
}

fn witness(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<WitnessAt> {
    let to = destination(one, faults);
    let ca = one.text("ca", faults).map(|path| folder.join(path));
    let text = one.need_text("key", faults)?;
    let key = VerifierKey::parse(text).ok().filter(|key| key.kind() == KeyKind::Witness);
    if key.is_none() {
        let hint = "the text that `checkrein witness` prints, like `name+1a2b3c4d+BA…`".to_owned();
        one.fault(faults, "bad_key", "`key` is no witness's key".to_owned(), Some(hint));
    }
    Some(WitnessAt { key: key?, to: to?, ca })
}
