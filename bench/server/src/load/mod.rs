//! How fast a server answers, and what it costs: closed loops of 64, 1,000 and 5,000 agents, an open
//! loop at a rate that leaves the machine idle half of the time, and what the disk alone takes.
//!
//! A closed loop asks again as soon as it is answered, so it measures how much goes through; its
//! latency is that of a queue. What a question takes on a machine that has time is the open loop:
//! questions leave by the clock, and their time counts from when they should have left.

mod agents;
mod clocked;
mod disk;
mod figures;
mod process;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use self::agents::{Ask, Asked};
use self::figures::Times;
use self::process::Process;
use crate::estate;
use crate::line::Line;
use crate::server::{Home, Server};

/// Lines over which agents are registered at the same time.
const REGISTRARS: usize = 8;
/// Questions a second of the open loops.
const MODEST: u64 = 400;
const WARM_UP: Duration = Duration::from_millis(500);

pub struct Plan {
    /// Agents at once, one closed loop for each number.
    pub agents: Vec<usize>,
    pub seconds: u64,
    /// Minutes of load at a modest rate, in place of the rest.
    pub soak: Option<u64>,
}

pub fn run(program: &Path, plan: &Plan) -> Result<()> {
    let home = Home::make(program)?;
    println!("raw fdatasync of 4 KiB in the same folder   {}", disk::raw(home.path())?);
    let server = home.start()?;
    let admin = server.first_token.clone().context("the first start printed no token")?;
    let most = plan.agents.iter().copied().max().unwrap_or(64).max(64);
    let began = Instant::now();
    let keys = register(&server, &admin, most)?;
    println!("{most} agents registered in {:.1?}", began.elapsed());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let process = Process::of(server.process());
    let done = match plan.soak {
        Some(minutes) => soak(&server, &keys, &process, minutes),
        None => runtime.block_on(measure(&server, &keys, &process, plan)),
    };
    done.with_context(|| format!("log of the server:\n{}", home.log()))?;
    println!("raw fdatasync of 4 KiB, once more           {}", disk::raw(home.path())?);
    ensure!(server.stop()?.success(), "the server did not end well");
    Ok(())
}

async fn measure(server: &Server, keys: &[String], process: &Process, plan: &Plan) -> Result<()> {
    println!("\nopen loop, {MODEST} questions/s over 64 agents: what one question takes");
    figures::head();
    let length = Duration::from_secs(plan.seconds);
    let few = keys.get(..64).unwrap_or(keys);
    for ask in [Ask::Read, Ask::Write] {
        let before = process.now()?;
        let asked = clocked::open_loop(server.agents, few, ask, MODEST, length);
        told(ask, 64, asked, length, before, process)?;
    }
    println!("\nclosed loop, each agent asks again when it is answered: how much goes through");
    figures::head();
    for many in &plan.agents {
        let some = keys.get(..*many).unwrap_or(keys);
        for ask in [Ask::Read, Ask::Write] {
            agents::closed_loop(server.agents, some, ask, WARM_UP).await?;
            let before = process.now()?;
            let asked = agents::closed_loop(server.agents, some, ask, length).await?;
            told(ask, *many, asked, length, before, process)?;
        }
    }
    Ok(())
}

fn told(
    ask: Ask,
    many: usize,
    asked: Asked,
    length: Duration,
    before: process::Used,
    process: &Process,
) -> Result<()> {
    let after = process.now()?;
    let times = Times::of(asked.times);
    if !asked.late.is_empty() {
        println!("  {:<16}questions left late by {}", "", Times::of(asked.late));
    }
    figures::row(ask.name(), many, &times, length, after.cpu.saturating_sub(before.cpu), after.memory);
    match asked.errors.first() {
        None => Ok(()),
        Some(first) => bail!("{} questions went wrong, the first: {first}", asked.errors.len()),
    }
}

/// Reads and writes at a modest rate, and the memory after each minute.
fn soak(server: &Server, keys: &[String], process: &Process, minutes: u64) -> Result<()> {
    let few = keys.get(..64).unwrap_or(keys);
    let start = process.now()?;
    println!("\nsoak: {MODEST} questions/s, reads and writes in turns");
    println!("  at the start {:>5} MiB, {} open files", start.memory >> 20, start.files);
    for minute in 1..=minutes {
        let half = Duration::from_secs(30);
        let reads = clocked::open_loop(server.agents, few, Ask::Read, MODEST, half);
        let writes = clocked::open_loop(server.agents, few, Ask::Write, MODEST, half);
        let now = process.now()?;
        let failed = reads.errors.len() + writes.errors.len();
        println!(
            "  minute {minute:>5} {:>5} MiB, {} open files, {failed} errors, reads {}, writes {}",
            now.memory >> 20,
            now.files,
            Times::of(reads.times),
            Times::of(writes.times)
        );
        ensure!(failed == 0, "{failed} questions went wrong");
    }
    Ok(())
}

fn register(server: &Server, admin: &str, many: usize) -> Result<Vec<String>> {
    let each = many.div_ceil(REGISTRARS);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..REGISTRARS)
            .map(|lane| {
                scope.spawn(move || -> Result<Vec<String>> {
                    let mut line = Line::open(server.operators, admin)?;
                    let own = (lane * each..many.min((lane + 1) * each)).map(|n| format!("agent-{n}"));
                    own.map(|name| estate::make_key(&mut line, &name)).collect()
                })
            })
            .collect();
        let mut keys = Vec::new();
        for lane in lanes {
            let own = lane.join().map_err(|_| anyhow::anyhow!("a registrar had a fault"))??;
            if let Some(last) = own.last() {
                estate::until_in_force(server, last)?;
            }
            keys.extend(own);
        }
        Ok(keys)
    })
}
