//! Long and mixed traffic over a provider that fails in every way: memory stays flat, every call has its
//! decision and its end on the ledger, and whatever passed without a record was counted.

mod audit;
mod clients;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use self::audit::Audit;
use self::clients::{Client, Counts};
use crate::faults::Faults;
use crate::mock;
use crate::run::gateways::{Place, free};
use crate::run::{checkrein, process, until_open};

const RULES: &str = include_str!("../../soak.yaml");
/// After the last answer, so long may records and index take.
const SETTLES_WITHIN: Duration = Duration::from_secs(30);
/// Memory may grow by this much after the first third: what a burst of large answers takes at once.
const MAX_GROWTH: u64 = 24 << 20;

#[derive(clap::Args)]
pub struct Plan {
    /// The program
    #[arg(long, value_name = "PROGRAM")]
    server: PathBuf,
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Connections, each of an agent of its own with one question at a time
    #[arg(long, default_value_t = 20)]
    connections: usize,
    /// Between an answer and the next question
    #[arg(long, default_value_t = 60)]
    pause_ms: u64,
}

pub fn run(plan: &Plan) -> Result<()> {
    let faults = Arc::new(Faults::default());
    let upstream = free()?;
    std::thread::spawn({
        let faults = Arc::clone(&faults);
        move || mock::run(upstream, Some(faults))
    });
    until_open(upstream)?;
    let kept = tempfile::tempdir()?;
    let (listen, operators) = (free()?, free()?);
    let place = Place { server: &plan.server, cache: kept.path(), folder: kept.path(), upstream, listen };
    let folder = checkrein::folder(&place, operators, |settings| {
        settings
            .replace("files: [rules.yaml]", "files: [rules.yaml, soak.yaml]")
            // Passes without a record are what is counted here.
            .replace("fail: { reads: closed, effects: closed }", "fail: { reads: open, effects: open }")
    })?;
    std::fs::write(folder.join("soak.yaml"), RULES)?;
    let (running, token) = checkrein::first_start(&plan.server, &folder)?;
    until_open(listen)?;
    let clients = (0..plan.connections).map(|n| {
        let key = checkrein::key(operators, &token, &format!("soak-{n}"))?;
        Ok(Client::new(n, listen, key, Duration::from_millis(plan.pause_ms)))
    });
    let clients: Vec<Client> = clients.collect::<Result<_>>()?;
    let mut audit = Audit::new(operators, token);
    println!(
        "soak: {} minutes, {} connections, a pause of {} ms",
        plan.minutes, plan.connections, plan.pause_ms
    );
    println!("  {:>8} {:>8} counts", "minute", "memory");

    let counts = Arc::new(Counts::default());
    let end = Instant::now() + Duration::from_secs(plan.minutes * 60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let memory = std::thread::scope(|scope| -> Result<Vec<u64>> {
        let asking = scope.spawn(|| {
            runtime.block_on(async {
                let mut loops = JoinSet::new();
                for client in clients {
                    loops.spawn(client.run(end, Arc::clone(&counts)));
                }
                while loops.join_next().await.is_some() {}
            });
        });
        let (begun, mut memory) = (Instant::now(), Vec::new());
        while !asking.is_finished() {
            audit.read_on()?;
            let minute = begun.elapsed().as_secs() / 60;
            if minute > memory.len() as u64 {
                memory.push(process::tree(running.0.id()).memory);
                let mib = memory.last().copied().unwrap_or(0) >> 20;
                println!("  {minute:>8} {mib:>4} MiB {counts}, {audit}");
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        asking.join().map_err(|_| anyhow::anyhow!("a client had a fault"))?;
        Ok(memory)
    })?;

    let settled = Instant::now() + SETTLES_WITHIN;
    while audit.open() > 0 && Instant::now() < settled {
        audit.read_on()?;
        std::thread::sleep(Duration::from_millis(100));
    }
    audit.read_on()?;
    println!("  at the end: {counts}, {audit}");
    println!("  faults of the provider: {}", faults.told());
    let passes = audit.passes()?;
    println!("  passed without a record: {passes}");
    let receipts = counts.receipts();
    checkrein::stop(running)?;
    verified(plan, &folder)?;
    judge(&counts, &audit, passes, &receipts)?;
    flat(&memory)
}

/// What must hold, with the figures where it does not.
fn judge(counts: &Counts, audit: &Audit, passes: u64, receipts: &[String]) -> Result<()> {
    let sent = counts.sent();
    let lost = receipts.iter().filter(|id| !audit.knows(id)).count() as u64;
    ensure!(
        lost <= passes,
        "{lost} calls were answered that the ledger does not know, and {passes} passes were counted"
    );
    let decided = audit.decided();
    ensure!(
        decided + passes >= sent && decided <= sent,
        "{sent} calls were sent, {decided} decided, {passes} passed without a record"
    );
    ensure!(audit.open() == 0, "{} calls have no end on the ledger, {}", audit.open(), audit.example());
    ensure!(counts.broken() == 0, "{} connections broke: {}", counts.broken(), counts.example());
    Ok(())
}

/// The ledger as a stranger reads it.
fn verified(plan: &Plan, folder: &std::path::Path) -> Result<()> {
    let server = plan.server.canonicalize()?;
    let output =
        std::process::Command::new(server).args(["ledger", "verify"]).current_dir(folder).output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = told.lines().next().context("`ledger verify` said nothing")?.trim().to_owned();
    println!("  ledger verify: {told}");
    ensure!(output.status.success(), "the ledger does not verify: {told}");
    Ok(())
}

fn flat(memory: &[u64]) -> Result<()> {
    let (Some(third), Some(last)) = (memory.get(memory.len() / 3), memory.last()) else { return Ok(()) };
    let (third, last) = (*third, *last);
    ensure!(last <= third + MAX_GROWTH, "memory grew from {} to {} MiB", third >> 20, last >> 20);
    println!("  memory: {} MiB after a third, {} MiB at the end", third >> 20, last >> 20);
    Ok(())
}
