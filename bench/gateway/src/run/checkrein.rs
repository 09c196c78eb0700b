//! The program itself: its settings, one agent and its key.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
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
    let folder = place.folder.join("checkrein");
    fs::create_dir_all(&folder)?;
    let operators = free()?;
    let settings = SETTINGS
        .replace("@AGENTS@", &place.listen.to_string())
        .replace("@OPERATORS@", &operators.to_string())
        .replace("@UPSTREAM@", &place.upstream.to_string());
    fs::write(folder.join("checkrein.yaml"), settings)?;
    fs::write(folder.join("rules.yaml"), RULES)?;
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

fn serve(server: &Path, folder: &Path) -> Result<Command> {
    let server = server.canonicalize().with_context(|| format!("no program at `{}`", server.display()))?;
    let mut command = Command::new(server);
    command
        .args(["serve", "--config"])
        .arg(folder.join("checkrein.yaml"))
        .env("BENCH_KEY", "of-the-provider");
    Ok(command)
}

fn first_key(server: &Path, folder: &Path, operators: SocketAddr) -> Result<String> {
    let log = fs::File::create(folder.join("first.log"))?;
    let mut command = serve(server, folder)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let out = child.stdout.take().context("the server has no output")?;
    let mut running = Running(child);
    let mut token = None;
    for line in BufReader::new(out).lines() {
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
    let profile = json!({ "environments": ["production"], "roles": [] });
    call(operators, &token, "PUT", "/api/v1/agents/bench", &profile)?;
    let made = call(operators, &token, "POST", "/api/v1/agents/bench/keys", &json!({ "label": "bench" }))?;
    let key = made["key"].as_str().context("a key without its text")?.to_owned();
    Command::new("kill").args(["-TERM", &running.0.id().to_string()]).status()?;
    let end = Instant::now() + START_WITHIN;
    while running.0.try_wait()?.is_none() {
        ensure!(Instant::now() < end, "the server did not stop");
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(key)
}

fn call(to: SocketAddr, token: &str, verb: &str, path: &str, body: &Value) -> Result<Value> {
    let body = body.to_string();
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
    Ok(serde_json::from_str(body)?)
}
