//! A disk in memory that fails as told, and loses power as disks do: what was not synced may be
//! there, or not, or in part.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger::volume::{Lock, Space, Volume, VolumeFile};

/// The unit that reaches the medium as a whole, unless it tears.
pub const SECTOR: usize = 512;

/// Operations that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Create,
    Write,
    Sync,
    Rename,
    SyncDir,
}

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An error, and nothing was done.
    NotDone(io::ErrorKind),
    /// An error, though it was done.
    Done(io::ErrorKind),
    /// An error, and a part of it was done: for a write, the first half; else as `NotDone`.
    Half(io::ErrorKind),
    /// The machine stops before it.
    PowerBefore,
    /// The machine stops after it.
    PowerAfter,
}

/// One fault: the n-th matching operation from now on fails, once or from then on always.
#[derive(Debug, Clone)]
pub struct Fault {
    pub op: Op,
    /// A part of the path.
    pub path: &'static str,
    /// Matching operations that succeed first.
    pub skip: usize,
    pub how: How,
    pub always: bool,
}

#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, usize>,
    /// The names that would be found after a power cut.
    durable_names: BTreeMap<PathBuf, usize>,
    nodes: Vec<Node>,
    locks: Vec<PathBuf>,
    faults: Vec<Fault>,
    /// How often each fault was met.
    pub met: usize,
    /// Off: every operation fails.
    off: bool,
    space: Option<Space>,
    seed: u64,
}

/// Content as programs see it, and as the medium has it.
#[derive(Clone, Default)]
struct Node {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors that were written and not synced.
    dirty: Vec<usize>,
}

impl FaultyDisk {
    pub fn new(seed: u64) -> Self {
        let disk = FaultyDisk::default();
        disk.state().seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        disk
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn fail(&self, fault: Fault) {
        self.state().faults.push(fault);
    }

    pub fn heal(&self) {
        self.state().faults.clear();
    }

    /// Faults met so far.
    pub fn met(&self) -> usize {
        self.state().met
    }

    pub fn set_space(&self, space: Space) {
        self.state().space = Some(space);
    }

    /// Stops the machine: every operation fails until [`FaultyDisk::boot`].
    pub fn cut_power(&self) {
        self.state().off = true;
    }

    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Starts the machine again, with what the medium has.
    pub fn boot(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.locks.clear();
        let mut random = state.seed;
        state.files = state.durable_names.clone();
        for node in &mut state.nodes {
            node.lose_power(&mut random);
        }
        state.seed = random;
        state.off = false;
    }

    /// The process died, the machine did not: nothing is lost but the locks.
    pub fn restart(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.locks.clear();
        state.off = false;
    }

    /// A copy of everything, as a backup would take it.
    pub fn copy(&self) -> FaultyDisk {
        let state = self.state();
        FaultyDisk(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            durable_names: state.durable_names.clone(),
            nodes: state.nodes.clone(),
            seed: state.seed,
            ..State::default()
        })))
    }

    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().files.keys().cloned().collect()
    }

    pub fn content(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.nodes[state.files[path]].seen.clone()
    }

    /// Puts content in place, durable, behind everybody's back.
    pub fn plant(&self, path: &Path, content: Vec<u8>) {
        let mut state = self.state();
        let node = Node { seen: content.clone(), durable: content, dirty: Vec::new() };
        state.nodes.push(node);
        let n = state.nodes.len() - 1;
        state.files.insert(path.to_owned(), n);
        state.durable_names.insert(path.to_owned(), n);
    }

    pub fn delete(&self, path: &Path) {
        let mut state = self.state();
        state.files.remove(path);
        state.durable_names.remove(path);
    }

    /// Runs an operation, or lets it fail. `act` gets whether only half of it is to be done.
    fn run<T>(
        &self,
        op: Op,
        path: &Path,
        act: impl FnOnce(&mut State, bool) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.state();
        if state.off {
            return Err(io::Error::other("the machine is off"));
        }
        let name = path.to_string_lossy().into_owned();
        let due = state.faults.iter_mut().position(|fault| {
            let fits = fault.op == op && name.contains(fault.path);
            let due = fits && fault.skip == 0;
            if fits && fault.skip > 0 {
                fault.skip -= 1;
            }
            due
        });
        let Some(due) = due else { return act(&mut state, false) };
        let fault = state.faults[due].clone();
        state.met += 1;
        if !fault.always {
            state.faults.remove(due);
        }
        match fault.how {
            How::NotDone(kind) => Err(kind.into()),
            How::Done(kind) => {
                act(&mut state, false)?;
                Err(kind.into())
            }
            How::Half(kind) => {
                if op == Op::Write {
                    act(&mut state, true)?;
                }
                Err(kind.into())
            }
            How::PowerBefore => {
                state.off = true;
                Err(io::Error::other("the machine is off"))
            }
            How::PowerAfter => {
                let _ = act(&mut state, false);
                state.off = true;
                Err(io::Error::other("the machine is off"))
            }
        }
    }
}

pub fn next_random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

impl Node {
    fn write(&mut self, bytes: &[u8], offset: usize) {
        if self.seen.len() < offset + bytes.len() {
            self.seen.resize(offset + bytes.len(), 0);
        }
        self.seen[offset..offset + bytes.len()].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..=(offset + bytes.len()).saturating_sub(1) / SECTOR);
    }

    /// Each sector that was not synced is the new one, the old one, or torn between them.
    fn lose_power(&mut self, random: &mut u64) {
        let mut dirty = std::mem::take(&mut self.dirty);
        dirty.sort_unstable();
        dirty.dedup();
        for sector in dirty {
            let from = (sector * SECTOR).min(self.seen.len());
            let to = ((sector + 1) * SECTOR).min(self.seen.len());
            let keep = match next_random(random) % 4 {
                0 | 1 => to - from,
                2 => 0,
                _ => next_random(random) as usize % (to - from + 1),
            };
            if keep == 0 {
                continue;
            }
            if self.durable.len() < from + keep {
                self.durable.resize(from + keep, 0);
            }
            let new = self.seen[from..from + keep].to_vec();
            self.durable[from..from + keep].copy_from_slice(&new);
        }
        self.seen = self.durable.clone();
    }
}

struct File {
    disk: FaultyDisk,
    node: usize,
    path: PathBuf,
}

struct Held(FaultyDisk, PathBuf);

impl Lock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().locks.retain(|path| *path != self.1);
    }
}

impl Volume for FaultyDisk {
    fn create(&self, path: &Path, size: u64) -> io::Result<Arc<dyn VolumeFile>> {
        let node = self.run(Op::Create, path, |state, _| {
            if state.files.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let zeros = vec![0; size as usize];
            state.nodes.push(Node { seen: zeros.clone(), durable: zeros, dirty: Vec::new() });
            let node = state.nodes.len() - 1;
            state.files.insert(path.to_owned(), node);
            Ok(node)
        })?;
        Ok(Arc::new(File { disk: self.clone(), node, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VolumeFile>> {
        let state = self.state();
        if state.off {
            return Err(io::Error::other("the machine is off"));
        }
        let node = *state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(File { disk: self.clone(), node, path: path.to_owned() }))
    }

    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        if self.is_off() { Err(io::Error::other("the machine is off")) } else { Ok(()) }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let mut names: Vec<String> = state
            .files
            .keys()
            .filter_map(|file| file.strip_prefix(path).ok()?.components().next())
            .map(|name| name.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Op::Rename, to, |state, _| {
            let node = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.files.insert(to.to_owned(), node);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.files.remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.run(Op::SyncDir, path, |state, _| {
            let here = |file: &PathBuf| file.parent() == Some(path);
            let gone: Vec<PathBuf> = state.durable_names.keys().filter(|file| here(file)).cloned().collect();
            for file in gone {
                state.durable_names.remove(&file);
            }
            let now: Vec<(PathBuf, usize)> = state
                .files
                .iter()
                .filter(|(file, _)| here(file))
                .map(|(file, node)| (file.clone(), *node))
                .collect();
            state.durable_names.extend(now);
            Ok(())
        })
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(self.state().space.unwrap_or(Space { total: 100, free: 90 }))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let mut state = self.state();
        if state.off {
            return Err(io::Error::other("the machine is off"));
        }
        if state.locks.iter().any(|held| held == path) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locks.push(path.to_owned());
        Ok(Box::new(Held(self.clone(), path.to_owned())))
    }
}

impl VolumeFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.run(Op::Write, &self.path, |state, half| {
            let part = if half { &bytes[..bytes.len() / 2] } else { bytes };
            state.nodes[self.node].write(part, offset as usize);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        let result = self.disk.run(Op::Sync, &self.path, |state, _| {
            let node = &mut state.nodes[self.node];
            node.durable = node.seen.clone();
            node.dirty.clear();
            Ok(())
        });
        if result.is_err() && !self.disk.is_off() {
            // As kernels do: what could not be written counts as clean, and is still shown.
            self.disk.state().nodes[self.node].dirty.clear();
        }
        result
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        if state.off {
            return Err(io::Error::other("the machine is off"));
        }
        let seen = &state.nodes[self.node].seen;
        let from = (offset as usize).min(seen.len());
        let count = into.len().min(seen.len() - from);
        into[..count].copy_from_slice(&seen[from..from + count]);
        Ok(count)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.state().nodes[self.node].seen.len() as u64)
    }

    /// As a file system tells it: whole sectors, and no more than it must.
    fn written(&self) -> io::Result<u64> {
        let state = self.disk.state();
        let seen = &state.nodes[self.node].seen;
        let end = seen.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Ok(end.next_multiple_of(SECTOR).min(seen.len()) as u64)
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.disk.run(Op::Write, &self.path, |state, _| {
            let node = &mut state.nodes[self.node];
            // Sectors that are cut stay on the medium until the next sync, or not: they are dirty.
            let (old, new) = (node.seen.len(), size as usize);
            node.seen.resize(new, 0);
            node.dirty.extend(old.min(new) / SECTOR..old.max(new).div_ceil(SECTOR));
            Ok(())
        })
    }
}
