//! The clients: each asks what its kind asks, remembers what it was told, and after a restart asks
//! again what it was not told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Error, anyhow};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::estate;
use crate::line::{Line, Reply};

/// Held actions that one client follows at the same time.
const MAX_OPEN: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Reads without effect, without a key.
    Reader,
    /// Writes under a key, and now and then asks again.
    Writer,
    /// Hangs up in the middle of a question and asks again.
    Impatient,
    /// Has its actions approved, takes them and reports.
    Holder,
}

/// One life of the server.
pub struct Life<'l> {
    pub agents: SocketAddr,
    pub operators: SocketAddr,
    pub admin: &'l str,
    pub killed: &'l AtomicBool,
}

/// Why a client stopped.
pub enum Stop {
    /// The server was killed.
    Gone,
    /// It was told something that must not be.
    Wrong(Error),
}

/// What a client was told since the last audit.
#[derive(Default)]
pub struct Told {
    /// Decisions, with their place on the ledger where the answer named one.
    pub decisions: Vec<(String, Option<u64>)>,
    pub approved: Vec<String>,
    /// Held actions that were handed out, and under which claim.
    pub released: Vec<(String, String)>,
    pub outcomes: Vec<String>,
}

pub struct Client {
    kind: Kind,
    name: usize,
    key: String,
    dice: Dice,
    next: u64,
    /// A key whose answer never came.
    unanswered: Option<String>,
    /// Keys that were answered, with the decision.
    answered: Vec<(String, String)>,
    open: Vec<Held>,
    pub told: Told,
}

/// A held action on its way.
struct Held {
    id: String,
    token: String,
    action: Value,
    claim: String,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waits,
    Approved,
    Taken,
}

/// The connections of one life.
struct Lines {
    agent: Line,
    operator: Line,
}

impl Client {
    /// Whether its answers may leave before their record is on the disk.
    pub fn asks_ahead(&self) -> bool {
        self.kind == Kind::Reader
    }

    pub fn new(kind: Kind, name: usize, key: String, seed: u64) -> Client {
        Client {
            kind,
            name,
            key,
            dice: Dice::new(seed),
            next: 0,
            unanswered: None,
            answered: Vec::new(),
            open: Vec::new(),
            told: Told::default(),
        }
    }

    /// Asks until the server is gone.
    pub fn live(&mut self, life: &Life<'_>) -> Stop {
        loop {
            let stop = match self.connected(life) {
                Ok(()) => continue,
                Err(stop) => stop,
            };
            return match stop {
                // A connection may only end because the server was ended.
                Stop::Wrong(error) if life.killed.load(Ordering::SeqCst) && is_gone(&error) => Stop::Gone,
                other => other,
            };
        }
    }

    fn connected(&mut self, life: &Life<'_>) -> Result<(), Stop> {
        let mut lines = Lines {
            agent: Line::open(life.agents, &self.key)?,
            operator: Line::open(life.operators, life.admin)?,
        };
        loop {
            match self.kind {
                Kind::Reader => self.read(&mut lines)?,
                Kind::Writer => self.write(&mut lines)?,
                Kind::Impatient => return self.hang_up(life),
                Kind::Holder => self.hold(life, &mut lines)?,
            }
        }
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.name, self.next)
    }

    fn read(&mut self, lines: &mut Lines) -> Result<(), Stop> {
        let action = estate::read(self.dice.roll());
        let reply = lines.agent.post("/ask/v1/decisions", &json!({ "action": action }))?;
        let answer = reply.is(200)?;
        self.told.decisions.push((text(&answer, "id")?, answer["sequence"].as_u64()));
        Ok(())
    }

    /// A key that was never answered comes first. Now and then one that was, again.
    fn write(&mut self, lines: &mut Lines) -> Result<(), Stop> {
        if self.unanswered.is_none() && self.dice.below(4) == 0 {
            return self.again(lines);
        }
        let key = match self.unanswered.take() {
            Some(key) => key,
            None => self.fresh(),
        };
        self.unanswered = Some(key.clone());
        let answer = settled(&mut lines.agent, &estate::note(&key))?.is(200)?;
        self.unanswered = None;
        let id = text(&answer, "id")?;
        self.told.decisions.push((id.clone(), None));
        self.answered.push((key, id));
        Ok(())
    }

    fn again(&mut self, lines: &mut Lines) -> Result<(), Stop> {
        let Some((key, id)) = self.dice.pick(&self.answered).cloned() else { return Ok(()) };
        let answer = settled(&mut lines.agent, &estate::note(&key))?.is(200)?;
        if answer["id"] != id.as_str() || answer["repeated"] != true {
            return Err(Stop::Wrong(anyhow!("`{key}` was answered by {id}, and now by {answer}")));
        }
        Ok(())
    }

    /// Sends a question and leaves. On a connection of its own it then wants the answer.
    fn hang_up(&mut self, life: &Life<'_>) -> Result<(), Stop> {
        let key = match self.unanswered.take() {
            Some(key) => key,
            None => self.fresh(),
        };
        self.unanswered = Some(key.clone());
        let action = estate::note(&key);
        let mut first = Line::open(life.agents, &self.key)?;
        first.send("POST", "/ask/v1/decisions", Some(&json!({ "action": action })))?;
        thread::sleep(Duration::from_micros(self.dice.below(3_000)));
        drop(first);
        let answer = settled(&mut Line::open(life.agents, &self.key)?, &action)?.is(200)?;
        self.unanswered = None;
        self.told.decisions.push((text(&answer, "id")?, None));
        Ok(())
    }

    fn hold(&mut self, life: &Life<'_>, lines: &mut Lines) -> Result<(), Stop> {
        if self.open.len() < MAX_OPEN {
            return self.ask_to_wait(lines);
        }
        let last = self.open.len() as u64;
        let at = usize::try_from(self.dice.below(last)).unwrap_or(0);
        let rival = self.dice.below(2) == 0;
        let Some(held) = self.open.get_mut(at) else { return Ok(()) };
        match held.stage {
            Stage::Waits => {
                let path = format!("/api/v1/approvals/{}/approve", held.id);
                let reply = lines.operator.post(&path, &json!({}))?;
                match (reply.status, reply.code().as_str()) {
                    (200, _) => self.told.approved.push(held.id.clone()),
                    // The approval was written, and the server killed before it could say so.
                    (409, "hold_not_pending") => {}
                    _ => return Err(wrong("an approval", &reply)),
                }
                held.stage = Stage::Approved;
            }
            Stage::Approved => {
                let claims = take(life, &self.key, lines, held, rival)?;
                self.told.released.extend(claims.into_iter().map(|claim| (held.id.clone(), claim)));
                held.stage = Stage::Taken;
            }
            Stage::Taken => {
                let path = format!("/ask/v1/decisions/{}/outcome", held.id);
                let reply = lines.agent.post(&path, &json!({ "outcome": "executed" }))?;
                match (reply.status, reply.code().as_str()) {
                    (202, _) => self.told.outcomes.push(held.id.clone()),
                    // The index has not read as far yet, after a start.
                    (404 | 503, _) => return pause(),
                    _ => return Err(wrong("an outcome", &reply)),
                }
                self.open.swap_remove(at);
            }
        }
        Ok(())
    }

    fn ask_to_wait(&mut self, lines: &mut Lines) -> Result<(), Stop> {
        let key = match self.unanswered.take() {
            Some(key) => key,
            None => self.fresh(),
        };
        let action = estate::contact(&key);
        self.unanswered = Some(key.clone());
        let reply = settled(&mut lines.agent, &action)?;
        self.unanswered = None;
        if reply.status == 409 && reply.code() == "reply_gone" {
            // Killed between the decision and the request for approval: it waits nowhere, and the
            // caller is told to ask anew.
            return Ok(());
        }
        let answer = reply.is(202)?;
        let id = text(&answer, "id")?;
        self.told.decisions.push((id.clone(), answer["sequence"].as_u64()));
        let token = answer["hold"]["token"].as_str().unwrap_or_default().to_owned();
        self.open.push(Held { id, token, action, claim: format!("claim-{key}"), stage: Stage::Waits });
        Ok(())
    }
}

/// Takes an approved action, sometimes with a rival that asks under another claim at the same
/// moment. Gives back the claims that got it.
fn take(
    life: &Life<'_>,
    key: &str,
    lines: &mut Lines,
    held: &Held,
    rival: bool,
) -> Result<Vec<String>, Stop> {
    let other = format!("{}-rival", held.claim);
    let (own, others) = thread::scope(|scope| {
        let rival = rival.then(|| scope.spawn(|| resume(&mut Line::open(life.agents, key)?, held, &other)));
        let own = resume(&mut lines.agent, held, &held.claim);
        let others =
            rival.map(|rival| rival.join().unwrap_or(Err(Stop::Wrong(anyhow!("a rival had a fault")))));
        (own, others)
    });
    let got_it = own?;
    let rival_got_it = others.transpose()?.unwrap_or(false);
    let claims = [(got_it, held.claim.clone()), (rival_got_it, other)];
    Ok(claims.into_iter().filter(|(got_it, _)| *got_it).map(|(_, claim)| claim).collect())
}

/// Whether this claim gets the action.
fn resume(line: &mut Line, held: &Held, claim: &str) -> Result<bool, Stop> {
    let body = json!({ "token": held.token, "action": held.action, "claim": claim });
    let reply = line.post(&format!("/ask/v1/decisions/{}/resume", held.id), &body)?;
    match (reply.status, reply.code().as_str()) {
        (200, _) => Ok(true),
        (409, "hold_released_already" | "hold_busy") => Ok(false),
        _ => Err(wrong("a release", &reply)),
    }
}

/// Asks until there is an answer: while the same question is being decided, and until the index has
/// read on after a start, the server says that it cannot tell yet.
fn settled(line: &mut Line, action: &Value) -> Result<Reply, Stop> {
    loop {
        let reply = line.post("/ask/v1/decisions", &json!({ "action": action }))?;
        match (reply.status, reply.code().as_str()) {
            (409, "still_deciding") | (503, "unavailable") => pause()?,
            _ => return Ok(reply),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a step ends")]
fn pause() -> Result<(), Stop> {
    thread::sleep(Duration::from_millis(2));
    Ok(())
}

fn text(answer: &Value, key: &str) -> Result<String, Stop> {
    let text = answer[key].as_str().map(str::to_owned);
    text.ok_or_else(|| Stop::Wrong(anyhow!("no `{key}` in {answer}")))
}

fn wrong(what: &str, reply: &Reply) -> Stop {
    Stop::Wrong(anyhow!("{what} got {}: {}", reply.status, reply.text()))
}

/// Whether an error says no more than that nobody is there.
fn is_gone(error: &Error) -> bool {
    error.chain().any(|cause| cause.is::<std::io::Error>()) || error.to_string().contains("closed")
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Wrong(error)
    }
}
