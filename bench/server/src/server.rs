//! The real program, in a folder of its own, on ports that the system chooses.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, anyhow};

use crate::estate;

/// A folder with settings and rules, and everything that a server made in it.
pub struct Home {
    folder: tempfile::TempDir,
    program: PathBuf,
}

/// A running server.
pub struct Server {
    child: Child,
    pub agents: SocketAddr,
    pub operators: SocketAddr,
    /// The first operator's token, printed at the first start.
    pub first_token: Option<String>,
}

impl Home {
    pub fn make(program: &Path) -> Result<Home> {
        let program =
            program.canonicalize().with_context(|| format!("no program at `{}`", program.display()))?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("checkrein.yaml"), estate::SETTINGS)?;
        std::fs::write(folder.path().join("rules.yaml"), estate::RULES)?;
        std::fs::write(folder.path().join("limits.yaml"), estate::LIMITS)?;
        Ok(Home { folder, program })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder where it is, for whoever looks into a failure.
    pub fn keep(self) -> PathBuf {
        self.folder.keep()
    }

    /// Runs another command of the program over the same settings.
    pub fn command(&self, words: &[&str]) -> Result<std::process::Output> {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--config").arg(self.path().join("checkrein.yaml"));
        command.output().context("cannot run the program")
    }

    /// Starts the program and does not wait for it.
    pub fn spawn(&self) -> Result<Child> {
        let log: File = OpenOptions::new().create(true).append(true).open(self.path().join("log"))?;
        Command::new(&self.program)
            .args(["serve", "--config"])
            .arg(self.path().join("checkrein.yaml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("cannot start the server")
    }

    /// Starts it and waits until it listens.
    pub fn start(&self) -> Result<Server> {
        let mut child = self.spawn()?;
        let out = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(out).lines();
        let (mut agents, mut operators, mut first_token) = (None, None, None);
        for line in lines.by_ref() {
            let line = line?;
            let address =
                || line.split_once("http://").and_then(|(_, rest)| rest.split_once('/')?.0.parse().ok());
            match line.trim() {
                text if text.starts_with("agents ask") => agents = address(),
                text if text.starts_with("operators work") => operators = address(),
                text if text.starts_with("cro_") => first_token = Some(text.to_owned()),
                text if text.starts_with("Ctrl-C") => break,
                _ => {}
            }
        }
        // What is printed later goes nowhere, but the pipe must not close.
        std::thread::spawn(move || lines.for_each(drop));
        let (Some(agents), Some(operators)) = (agents, operators) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(anyhow!("the server did not start:\n{}", self.log()));
        };
        Ok(Server { child, agents, operators, first_token })
    }

    /// The last lines of what the server wrote.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

impl Server {
    /// Ends it at once, without a warning.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) -> Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
