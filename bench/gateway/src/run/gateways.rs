//! The gateways: how each is installed, started, and asked. One table.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::checkrein;
use crate::load::Shape;

/// What a gateway is started with.
pub struct Place<'p> {
    pub server: &'p Path,
    pub cache: &'p Path,
    /// A folder of this run.
    pub folder: &'p Path,
    pub upstream: SocketAddr,
    pub listen: SocketAddr,
}

/// How it is started, and what a question to it must carry.
pub struct Start {
    pub command: Command,
    pub headers: Vec<String>,
    /// The model to name, where it is not the provider's own name.
    pub model: Option<&'static str>,
    pub paths: &'static [(Shape, &'static str)],
    /// A file in which it says where it listens, when it does not listen where it is told.
    pub told: Option<PathBuf>,
}

pub struct Gateway {
    pub name: &'static str,
    /// What it is and how it was set, for the reader of the table.
    pub about: &'static str,
    pub shapes: &'static [Shape],
    pub start: fn(&Place<'_>) -> Result<Start>,
}

const ALL: &[Shape] = &[Shape::Chat, Shape::ChatStream, Shape::Messages, Shape::McpCall];
const CHAT: &[Shape] = &[Shape::Chat, Shape::ChatStream];

pub const GATEWAYS: &[Gateway] = &[
    Gateway { name: "floor", about: "a proxy that does nothing", shapes: ALL, start: floor },
    Gateway {
        name: "checkrein",
        about: "all vectors, policy, score, ledger, answers judged",
        shapes: ALL,
        start: checkrein::start,
    },
    Gateway {
        name: "tensorzero",
        about: "TensorZero 2026.6.0, observability off",
        shapes: CHAT,
        start: tensorzero,
    },
    Gateway { name: "portkey", about: "Portkey 1.15.2, no guard", shapes: CHAT, start: portkey },
    Gateway {
        name: "litellm",
        about: "LiteLLM 1.106.2, one worker, no database, no guard",
        shapes: CHAT,
        start: litellm,
    },
];

fn floor(place: &Place<'_>) -> Result<Start> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["floor", "--listen", &place.listen.to_string(), "--upstream", &place.upstream.to_string()]);
    Ok(Start {
        command,
        headers: vec!["authorization: Bearer any".to_owned()],
        model: None,
        paths: &[],
        told: None,
    })
}

/// Runs a step of an installation; what it printed is told when it fails.
fn step(program: impl AsRef<std::ffi::OsStr>, args: &[&str], folder: &Path) -> Result<()> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null());
    let out = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    ensure!(out.status.success(), "{}", last.last().unwrap_or(&"an installation failed without a word"));
    Ok(())
}

/// A Python environment with these packages, made once.
fn python(cache: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = cache.join(name);
    let python = folder.join("bin/python");
    if !folder.join("installed").exists() {
        fs::create_dir_all(cache)?;
        eprintln!("installing {}", packages.join(" "));
        step("python3", &["-m", "venv", &folder.display().to_string()], cache)?;
        let mut args = vec!["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        args.extend(packages);
        step(&python, &args, cache)?;
        fs::write(folder.join("installed"), packages.join("\n"))?;
    }
    Ok(python)
}

fn litellm(place: &Place<'_>) -> Result<Start> {
    let python = python(place.cache, "litellm", &["litellm[proxy]==1.106.2"])?;
    let settings = place.folder.join("litellm.yaml");
    let text = format!(
        "model_list:\n  - model_name: gpt-mock\n    litellm_params: {{ model: openai/gpt-mock, api_base: \"http://{}/v1\", api_key: any }}\n\
         litellm_settings: {{ num_retries: 0, telemetry: false, callbacks: [] }}\n\
         general_settings: {{ master_key: sk-bench }}\n",
        place.upstream
    );
    fs::write(&settings, text)?;
    let mut command = Command::new(python.with_file_name("litellm"));
    command.arg("--config").arg(settings).args([
        "--host",
        "127.0.0.1",
        "--num_workers",
        "1",
        "--telemetry",
        "False",
    ]);
    command.args(["--port", &place.listen.port().to_string()]);
    // Its table of prices comes over the network otherwise.
    command.env("LITELLM_LOCAL_MODEL_COST_MAP", "True").env("LITELLM_LOG", "ERROR");
    Ok(Start {
        command,
        headers: vec!["authorization: Bearer sk-bench".to_owned()],
        model: None,
        paths: &[],
        told: None,
    })
}

fn tensorzero(place: &Place<'_>) -> Result<Start> {
    let python = python(place.cache, "tensorzero", &["tensorzero==2026.6.0"])?;
    let settings = place.folder.join("tensorzero.toml");
    let text = format!(
        "[gateway]\nobservability.enabled = false\n\n\
         [models.gpt-mock]\nrouting = [\"mock\"]\n\n\
         [models.gpt-mock.providers.mock]\ntype = \"openai\"\nmodel_name = \"gpt-mock\"\n\
         api_base = \"http://{}/v1/\"\napi_key_location = \"none\"\n",
        place.upstream
    );
    fs::write(&settings, text)?;
    let script = place.folder.join("start.py");
    fs::write(&script, TENSORZERO)?;
    let mut command = Command::new(python);
    let told = place.folder.join("tensorzero.address");
    command.arg(script).arg(settings).arg(&told);
    Ok(Start {
        command,
        told: Some(told),
        headers: vec!["authorization: Bearer any".to_owned()],
        model: Some("tensorzero::model_name::gpt-mock"),
        paths: &[
            (Shape::Chat, "/openai/v1/chat/completions"),
            (Shape::ChatStream, "/openai/v1/chat/completions"),
        ],
    })
}

/// Starts the vendor's gateway out of the wheel. It listens where the system likes, so it says where.
const TENSORZERO: &str = "import os, sys, time
from tensorzero import _start_http_gateway
none = dict.fromkeys(('clickhouse_url', 'postgres_url', 'valkey_url'))
gateway = _start_http_gateway(config_file=sys.argv[1], async_setup=False, **none)
with open(sys.argv[2] + '.new', 'w') as told:
    told.write(gateway.base_url.split('/')[2])
os.rename(sys.argv[2] + '.new', sys.argv[2])
while True:
    time.sleep(3600)
";

fn portkey(place: &Place<'_>) -> Result<Start> {
    let folder = place.cache.join("portkey");
    if !folder.join("installed").exists() {
        fs::create_dir_all(&folder)?;
        eprintln!("installing @portkey-ai/gateway");
        // Newer versions of the server below it answer every call with an error.
        let package = r#"{ "private": true, "dependencies": { "@portkey-ai/gateway": "1.15.2" }, "overrides": { "@hono/node-server": "1.13.8" } }"#;
        fs::write(folder.join("package.json"), package)?;
        step("npm", &["install", "--silent", "--no-audit", "--no-fund"], &folder)?;
        fs::write(folder.join("installed"), package)?;
    }
    let mut command = Command::new("node");
    command.arg(folder.join("node_modules/@portkey-ai/gateway/build/start-server.js"));
    command.args(["--headless", &format!("--port={}", place.listen.port())]).env("NODE_ENV", "production");
    let headers = vec![
        "authorization: Bearer any".to_owned(),
        "x-portkey-provider: openai".to_owned(),
        format!("x-portkey-custom-host: http://{}/v1", place.upstream),
    ];
    Ok(Start { command, headers, model: None, paths: &[], told: None })
}

/// An address that nobody listens at.
pub fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The same command on one core. Without the tool for it nothing is pinned, and the table says so.
pub fn pinned(command: &Command, core: usize) -> Command {
    if !can_pin() {
        return copied(command, command.get_program());
    }
    let mut pinned = Command::new("taskset");
    pinned.args(["-c", &core.to_string()]).arg(command.get_program());
    with_rest(pinned, command)
}

pub fn can_pin() -> bool {
    let two = std::thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2);
    two && Command::new("taskset").args(["-c", "1", "true"]).status().is_ok_and(|status| status.success())
}

fn copied(command: &Command, program: &std::ffi::OsStr) -> Command {
    with_rest(Command::new(program), command)
}

fn with_rest(mut into: Command, command: &Command) -> Command {
    into.args(command.get_args());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            into.env(key, value);
        }
    }
    if let Some(folder) = command.get_current_dir() {
        into.current_dir(folder);
    }
    into
}

/// A process that ends with its value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
