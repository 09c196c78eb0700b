//! What an auditor sees over HTTP: every record, and whether what was told is among them.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::clients::Client;
use crate::dice::Dice;
use crate::line::Line;
use crate::tree::{Hash, Head, check_proof, hex, leaf, root};

/// Everything that was read so far. Never read again: what comes later must follow from it.
#[derive(Default)]
pub struct Audit {
    leaves: Vec<Hash>,
    /// Where the present shard begins.
    shard: usize,
    head: Option<Head>,
    /// Decisions with their sequence.
    decided: HashMap<String, usize>,
    approved: HashSet<String>,
    released: HashSet<String>,
    outcomes: HashSet<String>,
    /// Acknowledged decisions, for the total and for samples.
    acknowledged: Vec<String>,
    /// Under which claim a held action was handed out.
    claims: HashMap<String, String>,
}

impl Audit {
    pub fn decisions(&self) -> usize {
        self.acknowledged.len()
    }

    pub fn released(&self) -> usize {
        self.released.len()
    }

    pub fn records(&self) -> usize {
        self.leaves.len()
    }

    /// Reads the records that are new, and holds the newest signed head against all of them.
    pub fn read_on(&mut self, line: &mut Line) -> Result<()> {
        let note = line.get("/api/v1/ledger/checkpoint")?;
        loop {
            let path = format!("/api/v1/ledger/records?from={}", self.leaves.len());
            let reply = line.get(&path)?;
            ensure!(reply.status == 200, "the records cannot be read: {}", reply.text());
            let lines: Vec<&[u8]> =
                reply.body.split(|byte| *byte == b'\n').filter(|it| !it.is_empty()).collect();
            for record in &lines {
                self.record(record).with_context(|| format!("record {}", self.leaves.len()))?;
            }
            if lines.len() < 1_000 {
                break;
            }
        }
        // None is signed before the first second is over.
        if note.status == 200 {
            self.compare(Head::parse(&note.text())?)?;
        }
        Ok(())
    }

    fn record(&mut self, bytes: &[u8]) -> Result<()> {
        let record: Value = serde_json::from_slice(bytes)?;
        let place = self.leaves.len();
        ensure!(
            record["sequence"].as_u64() == Some(place as u64),
            "it has the sequence {}",
            record["sequence"]
        );
        let before = self.leaves.last().map_or("0".repeat(64), hex);
        ensure!(record["previous"] == before.as_str(), "the chain was forked: it follows another record");
        if record["kind"] == "shard_open" {
            self.shard = place;
        }
        self.leaves.push(leaf(bytes));
        if let Some(id) = record["decision"]["id"].as_str() {
            ensure!(self.decided.insert(id.to_owned(), place).is_none(), "{id} was decided twice");
        }
        if let Some(of) = record["approval"]["of"].as_str() {
            match record["approval"]["step"].as_str() {
                Some("approved") => drop(self.approved.insert(of.to_owned())),
                Some("released") => {
                    ensure!(self.approved.contains(of), "{of} was released and never approved");
                    ensure!(self.released.insert(of.to_owned()), "{of} was released twice");
                }
                _ => {}
            }
        }
        if let Some(of) = record["outcome"]["of"].as_str() {
            self.outcomes.insert(of.to_owned());
        }
        Ok(())
    }

    /// A head that was signed once is the root of the records that are there now.
    fn compare(&mut self, head: Head) -> Result<()> {
        for signed in self.head.iter().chain([&head]) {
            let leaves = self.leaves.get(self.shard..self.shard + signed.size);
            let leaves = leaves.context("a signed head covers more records than there are")?;
            ensure!(root(leaves) == signed.root, "the head over {} records is of other records", signed.size);
        }
        let size = self.head.as_ref().map_or(0, |before| before.size);
        ensure!(head.size >= size, "a head over {size} records was signed, and now one over {}", head.size);
        self.head = Some(head);
        Ok(())
    }

    /// Looks for everything that the clients were told; gives back how many low-risk reads were
    /// answered ahead of their record and have none.
    pub fn settle(&mut self, clients: &mut [Client]) -> Result<usize> {
        let mut lost = 0;
        for client in clients {
            let told = std::mem::take(&mut client.told);
            let ahead = client.asks_ahead();
            for (id, sequence) in told.decisions {
                match (self.decided.get(&id), sequence) {
                    (Some(place), Some(said)) if *place as u64 != said => {
                        bail!("{id} was said to be record {said} and is record {place}")
                    }
                    (Some(_), _) => self.acknowledged.push(id),
                    (None, None) if ahead => lost += 1,
                    (None, _) => bail!("{id} was acknowledged and is not on the ledger"),
                }
            }
            for id in told.approved {
                ensure!(self.approved.contains(&id), "{id} was approved, and the approval is lost");
            }
            for (id, claim) in told.released {
                ensure!(self.released.contains(&id), "{id} was handed out, and the ledger does not know");
                let first = self.claims.entry(id.clone()).or_insert_with(|| claim.clone());
                ensure!(*first == claim, "{id} was handed out under `{first}` and under `{claim}`");
            }
            for id in told.outcomes {
                ensure!(self.outcomes.contains(&id), "the outcome of {id} was accepted and is lost");
            }
        }
        Ok(lost)
    }

    /// Asks for the proof of a decision that was acknowledged, and checks it.
    pub fn prove(&self, line: &mut Line, dice: &mut Dice) -> Result<usize> {
        let Some(head) = &self.head else { return Ok(0) };
        let Some(id) = dice.pick(&self.acknowledged) else { return Ok(0) };
        let Some(place) = self.decided.get(id).copied() else { return Ok(0) };
        if place < self.shard || place - self.shard >= head.size {
            return Ok(0);
        }
        // Killed between the newest head and its copy in the shard, a start has no proof under that
        // head until it signs the next one, within a second.
        let asked = Instant::now();
        let reply = loop {
            let reply = line.get(&format!("/api/v1/decisions/{id}/proof"))?;
            if reply.status != 503 || asked.elapsed() > Duration::from_secs(10) {
                break reply;
            }
            thread::sleep(Duration::from_millis(50));
        };
        ensure!(reply.status == 200, "no proof of {id}: {} {}", reply.status, reply.text());
        let leaf = self.leaves.get(place).context("a place beyond the end")?;
        let under = check_proof(&reply.text(), leaf).with_context(|| format!("the proof of {id}"))?;
        let leaves = self.leaves.get(self.shard..self.shard + under.size);
        // A head that was signed since the records were read is beyond them.
        ensure!(leaves.is_none_or(|leaves| root(leaves) == under.root), "{id} is proven in another tree");
        Ok(1)
    }
}
