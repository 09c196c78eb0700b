//! Prints how fast a bundle is verified, on one thread, beside what hashing and inflating alone take.
//! Rates are per second of processor time, which other programs on the machine do not change much.
//!
//! cargo run --release -p ledger --example verify_speed [RECORDS]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_arithmetic,
    reason = "a measurement stops at what it does not expect, and prints rates"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{LOG, Sample, Shape, key, trust};
use ledger::bundle::{Members, export};
use ledger::note::Policy;
use ledger::tree::Frontier;
use ledger::verify::{Trust, verify_bundle, verify_folder};
use ledger::{Disk, Folder, Ledger, Promise, Record, RecordKind, Settings, SystemClock, hash};

fn main() {
    let records = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400_000);
    let sample = Sample::new(&Shape { records, every: 4_096, eventful: true, seed: 1 });
    let bytes: usize = sample.lines.iter().map(Vec::len).sum();
    let (bundle, exporting) = timed(|| export(&sample, &sample.request(0), &key(2), Vec::new()).unwrap().1);
    println!(
        "{records} records of {} bytes on average, bundle of {} bytes",
        bytes / sample.lines.len(),
        bundle.len()
    );
    rate("export", records, exporting);

    let mut best = Duration::MAX;
    for _ in 0..3 {
        let (report, time) = timed(|| verify_bundle(bundle.as_slice(), &trust()));
        assert_eq!((report.exit_code(), report.records), (3, records), "{report}");
        best = best.min(time);
    }
    rate("verify a bundle", records, best);
    rate("  of it: inflating, and its checksum", records, timed(|| inflate(&bundle)).1);
    rate("  of it: leaf hash and tree", records, timed(|| grow(&sample)).1);
    rate("  of it: reading records", records, timed(|| read(&sample)).1);
    rate("reading and writing them again instead", records, timed(|| read_and_write(&sample)).1);
    let home = tempfile::tempdir().unwrap();
    let folder = write(&sample, home.path());
    let mut best = Duration::MAX;
    let mut seen = 0;
    for _ in 0..3 {
        let trust = Trust { policy: Policy::default(), ..trust() };
        let (report, time) = timed(|| verify_folder(&Disk, &folder, &trust));
        assert_eq!(report.exit_code(), 0, "{report}");
        (best, seen) = (best.min(time), report.records);
    }
    rate("verify a folder in place", seen, best);
    if let Some(memory) = peak() {
        println!("peak memory of this process, log in memory included: {memory}");
    }
}

/// The decisions of the sample as a ledger on the disk, in a chain of its own.
fn write(sample: &Sample, home: &std::path::Path) -> Folder {
    let (ledger, _) =
        Ledger::open(Settings::new(home, LOG), key(1), Arc::new(Disk), Arc::new(SystemClock::new())).unwrap();
    for line in &sample.lines {
        let record = Record::read(line).unwrap();
        if record.kind == RecordKind::Decision {
            ledger.append_wait(record, Promise::Windowed).unwrap();
        }
    }
    ledger.close().unwrap();
    Folder { log: LOG.into(), homes: vec![home.to_owned()], head: home.join("head") }
}

fn inflate(bundle: &[u8]) {
    let mut members = Members::new(bundle).unwrap();
    let mut buffer = vec![0; 128 << 10];
    while members.next_member().unwrap().is_some() {
        while members.read(&mut buffer).unwrap() > 0 {}
    }
}

fn grow(sample: &Sample) {
    let mut frontier = Frontier::new();
    for line in &sample.lines {
        frontier.append(hash::leaf(line));
    }
    std::hint::black_box(frontier.root());
}

fn read(sample: &Sample) {
    for line in &sample.lines {
        std::hint::black_box(ledger::Record::read(line).unwrap());
    }
}

/// What shows as well that a record is in its one form, with a general reader.
fn read_and_write(sample: &Sample) {
    let mut again = Vec::new();
    for line in &sample.lines {
        let record: ledger::Record = serde_json::from_slice(line).unwrap();
        again.clear();
        record.write_to(&mut again).unwrap();
        assert_eq!(std::hint::black_box(&again), line);
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = on_processor();
    let made = work();
    (made, on_processor().saturating_sub(start))
}

/// Time that this thread ran, as Linux counts it.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn rate(what: &str, records: u64, time: Duration) {
    let seconds = time.as_secs_f64();
    println!("{what:40} {:>9.0} records/s  {:>7.3} s of processor time", records as f64 / seconds, seconds);
}

fn peak() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|rest| rest.trim().to_owned())
}
