//! The ledger as its users see it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use action::Digest;

use crate::clock::Clock;
use crate::error::{AppendError, CloseError, OpenError, ProveError, ReadError};
use crate::health::Health;
use crate::note::{SignedNote, SigningKey};
use crate::record::Record;
use crate::segment::frame;
use crate::settings::Settings;
use crate::volume::{Volume, VolumeFile};
use crate::writer::{About, Bounds, Promise, Put, Queue, Receipt, Refused};

/// A ledger that is open for writing. Cheap to clone; the clones are the same ledger.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    queue: Queue<Entry>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    file: Arc<dyn VolumeFile>,
    path: PathBuf,
    state: Mutex<State>,
    grown: Condvar,
    durable: AtomicU64,
    listeners: RwLock<Vec<Box<dyn Fn(u64) + Send + Sync>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

struct State {
    /// Offset of each record.
    offsets: Vec<u64>,
    end: u64,
    last: Digest,
}

struct Entry {
    record: Record,
    about: About,
    ahead: bool,
    done: Option<Done>,
}

type Done = Box<dyn FnOnce(Result<Receipt, AppendError>) + Send>;

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub size: u64,
}

/// How far the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub durable: u64,
    pub signed: u64,
    /// Leaf hash of the last durable record; zeros for an empty log.
    pub last: Digest,
    /// How long the oldest durable record without a signed head has been so.
    pub unsigned: Duration,
}

/// A record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub record: Record,
    pub bytes: Vec<u8>,
    pub leaf: Digest,
}

impl Ledger {
    pub fn open(
        settings: Settings,
        _key: SigningKey,
        volume: Arc<dyn Volume>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Ledger, Opened), OpenError> {
        let path = settings.dir.join("segment-000000.log");
        let io = |source| OpenError::Io { doing: "open", path: path.clone(), source };
        volume.create_dir(&settings.dir).map_err(io)?;
        let file = volume.create(&path, settings.segment).or_else(|_| volume.open(&path)).map_err(io)?;
        let mut bytes = vec![0; usize::try_from(file.size().map_err(io)?).unwrap_or(0)];
        file.read_at(&mut bytes, 0).map_err(io)?;
        let mut state = State { offsets: Vec::new(), end: 0, last: Digest::from_bytes([0; 32]) };
        let mut at = 0;
        while let frame::Parsed::Frame { bytes: content, end, .. } = frame::parse(&bytes, at) {
            state.offsets.push(at as u64);
            state.last = crate::hash::leaf(content);
            at = end;
        }
        state.end = at as u64;
        let size = state.offsets.len() as u64;
        let bounds =
            Bounds { waiting: settings.queue, ahead: settings.window.records, age: settings.window.age };
        let inner = Arc::new(Inner {
            queue: Queue::new(bounds),
            clock,
            settings,
            file,
            path: path.clone(),
            state: Mutex::new(state),
            grown: Condvar::new(),
            durable: AtomicU64::new(size),
            listeners: RwLock::default(),
            thread: Mutex::default(),
        });
        let writer = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("ledger-writer".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { doing: "start the writer of", path, source })?;
        *lock(&inner.thread) = Some(thread);
        Ok((Ledger { inner }, Opened { size }))
    }

    /// Queues a record. `done` is called once the promise is kept: on the writer's thread, or
    /// before this returns if the record was accepted within the window or refused.
    pub fn append(
        &self,
        record: Record,
        promise: Promise,
        done: impl FnOnce(Result<Receipt, AppendError>) + Send + 'static,
    ) {
        self.put(record, promise, Box::new(done), None);
    }

    /// Appends and waits.
    pub fn append_wait(&self, record: Record, promise: Promise) -> Result<Receipt, AppendError> {
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        let done = move |result| {
            let _ = send.send(result);
        };
        self.put(record, promise, Box::new(done), Some(self.inner.settings.patience));
        receive.recv().unwrap_or(Err(AppendError::Closed))
    }

    fn put(&self, record: Record, promise: Promise, done: Done, patience: Option<Duration>) {
        let about = match record.check_from_caller().and_then(|()| About::of(&record)) {
            Ok(about) => about,
            Err(fault) => return done(Err(fault.into())),
        };
        let mut done = Some(done);
        let queue = &self.inner.queue;
        let entry = Entry { record, about: about.clone(), ahead: false, done: None };
        let may = promise == Promise::Windowed;
        let now = || self.inner.clock.elapsed();
        let mark = |entry: &mut Entry, put: Put| match put {
            Put::Ahead => entry.ahead = true,
            Put::Waits => entry.done = done.take(),
        };
        let put = match patience {
            None => queue.put(entry, may, now(), mark),
            Some(patience) => queue.put_wait(entry, may, now, patience, mark),
        };
        let answer = match put {
            Ok(Put::Waits) => return,
            Ok(Put::Ahead) => Ok(Receipt::of(about, None)),
            Err(Refused::Full(_)) => Err(AppendError::Busy { bound: queue.waiting_bound() }),
            Err(Refused::Closed(_)) => Err(AppendError::Closed),
        };
        if let Some(done) = done {
            done(answer);
        }
    }

    pub fn head(&self) -> Head {
        let last = lock(&self.inner.state).last;
        Head { durable: self.durable(), signed: 0, last, unsigned: Duration::ZERO }
    }

    fn durable(&self) -> u64 {
        self.inner.durable.load(Ordering::Acquire)
    }

    /// Durable records from `from` on, at most `most`.
    pub fn read(&self, from: u64, most: usize) -> Result<Vec<Stored>, ReadError> {
        let size = self.durable();
        if from > size {
            return Err(ReadError::Beyond { sequence: from, size });
        }
        let mut found = Vec::new();
        for sequence in from..size.min(from.saturating_add(most as u64)) {
            let offset =
                usize::try_from(sequence).ok().and_then(|n| lock(&self.inner.state).offsets.get(n).copied());
            let damaged = || ReadError::Damaged { sequence, path: self.inner.path.clone() };
            let mut bytes = vec![0; frame::FRAME_HEADER + crate::record::MAX_RECORD_BYTES];
            let read = self.inner.file.read_at(&mut bytes, offset.ok_or_else(damaged)?);
            let read = read.map_err(|source| ReadError::Io { path: self.inner.path.clone(), source })?;
            bytes.truncate(read);
            let frame::Parsed::Frame { bytes, .. } = frame::parse(&bytes, 0) else { return Err(damaged()) };
            let record = Record::read(bytes).map_err(|_| damaged())?;
            found.push(Stored { record, bytes: bytes.to_vec(), leaf: crate::hash::leaf(bytes) });
        }
        Ok(found)
    }

    /// Waits until more than `size` records are durable; the durable size then, or at the end of the time.
    pub fn wait_beyond(&self, size: u64, timeout: Duration) -> u64 {
        let end = Instant::now() + timeout;
        let mut state = lock(&self.inner.state);
        while self.durable() <= size {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .inner
                .grown
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        self.durable()
    }

    /// Calls `call` with the durable size each time it grew, on the writer's thread: be quick.
    pub fn on_durable(&self, call: Box<dyn Fn(u64) + Send + Sync>) {
        self.inner.listeners.write().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    /// Proof that a record is in the newest checkpoint.
    pub fn prove(&self, sequence: u64) -> Result<crate::tree::TlogProof, ProveError> {
        Err(ProveError::Unsigned { sequence, signed: 0 })
    }

    /// The newest signed head.
    pub fn checkpoint(&self) -> Option<SignedNote> {
        None
    }

    pub fn health(&self) -> Health {
        Health::Sound
    }

    /// Writes what is queued, signs the head and gives the lock back.
    pub fn close(self) -> Result<(), CloseError> {
        self.inner.queue.close();
        if let Some(thread) = lock(&self.inner.thread).take() {
            let _ = thread.join();
        }
        Ok(())
    }
}

impl Inner {
    fn run(&self) {
        while let Some(batch) = self.queue.take(4_096, || self.clock.elapsed()) {
            self.commit(batch);
        }
    }

    fn commit(&self, batch: Vec<Entry>) {
        let (mut bytes, mut offsets, mut dones, mut ahead) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let (mut last, end, first) = {
            let state = lock(&self.state);
            (state.last, state.end, state.offsets.len() as u64)
        };
        for mut entry in batch {
            entry.record.log = self.settings.log.clone();
            entry.record.previous = last;
            entry.record.sequence = first + offsets.len() as u64;
            let at = frame::begin(&mut bytes);
            let written = entry.record.write_to(&mut bytes).is_ok();
            ahead += usize::from(entry.ahead);
            if !written || !frame::finish(&mut bytes, at, at == 0) {
                bytes.truncate(at);
                if let Some(done) = entry.done {
                    done(Err(AppendError::TooLarge));
                }
                continue;
            }
            last = crate::hash::leaf(bytes.get(at + frame::FRAME_HEADER..).unwrap_or_default());
            offsets.push(end + at as u64);
            dones.push((entry.done, entry.about, entry.record.sequence, last));
        }
        let result = self.file.write_at(&bytes, end).and_then(|()| self.file.sync()).map_err(Arc::new);
        if result.is_ok() {
            let mut state = lock(&self.state);
            state.offsets.extend(offsets);
            state.end += bytes.len() as u64;
            state.last = last;
            self.durable.store(state.offsets.len() as u64, Ordering::Release);
        } else {
            self.queue.close();
        }
        self.grown.notify_all();
        self.queue.settle(ahead);
        for (done, about, sequence, leaf) in dones {
            let Some(done) = done else { continue };
            done(match &result {
                Ok(()) => Ok(Receipt::of(about, Some((sequence, leaf)))),
                Err(source) => Err(AppendError::Failed { source: Arc::clone(source) }),
            });
        }
        if result.is_ok() {
            let size = self.durable.load(Ordering::Acquire);
            for call in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
                call(size);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
