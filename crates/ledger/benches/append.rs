//! Durable appends beside what the disk itself can do, in one run on one disk.
//!
//! `cargo bench -p ledger --bench append -- [SECONDS] [FOLDER]`. The folder decides which disk is
//! measured; a disk that answers syncs from a volatile cache gives figures that are worth nothing.

#![expect(clippy::unwrap_used, clippy::float_arithmetic, reason = "a measurement, not a part of the product")]

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use action::{ActionKind, Confidence, Digest, Environment, Mode, Name, Operation, Severity, Vector, Verdict};
use ledger::note::{KeyKind, SigningKey};
use ledger::{
    ActionPart, AgentPart, Commitment, Committed, DecisionPart, DetectionPart, Disk, Ledger, Nanos, Promise,
    Record, RecordKind, RiskPart, Settings, SystemClock,
};

fn main() {
    // The test runner passes flags such as `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let seconds = words.first().and_then(|word| word.parse().ok()).unwrap_or(3);
    let time = Duration::from_secs(seconds);
    let folder = words.get(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let scratch = tempfile::tempdir_in(folder).unwrap();

    let mut bytes = Vec::new();
    record(1).write_to(&mut bytes).unwrap();
    println!("a decision record has {} bytes; {seconds} s each", bytes.len());
    println!("{:>24} {:>11} {:>9} {:>9} {:>9}", "", "records/s", "p50 us", "p99 us", "p99.9 us");
    for (label, batch) in [("write + fdatasync, 1", 1), ("64 at a time", 64), ("256 at a time", 256)] {
        raw(label, &scratch.path().join("raw"), &bytes, batch, time);
    }
    for producers in [1, 8, 64, 256] {
        let dir = scratch.path().join(format!("ledger-{producers}"));
        appends(&format!("durable, {producers} producers"), &dir, producers, Promise::Synced, time);
    }
    let dir = scratch.path().join("ledger-window");
    appends("windowed, 64 producers", &dir, 64, Promise::Windowed, time);
    writing(&bytes);
}

/// What the disk can do: the same bytes at the end of a file of full length, and a sync.
fn raw(label: &str, path: &Path, record: &[u8], batch: usize, time: Duration) {
    let file = OpenOptions::new().create(true).truncate(true).write(true).read(true).open(path).unwrap();
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 1 << 30).unwrap();
    file.sync_all().unwrap();
    let block = record.repeat(batch);
    let (start, mut offset, mut took) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < time && offset + (block.len() as u64) < 1 << 30 {
        let begun = Instant::now();
        file.write_all_at(&block, offset).unwrap();
        file.sync_data().unwrap();
        took.push(begun.elapsed());
        offset += block.len() as u64;
    }
    print_line(label, took.len() * batch, start.elapsed(), took);
}

/// Producers that append, wait for the answer, and append again.
fn appends(label: &str, dir: &Path, producers: usize, promise: Promise, time: Duration) {
    let key = SigningKey::from_seed("example.org/bench", KeyKind::Log, [1; 32]).unwrap();
    let settings = Settings::new(dir, "example.org/bench");
    let (ledger, _) = Ledger::open(settings, key, Arc::new(Disk), Arc::new(SystemClock::new())).unwrap();
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let took: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..producers as u64)
            .map(|producer| {
                let (ledger, over) = (ledger.clone(), &over);
                scope.spawn(move || {
                    let mut took = Vec::new();
                    for n in 0.. {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let record = record(producer << 40 | n);
                        let begun = Instant::now();
                        ledger.append_wait(record, promise).unwrap();
                        took.push(begun.elapsed());
                    }
                    took
                })
            })
            .collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let passed = start.elapsed();
    let head = ledger.head();
    print_line(label, took.len(), passed, took);
    println!("{:>24} {} durable, {} under a signed head when it ended", "", head.durable, head.signed);
    ledger.close().unwrap();
}

/// The share of the writer's thread that is not the disk.
fn writing(bytes: &[u8]) {
    let (record, mut buffer) = (record(1), Vec::new());
    let rounds = 200_000_u32;
    let begun = Instant::now();
    for _ in 0..rounds {
        buffer.clear();
        record.write_to(&mut buffer).unwrap();
    }
    let written = begun.elapsed() / rounds;
    let begun = Instant::now();
    let mut last = Digest::from_bytes([0; 32]);
    for _ in 0..rounds {
        last = ledger::hash::leaf(std::hint::black_box(bytes));
    }
    println!("one record: canonical JSON {written:?}, leaf hash {:?} ({last})", begun.elapsed() / rounds);
}

fn print_line(label: &str, count: usize, passed: Duration, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| {
        let place = (took.len() as f64 * share) as usize;
        took.get(place.min(took.len() - 1)).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    let rate = count as f64 / passed.as_secs_f64();
    println!("{label:>24} {rate:>11.0} {:>9.0} {:>9.0} {:>9.0}", at(0.5), at(0.99), at(0.999));
}

/// A decision as they are: about 700 bytes and more.
fn record(n: u64) -> Record {
    let name = |text: &str| Name::new(text).unwrap();
    let digest = |byte: u8| Digest::from_bytes([byte; 32]);
    let mut record = Record::new(RecordKind::Decision, Nanos(1_790_000_000_000_000_000 + n as i64));
    record.action = Some(ActionPart {
        environment: Environment::Production,
        kind: ActionKind::Payment,
        operation: Operation::Write,
        resource: name("payments"),
        tool: name("payments.refund"),
    });
    record.agent = Some(AgentPart { name: name("refund-bot"), version: Some(name("1.4.2")) });
    record.commitments = BTreeMap::from([(Committed::Action, Commitment { bytes: 812, hash: digest(3) })]);
    record.decision = Some(DecisionPart {
        baseline: None,
        effective: Verdict::Approve,
        id: name(&format!("d-{n:016x}")),
        latency: BTreeMap::new(),
        mode: Mode::Enforce,
        payload: Some(digest(5)),
        rule: name("refund.limit"),
        rules: digest(4),
        verdict: Verdict::Approve,
    });
    record.detections = vec![DetectionPart {
        class: None,
        confidence: Confidence::HIGH,
        rule: name("refund.amount"),
        severity: Severity::Medium,
        vector: Vector::PolicyViolation,
    }];
    record.risk = Some(RiskPart {
        base: 60,
        parts: [60, 40, 20, 80, 75, 90, 55],
        uplift: 11,
        value: 71,
        weights: digest(5),
    });
    record.session = Some(name("s-01JZ8Q6M9B2V"));
    record
}
