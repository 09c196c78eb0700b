//! The real binary, on ports of its own, spoken to over HTTP.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

pub use crate::speak::{Agent, Reply, call, raw, refund, until};

/// A running server and the folder that it keeps.
pub struct Server {
    child: Child,
    pub agents: SocketAddr,
    pub operators: SocketAddr,
    /// The first operator's token; carried over restarts.
    pub admin: String,
    pub folder: PathBuf,
    _kept: Option<tempfile::TempDir>,
}

/// Settings for tests: everything enforced, every port free.
pub const SETTINGS: &str = "
data: data
tenant: example
log: example.org/test
agents: { listen: 127.0.0.1:0 }
operators: { listen: 127.0.0.1:0 }
rules: { preset: standard, files: [rules] }
environments:
  production: { mode: enforce, capture: full, explain: category, fail: { reads: open, effects: closed } }
";

impl Server {
    /// A fresh one with these rules beside the preset.
    pub fn start(rules: &[&str]) -> Server {
        Self::with(SETTINGS, rules)
    }

    pub fn with(settings: &str, rules: &[&str]) -> Server {
        Self::prepared(settings, rules, |_| {})
    }

    /// With further files in its folder before it starts.
    pub fn prepared(settings: &str, rules: &[&str], prepare: impl FnOnce(&Path)) -> Server {
        let kept = tempfile::tempdir().unwrap();
        let folder = kept.path().to_owned();
        prepare(&folder);
        std::fs::create_dir_all(folder.join("rules")).unwrap();
        for name in rules {
            let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name);
            std::fs::copy(pack, folder.join("rules").join(name)).unwrap();
        }
        std::fs::write(folder.join("checkrein.yaml"), settings).unwrap();
        let mut server = Self::spawn(&folder, None);
        server._kept = Some(kept);
        server
    }

    fn spawn(folder: &Path, admin: Option<String>) -> Server {
        Self::try_spawn(folder, admin).unwrap_or_else(|log| panic!("the server did not start: {log}"))
    }

    /// What the server wrote, when it did not start.
    fn try_spawn(folder: &Path, admin: Option<String>) -> Result<Server, String> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        // A file that may not grow fails a write, as a full disk does, instead of ending the process.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_checkrein")])
            .args(["serve", "--config"])
            .arg(folder.join("checkrein.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut agents, mut operators, mut token) = (None, None, admin);
        for line in lines.by_ref() {
            let line = line.unwrap();
            let address = |after: &str| {
                let text = line.split_once("://")?.1.split_once('/')?.0;
                line.contains(after).then(|| text.parse().unwrap())
            };
            agents = agents.or(address("agents ask"));
            operators = operators.or(address("operators work"));
            if line.trim().starts_with("cro_") {
                token = Some(line.trim().to_owned());
            }
            if line.contains("Ctrl-C") {
                break;
            }
        }
        // What is printed later goes nowhere, but the pipe must not close.
        std::thread::spawn(move || lines.for_each(drop));
        let (Some(agents), Some(operators)) = (agents, operators) else {
            child.wait().unwrap();
            return Err(std::fs::read_to_string(folder.join("log")).unwrap_or_default());
        };
        let (admin, folder) = (token.unwrap(), folder.to_owned());
        Ok(Server { child, agents, operators, admin, folder, _kept: None })
    }

    /// Ends it without a warning, lets its folder be changed, and starts it again. Gives back what it
    /// wrote when it does not start.
    pub fn restart_after(mut self, change: impl FnOnce(&Path)) -> Result<Server, String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        change(&self.folder);
        std::fs::write(self.folder.join("log"), "").unwrap();
        let mut next = Self::try_spawn(&self.folder, Some(self.admin.clone()))?;
        next._kept = self._kept.take();
        Ok(next)
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it without a warning, as a crash would, and starts it again over the same folder.
    pub fn crash_and_restart(mut self) -> Server {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut next = Self::spawn(&self.folder, Some(self.admin.clone()));
        next._kept = self._kept.take();
        next
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(&mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    /// Registers an agent with a key.
    pub fn agent(&self, name: &str, roles: &[&str]) -> Agent {
        let profile = json!({ "environments": ["production"], "roles": roles });
        self.operate("PUT", &format!("/api/v1/agents/{name}"), &profile).is(201);
        let made =
            self.operate("POST", &format!("/api/v1/agents/{name}/keys"), &json!({ "label": "test" })).is(201);
        let agent = Agent { address: self.agents, key: made["key"].as_str().unwrap().to_owned() };
        // Until the change is in force, the key is unknown.
        until("the key is in force", || {
            call(self.agents, "GET", "/ask/v1/decisions/dec_none", &agent.key, None).status != 401
        });
        agent
    }

    /// Adds an operator with these roles, and gives back its token.
    pub fn operator(&self, name: &str, roles: &[&str]) -> String {
        self.operate("PUT", &format!("/api/v1/operators/{name}"), &json!({ "roles": roles })).is(201);
        let made = self
            .operate("POST", &format!("/api/v1/operators/{name}/tokens"), &json!({ "label": "test" }))
            .is(201);
        let token = made["key"].as_str().unwrap().to_owned();
        until("the token is in force", || self.as_operator(&token, "GET", "/api/v1/me", None).status == 200);
        token
    }

    pub fn operate(&self, verb: &str, path: &str, body: &Value) -> Reply {
        call(self.operators, verb, path, &self.admin, Some(body))
    }

    /// The whole story of one decision, once the index has it.
    pub fn told(&self, answer: &Value) -> Value {
        let path = format!("/api/v1/decisions/{}", answer["id"].as_str().unwrap());
        let get = || call(self.operators, "GET", &path, &self.admin, None);
        until("the decision is in the index", || get().status == 200);
        get().is(200)
    }

    pub fn look(&self, path: &str) -> Value {
        call(self.operators, "GET", path, &self.admin, None).is(200)
    }

    /// A number of the metrics, by its name and labels; zero for one that was never counted.
    pub fn metric(&self, line: &str) -> u64 {
        let text = call(self.operators, "GET", "/metrics", "", None).body;
        text.lines().find_map(|it| it.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
    }

    pub fn as_operator(&self, token: &str, verb: &str, path: &str, body: Option<&Value>) -> Reply {
        call(self.operators, verb, path, token, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            eprintln!("log of the server:\n{log}");
        }
    }
}

/// Runs a command of the program beside its server: how it ended, and what it said.
pub fn checkrein(server: &Server, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(arguments)
        .current_dir(&server.folder)
        .output()
        .unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}
