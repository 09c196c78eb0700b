//! Everything, one after the other: each gateway alone on one core, the mock and the load on the other,
//! a run straight to the mock before each run through a gateway, and the medians over the rounds.

pub mod checkrein;
pub mod cost;
pub mod gateways;
pub mod process;
mod table;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use self::gateways::{GATEWAYS, Gateway, Place, Running, Start, free, pinned};
use crate::load::Shape;

pub struct Plan {
    pub server: PathBuf,
    pub only: Vec<String>,
    pub seconds: u64,
    pub rounds: u32,
    pub cache: PathBuf,
}

/// One loop: what is asked, over how many connections, and how the mock streams.
pub struct Loop {
    pub name: &'static str,
    pub shape: Shape,
    pub connections: usize,
    pub bytes: usize,
    pub events: u64,
    pub gap_us: u64,
}

const fn plain(name: &'static str, shape: Shape, connections: usize, bytes: usize) -> Loop {
    Loop { name, shape, connections, bytes, events: 20, gap_us: 0 }
}

const fn stream(name: &'static str, connections: usize, events: u64, gap_us: u64) -> Loop {
    Loop { name, shape: Shape::ChatStream, connections, bytes: 800, events, gap_us }
}

/// Between two words of a paced stream: faster than any hosted model.
const GAP_US: u64 = 3_000;
/// Further apart than this, an event waited for something.
const LATE_MS: u64 = GAP_US / 1_000 + 5;

pub const LOOPS: &[Loop] = &[
    plain("chat", Shape::Chat, 1, 800),
    plain("chat", Shape::Chat, 16, 800),
    plain("chat", Shape::Chat, 64, 800),
    plain("chat 16 kB", Shape::Chat, 1, 16_000),
    stream("burst", 1, 20, 0),
    stream("burst", 16, 20, 0),
    stream("burst", 64, 20, 0),
    stream("paced", 1, 40, GAP_US),
    stream("paced", 16, 40, GAP_US),
    plain("messages", Shape::Messages, 1, 800),
    plain("mcp call", Shape::McpCall, 1, 800),
    plain("mcp call", Shape::McpCall, 16, 800),
];

/// Mock and load on the first core, the gateway on the second.
const CORES: (usize, usize) = (0, 1);
const START_WITHIN: Duration = Duration::from_secs(90);

pub fn run(plan: &Plan) -> Result<()> {
    let own = process::raise_own_session();
    fs::create_dir_all(&plan.cache)?;
    // Steps of an installation run inside of it.
    let plan = &Plan {
        cache: plan.cache.canonicalize()?,
        server: plan.server.clone(),
        only: plan.only.clone(),
        ..*plan
    };
    let raw = plan.cache.join("lines.jsonl");
    let mut lines = fs::File::create(&raw)?;
    println!("Gateways on one core: {} rounds of {} s", plan.rounds, plan.seconds);
    if !gateways::can_pin() {
        println!("  nothing is pinned to a core here: the figures are those of a shared machine");
    }
    if !own {
        println!(
            "  not in a session of its own: p99 may show other work of this session (`setsid --wait` makes one)"
        );
    }
    let upstream = free()?;
    let mut mock = Command::new(std::env::current_exe()?);
    mock.args(["mock", "--listen", &upstream.to_string()]);
    let mock = Running(pinned(&mock, CORES.0).stdin(Stdio::null()).spawn()?);
    until_open(upstream)?;
    let mut results = table::Results::default();
    for gateway in GATEWAYS {
        if !plan.only.is_empty() && !plan.only.iter().any(|only| only == gateway.name) {
            continue;
        }
        eprintln!("{}", gateway.name);
        match measured(plan, gateway, upstream, &mut results, &mut lines) {
            Ok(()) => {}
            // A gateway that cannot be had is a row that says why.
            Err(error) => results.missing(gateway, &format!("{error:#}")),
        }
    }
    drop(mock);
    results.print();
    println!("\nraw lines: {}", raw.display());
    Ok(())
}

fn measured(
    plan: &Plan,
    gateway: &Gateway,
    upstream: SocketAddr,
    results: &mut table::Results,
    lines: &mut fs::File,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place =
        Place { server: &plan.server, cache: &plan.cache, folder: folder.path(), upstream, listen: free()? };
    shape_mock(upstream, 20, 0)?;
    let start = (gateway.start)(&place)?;
    let log = folder.path().join("log");
    let begun = Instant::now();
    let mut running = Running(
        pinned(&start.command, CORES.1)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot run {:?}", start.command))?,
    );
    let to = first_answer(&mut running, &start, place.listen, begun).with_context(|| {
        let log = fs::read_to_string(&log).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(3).collect();
        format!("no first answer; it wrote: {}", last.join(" | "))
    })?;
    let cold = begun.elapsed();
    std::thread::sleep(Duration::from_secs(2));
    let idle = process::tree(running.0.id()).memory;
    let told = json!({ "gateway": gateway.name, "start_us": micros(cold), "idle_bytes": idle });
    results.started(gateway, told.clone());
    writeln!(lines, "{told}")?;
    for round in 1..=plan.rounds {
        for each in LOOPS.iter().filter(|each| gateway.shapes.contains(&each.shape)) {
            shape_mock(upstream, each.events, each.gap_us)?;
            let direct =
                Start { command: Command::new(""), headers: vec![], model: None, paths: &[], told: None };
            let line = one(each, upstream, &direct, plan.seconds.div_ceil(2), None)?;
            note(lines, results, gateway, each, "direct", round, line)?;
            let line = one(each, to, &start, plan.seconds, Some(running.0.id()))?;
            note(lines, results, gateway, each, "through", round, line)?;
        }
    }
    Ok(())
}

fn note(
    lines: &mut fs::File,
    results: &mut table::Results,
    gateway: &Gateway,
    each: &Loop,
    how: &'static str,
    round: u32,
    mut line: Value,
) -> Result<()> {
    line["gateway"] = json!(gateway.name);
    line["loop"] = json!(each.name);
    line["how"] = json!(how);
    line["round"] = json!(round);
    writeln!(lines, "{line}")?;
    results.add(gateway, each, how, &line);
    Ok(())
}

/// One loop as a process of its own on the first core; with what the gateway used meanwhile.
fn one(each: &Loop, to: SocketAddr, start: &Start, seconds: u64, gateway: Option<u32>) -> Result<Value> {
    let mut load = Command::new(std::env::current_exe()?);
    load.args(["load", "--to", &to.to_string(), "--shape", each.shape.name()]);
    load.args(["--connections", &each.connections.to_string(), "--bytes", &each.bytes.to_string()]);
    load.args(["--millis", &(seconds * 1_000).to_string()]);
    let model = if each.shape == Shape::Messages { "claude-mock" } else { start.model.unwrap_or("gpt-mock") };
    load.args(["--model", model]);
    if each.gap_us > 0 {
        load.args(["--late-ms", &LATE_MS.to_string()]);
    }
    if let Some((_, path)) = start.paths.iter().find(|(shape, _)| *shape == each.shape) {
        load.args(["--path", path]);
    }
    for header in &start.headers {
        load.args(["--header", header]);
    }
    let before = gateway.map(process::tree).unwrap_or_default();
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let out = std::thread::scope(|scope| {
        if let Some(gateway) = gateway {
            let (most, done) = (&most, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    most.fetch_max(process::tree(gateway).memory, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(250));
                }
            });
        }
        let out = pinned(&load, CORES.0).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
        done.store(true, Ordering::Relaxed);
        out
    })?;
    ensure!(out.status.success(), "the load failed");
    let mut line: Value = serde_json::from_slice(&out.stdout).context("the load printed no line")?;
    if let Some(gateway) = gateway {
        let cpu = process::tree(gateway).cpu.saturating_sub(before.cpu);
        // The loop's warm-up is a sixth of what ran; its questions are not in `n`.
        let asked = line["n"].as_u64().unwrap_or(0) * 6 / 5;
        line["cpu_ns"] = json!(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX) / asked.max(1));
        line["memory"] = json!(most.into_inner());
    }
    Ok(line)
}

/// Asks until the first good answer.
fn first_answer(
    running: &mut Running,
    start: &Start,
    listen: SocketAddr,
    begun: Instant,
) -> Result<SocketAddr> {
    let mut last = "it never listened".to_owned();
    while begun.elapsed() < START_WITHIN {
        if let Some(status) = running.0.try_wait()? {
            bail!("it ended: {status}");
        }
        let to = match &start.told {
            None => Some(listen),
            Some(file) => fs::read_to_string(file).ok().and_then(|text| text.parse().ok()),
        };
        if let Some(to) = to
            && let Some(answer) = hello(to, start)
        {
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(to);
            }
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let begin: String = body.chars().take(300).collect();
            last = format!("{} {begin}", answer.lines().next().unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    bail!("{last}")
}

fn hello(to: SocketAddr, start: &Start) -> Option<String> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let path =
        start.paths.iter().find(|(shape, _)| *shape == Shape::Chat).map_or("/v1/chat/completions", |it| it.1);
    let body = json!({ "model": start.model.unwrap_or("gpt-mock"),
        "messages": [{ "role": "user", "content": "Which soup is on the menu?" }] })
    .to_string();
    let headers: String = start.headers.iter().map(|header| format!("{header}\r\n")).collect();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn shape_mock(upstream: SocketAddr, events: u64, gap_us: u64) -> Result<()> {
    let mut stream = TcpStream::connect(upstream)?;
    write!(
        stream,
        "POST /mock?events={events}&gap_us={gap_us} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "the mock takes no settings: {answer}");
    Ok(())
}

pub fn until_open(to: SocketAddr) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(5);
    while TcpStream::connect(to).is_err() {
        ensure!(Instant::now() < end, "the mock does not listen");
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
