//! What anybody can do to what stands around the records: heads, keys, proofs, the table of contents.

use action::Digest;
use ledger::checkpoint::Checkpoint;
use ledger::note::{SignedNote, rotate};
use ledger::tree::TlogProof;

use super::super::common::archive::Parts;
use super::super::common::{Dice, LOG, key, name};
use super::{Subject, Want};

type Made = (Vec<u8>, Want);

impl Subject {
    fn heads(&self) -> Vec<String> {
        self.parts.names("checkpoints/")
    }

    /// A head of the bundle changed; everything since the one before is in doubt.
    fn with_head(&self, dice: &mut Dice, change: impl FnOnce(&SignedNote) -> String) -> Made {
        let heads = self.heads();
        let head = dice.pick(&heads);
        let note = note(self.parts.get(head));
        let mut parts = self.parts.clone();
        *parts.get_mut(head) = change(&note).into_bytes();
        (parts.pack(), Want::At(self.vouched(end_in(head) - 1)))
    }
}

/// The number in the name of a head.
pub fn end_in(member: &str) -> u64 {
    member.strip_prefix("checkpoints/").unwrap().parse().unwrap()
}

pub fn note(bytes: &[u8]) -> SignedNote {
    SignedNote::parse(std::str::from_utf8(bytes).unwrap()).unwrap()
}

pub fn rewritten_tail(subject: &Subject, dice: &mut Dice) -> Made {
    let sequence = subject.decision(dice);
    let mut sample = subject.sample.clone();
    sample.records[sequence as usize].session = Some(name("s-rewritten"));
    sample.chain_from(0);
    let mut parts = Parts::of(&sample.bundle(subject.from));
    // Links, shards and proofs are made anew; what cannot be made is the signatures.
    for head in subject.heads() {
        *parts.get_mut(&head) = subject.parts.get(&head).to_vec();
    }
    parts.list_again(None);
    (parts.pack(), Want::At(subject.vouched(sequence)))
}

pub fn heads_by_another_key(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    for head in subject.heads() {
        let signed = SignedNote::sign(note(parts.get(&head)).text(), &key(7)).unwrap();
        *parts.get_mut(&head) = signed.to_string().into_bytes();
    }
    parts.list_again(Some(&key(7)));
    (parts.pack(), Want::At(subject.from))
}

pub fn all_by_another_key(subject: &Subject, _: &mut Dice) -> Made {
    let mut sample = subject.sample.clone();
    sample.keys = [7, 8];
    for record in &mut sample.records {
        if record.key.is_some() {
            record.key = Some(rotate(LOG, &key(7), &key(8)).unwrap());
        }
    }
    sample.heads.clear();
    sample.chain_from(0);
    (sample.bundle(subject.from), Want::At(subject.from))
}

pub fn key_exchanged(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let text = match dice.below(4) {
        0 => format!("{}\n", key(7).verifier()),
        1 => String::from_utf8(parts.get("keys/log").to_vec()).unwrap().repeat(2),
        2 => "not a key\n".to_owned(),
        _ => String::new(),
    };
    *parts.get_mut("keys/log") = text.into_bytes();
    (parts.pack(), Want::At(subject.from))
}

pub fn rotation_invented(subject: &Subject, dice: &mut Dice) -> Made {
    // The stranger's key signs for itself, and cannot sign for the key that it wants to follow.
    let mut part = rotate(LOG, &key(8), &key(7)).unwrap();
    if dice.below(2) == 0 {
        part.old = key(1).verifier().to_string();
    }
    let mut parts = subject.parts.clone();
    *parts.get_mut("keys/log") = format!("{}\n", key(7).verifier()).into_bytes();
    *parts.get_mut("keys/rotations.jsonl") = [serde_json::to_vec(&part).unwrap(), b"\n".to_vec()].concat();
    parts.list_again(Some(&key(7)));
    (parts.pack(), Want::At(subject.from))
}

pub fn head_replaced(subject: &Subject, dice: &mut Dice) -> Made {
    let heads = subject.heads();
    let head: &String = dice.pick(&heads);
    let other = note(subject.parts.get(head)).to_string();
    subject.with_head(dice, |note| if note.to_string() == other { "hello\n".into() } else { other })
}

pub fn head_root(subject: &Subject, dice: &mut Dice) -> Made {
    let root = dice.digest();
    subject.with_head(dice, |note| {
        let head = Checkpoint { root, ..Checkpoint::parse(note.text()).unwrap() };
        note.to_string().replacen(note.text(), &head.to_string(), 1)
    })
}

pub fn head_signature(subject: &Subject, dice: &mut Dice) -> Made {
    let at = dice.below(80) as usize;
    subject.with_head(dice, |note| {
        let line = note.signatures()[0].to_string();
        let start = line.len() - 92 + at;
        let letter = if line.as_bytes()[start] == b'A' { "B" } else { "A" };
        let mut changed = line.clone();
        changed.replace_range(start..=start, letter);
        note.to_string().replacen(&line, &changed, 1)
    })
}

pub fn head_removed(subject: &Subject, dice: &mut Dice) -> Made {
    let heads = subject.heads();
    let [others @ .., _] = heads.as_slice() else { return last_head_removed(subject, dice) };
    if others.is_empty() {
        return last_head_removed(subject, dice);
    }
    let mut parts = subject.parts.clone();
    let head = dice.pick(others);
    // The proof of the first record may lead to it.
    let proof = String::from_utf8(parts.get("proofs/first.tlog-proof").to_vec()).unwrap();
    let led_there = proof.ends_with(std::str::from_utf8(parts.get(head)).unwrap());
    parts.remove(head);
    (parts.pack(), if led_there { Want::At(subject.from) } else { Want::Around })
}

pub fn last_head_removed(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    parts.remove(&subject.heads().pop().unwrap());
    (parts.pack(), Want::At(subject.vouched(subject.end() - 1)))
}

pub fn head_added(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let content = parts.get(&subject.heads()[0]).to_vec();
    let ends = subject.sample.ends();
    let free = (subject.from + 1..subject.end()).find(|end| !ends.contains(end));
    let (end, want) = match (dice.below(3), free) {
        (0, Some(end)) => (end, Want::At(subject.vouched(end - 1))),
        (1, _) => (subject.end() + 5, Want::At(subject.end())),
        _ => (subject.from, Want::Around),
    };
    parts.put(&format!("checkpoints/{end:020}"), content);
    (parts.pack(), want)
}

pub fn cosignatures_stripped(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let last = subject.heads().pop().unwrap();
    *parts.get_mut(&last) = stripped(&note(parts.get(&last))).into_bytes();
    // A proof still shows the head as it was: of the last record, or of both ends.
    (parts.pack(), Want::Between(subject.from, subject.end() - 1))
}

/// A note with its first signature alone.
pub fn stripped(note: &SignedNote) -> String {
    format!("{}\n{}\n", note.text(), note.signatures()[0])
}

pub fn manifest_changed(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let mut manifest = parts.manifest();
    match dice.below(7) {
        0 => manifest.records += 1,
        1 => manifest.last.time.0 += 1,
        2 => manifest.stated.tool = name("checkrein 9.9.9"),
        3 => manifest.stated.until = manifest.stated.from,
        4 => *manifest.kinds.values_mut().next().unwrap() += 1,
        5 => dice_pick(&mut manifest.files, dice).sha256 = Digest::from_bytes([1; 32]),
        _ => {
            parts.get_mut("manifest.json").push(b'\n');
            return (parts.pack(), Want::Around);
        }
    }
    parts.set_manifest(&manifest, None);
    (parts.pack(), Want::Around)
}

fn dice_pick<'a, T>(from: &'a mut [T], dice: &mut Dice) -> &'a mut T {
    let place = dice.below(from.len() as u64) as usize;
    &mut from[place]
}

pub fn manifest_listed_again(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    parts.get_mut("README").push(b'\n');
    parts.list_again(None);
    (parts.pack(), Want::Around)
}

pub fn manifest_by_another_key(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    if dice.below(2) == 0 {
        parts.get_mut("verify.py").push(b'\n');
    }
    parts.list_again(Some(&key(7)));
    (parts.pack(), Want::Around)
}

pub fn proof_changed(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let (member, sequence) = *dice
        .pick(&[("proofs/first.tlog-proof", subject.from), ("proofs/last.tlog-proof", subject.end() - 1)]);
    let mut proof = TlogProof::parse(std::str::from_utf8(parts.get(member)).unwrap()).unwrap();
    let text = match dice.below(5) {
        0 => {
            proof.index += 1;
            proof.to_string()
        }
        1 => {
            proof.path.pop();
            proof.to_string()
        }
        2 => {
            *dice_pick(&mut proof.path, dice) = dice.digest();
            proof.to_string()
        }
        3 => proof.to_string().replacen("@v1", "@v2", 1),
        _ => stripped_proof(&proof),
    };
    *parts.get_mut(member) = text.into_bytes();
    (parts.pack(), Want::At(sequence))
}

pub fn stripped_proof(proof: &TlogProof) -> String {
    let bare = stripped(&proof.checkpoint);
    TlogProof { checkpoint: SignedNote::parse(&bare).unwrap(), ..proof.clone() }.to_string()
}

pub fn proofs_swapped(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let first = std::mem::take(parts.get_mut("proofs/first.tlog-proof"));
    let last = std::mem::replace(parts.get_mut("proofs/last.tlog-proof"), first);
    *parts.get_mut("proofs/first.tlog-proof") = last;
    (parts.pack(), Want::At(subject.from))
}

pub fn left_edge(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let left = String::from_utf8(parts.get("proofs/left").to_vec()).unwrap();
    let other = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
    let text = match left.split_once('\n') {
        Some((_, rest)) if dice.below(2) == 0 => format!("{other}{rest}"),
        Some((_, rest)) => rest.to_owned(),
        None => other.to_owned(),
    };
    *parts.get_mut("proofs/left") = text.into_bytes();
    (parts.pack(), Want::At(subject.from))
}

pub fn program_changed(subject: &Subject, dice: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let member = *dice.pick(&["verify.py", "README", "keys/witnesses"]);
    if member == "keys/witnesses" {
        *parts.get_mut(member) = Vec::new();
    } else {
        parts.get_mut(member).extend(b"# harmless\n");
    }
    (parts.pack(), Want::Around)
}
