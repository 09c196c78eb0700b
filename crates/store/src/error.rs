//! What can go wrong, with a stable code for programs and a sentence for people.

use std::path::PathBuf;

use action::Name;

/// Which of the three databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Index,
    State,
    Content,
}

impl Which {
    pub const fn file_name(self) -> &'static str {
        match self {
            Which::Index => "index.db",
            Which::State => "state.db",
            Which::Content => "content.db",
        }
    }
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file_name())
    }
}

/// What the database said, as far as a caller can act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Another process, or a long read, holds it.
    Busy,
    /// No space left.
    Full,
    ReadOnly,
    /// The file is damaged or is no database of ours.
    Corrupt,
    /// The query took longer than a query may.
    Slow,
    /// The disk failed, or the folder went away.
    Disk,
    /// It is being put together again, or could not be.
    Unavailable,
    /// A statement of ours was wrong; a defect of the product.
    Defect,
}

impl Trouble {
    pub const fn code(self) -> &'static str {
        match self {
            Trouble::Busy => "store.busy",
            Trouble::Full => "store.full",
            Trouble::ReadOnly => "store.read_only",
            Trouble::Corrupt => "store.corrupt",
            Trouble::Slow => "store.slow",
            Trouble::Disk => "store.disk",
            Trouble::Unavailable => "store.unavailable",
            Trouble::Defect => "store.defect",
        }
    }

    /// What happened and what to try.
    const fn sentence(self) -> &'static str {
        match self {
            Trouble::Busy => "it is in use; is another process running on this folder?",
            Trouble::Full => "the disk is full; free some space and try again",
            Trouble::ReadOnly => "it cannot be written; check the owner and mode of the folder",
            Trouble::Corrupt => "the file is damaged; restore it from a backup, or move it away",
            Trouble::Slow => "the question took too long; narrow the time range or the filter",
            Trouble::Disk => "the disk reported a failure; check the volume",
            Trouble::Unavailable => "it is being rebuilt; try again shortly",
            Trouble::Defect => "this is a defect of the program; please report it",
        }
    }
}

/// A read or write that did not happen. Nothing of it is kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} in `{which}`: {}", .trouble.sentence())]
pub struct DatabaseError {
    pub which: Which,
    pub doing: &'static str,
    pub trouble: Trouble,
    #[source]
    pub(crate) source: Option<rusqlite::Error>,
}

impl DatabaseError {
    pub const fn code(&self) -> &'static str {
        self.trouble.code()
    }
}

/// A write that was understood and not done.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("there is no {what} `{name}`")]
    Missing { what: &'static str, name: String },
    #[error("there is already a {what} `{name}`")]
    Taken { what: &'static str, name: String },
    /// The caller had seen an older version.
    #[error("{what} `{name}` was changed meanwhile and is at version {current}; read it again")]
    Stale { what: &'static str, name: String, current: u64 },
    #[error("there are already {most} {what}; remove some first")]
    Limit { what: &'static str, most: u64 },
    /// A rule of the product stands against it. The code is stable, for example `rules.same_person`.
    #[error("{why}")]
    Refused { code: &'static str, why: &'static str },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl WriteError {
    pub const fn code(&self) -> &'static str {
        match self {
            WriteError::Missing { .. } => "store.missing",
            WriteError::Taken { .. } => "store.taken",
            WriteError::Stale { .. } => "store.stale",
            WriteError::Limit { .. } => "store.limit",
            WriteError::Refused { code, .. } => code,
            WriteError::Database(error) => error.code(),
        }
    }
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(
        "`{path}` was written by a newer program (schema {have}, this one knows {know}); use that program, or an older backup"
    )]
    Newer { path: PathBuf, have: u32, know: u32 },
    /// A migration that was applied is not the one that this program carries.
    #[error(
        "step {number} of the schema of `{path}` is not this program's; it was written by a different build"
    )]
    Altered { path: PathBuf, number: u32 },
    #[error("`{path}` is not a Checkrein {which} database; move it away")]
    Foreign { path: PathBuf, which: Which },
    #[error("`{path}` belongs to tenant `{have}`, not `{want}`")]
    Tenant { path: PathBuf, have: String, want: Name },
    #[error("cannot use the key file `{path}`: {why}")]
    Key {
        path: PathBuf,
        why: &'static str,
        #[source]
        source: Option<std::io::Error>,
    },
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl OpenError {
    pub const fn code(&self) -> &'static str {
        match self {
            OpenError::Newer { .. } => "store.newer_schema",
            OpenError::Altered { .. } => "store.altered_schema",
            OpenError::Foreign { .. } => "store.foreign_file",
            OpenError::Tenant { .. } => "store.other_tenant",
            OpenError::Key { .. } => "store.master_key",
            OpenError::Database(error) => error.code(),
        }
    }
}

/// Why records could not be folded into the index.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error("cannot read the ledger from record {from}")]
    Read {
        from: u64,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The next record does not continue what the index holds.
    #[error("record {got} does not follow record {after}; the index is rebuilt from the ledger")]
    Broken { after: u64, got: u64 },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl FollowError {
    pub const fn code(&self) -> &'static str {
        match self {
            FollowError::Read { .. } => "index.ledger_unreadable",
            FollowError::Broken { .. } => "index.broken_chain",
            FollowError::Open(error) => error.code(),
            FollowError::Database(error) => error.code(),
        }
    }
}
