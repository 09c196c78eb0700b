//! Where the instructions of one call go: the server under callgrind, a number of calls, and the sums by
//! crate and by the product's own functions.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::gateways::{Place, Running, free};
use super::{checkrein, first_answer, one, plain, until_open};
use crate::figures::ratio;
use crate::load::Shape;

/// Crates of the product; all others are libraries.
const OURS: [&str; 7] = ["action", "engine", "wire", "ledger", "hold", "gateway", "checkrein"];
const ROWS: usize = 24;

pub fn run(server: &Path, shape: Shape, seconds: u64) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let upstream = free()?;
    let mut mock = Command::new(std::env::current_exe()?);
    let _mock = Running(mock.args(["mock", "--listen", &upstream.to_string()]).spawn()?);
    until_open(upstream)?;
    let place = Place { server, cache: folder.path(), folder: folder.path(), upstream, listen: free()? };
    let start = checkrein::start(&place)?;
    let out = folder.path().join("callgrind.out");
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--instr-atstart=no", "--separate-threads=no"]);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command.arg(start.command.get_program()).args(start.command.get_args());
    for (key, value) in start.command.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    let log = fs::File::create(folder.path().join("log"))?;
    let mut running = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?);
    let to = first_answer(&mut running, &start, place.listen, Instant::now())?;
    let each = plain("warm", shape, 1, 800);
    // Once without counting, so that what is made at the first call is not counted.
    one(&each, to, &start, 1, None)?;
    let id = running.0.id().to_string();
    control(&["-i", "on", &id])?;
    let line = one(&each, to, &start, seconds, None)?;
    control(&["-i", "off", &id])?;
    Command::new("kill").args(["-TERM", &id]).status()?;
    let end = Instant::now() + Duration::from_secs(60);
    while running.0.try_wait()?.is_none() {
        ensure!(Instant::now() < end, "the server under callgrind did not stop");
        std::thread::sleep(Duration::from_millis(50));
    }
    ensure!(line["errors"] == 0, "the run had errors: {line}");
    // The loop's warm-up is a sixth of what ran.
    let calls = line["n"].as_i64().unwrap_or(0) * 6 / 5;
    println!("{} calls of `{}` under callgrind, in thousands of instructions a call", calls, shape.name());
    println!("\n  by crate, each without what it called");
    let own = annotated(&out, "--inclusive=no")?;
    let all: i64 = own.iter().map(|(_, cost)| cost).sum();
    let mut crates: BTreeMap<String, i64> = BTreeMap::new();
    for (name, cost) in &own {
        *crates.entry(owner(name)).or_default() += cost;
    }
    rows(crates.into_iter().collect(), all, calls);
    println!("\n  by the product's own functions, each with what it called");
    let mut ours = annotated(&out, "--inclusive=yes")?;
    ours.retain(|(name, _)| OURS.contains(&owner(name).as_str()));
    rows(ours, all, calls);
    Ok(())
}

fn control(args: &[&str]) -> Result<()> {
    let done =
        Command::new("callgrind_control").args(args).output().context("cannot run callgrind_control")?;
    ensure!(done.status.success(), "callgrind_control: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn rows(mut rows: Vec<(String, i64)>, all: i64, calls: i64) {
    rows.sort_by_key(|(_, cost)| -cost);
    for (name, cost) in rows.into_iter().take(ROWS) {
        let share = cost.saturating_mul(100) / all.max(1);
        println!("  {:>10} {share:>3} %  {name}", ratio(cost / 1_000, calls.max(1)));
    }
}

/// Functions and their instructions, as callgrind's own reader prints them.
fn annotated(out: &Path, how: &str) -> Result<Vec<(String, i64)>> {
    let mut command = Command::new("callgrind_annotate");
    let printed = command.args(["--threshold=100", how, "--auto=no"]).arg(out).output()?;
    ensure!(printed.status.success(), "callgrind_annotate failed");
    Ok(String::from_utf8_lossy(&printed.stdout).lines().filter_map(function).collect())
}

/// `1,234 ( 5.6%)  file:function [object]`
fn function(line: &str) -> Option<(String, i64)> {
    let (cost, rest) = line.trim_start().split_once(" (")?;
    let cost = cost.replace(',', "").parse().ok()?;
    let (_, place) = rest.split_once("%)")?;
    let (_, name) = place.trim().split_once(':')?;
    let name = name.split(" [").next()?.trim();
    Some((name.to_owned(), cost))
}

/// The crate that a function belongs to: the first path in its name.
fn owner(name: &str) -> String {
    let name = name.trim_start_matches(['<', '&', '*', ' ']).trim_start_matches("mut ");
    let word: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if name.get(word.len()..).is_some_and(|rest| rest.starts_with("::")) {
        word
    } else {
        "C library and others".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_callgrinds_reader_are_read() {
        let line =
            "1,234,567 ( 5.60%)  /src/x.rs:<engine::text::Leaf as core::fmt::Debug>::fmt [/bin/checkrein]";
        let (name, cost) = function(line).unwrap();
        assert_eq!((owner(&name).as_str(), cost), ("engine", 1_234_567));
        assert_eq!(owner("__memcpy_avx_unaligned_erms"), "C library and others");
        assert!(function("Ir").is_none() && function("--------").is_none());
    }
}
