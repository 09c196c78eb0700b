//! A witness signs what continues, and nothing else, whatever happens to its disk.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{LOG, Sample, Shape, key};
use ledger::checkpoint::Checkpoint;
use ledger::note::{KeyKind, Policy, SignedNote, SigningKey, VerifierKey};
use ledger::tree::{TileHashes, consistency};
use ledger::witness::{AddCheckpoint, HeadStore, StoreError, TakeError, Watched, Witness, take_cosignatures};
use ledger::{Disk, Volume};

const NOW: u64 = 1_790_000_000;

fn sample(seed: u64) -> Sample {
    Sample::new(&Shape { records: 400, every: 50, eventful: false, seed })
}

fn witness_in(dir: &Path) -> Witness {
    let volume: Arc<dyn Volume> = Arc::new(Disk);
    let store = HeadStore::open(volume, dir).unwrap();
    let watched = vec![Watched { log: LOG.into(), keys: vec![key(1).verifier().clone()] }];
    Witness::new(common::witness(1), watched, store).unwrap()
}

fn head(sample: &Sample, size: u64) -> SignedNote {
    let (_, note) = sample.heads.iter().find(|(end, _)| *end == size).unwrap();
    SignedNote::sign(note.text(), &key(1)).unwrap()
}

fn request(sample: &Sample, old: u64, size: u64) -> AddCheckpoint {
    let proof = consistency(old, &TileHashes::new(&sample.tiles[0], size)).unwrap();
    AddCheckpoint { old, proof, note: head(sample, size) }
}

fn size(witness: &Witness) -> u64 {
    witness.newest(LOG).unwrap().map_or(0, |head| head.size)
}

fn status(witness: &Witness, request: &AddCheckpoint) -> (u16, String) {
    let answer = witness.handle(request.to_string().as_bytes(), NOW);
    (answer.status, answer.body)
}

#[test]
fn what_continues_is_signed_and_the_signature_counts() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), sample(1));
    let witness = witness_in(dir.path());
    let keys = [witness.verifier().clone()];
    let mut old = 0;
    for size in [50, 100, 100, 400] {
        let asked = request(&sample, old, size);
        let (status, body) = status(&witness, &asked);
        assert_eq!(status, 200, "{body}");
        let mut note = asked.note.clone();
        assert_eq!(take_cosignatures(&mut note, status, &body, &keys), Ok(1));
        assert_eq!(note.signed_by(&keys[0]), Ok(Some(NOW)));
        assert!(Policy::new(keys.to_vec(), 1).unwrap().check(&note).unwrap().enough);
        // Asked again, it replaces its line.
        assert_eq!(take_cosignatures(&mut note, status, &body, &keys), Ok(1));
        assert_eq!(note.signatures().len(), 2);
        old = size;
    }
    assert_eq!(size(&witness), 400);
}

#[test]
fn forks_and_rollbacks_are_refused_also_after_a_restart() {
    let (dir, sample, other) = (tempfile::tempdir().unwrap(), sample(1), sample(2));
    let witness = witness_in(dir.path());
    assert_eq!(status(&witness, &request(&sample, 0, 200)).0, 200);
    drop(witness);
    let witness = witness_in(dir.path());
    // The volume of the log was put back: its head is older than what the witness knows.
    assert_eq!(status(&witness, &request(&sample, 0, 100)), (409, "200\n".into()));
    assert_eq!(status(&witness, &request(&sample, 100, 400)), (409, "200\n".into()));
    let mut back = request(&sample, 200, 400);
    back.note = head(&sample, 100);
    assert_eq!(status(&witness, &back).0, 400);
    // Another tree of the same size, and one that is larger.
    let mut fork = request(&other, 0, 200);
    fork.old = 200;
    assert_eq!(status(&witness, &fork), (409, "200\n".into()));
    assert_eq!(status(&witness, &request(&other, 200, 400)).0, 422);
    assert_eq!(status(&witness, &request(&other, 0, 400)), (409, "200\n".into()));
    // Nothing of this changed what it knows.
    assert_eq!(status(&witness, &request(&sample, 200, 400)).0, 200);
}

#[test]
fn a_shard_follows_the_last_head_of_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let witness = witness_in(dir.path());
    let shape = Shape { records: 300, every: 50, eventful: true, seed: 1 };
    let (sample, other) = (Sample::new(&shape), Sample::new(&Shape { seed: 2, ..shape }));
    // Heads by the end of what they cover: 101 seals the first shard, 201 the second.
    let ask = |log: &Sample, place: usize, old: u64, end: u64| {
        let shard = &log.shards[place];
        let hashes = TileHashes::new(&log.tiles[place], end - shard.first);
        let asked = AddCheckpoint { old, proof: consistency(old, &hashes).unwrap(), note: head(log, end) };
        status(&witness, &asked).0
    };
    assert_eq!(ask(&sample, 0, 0, 50), 200);
    // The second shard, before the witness saw how the first one ends.
    assert_eq!(ask(&sample, 1, 0, 150), 422);
    assert_eq!(ask(&sample, 0, 50, 101), 200);
    // A second shard of another past.
    assert_eq!(ask(&other, 1, 0, 150), 422);
    assert_eq!(ask(&sample, 1, 0, 150), 200);
    // Back to the first shard, and past one.
    assert_eq!(ask(&sample, 0, 101, 101), 422);
    assert_eq!(ask(&sample, 2, 0, 250), 422);
    assert_eq!(ask(&sample, 1, 49, 201), 200);
    assert_eq!(ask(&sample, 2, 0, 250), 200);
}

#[test]
fn requests_that_are_not_the_logs_are_refused() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), sample(1));
    let witness = witness_in(dir.path());
    let good = request(&sample, 0, 100);

    let mut foreign = good.clone();
    foreign.note = SignedNote::sign(good.note.text(), &key(9)).unwrap();
    assert_eq!(status(&witness, &foreign).0, 403);
    // In the name of the log's key, and about another text.
    let line = head(&sample, 200).signatures()[0].to_string();
    let mut bad = good.clone();
    bad.note = SignedNote::parse(&format!("{}\n{line}\n", good.note.text())).unwrap();
    assert_eq!(status(&witness, &bad).0, 403);

    let elsewhere =
        Checkpoint { origin: "example.org/other".into(), ..Checkpoint::parse(good.note.text()).unwrap() };
    let mut unknown = good.clone();
    unknown.note = SignedNote::sign(&elsewhere.to_string(), &key(1)).unwrap();
    assert_eq!(status(&witness, &unknown).0, 404);

    let mut padded = good.clone();
    padded.proof.push(Checkpoint::parse(good.note.text()).unwrap().root);
    assert_eq!(status(&witness, &padded).0, 422);
    padded.proof = vec![padded.proof[0]; 64];
    assert_eq!(status(&witness, &padded).0, 400);

    let text = good.to_string();
    for (from, to) in
        [("old 0", "old 00"), ("old 0", "old"), ("old 0\n", ""), ("\n\n", "\n"), ("old 0", "old -1")]
    {
        assert_eq!(
            witness.handle(text.replacen(from, to, 1).as_bytes(), NOW).status,
            400,
            "{from:?} as {to:?}"
        );
    }
    assert_eq!(witness.handle(&[0xff; 40], NOW).status, 400);
    assert_eq!(witness.handle(&vec![b'a'; 1 << 20], NOW).status, 400);
    assert_eq!(size(&witness), 0);
    assert_eq!(status(&witness, &good).0, 200);
}

#[test]
fn an_empty_tree_has_one_root() {
    let dir = tempfile::tempdir().unwrap();
    let witness = witness_in(dir.path());
    let empty =
        Checkpoint { origin: LOG.into(), size: 0, root: ledger::hash::plain(&[]), extensions: vec![] };
    let ask = |head: &Checkpoint| {
        let note = SignedNote::sign(&head.to_string(), &key(1)).unwrap();
        status(&witness, &AddCheckpoint { old: 0, proof: vec![], note }).0
    };
    assert_eq!(ask(&empty), 200);
    assert_eq!(ask(&Checkpoint { root: ledger::hash::plain(b"x"), ..empty }), 409);
}

#[test]
fn a_damaged_store_is_no_fresh_start() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), sample(1));
    let witness = witness_in(dir.path());
    assert_eq!(status(&witness, &request(&sample, 0, 200)).0, 200);
    let mut files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.find(|path| path.extension().is_some_and(|end| end == "checkpoint")).unwrap();
    let before = std::fs::read(&file).unwrap();
    for content in [b"".as_slice(), &before[..before.len() / 2], b"something else\n"] {
        std::fs::write(&file, content).unwrap();
        assert_eq!(status(&witness, &request(&sample, 0, 100)).0, 500);
        assert_eq!(status(&witness, &request(&sample, 200, 400)).0, 500);
    }
    std::fs::write(&file, before).unwrap();
    assert_eq!(status(&witness, &request(&sample, 200, 400)).0, 200);
}

#[test]
fn one_folder_has_one_witness() {
    let dir = tempfile::tempdir().unwrap();
    let witness = witness_in(dir.path());
    let second = HeadStore::open(Arc::new(Disk), dir.path());
    assert!(matches!(second.err().unwrap(), StoreError::Locked { .. }));
    drop(witness);
    assert!(HeadStore::open(Arc::new(Disk), dir.path()).is_ok());
}

#[test]
fn of_many_at_once_no_two_branches_are_signed() {
    let (dir, sample, other) = (tempfile::tempdir().unwrap(), sample(1), sample(2));
    let witness = witness_in(dir.path());
    let requests: Vec<AddCheckpoint> =
        [&sample, &other].into_iter().flat_map(|log| (1..=8).map(|n| request(log, 0, n * 50))).collect();
    let signed: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            requests.iter().map(|asked| scope.spawn(|| status(&witness, asked).0)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(signed.iter().filter(|status| **status == 200).count(), 1, "{signed:?}");
    assert!(signed.iter().all(|status| [200, 409].contains(status)));
}

#[test]
fn the_client_takes_nothing_that_it_did_not_ask_for() {
    let (dir, sample) = (tempfile::tempdir().unwrap(), sample(1));
    let witness = witness_in(dir.path());
    let keys = [witness.verifier().clone()];
    let asked = request(&sample, 0, 100);
    let (status, body) = status(&witness, &asked);
    let mut elsewhere = head(&sample, 200);
    assert_eq!(take_cosignatures(&mut elsewhere, status, &body, &keys), Err(TakeError::Forged));
    let stranger: [VerifierKey; 1] = [common::witness(2).verifier().clone()];
    let mut note = asked.note.clone();
    assert_eq!(take_cosignatures(&mut note, status, &body, &stranger), Err(TakeError::Nobody));
    assert_eq!(take_cosignatures(&mut note, 409, "200\n", &keys), Err(TakeError::Conflict { known: 200 }));
    assert_eq!(take_cosignatures(&mut note, 409, "many\n", &keys), Err(TakeError::Form));
    assert_eq!(take_cosignatures(&mut note, 404, "", &keys), Err(TakeError::Refused { status: 404 }));
    assert_eq!(take_cosignatures(&mut note, 200, "hello\n", &keys), Err(TakeError::Form));
    assert_eq!(note, asked.note);
}

#[test]
fn a_logs_key_is_no_witnesss() {
    let dir = tempfile::tempdir().unwrap();
    let store = HeadStore::open(Arc::new(Disk), dir.path()).unwrap();
    assert!(Witness::new(key(1), vec![], store).is_err());
    let store = HeadStore::open(Arc::new(Disk), dir.path()).unwrap();
    let watched = || Watched { log: LOG.into(), keys: vec![key(1).verifier().clone()] };
    assert!(Witness::new(common::witness(1), vec![watched(), watched()], store).is_err());
    let unused = SigningKey::from_seed("w", KeyKind::Witness, [1; 32]).unwrap();
    assert!(Policy::new(vec![unused.verifier().clone()], 2).is_err());
    assert!(Policy::new(vec![unused.verifier().clone(); 2], 1).is_err());
    assert!(Policy::new(vec![key(1).verifier().clone()], 1).is_err());
}
