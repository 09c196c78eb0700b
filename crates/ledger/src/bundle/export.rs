//! Writing a bundle: the range is read twice, for sizes and digests must stand before the content.
//! What is held in memory is one piece of records, not the range.

use std::collections::BTreeMap;
use std::io::Write;

use action::{Digest, Name};

use super::manifest::{End, FORM, FileEntry, Manifest, Sha256, ShardStart, Stated, manifest_note};
use super::tar::{Role, TarWriter};
use super::{README, VERIFIER};
use crate::checkpoint::Checkpoint;
use crate::note::{NoteError, SignedNote, SigningKey, VerifierKey, hash_text};
use crate::record::{KeyPart, Nanos, Record};
use crate::tree::{HashError, ReadTiles, TileHashes, TlogProof, inclusion, left_of};

/// Records of one member, so that an editor can open it and a difference is found quickly.
const MEMBER_RECORDS: u64 = 8_192;
const MEMBER_BYTES: u64 = 8 << 20;
/// Most checkpoints of one bundle. Of more, every n-th is taken and always the last; each takes a
/// Python program some milliseconds.
pub const MAX_CHECKPOINTS: usize = 4_096;

/// Where a bundle comes from.
pub trait Source {
    /// All shards that are there, oldest first.
    fn shards(&self) -> Result<Vec<ShardStart>, SourceError>;
    /// Tiles of a shard's tree.
    fn tiles<'s>(&'s self, shard: &str) -> Result<Box<dyn ReadTiles + 's>, SourceError>;
    /// Hands over the bytes of each record from `from` to below `until`, in order.
    fn records(
        &self,
        from: u64,
        until: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError>;
    /// Signed heads that cover more than everything below `above`, oldest first; of each shard that
    /// is sealed, the last one is among them.
    fn checkpoints(&self, above: u64) -> Result<Vec<SignedNote>, SourceError>;
    /// All changes of key, with the sequence of each.
    fn rotations(&self) -> Result<Vec<(u64, KeyPart)>, SourceError>;
}

/// Whatever the place of the ledger says.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// What to export.
#[derive(Debug)]
pub struct Request {
    pub log: String,
    /// The first sequence.
    pub from: u64,
    /// The range ends with the first signed head that covers everything below this sequence, or with
    /// the newest there is.
    pub until: u64,
    /// The time that somebody asked for.
    pub period: (Option<Nanos>, Option<Nanos>),
    /// Name and version of the program.
    pub tool: Name,
    /// Witnesses whose cosignatures the checkpoints carry.
    pub witnesses: Vec<VerifierKey>,
}

/// What a bundle turned out to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub first: u64,
    /// One more than the last sequence.
    pub end: u64,
    pub checkpoints: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("no signed head covers record {from}: wait a second, or ask for an earlier one")]
    Nothing { from: u64 },
    #[error("cannot read {what} for the export")]
    Source {
        what: &'static str,
        #[source]
        source: SourceError,
    },
    #[error("cannot make a proof for the export")]
    Proof(#[source] HashError),
    #[error("a checkpoint of the log cannot be read")]
    Checkpoint(#[source] NoteError),
    #[error("record {sequence} cannot be read: run `checkrein ledger verify`")]
    Record { sequence: u64 },
    #[error("the ledger changed while it was exported")]
    Changed,
    #[error("cannot write the bundle")]
    Write(#[source] std::io::Error),
}

/// Writes the bundle of a range.
pub fn export<W: Write>(
    source: &dyn Source,
    request: &Request,
    signer: &SigningKey,
    into: W,
) -> Result<(Exported, W), ExportError> {
    let shards = source.shards().map_err(|source| ExportError::Source { what: "shards", source })?;
    let heads = choose_heads(source, request, &shards)?;
    let Some(last) = heads.last() else { return Err(ExportError::Nothing { from: request.from }) };
    let survey = Survey::of(source, request.from, last.end)?;
    let small = small_members(source, request, signer, &heads, &survey)?;
    let shard = heads.first().map(|head| head.shard.clone());
    let manifest = manifest(request, &small, &survey, shard)?;
    let note =
        SignedNote::sign(&manifest_note(&request.log, &manifest), signer).map_err(ExportError::Checkpoint)?;

    let mut tar = TarWriter::new(into).map_err(ExportError::Write)?;
    // Members in the order of their names: this is where README comes first and verify.py last.
    let mut members: Vec<(Role, &[u8])> =
        small.iter().map(|(role, bytes)| (*role, bytes.as_slice())).collect();
    let note = note.to_string();
    members.push((Role::Manifest, &manifest));
    members.push((Role::ManifestNote, note.as_bytes()));
    members.sort_by_key(|(role, _)| role.name());
    let behind = members.iter().position(|(role, _)| *role == Role::Verifier).unwrap_or(members.len());
    for (role, bytes) in members.iter().take(behind) {
        tar.member(*role, bytes).map_err(ExportError::Write)?;
    }
    survey.copy(source, &mut tar)?;
    for (role, bytes) in members.iter().skip(behind) {
        tar.member(*role, bytes).map_err(ExportError::Write)?;
    }
    let into = tar.finish().map_err(ExportError::Write)?;
    Ok((Exported { first: request.from, end: last.end, checkpoints: heads.len() }, into))
}

struct SignedHead {
    shard: ShardStart,
    /// The first sequence that it does not cover.
    end: u64,
    note: SignedNote,
}

/// The heads within the range. A range ends at a signed head, or its last records would be unproven.
fn choose_heads(
    source: &dyn Source,
    request: &Request,
    shards: &[ShardStart],
) -> Result<Vec<SignedHead>, ExportError> {
    let notes = source
        .checkpoints(request.from)
        .map_err(|source| ExportError::Source { what: "checkpoints", source })?;
    let mut heads: Vec<SignedHead> = Vec::new();
    for note in notes {
        let head = Checkpoint::parse(note.text()).map_err(ExportError::Checkpoint)?;
        let name = head.origin.strip_prefix(&request.log).and_then(|rest| rest.strip_prefix('/'));
        let Some(shard) = shards.iter().find(|shard| Some(shard.name.as_str()) == name) else { continue };
        let end = shard.first.saturating_add(head.size);
        let beyond = |last: &SignedHead| last.end >= request.until && last.end != end;
        if end <= request.from || heads.last().is_some_and(beyond) {
            continue;
        }
        // Of two heads of one size, which a heartbeat makes, the later has more cosignatures or as many.
        heads.retain(|other| other.end != end);
        heads.push(SignedHead { shard: shard.clone(), end, note });
    }
    heads.sort_by_key(|head| head.end);
    // Thinned out, but for the last of each shard.
    let step = heads.len().div_ceil(MAX_CHECKPOINTS).max(1);
    let ends: Vec<String> = heads.iter().skip(1).map(|next| next.shard.name.clone()).collect();
    let mut place = 0;
    heads.retain(|head| {
        place += 1;
        place % step == 0 || ends.get(place - 1).is_none_or(|next| *next != head.shard.name)
    });
    Ok(heads)
}

/// What the first reading finds out.
struct Survey {
    members: Vec<Piece>,
    first: End,
    last: End,
    first_leaf: Digest,
    last_leaf: Digest,
    kinds: BTreeMap<String, u64>,
}

/// One member of records.
struct Piece {
    from: u64,
    records: u64,
    bytes: u64,
    sha256: Digest,
}

impl Survey {
    fn of(source: &dyn Source, from: u64, until: u64) -> Result<Self, ExportError> {
        let none = End { sequence: from, time: Nanos(0) };
        let zeros = Digest::from_bytes([0; 32]);
        let mut survey = Survey {
            members: Vec::new(),
            first: none,
            last: none,
            first_leaf: zeros,
            last_leaf: zeros,
            kinds: BTreeMap::new(),
        };
        let mut piece = OpenPiece::new(from);
        let mut next = from;
        source.records(from, until, &mut |bytes| {
            let record = Record::read(bytes).map_err(|_| ExportError::Record { sequence: next })?;
            let end = End { sequence: record.sequence, time: record.time };
            let leaf = crate::hash::leaf(bytes);
            if next == from {
                (survey.first, survey.first_leaf) = (end, leaf);
            }
            (survey.last, survey.last_leaf) = (end, leaf);
            *survey.kinds.entry(record.kind.row().word.to_owned()).or_default() += 1;
            if piece.full(bytes) {
                survey.members.push(std::mem::replace(&mut piece, OpenPiece::new(next)).close());
            }
            piece.take(bytes);
            next += 1;
            Ok(())
        })?;
        if next != until {
            return Err(ExportError::Record { sequence: next });
        }
        survey.members.push(piece.close());
        Ok(survey)
    }

    /// The second reading.
    fn copy<W: Write>(&self, source: &dyn Source, tar: &mut TarWriter<W>) -> Result<(), ExportError> {
        for piece in &self.members {
            tar.begin(Role::Records(piece.from), piece.bytes).map_err(ExportError::Write)?;
            let mut again = OpenPiece::new(piece.from);
            source.records(piece.from, piece.from + piece.records, &mut |bytes| {
                again.take(bytes);
                if again.bytes > piece.bytes {
                    return Err(ExportError::Changed);
                }
                tar.content(bytes).and_then(|()| tar.content(b"\n")).map_err(ExportError::Write)
            })?;
            if again.close().sha256 != piece.sha256 {
                return Err(ExportError::Changed);
            }
        }
        Ok(())
    }
}

struct OpenPiece {
    from: u64,
    records: u64,
    bytes: u64,
    hash: Sha256,
}

impl OpenPiece {
    fn new(from: u64) -> Self {
        OpenPiece { from, records: 0, bytes: 0, hash: Sha256::new() }
    }

    fn full(&self, next: &[u8]) -> bool {
        self.records > 0 && (self.records == MEMBER_RECORDS || self.bytes + next.len() as u64 >= MEMBER_BYTES)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.hash.update(b"\n");
        self.records += 1;
        self.bytes += bytes.len() as u64 + 1;
    }

    fn close(self) -> Piece {
        Piece { from: self.from, records: self.records, bytes: self.bytes, sha256: self.hash.finish() }
    }
}

/// Every member but the records, the manifest and its note.
fn small_members(
    source: &dyn Source,
    request: &Request,
    signer: &SigningKey,
    heads: &[SignedHead],
    survey: &Survey,
) -> Result<Vec<(Role, Vec<u8>)>, ExportError> {
    let rotations =
        source.rotations().map_err(|source| ExportError::Source { what: "changes of key", source })?;
    let mut members = vec![(Role::Readme, README.into()), (Role::Verifier, VERIFIER.into())];
    for head in heads {
        members.push((Role::Checkpoint(head.end), head.note.to_string().into_bytes()));
    }
    members.push((Role::LogKey, format!("{}\n", key_at(request.from, &rotations, signer)).into_bytes()));
    let mut lines = Vec::new();
    for (_, part) in &rotations {
        let written = serde_json::to_writer(&mut lines, part);
        written.map_err(|source| ExportError::Source { what: "changes of key", source: source.into() })?;
        lines.push(b'\n');
    }
    members.push((Role::Rotations, lines));
    members.push((
        Role::Witnesses,
        request.witnesses.iter().flat_map(|key| format!("{key}\n").into_bytes()).collect(),
    ));

    // The first record is proven in the last head of its own shard, which may not be the last of all.
    let of_first = heads.first().and_then(|first| heads.iter().rfind(|head| head.shard == first.shard));
    let ends = [(Role::FirstProof, survey.first, of_first), (Role::LastProof, survey.last, heads.last())];
    for (role, end, head) in ends {
        let head = head.ok_or(ExportError::Nothing { from: request.from })?;
        let tiles = tiles_of(source, &head.shard)?;
        let hashes = TileHashes::new(tiles.as_ref(), head.end - head.shard.first);
        let index =
            end.sequence.checked_sub(head.shard.first).ok_or(ExportError::Nothing { from: request.from })?;
        let path = inclusion(index, &hashes).map_err(ExportError::Proof)?;
        let proof = TlogProof { index, path, checkpoint: head.note.clone() };
        members.push((role, proof.to_string().into_bytes()));
        if role == Role::FirstProof {
            let left = left_of(index, &hashes).map_err(ExportError::Proof)?;
            let lines = left.iter().flat_map(|hash| format!("{}\n", hash_text(hash)).into_bytes());
            members.push((Role::Left, lines.collect()));
        }
    }
    Ok(members)
}

fn tiles_of<'s>(source: &'s dyn Source, shard: &ShardStart) -> Result<Box<dyn ReadTiles + 's>, ExportError> {
    source.tiles(&shard.name).map_err(|source| ExportError::Source { what: "tiles", source })
}

/// The key that signed heads when the range began.
fn key_at(from: u64, rotations: &[(u64, KeyPart)], signer: &SigningKey) -> String {
    let before = rotations.iter().rev().find(|(sequence, _)| *sequence < from).map(|(_, part)| &part.new);
    let first = rotations.first().map(|(_, part)| &part.old);
    before.or(first).cloned().unwrap_or_else(|| signer.verifier().to_string())
}

fn manifest(
    request: &Request,
    small: &[(Role, Vec<u8>)],
    survey: &Survey,
    shard: Option<ShardStart>,
) -> Result<Vec<u8>, ExportError> {
    let shard = shard.ok_or(ExportError::Nothing { from: request.from })?;
    let entry = |(role, bytes): &(Role, Vec<u8>)| FileEntry {
        bytes: bytes.len() as u64,
        name: role.name(),
        sha256: crate::hash::plain(bytes),
    };
    let mut files: Vec<FileEntry> = small.iter().map(entry).collect();
    files.extend(survey.members.iter().map(|piece| FileEntry {
        bytes: piece.bytes,
        name: Role::Records(piece.from).name(),
        sha256: piece.sha256,
    }));
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let (from, until) = request.period;
    let manifest = Manifest {
        files,
        first: survey.first,
        form: FORM.to_owned(),
        kinds: survey.kinds.clone(),
        last: survey.last,
        log: request.log.clone(),
        records: survey.kinds.values().sum(),
        shard,
        stated: Stated { from, tool: request.tool.clone(), until },
    };
    manifest.to_bytes().ok_or(ExportError::Changed)
}
