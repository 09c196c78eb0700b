//! The program itself: its settings, one agent and its key.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::gateways::{Place, Running, Start, free};
use crate::load::Shape;

const SETTINGS: &str = include_str!("../../checkrein.yaml");
const RULES: &str = include_str!("../../rules.yaml");
const START_WITHIN: Duration = Duration::from_secs(20);

/// Starts it once to register an agent, and ends it: what is measured is a start over a folder that is
/// there, as every start but the first.
pub fn start(place: &Place<'_>) -> Result<Start> {
    let operators = free()?;
    let folder = folder(place, operators, |settings| settings)?;
    let key = first_key(place.server, &folder, operators)?;
    let mut headers = vec![format!("x-checkrein-key: {key}")];
    headers.push("authorization: Bearer of-the-client".to_owned());
    Ok(Start {
        command: serve(place.server, &folder)?,
        headers,
        model: None,
        paths: &[(Shape::McpCall, "/mcp/bench")],
        told: None,
    })
}

/// A folder with the settings, as they are changed here.
pub fn folder(
    place: &Place<'_>,
    operators: SocketAddr,
    change: impl FnOnce(String) -> String,
) -> Result<PathBuf> {
    let folder = place.folder.join("checkrein");
    fs::create_dir_all(&folder)?;
    let settings = SETTINGS
        .replace("@AGENTS@", &place.listen.to_string())
        .replace("@OPERATORS@", &operators.to_string())
        .replace("@UPSTREAM@", &place.upstream.to_string());
    fs::write(folder.join("checkrein.yaml"), change(settings))?;
    fs::write(folder.join("rules.yaml"), RULES)?;
    Ok(folder)
}

pub fn serve(server: &Path, folder: &Path) -> Result<Command> {
    let server = server.canonicalize().with_context(|| format!("no program at `{}`", server.display()))?;
    let mut command = Command::new(server);
    command
        .args(["serve", "--config"])
        .arg(folder.join("checkrein.yaml"))
        .env("BENCH_KEY", "of-the-provider");
    Ok(command)
}

fn first_key(server: &Path, folder: &Path, operators: SocketAddr) -> Result<String> {
    let (running, token) = first_start(server, folder)?;
    let key = key(operators, &token, "bench")?;
    stop(running)?;
    Ok(key)
}

/// Starts it for the first time, and gives back the first operator's token.
pub fn first_start(server: &Path, folder: &Path) -> Result<(Running, String)> {
    let log = fs::File::create(folder.join("first.log"))?;
    let mut command = serve(server, folder)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let out = child.stdout.take().context("the server has no output")?;
    let running = Running(child);
    let mut token = None;
    let mut lines = BufReader::new(out).lines();
    for line in lines.by_ref() {
        let line = line?;
        match line.trim() {
            text if text.starts_with("cro_") => token = Some(text.to_owned()),
            text if text.starts_with("Ctrl-C") => break,
            _ => {}
        }
    }
    let Some(token) = token else {
        let log = fs::read_to_string(folder.join("first.log")).unwrap_or_default();
        let why = log.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
        bail!("the server did not start: {why}");
    };
    // What is printed later goes nowhere, but the pipe must not close.
    std::thread::spawn(move || lines.for_each(drop));
    Ok((running, token))
}

/// Registers an agent, and gives back its key.
pub fn key(operators: SocketAddr, token: &str, agent: &str) -> Result<String> {
    let profile = json!({ "environments": ["production"], "roles": [] }).to_string();
    call(operators, token, "PUT", &format!("/api/v1/agents/{agent}"), &profile)?;
    let label = json!({ "label": "bench" }).to_string();
    let made = call(operators, token, "POST", &format!("/api/v1/agents/{agent}/keys"), &label)?;
    let made: Value = serde_json::from_str(&made)?;
    Ok(made["key"].as_str().context("a key without its text")?.to_owned())
}

/// Asks it to stop, and waits until it has.
pub fn stop(mut running: Running) -> Result<()> {
    Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status()?;
    let end = Instant::now() + START_WITHIN;
    while running.0.try_wait()?.is_none() {
        ensure!(Instant::now() < end, "the server did not stop");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// One question of an operator.
pub fn call(to: SocketAddr, token: &str, verb: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(to)?;
    write!(
        stream,
        "{verb} {path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").context("half an answer")?;
    let good = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
    ensure!(good, "{verb} {path}: {}", head.lines().next().unwrap_or_default());
    Ok(body.to_owned())
}
