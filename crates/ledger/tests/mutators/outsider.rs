//! What anybody can do to the records, who has the file.

use ledger::hash;
use serde_json::Value;

use super::super::common::Dice;
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

    pub fn end(&self) -> u64 {
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
