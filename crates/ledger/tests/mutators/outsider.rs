//! What anybody can do who has the file.

use action::Digest;
use ledger::checkpoint::Checkpoint;
use ledger::hash;
use ledger::note::{SignedNote, rotate};
use ledger::tree::TlogProof;
use serde_json::Value;

use super::super::common::archive::Parts;
use super::super::common::{Dice, LOG, key, name};
use super::{Subject, Want};

type Made = (Vec<u8>, Want);
type Records = Vec<(String, Vec<u8>)>;

impl Subject {
    /// A record in the range that has one before and two behind it, by its place in the range.
    fn place(&self, dice: &mut Dice) -> usize {
        let count = self.sample.lines.len() as u64 - self.from;
        dice.between(1, count - 2) as usize
    }

    /// A decision among them, by sequence.
    pub fn decision(&self, dice: &mut Dice) -> u64 {
        loop {
            let sequence = self.from + self.place(dice) as u64;
            if self.sample.records[sequence as usize].decision.is_some() {
                return sequence;
            }
        }
    }

    /// The first sequence that no head below this one has vouched for.
    pub fn vouched(&self, sequence: u64) -> u64 {
        let below = self.sample.ends().into_iter().filter(|end| *end <= sequence).max();
        below.unwrap_or(0).max(self.from)
    }

    fn end(&self) -> u64 {
        self.sample.lines.len() as u64
    }

    fn at(&self, place: usize) -> Want {
        Want::At(self.from + place as u64)
    }

    /// The bundle with other records; half of the time with a table of contents that fits them.
    fn with_records(&self, dice: &mut Dice, change: impl FnOnce(&mut Records)) -> Vec<u8> {
        let mut records = self.parts.records();
        change(&mut records);
        let mut parts = self.parts.clone();
        parts.set_records(&records);
        if dice.below(2) == 0 {
            parts.list_again(None);
        }
        parts.pack()
    }

    /// One record changed as text, at a place where it can be told exactly.
    fn with_line(&self, dice: &mut Dice, change: impl FnOnce(&str, &mut Dice) -> Vec<u8>) -> Made {
        let place = self.decision(dice) as usize - self.from as usize;
        let line = String::from_utf8(self.parts.records()[place].1.clone()).unwrap();
        let changed = change(&line, dice);
        assert_ne!(changed, line.as_bytes());
        (self.with_records(dice, |records| records[place].1 = changed), self.at(place))
    }

    /// One record changed as a value, and written canonically again.
    fn with_value(&self, dice: &mut Dice, change: impl FnOnce(&mut Value, &mut Dice)) -> Made {
        self.with_line(dice, |line, dice| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            change(&mut value, dice);
            serde_json::to_vec(&value).unwrap()
        })
    }

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

pub fn bit_in_record(subject: &Subject, dice: &mut Dice) -> Made {
    let count = subject.parts.records().len();
    let place = dice.below(count as u64) as usize;
    let bundle = subject.with_records(&mut dice.clone(), |records| {
        let line = &mut records[place].1;
        let at = dice.below(line.len() as u64) as usize;
        line[at] ^= 1 << dice.below(8);
    });
    let want = if place + 1 < count {
        subject.at(place)
    } else {
        // Nothing follows that would name it.
        let last = subject.end() - 1;
        Want::Between(subject.vouched(last).min(last - 1), last)
    };
    (bundle, want)
}

pub fn deleted(subject: &Subject, dice: &mut Dice) -> Made {
    let place = dice.below(subject.end() - subject.from) as usize;
    (subject.with_records(dice, |records| drop(records.remove(place))), subject.at(place))
}

pub fn inserted(subject: &Subject, dice: &mut Dice) -> Made {
    let sequence = subject.decision(dice);
    let place = (sequence - subject.from) as usize;
    let bundle = subject.with_records(dice, |records| {
        let mut value: Value = serde_json::from_slice(&records[place].1).unwrap();
        value["sequence"] = (sequence + 1).into();
        value["previous"] = hash::leaf(&records[place].1).to_string().into();
        let copy = (records[place].0.clone(), serde_json::to_vec(&value).unwrap());
        records.insert(place + 1, copy);
    });
    (bundle, Want::Between(subject.vouched(sequence + 1), sequence + 2))
}

pub fn swapped(subject: &Subject, dice: &mut Dice) -> Made {
    let place = subject.place(dice);
    let bundle = subject.with_records(dice, |records| {
        let line = records[place].1.clone();
        records[place].1 = std::mem::replace(&mut records[place + 1].1, line);
    });
    (bundle, subject.at(place))
}

pub fn truncated(subject: &Subject, dice: &mut Dice) -> Made {
    let place = subject.place(dice);
    (subject.with_records(dice, |records| records.truncate(place)), subject.at(place))
}

pub fn replayed(subject: &Subject, dice: &mut Dice) -> Made {
    let place = subject.place(dice);
    let bundle = subject.with_records(dice, |records| records.insert(place + 1, records[place].clone()));
    (bundle, subject.at(place + 1))
}

pub fn replayed_at_end(subject: &Subject, dice: &mut Dice) -> Made {
    let place = subject.place(dice);
    let bundle = subject.with_records(dice, |records| {
        let copy = (records.last().unwrap().0.clone(), records[place].1.clone());
        records.push(copy);
    });
    (bundle, Want::At(subject.end()))
}

pub fn moved(subject: &Subject, dice: &mut Dice) -> Made {
    let count = subject.end() - subject.from;
    // From the first third to the last, or back: from one shard to another where there are some.
    let (early, late) = (dice.below(count / 3) as usize, (count - 1 - dice.below(count / 3)) as usize);
    let (from, to) = if dice.below(2) == 0 { (early, late) } else { (late, early) };
    let bundle = subject.with_records(dice, |records| {
        let (_, line) = records.remove(from);
        let member = records[to.min(records.len() - 1)].0.clone();
        records.insert(to, (member, line));
    });
    (bundle, subject.at(early))
}

pub fn moved_between_members(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let names = parts.names("records/");
    let Some(second) = names.get(1) else {
        let content = parts.get(&names[0]).to_vec();
        parts.remove(&names[0]);
        parts.put(&format!("records/{:020}.jsonl", subject.from + 1), content);
        return (parts.pack(), Want::At(subject.from));
    };
    let mut records = parts.records();
    let border = records.iter().position(|(member, _)| member == second).unwrap();
    records[border - 1].0.clone_from(second);
    parts.set_records(&records);
    (parts.pack(), subject.at(border - 1))
}

pub fn commitments_swapped(subject: &Subject, dice: &mut Dice) -> Made {
    let (one, other) = loop {
        let (one, other) = (subject.decision(dice), subject.decision(dice));
        if one < other {
            break ((one - subject.from) as usize, (other - subject.from) as usize);
        }
    };
    let bundle = subject.with_records(dice, |records| {
        let mut values: Vec<Value> =
            [one, other].iter().map(|place| serde_json::from_slice(&records[*place].1).unwrap()).collect();
        let first = values[0]["commitments"].take();
        values[0]["commitments"] = std::mem::replace(&mut values[1]["commitments"], first);
        for (place, value) in [one, other].iter().zip(values) {
            records[*place].1 = serde_json::to_vec(&value).unwrap();
        }
    });
    // Of two neighbours that were both changed, the second may be named.
    let last = if other == one + 1 { other } else { one };
    (bundle, Want::Between(subject.from + one as u64, subject.from + last as u64))
}

pub fn verdict_changed(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_value(dice, |value, _| {
        let milder = if value["decision"]["verdict"] == "allow" { "block" } else { "allow" };
        value["decision"]["verdict"] = milder.into();
    })
}

pub fn link_changed(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_value(dice, |value, dice| value["previous"] = dice.digest().to_string().into())
}

pub fn white_space(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, dice| {
        let (from, to) = *dice.pick(&[(":", ": "), (",", ", "), ("}", "}\r"), ("{", "\t{"), ("}", " }")]);
        line.replacen(from, to, 1).into_bytes()
    })
}

pub fn key_order(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, _| {
        let without = line.strip_suffix(",\"version\":1}").unwrap();
        format!("{{\"version\":1,{}}}", without.strip_prefix('{').unwrap()).into_bytes()
    })
}

pub fn key_twice(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, dice| {
        let twice = *dice.pick(&["\"version\":1,\"version\":1}", "\"version\":2,\"version\":1}"]);
        line.replacen("\"version\":1}", twice, 1).into_bytes()
    })
}

pub fn number_form(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, dice| {
        let form = *dice.pick(&[
            "1.0",
            "1e0",
            "01",
            "+1",
            "1E+0",
            "0x1",
            "\"1\"",
            "-1",
            "true",
            "NaN",
            "1.00000000000000001",
        ]);
        line.replacen("\"version\":1}", &format!("\"version\":{form}}}"), 1).into_bytes()
    })
}

pub fn letter_escaped(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, dice| {
        let (from, to) = *dice.pick(&[
            ("\"log\":\"e", "\"log\":\"\\u0065"),
            ("\"kind\":\"d", "\"kind\":\"\\u0064"),
            ("\"log\":", "\"lo\\u0067\":"),
            ("/acme", "\\/acme"),
            ("\"log\":\"", "\"log\":\"\\ud83d"),
        ]);
        line.replacen(from, to, 1).into_bytes()
    })
}

pub fn null_field(subject: &Subject, dice: &mut Dice) -> Made {
    subject
        .with_value(dice, |value, dice| value[*dice.pick(&["trace", "cause", "agent", "time"])] = Value::Null)
}

pub fn field_more(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_value(dice, |value, dice| match dice.below(3) {
        0 => value["zone"] = "eu".into(),
        1 => value["agent"]["zone"] = "eu".into(),
        _ => value["commitments"]["secret"] = value["commitments"]["action"].clone(),
    })
}

pub fn other_type(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_value(dice, |value, dice| match dice.below(9) {
        0 => value["sequence"] = value["sequence"].to_string().into(),
        1 => value["time"] = 1.into(),
        2 => value["time"] = format!("0{}", value["time"].as_str().unwrap()).into(),
        3 => {
            value["previous"] =
                value["previous"].as_str().unwrap().to_uppercase().replace(['0', '1'], "F").into()
        }
        4 => value["agent"] = Value::Array(vec!["refund-bot".into()]),
        5 => value["risk"]["parts"] = Value::Array(vec![1.into(); 8]),
        6 => value["decision"]["verdict"] = "ALLOW".into(),
        7 => value["session"] = " s".into(),
        _ => value["risk"]["base"] = 256.into(),
    })
}

pub fn empty_line(subject: &Subject, dice: &mut Dice) -> Made {
    let place = subject.place(dice);
    let bundle = subject.with_records(dice, |records| {
        let member = records[place].0.clone();
        records.insert(place, (member, Vec::new()));
    });
    (bundle, subject.at(place))
}

pub fn line_without_end(subject: &Subject, _: &mut Dice) -> Made {
    let mut parts = subject.parts.clone();
    let last = parts.names("records/").pop().unwrap();
    parts.get_mut(&last).pop();
    (parts.pack(), Want::At(subject.end() - 1))
}

pub fn no_text(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, dice| {
        let bytes = *dice.pick(&[b"\xff".as_slice(), b"\xc0\xae", b"\xed\xa0\x80", b"\0", b"\x1b"]);
        let (start, end) = line.split_once("refund-bot").unwrap();
        [start.as_bytes(), bytes, end.as_bytes()].concat()
    })
}

pub fn deep_nesting(subject: &Subject, dice: &mut Dice) -> Made {
    subject
        .with_line(dice, |_, dice| dice.pick(&["[", "{\"action\":", "[{\"a\":"]).repeat(20_000).into_bytes())
}

pub fn long_line(subject: &Subject, dice: &mut Dice) -> Made {
    subject.with_line(dice, |line, _| line.replacen("refund-bot", &"a".repeat(300_000), 1).into_bytes())
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
