//! What the ledger knows of the calls, read while they are made.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::run::checkrein;

/// Tools by whose names calls are told from what comes of them.
const CALLS: [&str; 2] = ["chat", "read_menu"];

pub struct Audit {
    operators: SocketAddr,
    token: String,
    /// Records read so far.
    records: usize,
    decided: HashSet<String>,
    /// Let through, and without an end by now.
    open: HashSet<String>,
    refused: u64,
    ended: u64,
    failed: u64,
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "on the ledger {} decided ({} refused), {} ended ({} failed), {} open, {} records",
            self.decided.len(),
            self.refused,
            self.ended,
            self.failed,
            self.open.len(),
            self.records
        )
    }
}

impl Audit {
    pub fn new(operators: SocketAddr, token: String) -> Self {
        let (decided, open) = (HashSet::new(), HashSet::new());
        Audit { operators, token, records: 0, decided, open, refused: 0, ended: 0, failed: 0 }
    }

    pub fn decided(&self) -> u64 {
        self.decided.len() as u64
    }

    pub fn knows(&self, id: &str) -> bool {
        self.decided.contains(id)
    }

    pub fn open(&self) -> usize {
        self.open.len()
    }

    pub fn example(&self) -> String {
        self.open.iter().next().map_or_else(String::new, |id| format!("such as {id}"))
    }

    /// Reads the records that are new.
    pub fn read_on(&mut self) -> Result<()> {
        loop {
            let path = format!("/api/v1/ledger/records?from={}", self.records);
            let page = checkrein::call(self.operators, &self.token, "GET", &path, "")?;
            let before = self.records;
            for line in page.lines() {
                self.record(&serde_json::from_str(line).context("a record that is none")?);
            }
            if self.records - before < 1_000 {
                return Ok(());
            }
        }
    }

    fn record(&mut self, record: &Value) {
        self.records += 1;
        // A record may be the end of one action and the decision about what came of it.
        if let Some(of) = record["outcome"]["of"].as_str() {
            if self.open.remove(of) {
                self.ended += 1;
                self.failed += u64::from(record["outcome"]["report"] == "failed");
            }
            return;
        }
        let Some(id) = record["decision"]["id"].as_str() else { return };
        let is_call = CALLS.iter().any(|tool| record["action"]["tool"] == *tool);
        if !is_call || !record["notes"]["of"].is_null() {
            return;
        }
        self.decided.insert(id.to_owned());
        match record["decision"]["effective"].as_str() {
            Some("block" | "approve" | "sandbox") => self.refused += 1,
            _ => drop(self.open.insert(id.to_owned())),
        }
    }

    /// How many passed without a record, as the server counts them.
    pub fn passes(&self) -> Result<u64> {
        const LINE: &str = "checkrein_unrecorded_total{passed=\"yes\"}";
        let text = checkrein::call(self.operators, &self.token, "GET", "/metrics", "")?;
        let found = text.lines().find_map(|line| line.strip_prefix(LINE)?.trim().parse().ok());
        Ok(found.unwrap_or(0))
    }
}
