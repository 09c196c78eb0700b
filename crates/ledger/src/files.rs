//! The files of a ledger, for those who read it from outside: to verify, and to export.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::cosigned::COSIGNED;
use crate::note::SignedNote;
use crate::record::{KeyPart, Record};
use crate::segment::frame::{Parsed, parse};
use crate::segment::{HeaderFault, SEGMENT_HEADER, load, parse_file_name, parse_header};
use crate::shard::{ShardName, shards_dir};
use crate::verify::{Fault, FaultCode};
use crate::volume::Volume;

/// Where a ledger's files are.
#[derive(Debug, Clone)]
pub struct Folder {
    pub log: String,
    /// The ledger's folder, then its mirror if it has one.
    pub homes: Vec<PathBuf>,
    /// The file with the newest signed head.
    pub head: PathBuf,
}

/// One shard's files.
pub(crate) struct ShardFiles {
    pub name: ShardName,
    pub dirs: Vec<PathBuf>,
    /// By first sequence; a later one of the same sequence goes on where an earlier was left.
    pub segments: Vec<(u64, PathBuf)>,
}

#[derive(Clone, Copy)]
pub(crate) struct Files<'v> {
    pub volume: &'v dyn Volume,
    pub folder: &'v Folder,
}

impl Files<'_> {
    pub fn shards(&self) -> Result<Vec<ShardFiles>, Fault> {
        let mut shards: BTreeMap<u32, ShardFiles> = BTreeMap::new();
        for home in &self.folder.homes {
            let names = self.list(&shards_dir(home))?;
            for name in names.iter().filter_map(|name| ShardName::parse(name)) {
                let dir = name.dir(home);
                let shard = shards.entry(name.number).or_insert_with(|| ShardFiles {
                    name: name.clone(),
                    dirs: Vec::new(),
                    segments: Vec::new(),
                });
                if shard.name != name {
                    return Err(Fault::new(FaultCode::Shard, None, format!("shard {name} is there twice")));
                }
                for file in self.list(&dir)?.iter().filter(|file| parse_file_name(file).is_some()) {
                    let path = dir.join(file);
                    if let Some(first) = self.first_of(&path)? {
                        shard.segments.push((first, path));
                    }
                }
                shard.dirs.push(dir);
            }
        }
        let mut shards: Vec<ShardFiles> = shards.into_values().collect();
        for shard in &mut shards {
            shard.segments.sort_by_key(|(first, _)| *first);
        }
        Ok(shards)
    }

    fn first_of(&self, path: &Path) -> Result<Option<u64>, Fault> {
        let file = self.volume.open(path).map_err(|error| unreadable(path, &error))?;
        let mut header = [0; SEGMENT_HEADER];
        let got = file.read_at(&mut header, 0).map_err(|error| unreadable(path, &error))?;
        match parse_header(header.get(..got).unwrap_or_default()) {
            Ok(first) => Ok(Some(first)),
            Err(HeaderFault::Unfinished | HeaderFault::Damaged) => {
                let whole = load(self.volume, path).map_err(|error| unreadable(path, &error))?;
                match parse_header(&whole) {
                    Ok(first) => Ok(Some(first)),
                    Err(HeaderFault::Unfinished) => Ok(None),
                    Err(HeaderFault::Damaged) => {
                        let detail = format!("the first bytes of `{}` are damaged", path.display());
                        Err(Fault::new(FaultCode::Record, None, detail))
                    }
                }
            }
        }
    }

    /// All changes of key with their sequences. Reads everything.
    pub fn rotations(&self, shards: &[ShardFiles]) -> Result<Vec<(u64, KeyPart)>, Fault> {
        let mut parts = Vec::new();
        for (_, path) in shards.iter().flat_map(|shard| &shard.segments) {
            let bytes = load(self.volume, path).map_err(|error| unreadable(path, &error))?;
            let mut at = SEGMENT_HEADER;
            while let Parsed::Frame { bytes: line, end, .. } = parse(&bytes, at) {
                at = end;
                let record = Record::read(line).ok().and_then(|it| Some((it.sequence, it.key?)));
                // What a failed write left of a segment stands again in the next.
                parts.extend(record.filter(|(sequence, _)| parts.iter().all(|(known, _)| known != sequence)));
            }
        }
        parts.sort_by_key(|(sequence, _)| *sequence);
        Ok(parts)
    }

    /// Heads of a shard by size: the history, the newest, and the one in the cell.
    pub fn heads(&self, shard: &ShardFiles) -> Result<BTreeMap<u64, Vec<SignedNote>>, Fault> {
        let mut heads: BTreeMap<u64, Vec<SignedNote>> = BTreeMap::new();
        let origin = shard.name.origin(&self.folder.log);
        let mut keep = |note: SignedNote| {
            let head = Checkpoint::parse(note.text()).ok().filter(|head| head.origin == origin);
            let Some(head) = head else { return };
            let known = heads.entry(head.size).or_default();
            if !known.contains(&note) {
                known.push(note);
            }
        };
        for dir in &shard.dirs {
            for file in ["checkpoints.log", COSIGNED] {
                for note in history(&self.read(&dir.join(file))?.unwrap_or_default()) {
                    keep(note);
                }
            }
            // A file that is there and cannot be read is somebody's doing: it is replaced at once.
            let path = dir.join("checkpoint");
            if let Some(bytes) = self.read(&path)? {
                keep(note_in(&bytes, &path)?);
            }
        }
        if let Some(bytes) = self.read(&self.folder.head)? {
            keep(note_in(&bytes, &self.folder.head)?);
        }
        Ok(heads)
    }

    pub fn list(&self, dir: &Path) -> Result<Vec<String>, Fault> {
        self.volume.list(dir).map_err(|error| unreadable(dir, &error))
    }

    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Fault> {
        match self.volume.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(path, &error)),
            Ok(_) => load(self.volume, path).map(Some).map_err(|error| unreadable(path, &error)),
        }
    }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault::new(FaultCode::Unreadable, None, format!("cannot read `{}`: {error}", path.display()))
}

pub(crate) fn note_in(bytes: &[u8], path: &Path) -> Result<SignedNote, Fault> {
    let note = std::str::from_utf8(bytes).ok().and_then(|text| SignedNote::parse(text).ok());
    note.ok_or_else(|| {
        Fault::new(
            FaultCode::Checkpoint,
            None,
            format!("the signed head in `{}` cannot be read", path.display()),
        )
    })
}

/// Notes one after another, a blank line behind each. What a crash left of the last one is passed over.
pub(crate) fn history(bytes: &[u8]) -> Vec<SignedNote> {
    let text = String::from_utf8_lossy(bytes);
    let mut pieces = text.split("\n\n");
    let mut notes = Vec::new();
    while let (Some(body), Some(lines)) = (pieces.next(), pieces.next()) {
        // The blank line behind it is written last; without one it is a piece of a note.
        if pieces.clone().next().is_none() {
            break;
        }
        notes.extend(SignedNote::parse(&format!("{body}\n\n{lines}\n")).ok());
    }
    notes
}
