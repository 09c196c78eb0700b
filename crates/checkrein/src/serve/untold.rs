//! Passes without a record, remembered until a record tells of them, over a restart too: a ledger that
//! failed takes records again only after one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use action::{Name, Severity};
use anyhow::{Context, Result};
use gateway::Guard;
use ledger::{FindingPart, Nanos, Promise, Record, RecordKind};

/// A number of fixed width, written over in place: that needs no room on a disk that is full.
pub struct Untold(File);

impl Untold {
    /// Opens the count, and gives back what an earlier process left in it.
    pub fn open(data: &Path) -> Result<(Untold, u64)> {
        let path = data.join("open-passes");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = file.with_context(|| format!("cannot open `{}`", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("cannot read `{}`", path.display()))?;
        let untold = Untold(file);
        let count = text.trim().parse().unwrap_or(0);
        untold.remember(count).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok((untold, count))
    }

    fn remember(&self, count: u64) -> io::Result<()> {
        self.0.write_all_at(format!("{count:020}\n").as_bytes(), 0)
    }

    /// Tells the ledger of the passes since the last time, or remembers them.
    pub async fn tell(&self, guard: &Guard) {
        let count = guard.passes.take_untold();
        if count == 0 {
            return;
        }
        let told = guard.note(finding(count, guard.clock.now()), Promise::Synced).await.is_ok();
        if !told {
            guard.passes.put_back(count);
        }
        if let Err(error) = self.remember(if told { 0 } else { count }) {
            tracing::error!(%error, count, "passes without a record could not be remembered");
        }
    }
}

/// A finding, so that somebody looks: so many actions ran of which the ledger says nothing.
fn finding(count: u64, now: Nanos) -> Record {
    let mut record = Record::new(RecordKind::Finding, now);
    let rule = Name::new("ledger.open_passes").ok();
    record.finding = rule.map(|rule| FindingPart { of: None, rule, severity: Severity::High });
    if let (Ok(key), Ok(value)) = (Name::new("open_passes"), Name::new(&count.to_string())) {
        record.notes.insert(key, value);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_without_a_record_is_told_by_one_that_the_ledger_takes() {
        let record = finding(7, Nanos(1));
        assert_eq!(record.check_from_caller(), Ok(()));
        assert!(
            record.notes.iter().any(|(key, value)| (key.as_str(), value.as_str()) == ("open_passes", "7"))
        );
    }

    #[test]
    fn a_count_is_remembered_and_nonsense_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (untold, before) = Untold::open(folder.path()).unwrap();
        untold.remember(41).unwrap();
        untold.remember(7).unwrap();
        assert_eq!((before, Untold::open(folder.path()).unwrap().1), (0, 7));
        std::fs::write(folder.path().join("open-passes"), "many").unwrap();
        assert_eq!(Untold::open(folder.path()).unwrap().1, 0);
    }
}
