//! A log in memory with records of every kind, for tests and measurements.
#![allow(dead_code, reason = "each user takes its part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

pub mod archive;

use std::collections::BTreeMap;

use action::{
    ActionKind, Confidence, Digest, Environment, Mode, Name, Operation, SensitiveClass, Severity, Vector,
    Verdict,
};
use ledger::bundle::{ExportError, Request, ShardStart, Source, SourceError, export};
use ledger::checkpoint::Checkpoint;
use ledger::note::{KeyKind, Policy, SignedNote, SigningKey, VerifierKey, rotate};
use ledger::tree::{Frontier, ReadTiles, Tile, TileId};
use ledger::verify::Trust;
use ledger::*;

pub const LOG: &str = "example.org/acme/node-a";

/// Numbers that are the same on every machine (SplitMix64).
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    pub fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.below(until - from)
    }

    pub fn digest(&mut self) -> Digest {
        Digest::from_bytes(std::array::from_fn(|_| self.roll() as u8))
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(LOG, KeyKind::Log, [seed; 32]).unwrap()
}

pub fn witness(n: u8) -> SigningKey {
    SigningKey::from_seed(&format!("witness{n}.example"), KeyKind::Witness, [100 + n; 32]).unwrap()
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// What the log is like.
#[derive(Clone)]
pub struct Shape {
    pub records: u64,
    /// A signed head each so many records.
    pub every: u64,
    /// With records of gaps, clock jumps, erasures, three shards and a change of key.
    pub eventful: bool,
    pub seed: u64,
}

/// Everything that a node has, keys included.
#[derive(Clone)]
pub struct Sample {
    pub shape: Shape,
    pub records: Vec<Record>,
    pub lines: Vec<Vec<u8>>,
    /// With the first sequence that each does not cover.
    pub heads: Vec<(u64, SignedNote)>,
    pub shards: Vec<ShardStart>,
    /// Of each shard's tree.
    pub tiles: Vec<BTreeMap<TileId, Tile>>,
    pub rotations: Vec<(u64, KeyPart)>,
    /// Seeds of the keys: the first, and the one after the change.
    pub keys: [u8; 2],
}

impl Sample {
    pub fn new(shape: &Shape) -> Self {
        let records = records(shape);
        let mut sample = Sample {
            shape: shape.clone(),
            records,
            lines: Vec::new(),
            heads: Vec::new(),
            shards: Vec::new(),
            tiles: Vec::new(),
            rotations: Vec::new(),
            keys: [1, 2],
        };
        sample.chain_from(0);
        sample
    }

    /// Makes links, lines, tree and heads follow from the records, as whoever holds the keys could.
    /// From the record that was `changed`, or all of them; then shards are counted again as well.
    pub fn chain_from(&mut self, changed: u64) {
        let old = std::mem::take(&mut self.heads);
        let (mut frontier, mut before) = (Frontier::new(), None);
        (self.tiles, self.lines, self.shards) = (Vec::new(), Vec::new(), Vec::new());
        self.rotations.clear();
        let mut signer = key(self.keys[0]);
        let (mut previous, mut sealed) = (Digest::from_bytes([0; 32]), true);
        let total = self.records.len() as u64;
        for n in 0..total {
            let record = &mut self.records[n as usize];
            if n >= changed || changed == 0 {
                record.sequence = n;
                record.previous = previous;
            }
            if changed == 0
                && let Some(part) = &mut record.shard
            {
                part.size = frontier.size();
                part.root = (part.size > 0).then(|| frontier.root());
            }
            if sealed {
                before =
                    self.shards.last().map(|shard| (shard.name.clone(), frontier.size(), frontier.root()));
                let name = record.shard.as_ref().unwrap().name.clone();
                self.shards.push(ShardStart { first: n, name });
                self.tiles.push(BTreeMap::new());
                frontier = Frontier::new();
            }
            sealed = record.kind == RecordKind::ShardSeal;
            let mut line = Vec::new();
            record.write_to(&mut line).unwrap();
            if let Some(part) = &record.key {
                self.rotations.push((n, part.clone()));
                signer = key(self.keys[1]);
            }
            previous = hash::leaf(&line);
            self.lines.push(line);
            let (shard, tiles) = (self.shards.last().unwrap(), self.tiles.last_mut().unwrap());
            for tile in frontier.append(previous) {
                tiles.insert(tile.id, tile);
            }
            let end = n + 1;
            let before_change = self.records.get(end as usize).is_some_and(|next| next.key.is_some());
            if end.is_multiple_of(self.shape.every) || end == total || before_change || sealed {
                for tile in frontier.partial() {
                    tiles.insert(tile.id, tile);
                }
                let mut extensions = vec![format!("first {}", shard.first)];
                if let Some((name, size, root)) = &before {
                    extensions.push(format!("previous {name} {size} {}", base64(root)));
                }
                let origin = format!("{LOG}/{}", shard.name);
                let head = Checkpoint { origin, size: frontier.size(), root: frontier.root(), extensions };
                let mut note = SignedNote::sign(&head.to_string(), &signer).unwrap();
                // A witness does not sign a second root for a size that it knows.
                let known = old.iter().find(|(of, _)| *of == end);
                if known.is_none_or(|(_, known)| known.text() == note.text()) {
                    let time = 1_780_000_000 + end;
                    note.add(witness(1).cosign(note.text(), time));
                    note.add(witness(2).cosign(note.text(), time));
                }
                self.heads.push((end, note));
            }
        }
    }

    pub fn request(&self, from: u64) -> Request {
        Request {
            log: LOG.into(),
            from,
            until: self.lines.len() as u64,
            period: (Some(Nanos(1_780_000_000_000_000_000)), None),
            tool: name("checkrein 0.1.0"),
            witnesses: vec![witness(1).verifier().clone(), witness(2).verifier().clone()],
        }
    }

    pub fn bundle(&self, from: u64) -> Vec<u8> {
        let signer = key(if self.rotations.is_empty() { self.keys[0] } else { self.keys[1] });
        export(self, &self.request(from), &signer, Vec::new()).unwrap().1
    }

    /// The first sequence that each head does not cover.
    pub fn ends(&self) -> Vec<u64> {
        self.heads.iter().map(|(end, _)| *end).collect()
    }
}

fn base64(digest: &Digest) -> String {
    use ::base64::Engine;
    ::base64::engine::general_purpose::STANDARD.encode(digest.as_bytes())
}

/// A reader who knows the log's first key and wants one of two witnesses.
pub fn trust() -> Trust {
    let witnesses: Vec<VerifierKey> = vec![witness(1).verifier().clone(), witness(2).verifier().clone()];
    let policy = Policy::new(witnesses, 1).unwrap();
    Trust { keys: vec![key(1).verifier().clone()], policy, as_stated: false }
}

impl Source for Sample {
    fn shards(&self) -> Result<Vec<ShardStart>, SourceError> {
        Ok(self.shards.clone())
    }

    fn tiles<'s>(&'s self, shard: &str) -> Result<Box<dyn ReadTiles + 's>, SourceError> {
        let place = self.shards.iter().position(|other| other.name == shard).ok_or("no such shard")?;
        Ok(Box::new(self.tiles[place].clone()))
    }

    fn records(
        &self,
        from: u64,
        until: u64,
        each: &mut dyn FnMut(&[u8]) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.lines[from as usize..until as usize].iter().try_for_each(|line| each(line))
    }

    fn checkpoints(&self, above: u64) -> Result<Vec<SignedNote>, SourceError> {
        Ok(self.heads.iter().filter(|(end, _)| *end > above).map(|(_, note)| note.clone()).collect())
    }

    fn rotations(&self) -> Result<Vec<(u64, KeyPart)>, SourceError> {
        Ok(self.rotations.clone())
    }
}

fn records(shape: &Shape) -> Vec<Record> {
    let mut dice = Dice(shape.seed);
    let mut time = 1_780_000_000_000_000_000_i64;
    let total = shape.records;
    let marks = |n: u64| shape.eventful && total >= 60 && [total / 3, 2 * total / 3].contains(&n);
    (0..total)
        .map(|n| {
            time += i64::try_from(dice.below(2_000_000)).unwrap();
            if n == 0 || (n > 0 && marks(n - 1)) {
                return shard(RecordKind::ShardOpen, time, shape, n);
            }
            if marks(n) {
                return shard(RecordKind::ShardSeal, time, shape, n);
            }
            if shape.eventful && n == total / 2 {
                let mut record = Record::new(RecordKind::Key, Nanos(time));
                record.key = Some(rotate(LOG, &key(1), &key(2)).unwrap());
                return stamped(record);
            }
            if shape.eventful && n % 97 == 41 {
                time -= 3_600_000_000_000;
                let mut record = Record::new(RecordKind::Clock, Nanos(time));
                record.notes.insert(name("was"), name("one hour later"));
                return stamped(record);
            }
            if shape.eventful && [total / 4, 3 * total / 4].contains(&n) {
                return stamped(gap(time, &mut dice));
            }
            let pick = if shape.eventful { dice.below(16) } else { 15 };
            stamped(ordinary(pick, time, &mut dice))
        })
        .collect()
}

fn stamped(mut record: Record) -> Record {
    record.log = LOG.into();
    record
}

fn shard(kind: RecordKind, time: i64, shape: &Shape, n: u64) -> Record {
    let mut record = Record::new(kind, Nanos(time));
    // Sealed under the name that it was opened with.
    let within = if kind == RecordKind::ShardOpen { n } else { n - 1 };
    let number = within * 3 / shape.records + 1;
    let name = format!("{number:06}-2026-{number:02}");
    record.shard = Some(ShardPart { name, root: None, size: 0 });
    stamped(record)
}

fn ordinary(pick: u64, time: i64, dice: &mut Dice) -> Record {
    let id = name(&format!("d-{:016x}", dice.roll()));
    let with = |kind| Record::new(kind, Nanos(time));
    match pick {
        0 => {
            let mut record = with(RecordKind::Outcome);
            let report = *dice.pick(&[Report::Executed, Report::Failed, Report::Missing]);
            record.outcome = Some(OutcomePart { of: id, report });
            record.commitments.insert(Committed::Result, commitment(dice));
            record
        }
        1 => {
            let mut record = with(RecordKind::Approval);
            record.approval = Some(ApprovalPart {
                by: Some(name("p-operator-7")),
                channel: Some(name("dashboard")),
                claim: (dice.below(3) == 0).then(|| dice.digest()),
                from: vec![name("security"), name("approver")],
                needed: Some(2),
                of: id,
                payload: Some(dice.digest()),
                release_within: Some(3_600_000),
                step: *dice.pick(&[ApprovalStep::Voted, ApprovalStep::Approved, ApprovalStep::Released]),
                until: Some(Nanos(time + 60)),
            });
            record
        }
        2 => {
            let mut record = with(RecordKind::Operator);
            record.operator = Some(OperatorPart {
                act: name("agent.create"),
                by: name("p-operator-7"),
                on: Some(name("agent größer \"two\" \\ 💡")),
            });
            record
        }
        3 if dice.below(4) == 0 => {
            let mut record = with(RecordKind::Erasure);
            record.erasure = Some(ErasurePart {
                basis: name("gdpr.17"),
                by: name("p-operator-7"),
                pieces: dice.below(40),
                principal: name("p-19"),
            });
            record
        }
        4 if dice.below(4) == 0 => gap(time, dice),
        5 => {
            let mut record = with(RecordKind::Finding);
            record.finding = Some(FindingPart {
                of: Some(id),
                rule: name("outcome.contradicts"),
                severity: Severity::High,
            });
            record
        }
        6 => {
            let mut record = with(RecordKind::Boot);
            record.notes.insert(name("version"), name("0.1.0"));
            record.notes.insert(name("configuration"), name(&dice.digest().to_string()));
            record
        }
        _ => decision(id, time, dice),
    }
}

fn gap(time: i64, dice: &mut Dice) -> Record {
    let mut record = Record::new(RecordKind::Gap, Nanos(time));
    let reason = *dice.pick(&[GapReason::TornTail, GapReason::NotWritten, GapReason::Repaired]);
    record.gap = Some(GapPart { bytes: dice.below(9_000), reason, was: Some(dice.digest()) });
    record
}

fn decision(id: Name, time: i64, dice: &mut Dice) -> Record {
    let mut record = Record::new(RecordKind::Decision, Nanos(time));
    record.action = Some(ActionPart {
        environment: Environment::Production,
        kind: *dice.pick(ActionKind::ALL),
        operation: *dice.pick(Operation::ALL),
        resource: name("order"),
        tool: name("payments.refund"),
    });
    record.agent = Some(AgentPart { name: name("refund-bot"), version: Some(name("1.4")) });
    record.commitments.insert(Committed::Action, commitment(dice));
    record.commitments.insert(Committed::Changed, commitment(dice));
    let verdict = *dice.pick(Verdict::ALL);
    record.decision = Some(DecisionPart {
        baseline: None,
        effective: verdict,
        id,
        latency: BTreeMap::from([(name("decide"), dice.below(400)), (name("facts"), dice.below(90))]),
        mode: Mode::Enforce,
        payload: Some(dice.digest()),
        rule: name("refund.limit"),
        rules: Digest::from_bytes([7; 32]),
        verdict,
    });
    if dice.below(3) == 0 {
        record.detections = vec![DetectionPart {
            class: Some(SensitiveClass::Email),
            confidence: Confidence::new(80),
            rule: name("pii.email"),
            severity: Severity::Medium,
            vector: Vector::Pii,
        }];
    }
    record.principal = Some(name("p-19"));
    record.risk = Some(RiskPart {
        base: 40,
        parts: [60, 40, 20, 80, 75, 90, 55],
        uplift: 5,
        value: 45,
        weights: Digest::from_bytes([9; 32]),
    });
    record.session = Some(name("s-01JZ"));
    record
}

fn commitment(dice: &mut Dice) -> Commitment {
    Commitment { bytes: dice.below(1 << 20), hash: dice.digest() }
}
