//! What a caller is promised, and what happens at the bounds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use ledger::volume::{Lock, Space, Volume, VolumeFile};
use ledger::{AppendError, Disk, Health, Ledger, OpenError, Promise, ReadError, Record, RecordKind};

use crate::disk::FaultyDisk;
use crate::support::{
    HOME, TODAY, TestClock, append, check_from_outside, key, numbers, open, open_with, record, settings,
};

#[test]
fn a_receipt_says_where_the_record_stands() {
    let disk = FaultyDisk::new(1);
    let (ledger, opened) = open(&disk).unwrap();
    assert!(opened.new);
    let receipt = append(&ledger, 7).unwrap();
    let stored = ledger.read(receipt.sequence().unwrap(), 1).unwrap().remove(0);
    assert_eq!(Some(stored.leaf), receipt.leaf());
    assert_eq!(receipt.kept(), Promise::Synced);
    assert_eq!(receipt.id().as_str(), "boot");
    assert_eq!(stored.record.notes, record(7).notes);
    assert_eq!(ledger.head().last, stored.leaf);
}

#[test]
fn records_of_many_producers_all_stand_there_once() {
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open(&disk).unwrap();
    std::thread::scope(|scope| {
        for producer in 0..16 {
            let ledger = ledger.clone();
            scope.spawn(move || (0..50).for_each(|n| drop(append(&ledger, producer * 50 + n).unwrap())));
        }
    });
    drop(ledger);
    let mut there = numbers(&check_from_outside(&disk, &[HOME]));
    there.sort_unstable();
    assert_eq!(there, (0..800).collect::<Vec<_>>());
}

#[test]
fn what_may_not_be_appended_is_refused_before_it_is_queued() {
    let (ledger, _) = open(&FaultyDisk::new(1)).unwrap();
    let mut clock = Record::new(RecordKind::Clock, ledger::Nanos(0));
    clock.notes = record(1).notes;
    let error = ledger.append_wait(clock, Promise::Synced).unwrap_err();
    assert_eq!(error.code(), "ledger.malformed");
    let bare = Record::new(RecordKind::Boot, ledger::Nanos(0));
    assert_eq!(ledger.append_wait(bare, Promise::Synced).unwrap_err().code(), "ledger.malformed");
    assert_eq!(ledger.head().durable, 1);
}

#[test]
fn reading_stops_at_what_is_durable() {
    let (ledger, _) = open(&FaultyDisk::new(1)).unwrap();
    (0..300).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert_eq!(ledger.read(301, 10).unwrap(), []);
    assert!(matches!(ledger.read(302, 10), Err(ReadError::Beyond { sequence: 302, size: 301 })));
    let all = ledger.read(0, usize::MAX).unwrap();
    assert!(all.iter().zip(0..).all(|(stored, n)| stored.record.sequence == n) && all.len() == 301);
    // From any place, over the ends of segments.
    for from in 0..301 {
        let some = ledger.read(from, 3).unwrap();
        assert_eq!(some, all[from as usize..(from as usize + 3).min(301)]);
    }
}

#[test]
fn followers_are_told() {
    let (ledger, _) = open(&FaultyDisk::new(1)).unwrap();
    let heard = Arc::new(AtomicU64::new(0));
    let hears = Arc::clone(&heard);
    ledger.on_durable(Box::new(move |size| hears.store(size, Ordering::SeqCst)));
    let waiter = ledger.clone();
    let waiting = std::thread::spawn(move || waiter.wait_beyond(3, Duration::from_secs(30)));
    (0..3).for_each(|n| drop(append(&ledger, n).unwrap()));
    assert!(waiting.join().unwrap() > 3);
    let start = Instant::now();
    assert_eq!(ledger.wait_beyond(1_000, Duration::from_millis(20)), 4);
    assert!(start.elapsed() >= Duration::from_millis(20));
    drop(ledger);
    assert_eq!(heard.load(Ordering::SeqCst), 4);
}

#[test]
fn one_process_writes() {
    let scratch = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.dir = scratch.path().join("ledger");
    let try_open = || Ledger::open(settings.clone(), key(), Arc::new(Disk), TestClock::at(TODAY));
    let (ledger, _) = try_open().unwrap();
    assert!(matches!(try_open(), Err(OpenError::Locked { .. })));
    let other = ledger.clone();
    ledger.close().unwrap();
    assert!(matches!(append(&other, 1), Err(AppendError::Closed)));
    drop(other);
    assert!(try_open().is_ok());
}

#[test]
fn the_steps_of_a_filling_disk() {
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open(&disk).unwrap();
    let until = |wanted: fn(&Health) -> bool| {
        let end = Instant::now() + Duration::from_secs(20);
        while !wanted(&ledger.health()) {
            assert!(Instant::now() < end, "{:?}", ledger.health());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    disk.set_space(Space { total: 100, free: 15 });
    until(|health| matches!(health, Health::Warned { .. }));
    disk.set_space(Space { total: 100, free: 8 });
    until(|health| matches!(health, Health::Shedding { .. }) && !health.keeps_content());
    append(&ledger, 0).unwrap();
    disk.set_space(Space { total: 100, free: 4 });
    until(|health| matches!(health, Health::ReadOnly { .. }));
    for n in 1..4 {
        assert!(matches!(append(&ledger, n), Err(AppendError::DiskFull)));
    }
    let windowed = ledger.append_wait(record(4), Promise::Windowed);
    assert!(matches!(windowed, Err(AppendError::DiskFull)), "nothing is accepted ahead of a full disk");
    assert_eq!(ledger.read(1, 1).unwrap().len(), 1, "what is there can be read");
    disk.set_space(Space { total: 100, free: 50 });
    until(|health| *health == Health::Sound);
    append(&ledger, 5).unwrap();
    drop(ledger);
    let found = check_from_outside(&disk, &[HOME]);
    assert_eq!(numbers(&found), [0, 5]);
    // How many were refused stands before the next record.
    let gap = found.iter().find(|found| found.kind() == "gap").unwrap();
    assert_eq!(
        (gap.json["gap"]["reason"].as_str(), gap.json["notes"]["count"].as_str()),
        (Some("not_written"), Some("4"))
    );
}

#[test]
fn a_heartbeat_is_signed_when_nothing_happens() {
    let mut settings = settings();
    settings.checkpoint.every = Duration::from_millis(5);
    settings.checkpoint.heartbeat = Duration::from_millis(30);
    let disk = FaultyDisk::new(1);
    let (ledger, _) = open_with(&disk, settings).unwrap();
    append(&ledger, 0).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    while ledger.head().signed < 2 || ledger.head().unsigned > Duration::ZERO {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(2));
    }
    // The same head again and again: a new file each time.
    let history = |disk: &FaultyDisk| {
        let path = disk.paths().into_iter().find(|path| path.ends_with("checkpoints.log"));
        path.map_or(0, |path| disk.content(&path).len())
    };
    let before = history(&disk);
    while history(&disk) <= before {
        assert!(Instant::now() < end, "no heartbeat");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A disk whose syncs wait until they are let.
struct Gate {
    inner: FaultyDisk,
    closed: Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>,
}

struct GatedFile(Arc<dyn VolumeFile>, Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>);

impl Gate {
    fn set(gate: &Arc<(std::sync::Mutex<bool>, std::sync::Condvar)>, closed: bool) {
        *gate.0.lock().unwrap() = closed;
        gate.1.notify_all();
    }
}

impl VolumeFile for GatedFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.0.write_at(bytes, offset)
    }
    fn sync(&self) -> std::io::Result<()> {
        let closed = self.1.0.lock().unwrap();
        drop(self.1.1.wait_while(closed, |closed| *closed).unwrap());
        self.0.sync()
    }
    fn read_at(&self, into: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.0.read_at(into, offset)
    }
    fn size(&self) -> std::io::Result<u64> {
        self.0.size()
    }
    fn resize(&self, size: u64) -> std::io::Result<()> {
        self.0.resize(size)
    }
}

impl Volume for Gate {
    fn create(&self, path: &std::path::Path, size: u64) -> std::io::Result<Arc<dyn VolumeFile>> {
        Ok(Arc::new(GatedFile(self.inner.create(path, size)?, Arc::clone(&self.closed))))
    }
    fn open(&self, path: &std::path::Path) -> std::io::Result<Arc<dyn VolumeFile>> {
        Ok(Arc::new(GatedFile(self.inner.open(path)?, Arc::clone(&self.closed))))
    }
    fn create_dir(&self, path: &std::path::Path) -> std::io::Result<()> {
        self.inner.create_dir(path)
    }
    fn list(&self, path: &std::path::Path) -> std::io::Result<Vec<String>> {
        self.inner.list(path)
    }
    fn rename(&self, from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &std::path::Path) -> std::io::Result<()> {
        self.inner.remove(path)
    }
    fn sync_dir(&self, path: &std::path::Path) -> std::io::Result<()> {
        self.inner.sync_dir(path)
    }
    fn space(&self, path: &std::path::Path) -> std::io::Result<Space> {
        self.inner.space(path)
    }
    fn lock(&self, path: &std::path::Path) -> std::io::Result<Box<dyn Lock>> {
        self.inner.lock(path)
    }
}

#[test]
fn at_the_bounds_callers_wait_and_then_hear_that_it_is_busy() {
    let gate = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let disk = Gate { inner: FaultyDisk::new(1), closed: Arc::clone(&gate) };
    let mut settings = settings();
    settings.queue = 4;
    settings.window.records = 3;
    settings.window.age = Duration::from_secs(3_600);
    settings.patience = Duration::from_millis(50);
    let (ledger, _) = Ledger::open(settings, key(), Arc::new(disk), TestClock::at(TODAY)).unwrap();
    Gate::set(&gate, true);
    // One record is in the writer's hands, which wait for the disk.
    let (tell, told) = channel();
    let send = |n: u64, promise: Promise| {
        let tell = tell.clone();
        ledger.append(record(n), promise, move |result| {
            tell.send((n, result.map(|receipt| receipt.kept()))).unwrap()
        });
    };
    send(0, Promise::Synced);
    while ledger.head().waiting > 0 {
        std::thread::yield_now();
    }
    // The window takes three; who comes next waits for the disk whatever it asked for.
    (1..=3).for_each(|n| send(n, Promise::Windowed));
    for n in 1..=3 {
        let (id, kept) = told.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!((id, kept.unwrap()), (n, Promise::Windowed));
    }
    send(4, Promise::Windowed);
    assert!(told.recv_timeout(Duration::from_millis(30)).is_err(), "accepted beyond the window");
    // The queue is full: at once for those who must not block, after a while for the others.
    send(5, Promise::Synced);
    assert!(matches!(told.recv().unwrap(), (5, Err(AppendError::Busy { bound: 4 }))));
    let start = Instant::now();
    let waited = ledger.append_wait(record(6), Promise::Synced);
    assert!(
        matches!(waited, Err(AppendError::Busy { bound: 4 })) && start.elapsed() >= Duration::from_millis(50)
    );
    Gate::set(&gate, false);
    let mut rest: Vec<_> = (0..2).map(|_| told.recv().unwrap()).map(|(n, kept)| (n, kept.unwrap())).collect();
    rest.sort_by_key(|(n, _)| *n);
    assert_eq!(rest, [(0, Promise::Synced), (4, Promise::Synced)]);
    ledger.close().unwrap();
}

#[test]
fn a_window_that_is_too_old_takes_nothing() {
    let gate = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let disk = Gate { inner: FaultyDisk::new(1), closed: Arc::clone(&gate) };
    let mut settings = settings();
    settings.window.age = Duration::from_millis(20);
    let (ledger, _) = Ledger::open(settings, key(), Arc::new(disk), TestClock::at(TODAY)).unwrap();
    Gate::set(&gate, true);
    let first = ledger.append_wait(record(0), Promise::Windowed).unwrap();
    assert_eq!(first.kept(), Promise::Windowed);
    std::thread::sleep(Duration::from_millis(25));
    let (start, late) = (Arc::new(Barrier::new(2)), ledger.clone());
    let begun = Arc::clone(&start);
    let second = std::thread::spawn(move || {
        begun.wait();
        late.append_wait(record(1), Promise::Windowed).unwrap()
    });
    start.wait();
    std::thread::sleep(Duration::from_millis(30));
    assert!(!second.is_finished(), "accepted though an older record waits too long");
    Gate::set(&gate, false);
    assert_eq!(second.join().unwrap().kept(), Promise::Synced);
}
