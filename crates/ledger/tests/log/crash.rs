//! A process that appends is killed at random moments, again and again, on the real disk.
//!
//! The process is this test program, started with a folder in its environment. It prints each
//! record that was acknowledged; whatever it printed must be there when it is started next.
//!
//! 200 rounds by default; `LEDGER_CRASH_ROUNDS=10000 cargo test -p ledger --release --test log crash`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ledger::note::{KeyKind, SignedNote, SigningKey};
use ledger::{Disk, Ledger, Promise, Settings, Stored, SystemClock};

use crate::disk::next_random;
use crate::support::{LOG, record, root_of};

const DIR: &str = "LEDGER_CRASH_DIR";
const PRODUCERS: u64 = 4;

fn settings(dir: &Path) -> Settings {
    let mut settings = Settings::new(dir, LOG);
    // Often, so that kills meet new segments and new heads.
    settings.segment = 64 << 10;
    settings.checkpoint.every = Duration::from_millis(3);
    settings.checkpoint.heartbeat = Duration::from_millis(20);
    settings
}

fn open(dir: &Path) -> Ledger {
    let key = SigningKey::from_seed(LOG, KeyKind::Log, [9; 32]).unwrap();
    let opened = Ledger::open(settings(dir), key, Arc::new(Disk), Arc::new(SystemClock::new()));
    let (ledger, _) = opened.unwrap_or_else(|error| panic!("does not open: {error:?}"));
    ledger
}

/// The process that is killed. Does nothing unless it was started for that.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let ledger = open(&dir);
    let first = ledger.head().durable * 1_000;
    println!("ready");
    std::thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let ledger = ledger.clone();
            scope.spawn(move || {
                // Ends when it is killed.
                for n in 0.. {
                    let n = first + n * PRODUCERS + producer;
                    let receipt = ledger.append_wait(record(n), Promise::Synced).unwrap();
                    let line = format!("ack {} {n}\n", receipt.sequence().unwrap());
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// Starts the process, kills it after a while, and tells what it said was acknowledged.
fn round(dir: &Path, pause: Duration) -> Vec<(u64, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let lines: Vec<String> = out.lines().map_while(Result::ok).collect();
        lines
    });
    std::thread::sleep(pause);
    child.kill().unwrap();
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!errors.contains("panicked"), "the process failed by itself: {errors}");
    let acknowledged = |line: &String| {
        let mut words = line.strip_prefix("ack ")?.split(' ').map(|word| word.parse().ok());
        Some((words.next()??, words.next()??))
    };
    reader.join().unwrap().iter().filter_map(acknowledged).collect()
}

#[test]
fn what_was_acknowledged_survives_every_kill() {
    let rounds: u64 = std::env::var("LEDGER_CRASH_ROUNDS").map_or(200, |text| text.parse().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("ledger");
    let (mut random, mut checked, mut total) = (0x1234_5678_9ABC_DEF1, 0, 0);
    let mut leaves: Vec<[u8; 32]> = Vec::new();
    for n in 0..rounds {
        let pause = Duration::from_micros(5_000 + next_random(&mut random) % 60_000);
        let acknowledged = round(&dir, pause);
        total += acknowledged.len();
        // Everything new is read each time, everything at the end.
        let ledger = open(&dir);
        let fresh = read_from(&ledger, checked, &mut leaves);
        for (sequence, number) in acknowledged {
            let stored = sequence.checked_sub(checked).and_then(|at| fresh.get(at as usize));
            let text = stored
                .and_then(|stored| stored.record.notes.values().next())
                .map(|name| name.as_str().to_owned());
            assert_eq!(text, Some(number.to_string()), "round {n}: record {sequence} is gone or another");
        }
        checked += fresh.len() as u64;
        drop(ledger);
    }
    let ledger = open(&dir);
    let mut all = Vec::new();
    read_from(&ledger, 0, &mut all);
    assert_eq!(all[..leaves.len()], leaves, "what was read after a kill is not what is there now");
    assert!(ledger.sign());
    let note: Arc<SignedNote> = ledger.checkpoint().unwrap();
    let head = ledger::checkpoint::Checkpoint::parse(note.text()).unwrap();
    assert_eq!(head.root.as_bytes(), &root_of(&all[..head.size as usize]));
    println!("{rounds} kills, {total} acknowledged records, all of {} records there", all.len());
    assert!(total as u64 > rounds, "the kills left no time to append anything");
}

/// Reads on, and checks that the chain holds.
fn read_from(ledger: &Ledger, from: u64, leaves: &mut Vec<[u8; 32]>) -> Vec<Stored> {
    let (mut found, end): (Vec<Stored>, u64) = (Vec::new(), ledger.head().durable);
    while from + (found.len() as u64) < end {
        let more = ledger.read(from + found.len() as u64, 10_000).unwrap();
        for stored in more {
            let previous = leaves.last().copied().unwrap_or([0; 32]);
            assert_eq!(stored.record.previous.as_bytes(), &previous, "record {}", stored.record.sequence);
            leaves.push(*stored.leaf.as_bytes());
            found.push(stored);
        }
    }
    found
}
