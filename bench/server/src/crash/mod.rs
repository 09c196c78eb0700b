//! Kills the server at random moments under load, and asks afterwards for everything that it had
//! acknowledged.
//!
//! What must hold, however often it is killed: an acknowledged decision is on the ledger, the chain
//! goes on from where it was and never forks, a question under an idempotency key is decided once,
//! a held action is handed out under one claim, and no approval that was confirmed is forgotten.

mod audit;
mod clients;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
const LONG: u64 = 12;

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

pub fn run(program: &Path, kills: u32, each: u32, seed: u64) -> Result<()> {
    let started = Instant::now();
    let mut dice = Dice::new(seed);
    let mut totals = Totals::default();
    println!("killing {} {kills} times, {each} a folder, seed {seed}", program.display());
    while totals.kills < kills {
        let home = Home::make(program)?;
        let most = each.min(kills - totals.kills);
        if let Err(error) = folder(&home, most, &mut dice, &mut totals) {
            let log = home.log();
            let kept = home.keep();
            bail!(
                "after {} kills, in {}: {error:#}\nlog of the server:\n{log}",
                totals.kills,
                kept.display()
            );
        }
        println!(
            "  {:>6} kills  {:>8} decisions acknowledged, none lost  {:>6} released, each once  {:>5.0?}",
            totals.kills,
            totals.decisions,
            totals.released,
            started.elapsed()
        );
    }
    println!(
        "{} kills ({} during a start): {} acknowledged decisions, 0 lost; 0 decided twice; {} held actions \
         released, 0 twice; {} records in one chain; {} proofs hold; {} gaps on record",
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

/// Many lives over one data folder, then the verdict of the verifier.
fn folder(home: &Home, kills: u32, dice: &mut Dice, totals: &mut Totals) -> Result<()> {
    let mut server = home.start()?;
    let admin = server.first_token.clone().context("the first start printed no token")?;
    let mut clients = make_clients(&server, &admin, dice)?;
    let mut audit = Audit::default();
    for n in 0..kills {
        live(&mut server, &admin, &mut clients, dice)?;
        totals.kills += 1;
        while n + 1 < kills && dice.below(EARLY) == 0 && totals.early < totals.kills {
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
