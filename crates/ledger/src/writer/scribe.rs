//! The second thread: grows the tree, signs heads, keeps an eye on the disk. Nobody waits for it,
//! except the writer when a shard ends.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use action::Digest;

use super::shared::{Part, Shared, Signed};
use super::tree::{ShardTree, drop_edge};
use crate::head::{HeadCell, SwapError};
use crate::health::Health;
use crate::note::{MAX_NOTE_BYTES, SignedNote, SigningKey};
use crate::settings::{Cadence, DiskSteps};
use crate::volume::{Volume, replace};

/// Batches that may wait for the scribe; then the writer waits for it. Leaves are 32 bytes each.
pub(crate) const MAX_BATCHES_BEHIND: usize = 256;

/// What the writer tells the scribe.
pub(crate) enum Told {
    /// Durable leaves, in order, of the newest shard.
    Leaves(Vec<Digest>),
    /// Asks for size and root of the newest shard.
    Root(SyncSender<(u64, Digest)>),
    /// The newest shard is complete.
    Sealed,
    Shard(Box<ShardTree>),
    /// Signs from now on. Told before the leaf of the record that says so: a head over that leaf is
    /// the new key's.
    Key(Arc<SigningKey>),
    /// The folder that is in use now.
    Home(PathBuf),
    /// Asks for a signed head over everything that was told.
    Sign(SyncSender<bool>),
    /// Sign what there is, and end.
    Close,
}

pub(crate) struct Scribe {
    pub shared: Arc<Shared>,
    pub told: Receiver<Told>,
    /// Shards without their final head, oldest first; the last is the one being written.
    pub trees: VecDeque<ShardTree>,
    pub log: String,
    pub key: Arc<SigningKey>,
    /// The key before, until a head was signed by both.
    pub old_key: Option<Arc<SigningKey>>,
    pub cell: HeadCell,
    pub cadence: Cadence,
    pub steps: DiskSteps,
    /// Folder whose disk is watched.
    pub home: PathBuf,
    pub signed_at: Duration,
    pub kept_at: Option<Duration>,
    pub watched_at: Option<Duration>,
    /// Two writers of one log: nothing is signed any more.
    pub forked: bool,
    pub failing: bool,
}

/// How often the disk is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// From this age on, a durable record without a signed head is worth a warning.
const LATE: Duration = Duration::from_secs(5);

impl Scribe {
    pub fn run(mut self) {
        let pause = self.cadence.every.min(WATCH_EVERY).min(Duration::from_millis(250));
        loop {
            match self.told.recv_timeout(pause) {
                Ok(Told::Close) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(told) => self.hear(told),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.watch();
            if self.is_due() {
                self.sign_all();
            }
        }
        self.kept_at = None;
        self.sign_all();
    }

    fn hear(&mut self, told: Told) {
        match told {
            Told::Leaves(leaves) => {
                if let Some(tree) = self.trees.back_mut() {
                    tree.add(&leaves);
                }
            }
            Told::Root(answer) => {
                let root = self.trees.back().map(|tree| (tree.frontier.size(), tree.frontier.root()));
                // The writer is gone if nobody listens.
                let _ = root.map(|root| answer.send(root));
            }
            Told::Sealed => {
                if let Some(tree) = self.trees.back_mut() {
                    tree.sealed = true;
                }
                self.kept_at = None;
            }
            Told::Shard(tree) => self.trees.push_back(*tree),
            Told::Key(key) => {
                self.old_key = Some(std::mem::replace(&mut self.key, key));
                self.kept_at = None;
                self.sign_all();
            }
            Told::Home(home) => {
                for tree in &mut self.trees {
                    tree.dir = tree.name.dir(&home);
                }
                self.home = home;
            }
            Told::Sign(answer) => {
                let signed = self.sign_all();
                let _ = answer.send(signed);
            }
            // Handled by the loop.
            Told::Close => {}
        }
    }

    fn is_due(&self) -> bool {
        let waited = self.shared.clock.elapsed().saturating_sub(self.signed_at);
        let fresh: u64 = self.trees.iter().map(|tree| tree.frontier.size() - tree.signed).sum();
        let every = if fresh > 0 { self.cadence.every } else { self.cadence.heartbeat };
        // After a failure only time counts, or each record would try again.
        waited >= every || (!self.failing && (fresh >= self.cadence.records || self.trees.len() > 1))
    }

    /// Signs the head of each shard that is not finished, oldest first, and reports how it went.
    fn sign_all(&mut self) -> bool {
        let result = if self.forked { Err(SwapError::Conflict) } else { self.sign_each() };
        self.signed_at = self.shared.clock.elapsed();
        self.failing = result.is_err();
        let health = match &result {
            Ok(None) => Health::Sound,
            Ok(Some(error)) => {
                let why = format!("tiles cannot be written, and are made again on the next start: {error}");
                Health::Warned { why }
            }
            Err(SwapError::Conflict) => {
                self.forked = true;
                let path = self.cell.path().display();
                Health::Failed {
                    why: format!("the signed head `{path}` was changed by another writer of this log"),
                }
            }
            Err(SwapError::Io(error)) => {
                let since = self.shared.progress().unsigned_since;
                let late = since.is_some_and(|since| self.signed_at.saturating_sub(since) > LATE);
                let how = if late { "for too long" } else { "for now" };
                Health::Warned { why: format!("heads cannot be signed {how}: {error}") }
            }
        };
        self.shared.report(Part::Heads, health);
        result.is_ok()
    }

    /// What went wrong with tiles, which is no reason not to sign.
    fn sign_each(&mut self) -> Result<Option<io::Error>, SwapError> {
        let mut trouble = None;
        while let Some(mut tree) = self.trees.pop_front() {
            let newest = self.trees.is_empty();
            let result = if tree.frontier.size() == 0 { Ok(None) } else { self.sign(&mut tree, newest) };
            if newest || result.is_err() {
                self.trees.push_front(tree);
            }
            trouble = result?.or(trouble);
            if newest {
                break;
            }
        }
        Ok(trouble)
    }

    /// First the cell, then the checkpoint in the folder, then the word to others. A crash between
    /// them leaves a head in the cell that the log fulfils: every leaf in it was durable before.
    fn sign(&mut self, tree: &mut ShardTree, newest: bool) -> Result<Option<io::Error>, SwapError> {
        let head = tree.head(&self.log);
        let note = self.note(&head.to_string())?;
        let text = note.to_string();
        let volume = Arc::clone(&self.shared.volume);
        self.cell.swap(text.as_bytes())?;
        let edge = tree.frontier.partial();
        let tiles = tree.write_tiles(volume.as_ref(), &edge);
        replace(volume.as_ref(), &tree.dir.join("checkpoint"), text.as_bytes()).map_err(SwapError::Io)?;
        self.keep(tree, &text);
        self.old_key = None;
        tree.signed = head.size;

        let signed = Arc::new(Signed { note: Arc::new(note), size: head.size, edge });
        let mut progress = self.shared.progress();
        progress.signed = tree.first + head.size;
        if progress.signed == progress.durable {
            progress.unsigned_since = None;
        } else {
            progress.unsigned_since = Some(self.shared.clock.elapsed());
        }
        progress.checkpoint = Some(Arc::clone(&signed.note));
        let view = progress.shards.iter_mut().find(|view| view.name == tree.name);
        let before = view.and_then(|view| view.signed.replace(Arc::clone(&signed)));
        drop(progress);
        if let Some(before) = before.filter(|_| newest) {
            drop_edge(volume.as_ref(), &tree.dir, &before.edge, &signed.edge);
        }
        Ok(tiles.err())
    }

    fn note(&self, text: &str) -> Result<SignedNote, SwapError> {
        let wrong = |error: crate::note::NoteError| SwapError::Io(io::Error::other(error));
        let mut note = SignedNote::sign(text, &self.key).map_err(wrong)?;
        if let Some(old) = &self.old_key {
            let other = SignedNote::sign(text, old).map_err(wrong)?;
            other.signatures().iter().for_each(|line| note.add(line.clone()));
        }
        Ok(note)
    }

    /// Adds a head to the shard's history: one in each heartbeat, and the special ones. History helps
    /// to say since when something is wrong; nothing depends on it.
    fn keep(&mut self, tree: &ShardTree, text: &str) {
        let now = self.shared.clock.elapsed();
        let due = self.kept_at.is_none_or(|at| now.saturating_sub(at) >= self.cadence.heartbeat);
        if !due && !tree.sealed {
            return;
        }
        let path = tree.dir.join("checkpoints.log");
        let kept = add_to_history(self.shared.volume.as_ref(), &path, text);
        if kept.is_ok() {
            self.kept_at = Some(now);
        }
    }

    fn watch(&mut self) {
        let now = self.shared.clock.elapsed();
        if self.watched_at.is_some_and(|at| now.saturating_sub(at) < WATCH_EVERY) {
            return;
        }
        self.watched_at = Some(now);
        let health = match self.shared.volume.space(&self.home) {
            Ok(space) => Health::of_space(space, self.steps),
            Err(error) => Health::Warned { why: format!("the space of the disk cannot be told: {error}") },
        };
        self.shared.report(Part::Disk, health);
    }
}

/// Adds a note and a blank line. Synced, so that a crash can tear only the last; what it left of one,
/// which is no note or lacks its blank line, is written over.
pub(crate) fn add_to_history(volume: &dyn Volume, path: &Path, text: &str) -> io::Result<()> {
    let file = match volume.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => volume.create(path, 0)?,
        opened => opened?,
    };
    let size = file.size()?;
    // The last notes are enough to see how the file ends: none is longer.
    let from = size.saturating_sub(2 * MAX_NOTE_BYTES as u64);
    let mut tail = vec![0; usize::try_from(size - from).unwrap_or(0)];
    let read = file.read_at(&mut tail, from)?;
    tail.truncate(read);
    let whole = from + whole_notes(&tail) as u64;
    if whole < size {
        file.resize(whole)?;
    }
    file.write_at(format!("{text}\n").as_bytes(), whole)?;
    file.sync()
}

/// How much of the end of a history is whole notes.
fn whole_notes(tail: &[u8]) -> usize {
    let ends_well = |part: &[u8]| {
        let text = part.strip_suffix(b"\n\n").and_then(|part| std::str::from_utf8(part).ok());
        let last = text.and_then(|text| {
            // Body and signatures of the last note: what follows the second-last blank line.
            let (head, signatures) = text.rsplit_once("\n\n")?;
            let body = head.rsplit_once("\n\n").map_or(head, |(_, body)| body);
            SignedNote::parse(&format!("{body}\n\n{signatures}\n")).ok()
        });
        last.is_some()
    };
    let ends =
        (0..=tail.len()).rev().filter(|end| tail.get(..*end).is_some_and(|part| part.ends_with(b"\n\n")));
    // At most the last few places: one torn note has a few blank lines at most.
    ends.take(8).find(|end| tail.get(..*end).is_some_and(ends_well)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::KeyKind;

    #[test]
    fn a_torn_note_is_not_part_of_the_history() {
        let key = SigningKey::from_seed("example.org/a", KeyKind::Log, [1; 32]).unwrap();
        let note = format!("{}\n", SignedNote::sign("example.org/a\n1\nroot\n", &key).unwrap());
        let two = note.repeat(2);
        for end in 0..=two.len() {
            let whole = if end == two.len() {
                two.len()
            } else if end >= note.len() {
                note.len()
            } else {
                0
            };
            assert_eq!(whole_notes(&two.as_bytes()[..end]), whole, "{end} bytes");
            // The rest of the sector as zeros, too.
            let padded = [&two.as_bytes()[..end], &[0; 40]].concat();
            assert_eq!(whole_notes(&padded), whole, "{end} bytes and zeros");
        }
    }
}
