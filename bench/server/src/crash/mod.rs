//! Kills the server at random moments under load, and asks afterwards for everything that it had
//! acknowledged.
//!
//! What must hold, however often it is killed: an acknowledged decision is on the ledger, the chain
//! goes on from where it was and never forks, a question under an idempotency key is decided once,
//! a held action is handed out under one claim, and no approval that was confirmed is forgotten.

mod audit;
mod clients;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};

use self::audit::Audit;
use self::clients::{Client, Kind, Life, Stop};
use crate::dice::Dice;
use crate::estate::register;
use crate::line::Line;
use crate::server::{Home, Server};

/// Who asks at the same time.
const CLIENTS: [Kind; 7] =
    [Kind::Reader, Kind::Writer, Kind::Writer, Kind::Impatient, Kind::Holder, Kind::Holder, Kind::Holder];

/// Reads that may be answered before their record is on the disk; the loss bound that is promised.
const WINDOW: usize = 1_000;

/// One start of this many is killed before it listens.
const EARLY: u64 = 8;
/// One life of this many is long enough for a head to be signed.
const LONG: u64 = 16;

/// What happened so far, over all folders.
#[derive(Default)]
struct Totals {
    kills: u32,
    early: u32,
    decisions: usize,
    /// Reads whose answer came before their record, and was all that was left of them.
    lost_reads: usize,
    most_lost_reads: usize,
    released: usize,
    records: usize,
    proofs: usize,
    gaps: usize,
}

impl Totals {
    fn add(&mut self, other: &Totals) {
        self.kills += other.kills;
        self.early += other.early;
        self.decisions += other.decisions;
        self.lost_reads += other.lost_reads;
        self.most_lost_reads = self.most_lost_reads.max(other.most_lost_reads);
        self.released += other.released;
        self.records += other.records;
        self.proofs += other.proofs;
        self.gaps += other.gaps;
    }
}

pub struct Plan {
    pub kills: u32,
    /// Over one data folder; then a fresh one, so that a start stays short.
    pub each: u32,
    /// Servers at the same time, each over a folder of its own.
    pub lanes: u32,
    pub seed: u64,
}

pub fn run(program: &Path, plan: &Plan) -> Result<()> {
    let started = Instant::now();
    println!("killing {} {} times, seed {}", program.display(), plan.kills, plan.seed);
    let folders = AtomicU32::new(0);
    let totals = Mutex::new(Totals::default());
    let lane = || -> Result<()> {
        loop {
            let number = folders.fetch_add(1, Ordering::Relaxed);
            let most = plan.kills.saturating_sub(number.saturating_mul(plan.each)).min(plan.each);
            if most == 0 {
                return Ok(());
            }
            let done = one_folder(program, most, plan.seed.wrapping_add(u64::from(number)));
            // The other lanes end with their folder.
            let done = done.inspect_err(|_| folders.store(u32::MAX / 2, Ordering::Relaxed))?;
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.add(&done);
            println!(
                "  {:>6} kills  {:>8} decisions acknowledged, none lost  {:>6} released, each once  {:>5.0?}",
                totals.kills,
                totals.decisions,
                totals.released,
                started.elapsed()
            );
        }
    };
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..plan.lanes.max(1)).map(|_| scope.spawn(lane)).collect();
        let ends =
            lanes.into_iter().map(|lane| lane.join().unwrap_or_else(|_| Err(anyhow!("a lane had a fault"))));
        ends.collect::<Result<Vec<()>>>()
    })?;
    let totals = totals.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} kills ({} more during a start): {} acknowledged decisions, 0 lost; 0 decided twice; {} held actions \
         released, 0 twice; {} records, each log one chain; {} proofs hold; {} gaps on record",
        totals.kills,
        totals.early,
        totals.decisions,
        totals.released,
        totals.records,
        totals.proofs,
        totals.gaps
    );
    println!(
        "low-risk reads that were answered within the window and have no record: {} (at most {} in one kill; \
         the bound is {WINDOW})",
        totals.lost_reads, totals.most_lost_reads
    );
    Ok(())
}

fn one_folder(program: &Path, kills: u32, seed: u64) -> Result<Totals> {
    let home = Home::make(program)?;
    let mut totals = Totals::default();
    match folder(&home, kills, &mut Dice::new(seed), &mut totals) {
        Ok(()) => Ok(totals),
        Err(error) => {
            let (kills, log, kept) = (totals.kills, home.log(), home.keep());
            bail!(
                "after {kills} kills in {} (seed {seed}): {error:#}\nlog of the server:\n{log}",
                kept.display()
            )
        }
    }
}

/// Many lives over one data folder, then the verdict of the verifier.
fn folder(home: &Home, kills: u32, dice: &mut Dice, totals: &mut Totals) -> Result<()> {
    let mut server = home.start()?;
    let admin = server.first_token.clone().context("the first start printed no token")?;
    let mut clients = make_clients(&server, &admin, dice)?;
    let mut audit = Audit::default();
    for n in 0..kills {
        live(&mut server, &admin, &mut clients, dice)?;
        totals.kills += 1;
        while n + 1 < kills && dice.below(EARLY) == 0 {
            kill_early(home, dice)?;
            totals.early += 1;
        }
        server = home.start()?;
        let mut line = Line::open(server.operators, &admin)?;
        audit.read_on(&mut line)?;
        let lost = audit.settle(&mut clients)?;
        if lost > WINDOW {
            bail!("{lost} reads were answered and have no record; the bound is {WINDOW}");
        }
        totals.lost_reads += lost;
        totals.most_lost_reads = totals.most_lost_reads.max(lost);
        totals.proofs += audit.prove(&mut line, dice)?;
    }
    totals.decisions += audit.decisions();
    totals.released += audit.released();
    totals.records += audit.records();
    if !server.stop()?.success() {
        bail!("the server did not end well");
    }
    totals.gaps += verified(home)?;
    Ok(())
}

fn make_clients(server: &Server, admin: &str, dice: &mut Dice) -> Result<Vec<Client>> {
    let mut line = Line::open(server.operators, admin)?;
    let make = |(n, kind): (usize, &Kind)| {
        let key = register(server, &mut line, &format!("agent-{n}"))?;
        Ok(Client::new(*kind, n, key, dice.roll()))
    };
    CLIENTS.iter().enumerate().map(make).collect()
}

/// Load, then a kill in the middle of it.
fn live(server: &mut Server, admin: &str, clients: &mut [Client], dice: &mut Dice) -> Result<()> {
    let killed = AtomicBool::new(false);
    let life = Life { agents: server.agents, operators: server.operators, admin, killed: &killed };
    let pause = if dice.below(LONG) == 0 { 1_100 + dice.below(400) } else { 5 + dice.below(120) };
    thread::scope(|scope| {
        let running: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| client.live(&life))).collect();
        thread::sleep(Duration::from_millis(pause));
        killed.store(true, Ordering::SeqCst);
        let ended = server.kill();
        for client in running {
            match client.join().map_err(|_| anyhow!("a client had a fault"))? {
                Stop::Gone => {}
                Stop::Wrong(error) => return Err(error),
            }
        }
        ended
    })
}

/// Kills a start before it is done.
fn kill_early(home: &Home, dice: &mut Dice) -> Result<()> {
    let mut child = home.spawn()?;
    thread::sleep(Duration::from_millis(dice.below(250)));
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// What the product's own verifier says of the folder; gives back the gaps that the log declares.
fn verified(home: &Home) -> Result<usize> {
    let output = home.command(&["ledger", "verify", "--json"])?;
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("no report of the verifier")?;
    match output.status.code() {
        Some(0 | 3) => Ok(usize::try_from(report["gap_count"].as_u64().unwrap_or(0))?),
        _ => bail!("the verifier says: {report}"),
    }
}
