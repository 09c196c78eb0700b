//! What verification says.

use std::fmt;

use action::Name;
use serde::Serialize;

use crate::record::GapReason;

/// Gaps and erasures that are listed one by one; all are counted.
pub const MAX_LISTED: usize = 1_000;

/// The four answers. The number is the exit code of both verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Clean = 0,
    /// Everything holds, and the log itself says that something is not in it.
    CleanWithGaps = 3,
    Tampered = 4,
    /// Nothing is wrong, and something that the reader asked for cannot be told.
    CannotDecide = 5,
}

/// What is wrong. The words are the same in both verifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// The compressed file is damaged, incomplete or followed by something.
    Transport,
    /// The archive has members that it should not have, or not the ones that it should.
    Archive,
    /// The table of contents contradicts the content, or is not signed.
    Manifest,
    /// A key is not the reader's, or a change of key is not signed.
    Key,
    /// A record is not canonical, lacks parts, or is of another log.
    Record,
    /// A record is missing, or is not the one that comes next.
    Sequence,
    /// A record does not name the one before.
    Chain,
    /// The clock went back and no record says so.
    Time,
    /// A shard does not begin or end where it says.
    Shard,
    /// Records do not lead to the root of a signed head, or no head covers them.
    Checkpoint,
    /// A head is not signed by the key in force.
    Signature,
    /// A cosignature in a known witness's name does not hold.
    Cosignature,
    /// A proof in the bundle does not hold.
    Proof,
    /// The file cannot be read.
    Unreadable,
    /// Not a bundle, or one of another form.
    Form,
    /// Nobody said which key to trust.
    Untrusted,
    /// Nothing is signed yet.
    Unsigned,
    /// Fewer witnesses cosigned than the reader wants.
    Quorum,
}

impl FaultCode {
    pub const fn outcome(self) -> Outcome {
        use FaultCode::*;
        match self {
            Transport | Archive | Manifest | Key | Record | Sequence | Chain | Time | Shard | Checkpoint
            | Signature | Cosignature | Proof => Outcome::Tampered,
            Unreadable | Form | Untrusted | Unsigned | Quorum => Outcome::CannotDecide,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            FaultCode::Transport => "transport",
            FaultCode::Archive => "archive",
            FaultCode::Manifest => "manifest",
            FaultCode::Key => "key",
            FaultCode::Record => "record",
            FaultCode::Sequence => "sequence",
            FaultCode::Chain => "chain",
            FaultCode::Time => "time",
            FaultCode::Shard => "shard",
            FaultCode::Checkpoint => "checkpoint",
            FaultCode::Signature => "signature",
            FaultCode::Cosignature => "cosignature",
            FaultCode::Proof => "proof",
            FaultCode::Unreadable => "unreadable",
            FaultCode::Form => "form",
            FaultCode::Untrusted => "untrusted",
            FaultCode::Unsigned => "unsigned",
            FaultCode::Quorum => "quorum",
        }
    }
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    pub code: FaultCode,
    /// The first record in doubt; none where the records hold and only what stands around them does not.
    pub first_bad: Option<u64>,
    pub detail: String,
}

impl Fault {
    pub(crate) fn new(code: FaultCode, first_bad: Option<u64>, detail: impl Into<String>) -> Self {
        Fault { code, first_bad, detail: detail.into() }
    }
}

/// A gap that the log declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    pub sequence: u64,
    pub reason: GapReason,
    pub bytes: u64,
}

/// A person whose content was destroyed. The pseudonym stands for nobody now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub sequence: u64,
    pub principal: Name,
    pub basis: Name,
    pub pieces: u64,
}

/// What was looked at and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Report {
    pub log: String,
    /// The first sequence, once it is known.
    pub first: Option<u64>,
    /// Records that hold, before the first fault.
    pub records: u64,
    /// The first sequence that the last signed head that holds does not cover.
    pub signed: Option<u64>,
    pub checkpoints: u64,
    /// The same of the last head that as many of the reader's witnesses cosigned as they want.
    pub cosigned: Option<u64>,
    pub rotations: u64,
    pub shards: u64,
    pub gap_count: u64,
    pub gaps: Vec<Gap>,
    pub erasure_count: u64,
    pub erasures: Vec<Erased>,
    /// The key in force at the end: what to compare with the key that the operator publishes.
    pub key: Option<String>,
    pub fault: Option<Fault>,
}

impl Report {
    pub fn outcome(&self) -> Outcome {
        match &self.fault {
            Some(fault) => fault.code.outcome(),
            None if self.gap_count > 0 => Outcome::CleanWithGaps,
            None => Outcome::Clean,
        }
    }

    pub fn exit_code(&self) -> u8 {
        self.outcome() as u8
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome() {
            Outcome::Clean => "clean",
            Outcome::CleanWithGaps => "clean, with gaps that the log declares",
            Outcome::Tampered => "TAMPERED",
            Outcome::CannotDecide => "cannot decide",
        };
        writeln!(f, "{word}")?;
        if let Some(fault) = &self.fault {
            write!(f, "  {}", fault.code.as_str())?;
            if let Some(sequence) = fault.first_bad {
                write!(f, ", first bad record {sequence}")?;
            }
            writeln!(f, ": {}", fault.detail)?;
        }
        if let Some(first) = self.first {
            writeln!(f, "  log {}, {} records from {first}", self.log, self.records)?;
        }
        if let Some(signed) = self.signed {
            writeln!(f, "  {} signed heads hold, the last covers all before {signed}", self.checkpoints)?;
        }
        if let Some(cosigned) = self.cosigned {
            writeln!(f, "  cosigned up to {cosigned}")?;
        }
        if let Some(key) = &self.key {
            writeln!(f, "  key in force at the end: {key}")?;
        }
        for gap in &self.gaps {
            writeln!(f, "  gap at {}: {:?}, {} bytes", gap.sequence, gap.reason, gap.bytes)?;
        }
        for erased in &self.erasures {
            let Erased { sequence, principal, basis, pieces } = erased;
            writeln!(f, "  erasure at {sequence}: {principal}, {basis}, {pieces} pieces")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_word() {
        for code in [FaultCode::Transport, FaultCode::Archive, FaultCode::Cosignature, FaultCode::Untrusted] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }

    #[test]
    fn a_fault_outweighs_a_gap() {
        let mut report = Report::default();
        assert_eq!(report.exit_code(), 0);
        report.gap_count = 1;
        assert_eq!(report.exit_code(), 3);
        report.fault = Some(Fault::new(FaultCode::Quorum, None, ""));
        assert_eq!(report.exit_code(), 5);
        report.fault = Some(Fault::new(FaultCode::Chain, Some(1), ""));
        assert_eq!(report.exit_code(), 4);
    }
}
