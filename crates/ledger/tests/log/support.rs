//! A log to try things on, and a stranger who checks it without its code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use action::{Digest, Name};
use ledger::note::{KeyKind, SigningKey};
use ledger::verify::{Trust, verify_folder};
use ledger::{
    AppendError, Cadence, Clock, Folder, Ledger, Nanos, OpenError, Opened, Promise, Receipt, Record,
    RecordKind, Settings,
};
use sha2::{Digest as _, Sha256};

use crate::disk::FaultyDisk;

pub const LOG: &str = "example.org/acme/node-a";
pub const HOME: &str = "/data/ledger";
pub const MIRROR: &str = "/other/ledger";
/// 2026-11-25 in nanoseconds.
pub const TODAY: i64 = 20_782 * 86_400_000_000_000;

/// The time of day is what the test says; time passes as it does.
pub struct TestClock {
    day: AtomicI64,
    start: Instant,
}

impl TestClock {
    pub fn at(day: i64) -> Arc<Self> {
        Arc::new(TestClock { day: AtomicI64::new(day), start: Instant::now() })
    }

    pub fn set(&self, day: i64) {
        self.day.store(day, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Nanos {
        Nanos(self.day.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Small segments, and heads signed only when a test asks: so that faults strike where they are aimed.
pub fn settings() -> Settings {
    let mut settings = Settings::new(HOME, LOG);
    settings.segment = 16 << 10;
    let never = Duration::from_secs(3_600);
    settings.checkpoint = Cadence { every: never, records: u64::MAX, heartbeat: never };
    settings
}

pub fn key() -> SigningKey {
    SigningKey::from_seed(LOG, KeyKind::Log, [7; 32]).unwrap()
}

pub fn open(disk: &FaultyDisk) -> Result<(Ledger, Opened), OpenError> {
    open_with(disk, settings())
}

pub fn open_with(disk: &FaultyDisk, settings: Settings) -> Result<(Ledger, Opened), OpenError> {
    Ledger::open(settings, key(), Arc::new(disk.clone()), TestClock::at(TODAY))
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// A record that can be told from others.
pub fn record(n: u64) -> Record {
    let mut record = Record::new(RecordKind::Boot, Nanos(TODAY + n as i64));
    record.notes.insert(name("n"), name(&n.to_string()));
    record
}

pub fn append(ledger: &Ledger, n: u64) -> Result<Receipt, AppendError> {
    ledger.append_wait(record(n), Promise::Synced)
}

/// Number of a test's record.
pub fn number(json: &serde_json::Value) -> Option<u64> {
    json["notes"]["n"].as_str()?.parse().ok()
}

/// A record as the stranger found it.
#[derive(Debug, Clone)]
pub struct Found {
    pub json: serde_json::Value,
    pub leaf: [u8; 32],
}

impl Found {
    pub fn kind(&self) -> &str {
        self.json["kind"].as_str().unwrap()
    }
}

pub fn sha(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// The root by the definition of RFC 6962, not by the way it is computed.
pub fn root_of(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => sha(&[]),
        [one] => *one,
        more => {
            let left = 1 << (usize::BITS - 1 - (more.len() - 1).leading_zeros());
            sha(&[&[1], &root_of(&more[..left]), &root_of(&more[left..])])
        }
    }
}

/// Reads the files as the format says, without the crate's code, and checks sequence, chain, roots
/// and heads. Panics at the first thing that is wrong.
pub fn check_from_outside(disk: &FaultyDisk, homes: &[&str]) -> Vec<Found> {
    let mut segments: BTreeMap<(String, String, usize), PathBuf> = BTreeMap::new();
    for path in disk.paths() {
        for (n, home) in homes.iter().enumerate() {
            let Ok(rest) = path.strip_prefix(Path::new(home).join("shards")) else { continue };
            let parts: Vec<String> = rest.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if let [shard, file] = parts.as_slice()
                && file.starts_with("segment-")
            {
                segments.insert((shard.clone(), file.clone(), n), path.clone());
            }
        }
    }
    let first_of = |path: &PathBuf| u64::from_le_bytes(disk.content(path)[8..16].try_into().unwrap());
    let order: Vec<(&String, &PathBuf)> = segments
        .iter()
        .filter(|(_, path)| disk.content(path).starts_with(b"CKRNSEG1"))
        .map(|(key, path)| (&key.0, path))
        .collect();
    let (mut found, mut shards): (Vec<Found>, BTreeMap<String, Vec<[u8; 32]>>) = Default::default();
    for (n, (shard, path)) in order.iter().enumerate() {
        assert_eq!(first_of(path), found.len() as u64, "{path:?} does not go on");
        let limit = order.get(n + 1).map_or(u64::MAX, |(_, next)| first_of(next));
        let bytes = disk.content(path);
        let mut at = 32;
        while (found.len() as u64) < limit && at + 8 <= bytes.len() {
            let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7FFF_FFFF;
            if length == 0 {
                break;
            }
            let record = &bytes[at + 8..at + 8 + length as usize];
            let json: serde_json::Value = serde_json::from_slice(record).unwrap();
            assert_eq!(json["sequence"], found.len() as u64, "{path:?}");
            let previous = found.last().map_or([0; 32], |last: &Found| last.leaf);
            assert_eq!(json["previous"], Digest::from_bytes(previous).to_string(), "{path:?}");
            let leaf = sha(&[&[0], record]);
            shards.entry((*shard).clone()).or_default().push(leaf);
            found.push(Found { json, leaf });
            at += 8 + length as usize;
        }
        assert!(limit == u64::MAX || found.len() as u64 == limit, "{path:?} ends early");
    }
    for (shard, leaves) in &shards {
        let heads: Vec<(u64, String)> = homes.iter().filter_map(|home| head(disk, home, shard)).collect();
        for (size, root) in heads {
            let expected = Digest::from_bytes(root_of(&leaves[..size as usize]));
            let hex: String = base64_bytes(&root).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected.to_string(), "head of {shard} over {size}");
        }
    }
    // The crate's own reader of files, which shares nothing with recovery, agrees.
    let homes: Vec<PathBuf> = homes.iter().map(PathBuf::from).collect();
    let folder = Folder { log: LOG.into(), head: homes[0].join("head"), homes };
    let trust = Trust { keys: vec![key().verifier().clone()], ..Trust::default() };
    let report = verify_folder(disk, &folder, &trust);
    assert!(report.fault.is_none(), "{report}");
    found
}

fn head(disk: &FaultyDisk, home: &str, shard: &str) -> Option<(u64, String)> {
    let path = Path::new(home).join("shards").join(shard).join("checkpoint");
    let text = disk.paths().contains(&path).then(|| String::from_utf8(disk.content(&path)).unwrap())?;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(format!("{LOG}/{shard}").as_str()));
    Some((lines.next()?.parse().unwrap(), lines.next()?.to_owned()))
}

fn base64_bytes(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// Numbers of the test's records, in order.
pub fn numbers(found: &[Found]) -> Vec<u64> {
    found.iter().filter_map(|found| number(&found.json)).collect()
}
