//! Which literals came from whom: bounded sets of salted hashes, no text.

use serde::{Deserialize, Serialize};

/// The literals of one session by who brought them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Provenance {
    /// Said by the session's own user.
    pub user: Literals,
    /// Read from memory or retrieved.
    pub memory: Literals,
    /// Returned by tools.
    pub tools: Literals,
}

/// A set of hashes, sorted, of bounded size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Literals {
    hashes: Vec<u64>,
    /// There were more than fit. What is missing from the user's set then counts as not said, and
    /// a literal missing from an untrusted set is no longer known to be absent: both err to the
    /// stricter side.
    full: bool,
}

impl Literals {
    pub const MAX: usize = 8192;

    /// Adds all, up to the bound.
    pub fn extend(&mut self, hashes: impl IntoIterator<Item = u64>) {
        self.hashes.extend(hashes);
        self.hashes.sort_unstable();
        self.hashes.dedup();
        if self.hashes.len() > Self::MAX {
            // Hashes are evenly spread, so the cut drops a fair sample.
            self.hashes.truncate(Self::MAX);
            self.full = true;
        }
    }

    pub fn contains(&self, hash: u64) -> bool {
        self.hashes.binary_search(&hash).is_ok()
    }

    pub fn is_full(&self) -> bool {
        self.full
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_keeps_its_bound_and_says_so() {
        let mut set = Literals::default();
        set.extend([3, 1, 3, 2]);
        assert!(set.contains(3) && !set.contains(4) && !set.is_full());
        set.extend(0..20_000);
        assert_eq!(set.len(), Literals::MAX);
        assert!(set.is_full());
    }
}
