//! A bundle, member by member.

use std::collections::{BTreeMap, VecDeque};
use std::io::BufRead;

use action::Digest;

use super::chain::{Chain, Start};
use super::report::{Fault, FaultCode, Report};
use super::trust::Trust;
use crate::bundle::{Broken, FORM, FileEntry, Manifest, Member, Members, Role, Sha256};
use crate::note::{KeyKind, SignedNote, VerifierKey, hash_line};
use crate::record::{KeyPart, MAX_RECORD_BYTES, Nanos, Record};
use crate::tree::TlogProof;

/// How much is inflated behind a fault, to see whether the file arrived whole.
const MAX_DRAIN: u64 = 1 << 30;
const PIECE: usize = 128 << 10;

/// Verifies a bundle. Reads it once; holds the checkpoints, the table of contents and a record.
pub fn verify_bundle(from: impl BufRead, trust: &Trust) -> Report {
    let mut members = match Members::new(from) {
        Ok(members) => members,
        Err(broken) => return Report { fault: Some(fault_of(&broken, None)), ..Report::default() },
    };
    let mut reading = Reading::new(trust);
    let found = reading.all(&mut members);
    let mut report = reading.report();
    report.fault = found.err();
    // Whether it arrived whole comes first: nobody should search for a forger who was a bad cable.
    if let Some(fault) = &report.fault
        && !matches!(fault.code, FaultCode::Transport | FaultCode::Unreadable)
        && let Err(broken) = members.into_inflate().drain(MAX_DRAIN)
    {
        report.fault = Some(fault_of(&broken, None));
    }
    report
}

fn fault_of(broken: &Broken, at: Option<u64>) -> Fault {
    match broken {
        Broken::Io(_) => Fault::new(FaultCode::Unreadable, None, broken.to_string()),
        Broken::NotGzip => Fault::new(FaultCode::Form, None, broken.to_string()),
        Broken::Transport => Fault::new(FaultCode::Transport, None, broken.to_string()),
        Broken::Archive(_) => Fault::new(FaultCode::Archive, at, broken.to_string()),
    }
}

/// What was read so far.
pub(super) struct Reading<'t> {
    pub(super) trust: &'t Trust,
    /// By size; a checkpoint that cannot be read counts when its size is reached.
    pub(super) heads: BTreeMap<u64, Option<SignedNote>>,
    pub(super) keys: Keys,
    pub(super) manifest: Option<Manifest>,
    pub(super) manifest_bytes: Vec<u8>,
    pub(super) manifest_note: Option<SignedNote>,
    pub(super) proofs: VecDeque<Option<TlogProof>>,
    pub(super) known: Vec<VerifierKey>,
    pub(super) chain: Option<Chain<'t>>,
    pub(super) seen: Seen,
    pub(super) files: Vec<FileEntry>,
}

#[derive(Default)]
pub(super) struct Keys {
    pub(super) log: Vec<u8>,
    pub(super) rotations: Vec<u8>,
    pub(super) witnesses: Vec<u8>,
}

/// What the records said of themselves, to be compared with the table of contents.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) first: Option<(Nanos, Digest)>,
    pub(super) last: Nanos,
    pub(super) kinds: BTreeMap<String, u64>,
}

impl<'t> Reading<'t> {
    fn new(trust: &'t Trust) -> Self {
        Reading {
            trust,
            heads: BTreeMap::new(),
            keys: Keys::default(),
            manifest: None,
            manifest_bytes: Vec::new(),
            manifest_note: None,
            proofs: VecDeque::new(),
            known: Vec::new(),
            chain: None,
            seen: Seen::default(),
            files: Vec::new(),
        }
    }

    pub(super) fn report(&self) -> Report {
        self.chain.as_ref().map(Chain::report).unwrap_or_default()
    }

    fn all<R: BufRead>(&mut self, members: &mut Members<R>) -> Result<(), Fault> {
        loop {
            // A record in doubt is told before whatever is wrong behind it.
            let member = members.next_member().map_err(|broken| self.broken(&broken))?;
            let Some(member) = member else { break };
            match member.role {
                Role::Records(sequence) => self.records(members, &member, sequence)?,
                _ => {
                    let content = members.whole().map_err(|broken| self.broken(&broken))?;
                    self.small(&member, content)?;
                }
            }
        }
        self.totals()
    }

    fn broken(&mut self, broken: &Broken) -> Fault {
        let doubt = self.chain.as_mut().map(Chain::finish);
        match doubt {
            Some(Err(fault)) if matches!(broken, Broken::Archive(_)) => fault,
            _ => fault_of(broken, self.chain.as_ref().map(Chain::next)),
        }
    }

    fn small(&mut self, member: &Member, content: Vec<u8>) -> Result<(), Fault> {
        if !matches!(member.role, Role::Manifest | Role::ManifestNote) {
            let sha256 = crate::hash::plain(&content);
            self.files.push(FileEntry { bytes: member.size, name: member.name.clone(), sha256 });
        }
        let text = || std::str::from_utf8(&content).ok();
        let note = || SignedNote::parse(text()?).ok();
        match member.role {
            // The code that verifies is not verified by itself; its digest is in the table.
            Role::Readme | Role::Verifier | Role::Records(_) => {}
            Role::Checkpoint(size) => {
                let note = note();
                self.heads.insert(size, note);
            }
            Role::LogKey => self.keys.log = content,
            Role::Rotations => self.keys.rotations = content,
            Role::Witnesses => self.keys.witnesses = content,
            Role::Manifest => self.manifest(content)?,
            Role::ManifestNote => self.manifest_note = note(),
            Role::FirstProof | Role::LastProof => {
                let proof = text().and_then(|text| TlogProof::parse(text).ok());
                self.proofs.push_back(proof);
            }
            Role::Left => self.left(text())?,
        }
        Ok(())
    }

    fn manifest(&mut self, content: Vec<u8>) -> Result<(), Fault> {
        let odd = |detail| Fault::new(FaultCode::Manifest, None, detail);
        let Some(manifest) = Manifest::read(&content) else { return Err(odd("it cannot be read")) };
        if manifest.form != FORM {
            return Err(Fault::new(
                FaultCode::Form,
                None,
                "the bundle is of another form: use the verifier in it",
            ));
        }
        let (first, last) = (manifest.first.sequence, manifest.last.sequence);
        let shard = manifest.shard.first;
        if shard > first || last < first || last == u64::MAX || manifest.records != last - first + 1 {
            return Err(odd("its numbers contradict each other"));
        }
        self.manifest_bytes = content;
        self.manifest = Some(manifest);
        Ok(())
    }

    /// The last of what is needed before the records: now the chain can begin.
    fn left(&mut self, text: Option<&str>) -> Result<(), Fault> {
        let Some(manifest) = &self.manifest else {
            return Err(Fault::new(FaultCode::Archive, None, "the table of contents is missing"));
        };
        let first = manifest.first.sequence;
        let odd = |detail: &str| Fault::new(FaultCode::Key, Some(first), detail);
        let (log, shard) = (manifest.log.clone(), manifest.shard.clone());
        let key = one_line(&self.keys.log).and_then(|line| VerifierKey::parse(line).ok());
        let key = key.filter(|key| key.kind() == KeyKind::Log && key.name() == log);
        let key = key.ok_or_else(|| odd("the log's key cannot be read or is another log's"))?;
        let changes = lines(&self.keys.rotations)
            .and_then(|lines| lines.iter().map(|line| key_part(line)).collect::<Option<Vec<_>>>())
            .ok_or_else(|| odd("the changes of key cannot be read"))?;
        let witnesses = lines(&self.keys.witnesses)
            .and_then(|lines| {
                lines.iter().map(|line| VerifierKey::parse(line).ok()).collect::<Option<Vec<_>>>()
            })
            .filter(|keys| keys.iter().all(|key| key.kind() == KeyKind::Witness))
            .ok_or_else(|| odd("the witnesses' keys cannot be read"))?;
        let mut known = self.trust.closure(&log, &key, &changes).map_err(|error| odd(&error.to_string()))?;
        // With nobody to trust, the rest is checked as the bundle states it, and the answer at the
        // end is that it proves nothing.
        if self.trust.keys.is_empty() && !self.trust.as_stated {
            let stated = Trust { as_stated: true, ..self.trust.clone() };
            known = stated.closure(&log, &key, &changes).map_err(|error| odd(&error.to_string()))?;
        }
        if !known.contains(&key) {
            return Err(odd("no change of key joins the bundle's key to one that you trust"));
        }
        let hashes = lines(text.unwrap_or("\n").as_bytes())
            .and_then(|lines| lines.iter().map(|line| hash_line(line)).collect::<Option<Vec<_>>>())
            .ok_or_else(|| Fault::new(FaultCode::Proof, Some(first), "the left edge cannot be read"))?;
        self.known = known;
        let start = Start { log, sequence: first, shard, left: hashes, key, others: witnesses };
        self.chain = Some(Chain::new(start, self.trust)?);
        Ok(())
    }

    fn records<R: BufRead>(
        &mut self,
        members: &mut Members<R>,
        member: &Member,
        from: u64,
    ) -> Result<(), Fault> {
        let Some(chain) = &mut self.chain else {
            return Err(Fault::new(
                FaultCode::Archive,
                None,
                "records come before what is needed to check them",
            ));
        };
        let at = Some(chain.next());
        if from != chain.next() || member.size == 0 {
            let misplaced =
                Fault::new(FaultCode::Archive, at, "a member of records starts elsewhere than it says");
            return Err(chain.finish().err().unwrap_or(misplaced));
        }
        let mut hash = Sha256::new();
        // What was read of a line whose end is to come stands in front.
        let mut buffer = vec![0; MAX_RECORD_BYTES + PIECE];
        let mut filled = 0;
        loop {
            let got = match members.read(buffer.get_mut(filled..).unwrap_or_default()) {
                Ok(got) => got,
                Err(broken) => return Err(self.broken(&broken)),
            };
            let fresh = buffer.get(filled..filled + got).unwrap_or_default();
            hash.update(fresh);
            if got == 0 {
                break;
            }
            let mut start = 0;
            for end in line_ends(fresh).map(|at| filled + at) {
                self.line(buffer.get(start..end).unwrap_or_default())?;
                start = end + 1;
            }
            filled += got;
            buffer.copy_within(start..filled, 0);
            filled -= start;
            if filled > MAX_RECORD_BYTES {
                self.line(buffer.get(..filled).unwrap_or_default())?;
            }
        }
        if filled > 0 {
            let chain = self.chain.as_mut();
            let unended = Fault::new(
                FaultCode::Record,
                chain.as_ref().map(|c| c.next()),
                "a record's line does not end",
            );
            return Err(chain.and_then(|chain| chain.finish().err()).unwrap_or(unended));
        }
        self.files.push(FileEntry { bytes: member.size, name: member.name.clone(), sha256: hash.finish() });
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(chain) = &mut self.chain else { return Ok(()) };
        let record = chain.record(line)?;
        if chain.in_doubt() {
            return Ok(());
        }
        if self.seen.first.is_none() {
            self.seen.first = chain.last_leaf().map(|leaf| (record.time, leaf));
        }
        self.seen.last = record.time;
        count(&mut self.seen.kinds, &record);
        match self.heads.get(&chain.next()) {
            None => Ok(()),
            Some(Some(note)) => chain.head(note),
            Some(None) => {
                let detail = format!("the head before {} cannot be read", chain.next());
                Err(Fault::new(FaultCode::Checkpoint, Some(chain.vouched()), detail))
            }
        }
    }
}

fn count(kinds: &mut BTreeMap<String, u64>, record: &Record) {
    let word = record.kind.row().word;
    match kinds.get_mut(word) {
        Some(count) => *count += 1,
        None => {
            kinds.insert(word.to_owned(), 1);
        }
    }
}

/// Where lines end. By the reader of the standard library, which looks at many bytes at a time.
fn line_ends(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let (mut rest, mut at) = (bytes, 0);
    std::iter::from_fn(move || {
        let read = rest.skip_until(b'\n').ok().filter(|read| *read > 0)?;
        at += read;
        (bytes.get(at - 1) == Some(&b'\n')).then_some(at - 1)
    })
}

fn one_line(bytes: &[u8]) -> Option<&str> {
    match lines(bytes)?.as_slice() {
        [line] => Some(line),
        _ => None,
    }
}

/// Lines, each ended; no line for no bytes.
fn lines(bytes: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(bytes).ok()?;
    match text.strip_suffix('\n') {
        Some(body) => Some(body.split('\n').collect()),
        None if text.is_empty() => Some(Vec::new()),
        None => None,
    }
}

fn key_part(line: &str) -> Option<KeyPart> {
    let part: KeyPart = serde_json::from_str(line).ok()?;
    (serde_json::to_string(&part).ok()? == line).then_some(part)
}
