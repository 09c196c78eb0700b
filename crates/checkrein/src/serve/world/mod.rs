//! The whole server, over real sockets and on a real disk, with two things of the outside world in the
//! hands of the tests: what time it is, and when the disk has taken what was written.

mod asked;
mod called;
mod periods;
#[path = "../../../tests/server/provider.rs"]
#[allow(dead_code, reason = "the tests of the binary use more of it")]
mod provider;
#[path = "../../../tests/server/speak.rs"]
#[allow(dead_code, reason = "the tests of the binary use more of it")]
mod speak;
#[path = "../../../tests/server/tools.rs"]
#[allow(dead_code, reason = "the tests of the binary use more of it")]
mod tools;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use ledger::volume::{Lock, Space, VolumeFile};
use ledger::{Clock, Disk, Nanos, SystemClock, Volume};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use self::speak::{Agent, Reply, call, until};
use super::config::Config;
use super::{Outside, Server, build, clockwork, listen};

/// A clock that tests set.
struct Hands {
    real: SystemClock,
    ahead: AtomicI64,
}

impl Hands {
    fn set(&self, hours: i64) {
        self.ahead.store(hours * 3_600_000_000_000, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Nanos {
        Nanos(self.real.now().0 + self.ahead.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }
}

/// A disk whose writes can be made to wait, as those of a failing disk or a hanging mount do.
#[derive(Clone, Default)]
struct Stalling(Arc<(Mutex<bool>, Condvar)>);

impl Stalling {
    fn stall(&self, stalls: bool) {
        *self.0.0.lock().unwrap() = stalls;
        self.0.1.notify_all();
    }

    fn wrapped(&self, file: Arc<dyn VolumeFile>) -> Arc<dyn VolumeFile> {
        Arc::new(StallingFile { file, disk: self.clone() })
    }
}

impl Volume for Stalling {
    fn create(&self, path: &Path, size: u64) -> io::Result<Arc<dyn VolumeFile>> {
        Ok(self.wrapped(Disk.create(path, size)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn VolumeFile>> {
        Ok(self.wrapped(Disk.open(path)?))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        Disk.create_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        Disk.list(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        Disk.space(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        Disk.lock(path)
    }
}

struct StallingFile {
    file: Arc<dyn VolumeFile>,
    disk: Stalling,
}

impl VolumeFile for StallingFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let (stalls, changed) = &*self.disk.0;
        drop(changed.wait_while(stalls.lock().unwrap(), |stalls| *stalls).unwrap());
        self.file.sync()
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(into, offset)
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn resize(&self, size: u64) -> io::Result<()> {
        self.file.resize(size)
    }
}

const SETTINGS: &str = "
data: data
tenant: example
log: example.org/test
agents: { listen: 127.0.0.1:0 }
operators: { listen: 127.0.0.1:0 }
rules: { preset: standard, files: [rules] }
environments:
  production: { mode: enforce, capture: full, explain: category, fail: { reads: closed, effects: closed } }
  staging: { mode: enforce, capture: full, explain: category, fail: { reads: open, effects: open } }
";

/// A running server in this process.
struct World {
    runtime: Runtime,
    stop: watch::Sender<bool>,
    server: Parts,
    agents: SocketAddr,
    operators: SocketAddr,
    admin: String,
    clock: Arc<Hands>,
    disk: Stalling,
    folder: PathBuf,
    settings: String,
}

/// What ends the server.
struct Parts {
    ledger: ledger::Ledger,
    threads: Vec<std::thread::JoinHandle<()>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl World {
    fn new(rules: &[&str]) -> (tempfile::TempDir, World) {
        Self::with("", rules, "")
    }

    /// With further settings, and a policy of its own beside these.
    fn with(settings: &str, rules: &[&str], own: &str) -> (tempfile::TempDir, World) {
        let kept = tempfile::tempdir().unwrap();
        std::fs::create_dir(kept.path().join("rules")).unwrap();
        for name in rules {
            let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name);
            std::fs::copy(pack, kept.path().join("rules").join(name)).unwrap();
        }
        if !own.is_empty() {
            std::fs::write(kept.path().join("rules/own.yaml"), own).unwrap();
        }
        let world = World::start(kept.path(), &format!("{SETTINGS}{settings}"), None);
        (kept, world)
    }

    fn start(folder: &Path, settings: &str, admin: Option<String>) -> World {
        let config = Arc::new(Config::parse("checkrein.yaml", settings, folder).unwrap());
        let clock = Arc::new(Hands { real: SystemClock::new(), ahead: AtomicI64::new(0) });
        let disk = Stalling::default();
        // Two threads, as on a small machine: whoever blocks one is noticed.
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let entered = runtime.enter();
        let server = build(&config, Outside { clock: clock.clone(), disk: Arc::new(disk.clone()) }).unwrap();
        drop(entered);
        let (stop, stopped) = watch::channel(false);
        let bind = |what| runtime.block_on(listen::bind_to(what, "127.0.0.1:0".parse().unwrap())).unwrap();
        let (agents, operators) = (bind("agents"), bind("operators"));
        let addresses = (agents.local_addr().unwrap(), operators.local_addr().unwrap());
        let Server { desk, untold, treasury, ledger, threads, stop_threads, first_token, .. } = server;
        runtime.spawn(listen::serve(agents, server.agents, None, stopped.clone()));
        runtime.spawn(listen::serve(operators, server.operators, None, stopped.clone()));
        runtime.spawn(clockwork::watch_time(Arc::clone(&desk), untold, treasury, stopped.clone()));
        runtime.spawn(clockwork::save_facts(desk, stopped));
        World {
            runtime,
            stop,
            server: Parts { ledger, threads, stop: stop_threads },
            agents: addresses.0,
            operators: addresses.1,
            admin: admin.or(first_token).unwrap(),
            clock,
            disk,
            folder: folder.to_owned(),
            settings: settings.to_owned(),
        }
    }

    /// Ends it and starts it again over the same folder.
    fn again(self) -> World {
        let (folder, settings) = (self.folder.clone(), self.settings.clone());
        let admin = self.admin.clone();
        self.end();
        World::start(&folder, &settings, Some(admin))
    }

    fn end(self) {
        self.stop.send(true).unwrap();
        self.server.stop.store(true, Ordering::Release);
        self.runtime.shutdown_timeout(Duration::from_secs(20));
        for thread in self.server.threads {
            thread.join().unwrap();
        }
        self.server.ledger.close().unwrap();
    }

    fn operate(&self, verb: &str, path: &str, body: &Value) -> Reply {
        call(self.operators, verb, path, &self.admin, Some(body))
    }

    fn look(&self, path: &str) -> Value {
        call(self.operators, "GET", path, &self.admin, None).is(200)
    }

    fn agent(&self, name: &str, environment: &str, key: &Value) -> Agent {
        let profile = json!({ "environments": [environment] });
        self.operate("PUT", &format!("/api/v1/agents/{name}"), &profile).is(201);
        let made = self.operate("POST", &format!("/api/v1/agents/{name}/keys"), key).is(201);
        let agent = Agent { address: self.agents, key: made["key"].as_str().unwrap().to_owned() };
        until("the key is in force", || agent.get("/ask/v1/decisions/dec_none").status != 401);
        agent
    }

    fn metric(&self, line: &str) -> u64 {
        let text = call(self.operators, "GET", "/metrics", "", None).body;
        text.lines().find_map(|it| it.strip_prefix(line)?.trim().parse().ok()).unwrap_or(0)
    }

    /// Every record on the medium so far. Reading is an act with a record of its own, so there is always
    /// one more.
    fn records(&self) -> Vec<Value> {
        let until = self.server.ledger.head().durable;
        let mut all: Vec<Value> = Vec::new();
        while (all.len() as u64) < until {
            let from = format!("/api/v1/ledger/records?from={}", all.len());
            let page = call(self.operators, "GET", &from, &self.admin, None).body;
            all.extend(page.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
        all
    }

    /// Ends it, and looks through the whole ledger as a stranger would.
    fn end_and_verify(self) {
        let config = Config::parse("checkrein.yaml", &self.settings, &self.folder).unwrap();
        self.end();
        let mut trust = ledger::verify::Trust::default();
        trust.keys.push(super::signing_key(&config).unwrap().verifier().clone());
        let report = ledger::verify::verify_folder(&Disk, &crate::commands::ledger::folder(&config), &trust);
        assert!(report.fault.is_none(), "{report}");
    }
}

fn key() -> Value {
    json!({ "label": "test" })
}
