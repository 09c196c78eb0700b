//! What the demo shows: each new thing once, a line of progress, and the sum at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::estate::{Act, Agent, Estate};
use crate::client::{Reply, text};
use crate::show::Paint;

/// What came of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    Run,
    Changed,
    Isolated,
    Wait,
    Refused,
    Error,
}

impl What {
    const ALL: [What; 6] = [What::Run, What::Changed, What::Isolated, What::Wait, What::Refused, What::Error];

    pub fn of(reply: &Reply) -> Self {
        match text(&reply.body, "/outcome") {
            Some("run") => What::Run,
            Some("run_changed") => What::Changed,
            Some("isolated") => What::Isolated,
            Some("wait") => What::Wait,
            Some("refused") => What::Refused,
            Some(_) | None => What::Error,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            What::Run => "runs",
            What::Changed => "changed",
            What::Isolated => "isolated",
            What::Wait => "waits",
            What::Refused => "refused",
            What::Error => "error",
        }
    }
}

pub struct Board {
    paint: Paint,
    live: bool,
    started: Instant,
    about: Vec<(String, String)>,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    by_agent: BTreeMap<String, BTreeMap<What, u64>>,
    shown: BTreeSet<(String, String, What)>,
    decided: BTreeSet<(&'static str, String)>,
    asked: u64,
}

impl Board {
    pub fn new(estate: &Estate) -> Self {
        Board {
            paint: Paint::for_stdout(),
            live: std::io::stderr().is_terminal(),
            started: Instant::now(),
            about: estate.agents.iter().map(|one| (one.name.to_string(), one.about.clone())).collect(),
            counts: Mutex::default(),
        }
    }

    pub fn open(&self, address: &str, lasts: Duration) {
        println!("{}", self.paint.bold("Agents act, and ask before they do."));
        println!("They ask {address} for {} seconds; Ctrl-C ends it earlier.\n", lasts.as_secs());
        for (name, about) in &self.about {
            println!("  {name:<14} {about}");
        }
        println!("\nEach new answer is shown once.\n");
    }

    /// One answer to one act.
    pub fn told(&self, agent: &Agent, act: &Act, what: What, body: &Value) {
        let mut counts = self.lock();
        counts.asked += 1;
        let name = agent.name.to_string();
        *counts.by_agent.entry(name.clone()).or_default().entry(what).or_default() += 1;
        if counts.shown.insert((name.clone(), act.note.clone(), what)) {
            let why = text(body, "/reason").or(text(body, "/error/code"));
            let why = why.map(|why| format!("  [{why}]")).unwrap_or_default();
            self.line(&format!("{name:<14} {:<9} {}{}", what.word(), act.note, self.paint.dim(&why)));
        }
        if self.live && counts.asked.is_multiple_of(10) {
            eprint!("\r{} {} answers ", self.clock(), counts.asked);
            let _ = std::io::stderr().flush();
        }
    }

    /// A person decided.
    pub fn person(&self, act: &str, agent: &str) {
        let word = if act == "approve" { "approved" } else { "denied" };
        let mut counts = self.lock();
        if counts.decided.insert((word, agent.to_owned())) {
            self.line(&format!("{:<14} {word:<9} what {agent} waits for", "demo-approver"));
        }
    }

    pub fn close(&self, ledger: Option<&Value>) {
        self.clear();
        let counts = self.lock();
        println!("\n{}", self.paint.bold("What was answered"));
        print!("  {:<14}", "");
        for what in What::ALL {
            print!("{:>9}", what.word());
        }
        println!();
        for (agent, by) in &counts.by_agent {
            print!("  {agent:<14}");
            for what in What::ALL {
                print!("{:>9}", by.get(&what).copied().unwrap_or_default());
            }
            println!();
        }
        let size = ledger.and_then(|ledger| ledger.get("durable")?.as_u64());
        if let Some(size) = size {
            println!("\nEvery answer is on the ledger, which holds {size} records.");
        }
    }

    fn line(&self, text: &str) {
        self.clear();
        println!("  {}  {text}", self.paint.dim(&self.clock()));
    }

    fn clear(&self) {
        if self.live {
            eprint!("\r\x1b[K");
        }
    }

    fn clock(&self) -> String {
        let seconds = self.started.elapsed().as_secs();
        format!("{:02}:{:02}", seconds / 60, seconds % 60)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
