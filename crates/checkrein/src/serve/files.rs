//! Noticing that files have changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What tells one content of a file from another without reading it. A file that cannot be looked at
/// has none, and one that comes back is a change.
pub type Fingerprint = Vec<Option<(u64, u64, i64, i64)>>;

/// Follows links: a mounted secret is changed by pointing a link elsewhere.
pub fn fingerprint<'p>(paths: impl Iterator<Item = &'p Path>) -> Fingerprint {
    let one = |path: &Path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.ino(), about.size(), about.mtime(), about.mtime_nsec()))
    };
    paths.map(one).collect()
}

/// What was last seen.
#[derive(Debug, Default)]
pub struct Watched(Option<Fingerprint>);

impl Watched {
    pub fn changed(&mut self, now: Fingerprint) -> bool {
        let changed = self.0.as_ref() != Some(&now);
        self.0 = Some(now);
        changed
    }
}
