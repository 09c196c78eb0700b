//! Any bytes as the newest segment of a ledger: it opens with every record that can be read, or says
//! why not; and what opens once, opens again the same.
#![no_main]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger::note::{KeyKind, SigningKey};
use ledger::segment::{Ending, SEGMENT_HEADER, ending, frames, parse_header};
use ledger::volume::{Lock, Space, Volume, VolumeFile};
use ledger::{Clock, Ledger, Nanos, OpenError, Record, Settings};
use libfuzzer_sys::fuzz_target;

const LOG: &str = "example.org/acme/node-a";
const SEGMENT: &str = "/l/shards/000001-2026-11/segment-000000.log";

fuzz_target!(|bytes: &[u8]| {
    let mut end = SEGMENT_HEADER;
    for (record, next) in frames(bytes) {
        assert_eq!(next, end + 8 + record.len());
        end = next;
        // What is read without being written again is what would be written the same, and nothing else.
        let general = serde_json::from_slice::<Record>(record).ok().filter(|read| {
            let mut again = Vec::new();
            read.write_to(&mut again).expect("a record can be written");
            again == record
        });
        assert_eq!(Record::read(record).ok(), general, "one form each");
    }
    if let Ending::Torn(cut) = ending(bytes, end) {
        assert!(end + cut <= bytes.len());
    }

    let memory = Memory::default();
    memory.put(SEGMENT, bytes.to_vec());
    let Ok(size) = open(&memory) else { return };
    if parse_header(bytes).is_ok() {
        assert!(size >= frames(bytes).count() as u64, "a record that can be read is dropped");
    }
    // A head was signed at the end of the first run. Nothing that it covers may be refused now.
    assert!(open(&memory).expect("what opened once opens again") >= size);
});

fn open(memory: &Memory) -> Result<u64, OpenError> {
    let key = SigningKey::from_seed(LOG, KeyKind::Log, [1; 32]).expect("a key");
    let mut settings = Settings::new("/l", LOG);
    settings.segment = 4 << 10;
    let (ledger, opened) = Ledger::open(settings, key, Arc::new(memory.clone()), Arc::new(Still))?;
    ledger.close().expect("memory does not fail");
    Ok(opened.size)
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Nanos {
        Nanos(20_782 * 86_400_000_000_000)
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// Files in memory that never fail.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<PathBuf, Arc<Content>>>>);

#[derive(Default)]
struct Content(Mutex<Vec<u8>>);

struct Unlocked;

impl Lock for Unlocked {}

impl Memory {
    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Arc<Content>>> {
        self.0.lock().expect("nobody panics with it")
    }

    fn put(&self, path: &str, bytes: Vec<u8>) -> Arc<Content> {
        let content = Arc::new(Content(Mutex::new(bytes)));
        self.files().insert(path.into(), Arc::clone(&content));
        content
    }
}

impl Content {
    fn bytes(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.0.lock().expect("nobody panics with it")
    }
}

struct Open(Arc<Content>);

impl VolumeFile for Open {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut content, from) = (self.0.bytes(), offset as usize);
        if content.len() < from + bytes.len() {
            content.resize(from + bytes.len(), 0);
        }
        content[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.0.bytes();
        let rest = &content[(offset as usize).min(content.len())..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.bytes().len() as u64)
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.0.bytes().resize(size as usize, 0);
        Ok(())
    }
}

impl Volume for Memory {
    fn create(&self, path: &Path, size: u64) -> io::Result<Arc<dyn VolumeFile>> {
        if self.files().contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = self.put(&path.to_string_lossy(), vec![0; size as usize]);
        Ok(Arc::new(Open(content)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VolumeFile>> {
        let content = self.files().get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open(content)))
    }

    fn create_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = self
            .files()
            .keys()
            .filter_map(|file| file.strip_prefix(path).ok()?.components().next())
            .map(|name| name.as_os_str().to_string_lossy().into_owned())
            .collect();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let content = self.files().remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.files().insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(Space { total: 100, free: 90 })
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(Unlocked))
    }
}
