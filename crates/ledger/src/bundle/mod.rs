//! The evidence bundle: a range of the log in one file that verifies offline.
//!
//! `x.evidence.tar.gz`: gzip and not something denser, because the verifier for auditors uses
//! nothing but Python's standard library. Two exports of the same range differ in no byte before
//! the compression: members are sorted, times are zero, and each header is the only one that its
//! name and size can have.
//!
//! Members come in an order in which they can be checked while they are read once:
//!
//! | member | what |
//! |---|---|
//! | `README` | for the person who opens it |
//! | `checkpoints/SEQUENCE` | signed heads within the range, by the first sequence that each does not cover; the last covers all of it |
//! | `keys/log`, `keys/rotations.jsonl`, `keys/witnesses` | the log's key at the start of the range, all changes of key, witnesses: claims, to be compared with what the reader trusts |
//! | `manifest.json`, `manifest.note` | table of contents, and the log's signature over its digest |
//! | `proofs/first.tlog-proof`, `proofs/last.tlog-proof` | the ends of the range in the last checkpoints of their shards, for other tools |
//! | `proofs/left` | roots of the full subtrees before the range, in the tree of its shard |
//! | `records/SEQUENCE.jsonl` | the records, one canonical line each |
//! | `verify.py` | the second verifier |

mod container;
mod export;
mod folder;
mod manifest;
mod tar;

pub use container::{Broken, Inflate};
pub use export::{ExportError, Exported, Request, Source, SourceError, export};
pub use folder::FolderSource;
pub(crate) use manifest::Sha256;
pub use manifest::{End, FORM, FileEntry, Manifest, ShardStart, Stated, manifest_note};
pub use tar::{MAX_RECORDS_MEMBER, Member, Members, Role, TarWriter};

/// The verifier that every bundle carries.
pub const VERIFIER: &str = include_str!("../../verifier/verify.py");
/// The page for whoever opens a bundle.
pub const README: &str = include_str!("../../verifier/README");
