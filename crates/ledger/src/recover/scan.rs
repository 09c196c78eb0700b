//! Reading a shard from its first frame to its last, and deciding how it ends.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use action::Digest;

use super::cut::write_again;
use super::layout::{SegmentFile, ShardFiles, failed};
use crate::checkpoint::Checkpoint;
use crate::error::OpenError;
use crate::record::{GapPart, KeyPart, Record, RecordKind};
use crate::segment::frame::{Parsed, parse};
use crate::segment::{self, Ending, MARK_EVERY, SEGMENT_HEADER, Segment};
use crate::tree::{Tile, TileId};
use crate::volume::{Volume, read_if_there};
use crate::writer::tree::{Before, ShardTree};

/// Where the chain is, across shards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    pub next: u64,
    /// Leaf of the record before; unknown at the first shard that is read.
    pub previous: Option<Digest>,
}

/// A shard that was read.
pub(super) struct Scanned {
    pub tree: ShardTree,
    pub segments: Vec<Arc<Segment>>,
    /// Where writing may go on: the last segment, if it is sound.
    pub end: Option<End>,
    pub cut: Option<Cut>,
    /// Parts of records beyond the signed head that opening looks at.
    pub gaps: Vec<GapPart>,
    pub keys: Vec<(u64, KeyPart)>,
}

pub(super) struct End {
    pub home: usize,
    pub offset: u64,
    pub size: u64,
}

/// An unfinished write.
pub(super) struct Cut {
    pub path: PathBuf,
    pub offset: u64,
    pub bytes: Vec<u8>,
}

pub(super) struct Scan<'a> {
    pub volume: &'a dyn Volume,
    pub log: &'a str,
    /// Signed heads of this shard.
    pub heads: &'a [Checkpoint],
    pub chain: Chain,
    out: Scanned,
    last: Option<Record>,
    /// The first record whose leaf differs from the one in its tile.
    differs: Option<u64>,
}

impl<'a> Scan<'a> {
    /// Reads a shard. `after` is the first sequence of the next shard, if there is one.
    pub fn shard(
        volume: &'a dyn Volume,
        log: &'a str,
        heads: &'a [Checkpoint],
        files: &ShardFiles,
        chain: Chain,
        after: Option<u64>,
    ) -> Result<(Scanned, Chain, Option<Record>), OpenError> {
        let dir = files.dirs.first().cloned().unwrap_or_default();
        let tree = ShardTree::new(files.name.clone(), dir, chain.next, None);
        let out =
            Scanned { tree, segments: Vec::new(), end: None, cut: None, gaps: Vec::new(), keys: Vec::new() };
        let mut scan = Scan { volume, log, heads, chain, out, last: None, differs: None };
        for (n, file) in files.segments.iter().enumerate() {
            let next = files.segments.get(n + 1);
            let limit = next.map_or(after, |next| next.first);
            scan.segment(file, limit, next.is_none() && after.is_none())?;
        }
        scan.out.tree.signed = scan.signed();
        if scan.out.tree.frontier.size() < scan.signed() {
            return Err(scan.too_short(files));
        }
        Ok((scan.out, scan.chain, scan.last))
    }

    fn signed(&self) -> u64 {
        self.heads.iter().map(|head| head.size).max().unwrap_or(0)
    }

    fn too_short(&self, files: &ShardFiles) -> OpenError {
        let size = self.chain.next;
        let signed = self.out.tree.first + self.signed();
        let head = files.dirs.first().map(|dir| dir.join("checkpoint")).unwrap_or_default();
        OpenError::RolledBack { head, signed, size }
    }

    fn segment(&mut self, file: &SegmentFile, limit: Option<u64>, newest: bool) -> Result<(), OpenError> {
        let path = &file.place.path;
        let (bytes, size) =
            segment::load_written(self.volume, path).map_err(|source| failed("read", path, source))?;
        if file.first != Some(self.chain.next) {
            let why = "the segment does not begin where the one before ends";
            return Err(OpenError::Damaged { sequence: self.chain.next, path: path.clone(), why });
        }
        let (first, mut at, mut marks) = (self.chain.next, SEGMENT_HEADER, Vec::new());
        let (mut last, mut unsigned) = (None, None);
        while limit.is_none_or(|limit| self.chain.next < limit) {
            let Parsed::Frame { bytes: record, end, .. } = parse(&bytes, at) else { break };
            if (self.chain.next - first).is_multiple_of(MARK_EVERY) {
                marks.push(at as u64);
            }
            if self.out.tree.frontier.size() >= self.signed() {
                unsigned.get_or_insert(at);
            }
            self.record(record, path)?;
            last = Some(record);
            at = end;
        }
        if let Some(from) = unsigned {
            write_again(self.volume, path, from as u64, bytes.get(from..at).unwrap_or_default())?;
        }
        if let Some(record) = last {
            self.last = Some(self.read(record, path, self.chain.next - 1)?);
        }
        self.out.segments.push(Arc::new(Segment::known(file.place.clone(), first, marks)));
        match limit {
            Some(limit) if self.chain.next == limit => Ok(()),
            _ if newest => self.end(file, &bytes, at, size),
            // Whoever wrote the next segment had this one up to there on the medium.
            _ => Err(self.damaged(path, "a record that was durable cannot be read")),
        }
    }

    /// The newest segment ends somewhere: cleanly, within a write that was never finished, or within
    /// something that was whole once.
    fn end(&mut self, file: &SegmentFile, bytes: &[u8], at: usize, size: u64) -> Result<(), OpenError> {
        let path = &file.place.path;
        match segment::ending(bytes, at) {
            Ending::Clean => {}
            _ if self.out.tree.frontier.size() < self.signed() => {
                return Err(self.damaged(path, "it stands under a signed head and cannot be read"));
            }
            Ending::Damaged => {
                return Err(
                    self.damaged(path, "it cannot be read, and a later write shows that it was durable")
                );
            }
            Ending::Torn(used) => {
                let cut = bytes.iter().skip(at).take(used).copied().collect();
                self.out.cut = Some(Cut { path: path.clone(), offset: at as u64, bytes: cut });
            }
        }
        self.out.end = Some(End { home: file.home, offset: at as u64, size });
        Ok(())
    }

    fn record(&mut self, bytes: &[u8], path: &Path) -> Result<(), OpenError> {
        let sequence = self.chain.next;
        // Below a signed head the root says whether everything is as it was; reading each record
        // would take ten times as long.
        let size = self.out.tree.frontier.size();
        if size == 0 || size >= self.signed() {
            let record = self.read(bytes, path, sequence)?;
            if size == 0 {
                self.open(&record, path)?;
            }
            if self.chain.previous.is_some_and(|previous| previous != record.previous) {
                return Err(self.damaged(path, "it does not name the record before"));
            }
            self.out.gaps.extend(record.gap);
            self.out.keys.extend(record.key.map(|key| (sequence, key)));
        }
        let leaf = crate::hash::leaf(bytes);
        for tile in self.out.tree.frontier.append(leaf) {
            self.tile(tile);
        }
        self.chain.previous = Some(leaf);
        self.chain.next += 1;
        self.compare(path)
    }

    /// Compares the tree with each head of its size.
    fn compare(&mut self, path: &Path) -> Result<(), OpenError> {
        let frontier = &self.out.tree.frontier;
        let other = |head: &&Checkpoint| head.size == frontier.size() && head.root != frontier.root();
        let Some(head) = self.heads.iter().find(other) else { return Ok(()) };
        let last = self.out.tree.first + head.size.saturating_sub(1);
        for tile in self.out.tree.frontier.partial() {
            self.tile(tile);
        }
        // Without a tile that remembers, all that is known is that it happened up to here.
        let (sequence, why) = match self.differs {
            Some(sequence) => (sequence, "it is not the record that was signed"),
            None => (last, "a record up to this one is not the one that was signed"),
        };
        Err(OpenError::Damaged { sequence, path: path.to_owned(), why })
    }

    /// Keeps a tile to be written if its file is missing or says something else.
    fn tile(&mut self, tile: Tile) {
        let tree = &mut self.out.tree;
        let path = tree.dir.join(tile.id.to_string());
        let written = read_if_there(self.volume, &path).ok().flatten();
        let written = written.and_then(|bytes| Tile::from_bytes(tile.id, &bytes).ok());
        if written.as_ref() == Some(&tile) {
            return;
        }
        if let (0, Some(written), None) = (tile.id.level, written, self.differs) {
            let same = tile.hashes.iter().zip(&written.hashes).take_while(|(one, other)| one == other);
            let index = tile.id.index * u64::from(TileId::WIDTH) + same.count() as u64;
            self.differs = Some(tree.first + index);
        }
        tree.keep(tile);
    }

    /// The first record of a shard says what was before it.
    fn open(&mut self, record: &Record, path: &Path) -> Result<(), OpenError> {
        let Some(shard) = record.shard.as_ref().filter(|_| record.kind == RecordKind::ShardOpen) else {
            return Err(self.damaged(path, "the first record of a shard is another than it should be"));
        };
        let name = record.notes.iter().find(|(key, _)| key.as_str() == "previous");
        self.out.tree.before = shard.root.zip(name).map(|(root, (_, name))| Before {
            name: name.as_str().to_owned(),
            size: shard.size,
            root,
        });
        Ok(())
    }

    fn read(&self, bytes: &[u8], path: &Path, sequence: u64) -> Result<Record, OpenError> {
        let wrong = |why| OpenError::Damaged { sequence, path: path.to_owned(), why };
        let record = Record::read(bytes).map_err(|_| wrong("it is not a record in canonical form"))?;
        if record.sequence != sequence {
            return Err(wrong("it has another sequence"));
        }
        if record.log != self.log {
            return Err(wrong("it belongs to another log"));
        }
        Ok(record)
    }

    fn damaged(&self, path: &Path, why: &'static str) -> OpenError {
        OpenError::Damaged { sequence: self.chain.next, path: path.to_owned(), why }
    }
}
