//! How far a webhook is, on the disk: what is not in here is sent again after a crash.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// Where a webhook is in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The record that is looked at next.
    pub next: u64,
    /// Records before it whose delivery is not over.
    pub pending: Vec<u64>,
    /// Deliveries that were given up, and that no finding has told of.
    pub untold: u64,
}

/// The file of one webhook's place.
#[derive(Clone)]
pub struct PlaceFile(PathBuf);

impl PlaceFile {
    pub fn in_folder(folder: &Path, name: &str) -> Self {
        PlaceFile(folder.join(format!("{name}.json")))
    }

    /// A webhook without a file is new, and begins at the end of the ledger.
    pub fn load(&self) -> Result<Option<Place>> {
        let shown = self.0.display();
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
        };
        let place = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "`{shown}` says not how far the webhook is; without the file it begins at the ledger's end"
            )
        })?;
        Ok(Some(place))
    }

    /// Replaces the file whole: after a crash one or the other is there.
    pub fn save(&self, place: &Place) -> Result<()> {
        let shown = self.0.display();
        let write = || -> std::io::Result<()> {
            let beside = self.0.with_extension("new");
            let mut file = File::create(&beside)?;
            file.write_all(&serde_json::to_vec(place)?)?;
            file.sync_all()?;
            std::fs::rename(&beside, &self.0)?;
            self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        write().with_context(|| format!("cannot write `{shown}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_a_damaged_one_is_not_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = PlaceFile::in_folder(folder.path(), "soc");
        assert_eq!(file.load().unwrap(), None);
        let place = Place { next: 12, pending: vec![3, 9], untold: 1 };
        file.save(&place).unwrap();
        assert_eq!(file.load().unwrap(), Some(place));
        std::fs::write(folder.path().join("soc.json"), b"{\"next\":1").unwrap();
        assert!(file.load().is_err());
    }
}
