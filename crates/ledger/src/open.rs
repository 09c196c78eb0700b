//! Putting a ledger together: locks, recovery, threads.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use action::Name;

use crate::clock::Clock;
use crate::error::{AppendError, OpenError};
use crate::head::HeadCell;
use crate::ledger::{Inner, Ledger};
use crate::note::{SignedNote, SigningKey};
use crate::record::{GapPart, GapReason, Nanos, Record, RecordKind, ShardPart};
use crate::recover::{Consent, Pending, Recovered, recover};
use crate::segment::Catalog;
use crate::settings::Settings;
use crate::shard::{self, ShardName};
use crate::volume::{Lock, Volume};
use crate::writer::scribe::{MAX_BATCHES_BEHIND, Scribe};
use crate::writer::shared::{Progress, ShardView, Shared};
use crate::writer::tree::ShardTree;
use crate::writer::{Bounds, ClockWatch, Phase, Queue, Sink, Stage, Writer, back_since, name_previous};

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Records on the ledger, those that opening wrote included.
    pub size: u64,
    /// Bytes of unfinished writes that were cut and put on record.
    pub cut: u64,
    /// The log was empty.
    pub new: bool,
}

impl Ledger {
    /// Opens a ledger for writing, or makes one where none is. On return what opening had to say is
    /// on the ledger: the first record of a shard, a cut, a jump of the clock.
    pub fn open(
        settings: Settings,
        key: SigningKey,
        volume: Arc<dyn Volume>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Ledger, Opened), OpenError> {
        open(settings, key, volume, clock, None)
    }

    /// Opens a ledger that refuses to, because records that were signed or acknowledged are damaged or
    /// missing, or because the cell with its head is gone. What is there stays as it is; the log
    /// goes on in a new shard, which says what is wrong and who decided to go on.
    pub fn repair(
        settings: Settings,
        key: SigningKey,
        volume: Arc<dyn Volume>,
        clock: Arc<dyn Clock>,
        by: Name,
    ) -> Result<(Ledger, Opened), OpenError> {
        let consent = Consent { by, now: clock.now() };
        let (ledger, opened) = open(settings, key, volume, clock, Some(&consent))?;
        // The head moves to the new shard now: until it has, the damage is what the next start finds.
        if ledger.sign() {
            Ok((ledger, opened))
        } else {
            let source = io::Error::other(format!("{:?}", ledger.health()));
            Err(io_error("sign a head for", &ledger.inner.settings.dir, source))
        }
    }
}

fn open(
    settings: Settings,
    key: SigningKey,
    volume: Arc<dyn Volume>,
    clock: Arc<dyn Clock>,
    consent: Option<&Consent>,
) -> Result<(Ledger, Opened), OpenError> {
    let homes: Vec<PathBuf> =
        [Some(settings.dir.clone()), settings.mirror.clone()].into_iter().flatten().collect();
    let locks = take_locks(volume.as_ref(), &homes)?;
    let cell_path = settings.head.clone().unwrap_or_else(|| settings.dir.join("head"));
    let cell = HeadCell::load(Arc::clone(&volume), cell_path.clone())
        .map_err(|source| io_error("read", &cell_path, source))?;
    let mut found = recover(volume.as_ref(), &homes, &settings, &cell, &key, consent)?;
    let cuts = std::mem::take(&mut found.cuts);
    let start = Start::new(&mut found, &cuts, &settings, &homes, clock.as_ref());

    let new = start.new;
    let (tell, told) = sync_channel(MAX_BATCHES_BEHIND);
    let key = Arc::new(key);
    let window = settings.window;
    let bounds = Bounds { waiting: settings.queue, ahead: window.records, age: window.age };
    let queue = Arc::new(Queue::new(bounds));
    let head = cell.known().and_then(|head| SignedNote::parse(std::str::from_utf8(head).ok()?).ok());
    let progress = Progress {
        durable: found.tip.next,
        last: found.tip.previous,
        signed: found.signed,
        unsigned_since: (found.signed < found.tip.next).then(|| clock.elapsed()),
        shards: start.views,
        checkpoint: head.map(Arc::new),
    };
    let segments = Catalog::new(std::mem::take(&mut found.segments));
    let shared = Arc::new(Shared::new(Arc::clone(&volume), Arc::clone(&clock), segments, progress));
    let scribe = Scribe {
        shared: Arc::clone(&shared),
        told,
        trees: start.trees,
        log: settings.log.clone(),
        key: Arc::clone(&key),
        old_key: None,
        cell,
        cadence: settings.checkpoint,
        steps: settings.steps,
        home: settings.dir.clone(),
        signed_at: clock.elapsed(),
        kept_at: None,
        watched_at: None,
        forked: false,
        failing: false,
    };
    let index = found.index;
    let in_use = found.open.take();
    let sink =
        Sink::new(Arc::clone(&volume), homes.clone(), start.shard.clone(), index, settings.segment, in_use);
    let mut writer = Writer {
        shared: Arc::clone(&shared),
        queue: Arc::clone(&queue),
        scribe: SyncSender::clone(&tell),
        sink,
        stage: Stage::new(&settings.log, found.tip),
        tip: found.tip,
        shard: start.shard,
        phase: start.phase,
        period: settings.shard,
        watch: ClockWatch::start(clock.as_ref()),
        owed: start.owed,
        failed: None,
        unrecorded: 0,
        settles: (0, 0),
    };
    let scribe = spawn("ledger-scribe", &settings.dir, move || scribe.run())?;
    let first = first_records(&mut writer, &cuts, volume.as_ref());
    let size = writer.tip.next;
    let running = first.and_then(|()| spawn("ledger-writer", &settings.dir, move || writer.run()));
    let writer = match running {
        Ok(writer) => writer,
        Err(error) => {
            // The scribe ends when nobody can tell it anything; before that the lock is not given back.
            drop(tell);
            let _ = scribe.join();
            return Err(error);
        }
    };
    let threads = Mutex::new(vec![writer, scribe]);
    let (key, locks) = (Mutex::new(key), Mutex::new(locks));
    let inner = Inner { shared, queue, scribe: tell, settings, homes, key, threads, locks };
    let opened = Opened { size, cut: cuts.iter().map(|cut| cut.bytes).sum(), new };
    Ok((Ledger { inner: Arc::new(inner) }, opened))
}

/// Writes what opening has to say.
fn first_records(writer: &mut Writer, cuts: &[Pending], volume: &dyn Volume) -> Result<(), OpenError> {
    match writer.prepare().and_then(|()| writer.flush()) {
        Ok(()) => cuts.iter().try_for_each(|cut| cut.recorded(volume)),
        // What is owed is written once there is space; until then the ledger can be read.
        Err(AppendError::DiskFull) => Ok(()),
        Err(source) => Err(OpenError::First { source }),
    }
}

/// What the writer starts with.
struct Start {
    new: bool,
    shard: ShardName,
    phase: Phase,
    trees: VecDeque<ShardTree>,
    views: Vec<ShardView>,
    owed: Vec<Record>,
}

impl Start {
    fn new(
        found: &mut Recovered,
        cuts: &[Pending],
        settings: &Settings,
        homes: &[PathBuf],
        clock: &dyn Clock,
    ) -> Self {
        let now = clock.now();
        let mut owed: Vec<Record> = cuts.iter().map(|cut| torn(cut, now)).collect();
        owed.extend(back_since(found.tip, now));
        owed.extend(found.mended.take());
        let view = |name: &ShardName, first| ShardView { name: name.clone(), first, signed: None };
        let mut views: Vec<ShardView> = found.shards.iter().map(|(name, first)| view(name, *first)).collect();
        let mut trees: VecDeque<ShardTree> = std::mem::take(&mut found.trees).into();
        let newest = found.newest.take();
        let new = newest.is_none();
        let shard = newest.unwrap_or_else(|| ShardName::first(&shard::period(now, settings.shard)));
        if new {
            let name = shard.clone();
            let dir = homes.first().map(|home| name.dir(home)).unwrap_or_default();
            views.push(view(&name, found.tip.next));
            trees.push_back(ShardTree::new(name, dir, found.tip.next, None));
        }
        let phase = match (found.sealed.take(), trees.back()) {
            (Some(before), _) => Phase::Sealed(before),
            (None, Some(tree)) if tree.frontier.size() == 0 => {
                Phase::Opening(Box::new(open_record(tree, now)))
            }
            (None, _) => Phase::Writing,
        };
        // Older shards whose final head is signed are finished.
        let newest = trees.pop_back();
        trees.retain(|tree| tree.signed < tree.frontier.size());
        trees.extend(newest);
        Start { new, shard, phase, trees, views, owed }
    }
}

fn torn(cut: &Pending, now: Nanos) -> Record {
    let mut record = Record::new(RecordKind::Gap, now);
    record.gap = Some(GapPart { bytes: cut.bytes, reason: GapReason::TornTail, was: Some(cut.was) });
    record
}

/// The first record of a shard that has none yet.
fn open_record(tree: &ShardTree, now: Nanos) -> Record {
    let mut record = Record::new(RecordKind::ShardOpen, now);
    let before = tree.before.as_ref();
    record.shard = Some(ShardPart {
        name: tree.name.to_string(),
        root: before.map(|before| before.root),
        size: before.map_or(0, |before| before.size),
    });
    if let Some(before) = before {
        name_previous(&mut record, &before.name);
    }
    record
}

fn take_locks(volume: &dyn Volume, homes: &[PathBuf]) -> Result<Vec<Box<dyn Lock>>, OpenError> {
    let mut locks = Vec::new();
    for home in homes {
        volume.create_dir(home).map_err(|source| io_error("make", home, source))?;
        let path = home.join("lock");
        locks.push(volume.lock(&path).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { path: home.clone() },
            _ => io_error("lock", &path, source),
        })?);
    }
    Ok(locks)
}

fn spawn(name: &str, dir: &Path, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map_err(|source| io_error("start the threads of", dir, source))
}

fn io_error(doing: &'static str, path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { doing, path: path.to_owned(), source }
}
