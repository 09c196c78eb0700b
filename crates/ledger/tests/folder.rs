//! A ledger on a real disk, verified where it lies and exported from there.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use action::Name;
use ledger::bundle::{FolderSource, Request, export};
use ledger::note::{KeyKind, SigningKey};
use ledger::verify::{Outcome, Report, Trust, verify_bundle, verify_folder};
use ledger::{
    Cadence, Clock, Disk, Folder, Ledger, Nanos, Promise, Record, RecordKind, Settings, ShardPeriod,
};

const LOG: &str = "example.org/acme/node-a";
/// 2026-11-25 in nanoseconds.
const TODAY: i64 = 20_782 * DAY;
const DAY: i64 = 86_400_000_000_000;

struct TestClock(AtomicI64, Instant);

impl Clock for TestClock {
    fn now(&self) -> Nanos {
        Nanos(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        // Goes with the time of day, so that a new day is no jump of the clock.
        let days = (self.0.load(Ordering::SeqCst) - TODAY) / DAY;
        self.1.elapsed() + Duration::from_secs(86_400) * u32::try_from(days).unwrap()
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(LOG, KeyKind::Log, [seed; 32]).unwrap()
}

fn record(n: u64, now: i64) -> Record {
    let mut record = Record::new(RecordKind::Boot, Nanos(now));
    record.notes.insert(Name::new("n").unwrap(), Name::new(&n.to_string()).unwrap());
    record
}

/// Three days of records with a change of key on the second; segments are small.
fn ledger_in(home: &Path) -> Folder {
    let mut settings = Settings::new(home, LOG);
    settings.shard = ShardPeriod::Day;
    settings.segment = 64 << 10;
    settings.checkpoint = Cadence { every: Duration::from_millis(20), ..Cadence::default() };
    let clock = Arc::new(TestClock(AtomicI64::new(TODAY), Instant::now()));
    let (ledger, _) = Ledger::open(settings, key(1), Arc::new(Disk), clock.clone()).unwrap();
    for day in 0..3 {
        let now = TODAY + day * DAY;
        clock.0.store(now, Ordering::SeqCst);
        for n in 0..400 {
            ledger.append_wait(record(n, now), Promise::Synced).unwrap();
            if day == 1 && n == 200 {
                ledger.rotate(key(2)).unwrap();
            }
            if n % 100 == 0 {
                assert!(ledger.sign());
            }
        }
    }
    ledger.close().unwrap();
    Folder { log: LOG.into(), homes: vec![home.to_owned()], head: home.join("head") }
}

fn trust(seed: u8) -> Trust {
    Trust { keys: vec![key(seed).verifier().clone()], ..Trust::default() }
}

fn verified(folder: &Folder, seed: u8) -> Report {
    verify_folder(&Disk, folder, &trust(seed))
}

fn segments(folder: &Folder) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in std::fs::read_dir(folder.homes[0].join("shards")).unwrap() {
        let files = std::fs::read_dir(shard.unwrap().path()).unwrap().map(|file| file.unwrap().path());
        found.extend(files.filter(|path| {
            path.extension().is_some_and(|end| end == "log") && path.to_str().unwrap().contains("segment")
        }));
    }
    found.sort();
    found
}

#[test]
fn a_folder_that_nobody_touched_is_clean_by_either_key() {
    let dir = tempfile::tempdir().unwrap();
    let folder = ledger_in(dir.path());
    for seed in [1, 2] {
        let report = verified(&folder, seed);
        assert_eq!(report.outcome(), Outcome::Clean, "{report}");
        assert_eq!((report.shards, report.rotations), (3, 1));
        assert_eq!(report.signed, Some(report.records));
        assert!(report.records >= 1_200 && report.checkpoints >= 3, "{report}");
    }
    assert_eq!(verified(&folder, 3).exit_code(), 4);
    assert_eq!(verify_folder(&Disk, &folder, &Trust::default()).exit_code(), 5);
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let folder = ledger_in(dir.path());
    for path in segments(&folder) {
        let whole = std::fs::read(&path).unwrap();
        let used = whole.iter().rposition(|byte| *byte != 0).unwrap() as u64;
        for place in [3, 20, used / 3, used / 2, used - 5] {
            let mut changed = whole.clone();
            changed[place as usize] ^= 0x20;
            std::fs::write(&path, changed).unwrap();
            let report = verified(&folder, 1);
            assert_eq!(report.outcome(), Outcome::Tampered, "byte {place} of {}: {report}", path.display());
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(verified(&folder, 1).exit_code(), 0);
}

#[test]
fn missing_files_are_missed() {
    let dir = tempfile::tempdir().unwrap();
    let folder = ledger_in(dir.path());
    let all = segments(&folder);
    for path in all.iter().skip(1) {
        let whole = std::fs::read(path).unwrap();
        std::fs::remove_file(path).unwrap();
        let report = verified(&folder, 1);
        assert_eq!(report.outcome(), Outcome::Tampered, "{}: {report}", path.display());
        assert!(report.fault.as_ref().unwrap().first_bad.is_some());
        std::fs::write(path, whole).unwrap();
    }
    // The whole newest shard: only the cell remembers.
    let newest = all.last().unwrap().parent().unwrap();
    std::fs::rename(newest, dir.path().join("aside")).unwrap();
    let report = verified(&folder, 1);
    assert_eq!(report.outcome(), Outcome::Tampered, "{report}");
}

#[test]
fn a_bundle_from_the_folder_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let folder = ledger_in(dir.path());
    let source = FolderSource::open(&Disk, &folder).unwrap();
    let mut request = Request {
        log: LOG.into(),
        from: 0,
        until: u64::MAX,
        period: (None, None),
        tool: Name::new("checkrein test").unwrap(),
        witnesses: vec![],
    };
    let records = verified(&folder, 1).records;
    for (from, until) in [(0, u64::MAX), (250, 600), (700, 701), (records - 1, u64::MAX)] {
        (request.from, request.until) = (from, until);
        let (exported, bundle) = export(&source, &request, &key(2), Vec::new()).unwrap();
        let report = verify_bundle(bundle.as_slice(), &trust(1));
        assert_eq!(report.outcome(), Outcome::Clean, "{from} {until}: {report}");
        assert_eq!(report.records, exported.end - from);
        assert!(exported.end >= until.min(records));
    }
    // Without a single tile file, the same bundle.
    request.from = 250;
    let (_, with) = export(&source, &request, &key(2), Vec::new()).unwrap();
    for shard in std::fs::read_dir(dir.path().join("shards")).unwrap() {
        std::fs::remove_dir_all(shard.unwrap().path().join("tile")).unwrap();
    }
    let (_, without) = export(&source, &request, &key(2), Vec::new()).unwrap();
    assert_eq!(with, without);
}
