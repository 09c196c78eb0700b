//! Which literals came from whom: bounded sets of salted hashes, no text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
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
    /// Something in `memory` told the agent what to do.
    pub orders: bool,
}

/// A set of hashes, sorted, of bounded size. On the wire one base64 text, 88 KiB at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Literals {
    hashes: Vec<u64>,
    /// There were more than fit. What is missing from the user's set then counts as not said, and
    /// a literal missing from an untrusted set is no longer known to be absent: both err to the
    /// stricter side.
    full: bool,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Wire {
    hashes: String,
    full: bool,
}

impl From<Literals> for Wire {
    fn from(set: Literals) -> Self {
        let bytes: Vec<u8> = set.hashes.iter().flat_map(|hash| hash.to_be_bytes()).collect();
        Wire { hashes: STANDARD_NO_PAD.encode(bytes), full: set.full }
    }
}

impl TryFrom<Wire> for Literals {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        let bytes =
            STANDARD_NO_PAD.decode(wire.hashes).map_err(|_| "a set of hashes is base64 without padding")?;
        if bytes.len() % 8 != 0 || bytes.len() / 8 > Literals::MAX {
            return Err("a set of hashes has 8 bytes for each, and at most 8192");
        }
        let hash = |chunk: &[u8]| chunk.iter().fold(0u64, |hash, byte| (hash << 8) | u64::from(*byte));
        let mut set = Literals { hashes: Vec::new(), full: wire.full };
        set.extend(bytes.chunks_exact(8).map(hash));
        Ok(set)
    }
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
    fn a_set_survives_the_wire_and_a_broken_one_is_refused() {
        let mut set = Literals::default();
        set.extend([u64::MAX, 7, 1 << 40]);
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Literals>(&text).unwrap(), set);
        for broken in [r#"{"hashes":"AAA"}"#, r#"{"hashes":"*"}"#, r#"{"hash":""}"#] {
            assert!(serde_json::from_str::<Literals>(broken).is_err(), "{broken}");
        }
    }

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
