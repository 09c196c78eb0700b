//! The table of contents.

use std::collections::BTreeMap;

use action::{Digest, Name};
use serde::{Deserialize, Serialize};

use crate::record::Nanos;

/// The form of bundle that this program writes and reads.
pub const FORM: &str = "checkrein.bundle/v1";

/// Says what the bundle holds. All of it but `stated` is checked against the content; the log signs
/// its digest, so that `stated` is somebody's word as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Every member but the manifest and its note, by name.
    pub files: Vec<FileEntry>,
    pub first: End,
    pub form: String,
    /// Records of each kind that there is.
    pub kinds: BTreeMap<String, u64>,
    pub last: End,
    pub log: String,
    pub records: u64,
    /// The shard that the first record stands in.
    pub shard: ShardStart,
    pub stated: Stated,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub bytes: u64,
    pub name: String,
    pub sha256: Digest,
}

/// The first or the last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    pub sequence: u64,
    pub time: Nanos,
}

/// A shard, and the sequence of its first record, which is the first leaf of its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardStart {
    pub first: u64,
    pub name: String,
}

/// What nothing in the bundle could prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// The time that was asked for. The range goes on to the next signed head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Nanos>,
    pub tool: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Nanos>,
}

impl Manifest {
    /// Reads the one form that it has.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let manifest: Manifest = serde_json::from_slice(bytes).ok()?;
        (manifest.to_bytes()? == bytes).then_some(manifest)
    }

    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}

/// The text that the log signs about a manifest. No checkpoint reads like it: its second line is no number.
pub fn manifest_note(log: &str, manifest: &[u8]) -> String {
    format!("checkrein bundle v1\nof {log}\n{}\n", crate::hash::plain(manifest))
}

/// SHA-256 of a member that comes in pieces.
pub(crate) struct Sha256(aws_lc_rs::digest::Context);

impl Sha256 {
    pub fn new() -> Self {
        Sha256(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> Digest {
        let mut out = [0; 32];
        for (to, from) in out.iter_mut().zip(self.0.finish().as_ref()) {
            *to = *from;
        }
        Digest::from_bytes(out)
    }
}
