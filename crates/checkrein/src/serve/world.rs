//! The whole server, over real sockets and on a real disk, with two things of the outside world in the
//! hands of the tests: what time it is, and when the disk has taken what was written.

#[path = "../../tests/server/speak.rs"]
#[allow(dead_code, reason = "the tests of the binary use more of it")]
mod speak;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use ledger::volume::{Lock, Space, VolumeFile};
use ledger::{Clock, Disk, Nanos, SystemClock, Volume};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::watch;

use self::speak::{Agent, Reply, call, refund, until};
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
}

/// What ends the server.
struct Parts {
    ledger: ledger::Ledger,
    threads: Vec<std::thread::JoinHandle<()>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl World {
    fn new(rules: &[&str]) -> (tempfile::TempDir, World) {
        let kept = tempfile::tempdir().unwrap();
        std::fs::create_dir(kept.path().join("rules")).unwrap();
        for name in rules {
            let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name);
            std::fs::copy(pack, kept.path().join("rules").join(name)).unwrap();
        }
        let world = World::start(kept.path(), None);
        (kept, world)
    }

    fn start(folder: &Path, admin: Option<String>) -> World {
        let config = Arc::new(Config::parse("checkrein.yaml", SETTINGS, folder).unwrap());
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
        }
    }

    /// Ends it and starts it again over the same folder.
    fn again(self) -> World {
        let (folder, admin) = (self.folder.clone(), self.admin.clone());
        self.end();
        World::start(&folder, Some(admin))
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
        let config = Config::parse("checkrein.yaml", SETTINGS, &self.folder).unwrap();
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

/// A12: no decision for 5 s. What then happens is what each environment chose, and nothing else.
#[test]
fn a12_after_five_seconds_without_a_decision_open_lets_through_and_closed_drops() {
    let (_kept, world) = World::new(&["refunds.yaml"]);
    let open = world.agent("stager", "staging", &key());
    let closed = world.agent("payer", "production", &key());
    let mut once = refund(7);
    once["idempotency_key"] = json!("seven");
    open.ask(&refund(1)).is(200);
    closed.ask(&refund(1)).is(200);
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"yes\"}"), 0);

    world.disk.stall(true);
    let timed = |agent: &Agent, action: &Value| {
        let start = Instant::now();
        (agent.ask(action), start.elapsed())
    };
    let ((passed, waited), (dropped, waited_too)) = std::thread::scope(|scope| {
        let passed = scope.spawn(|| timed(&open, &refund(2)));
        let dropped = scope.spawn(|| timed(&closed, &once));
        (passed.join().unwrap(), dropped.join().unwrap())
    });
    let limit = gateway::limits::DECIDE_WITHIN;
    assert!(waited >= limit && waited_too >= limit, "{waited:?}, {waited_too:?}: not before its time");
    let passed = passed.is(200);
    assert_eq!((&passed["outcome"], &passed["unrecorded"]), (&json!("run"), &json!(true)));
    assert_eq!(dropped.is(503)["error"]["code"], "no_decision_in_time");
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"yes\"}"), 1);
    assert_eq!(world.metric("checkrein_unrecorded_total{passed=\"no\"}"), 1);
    // While its record may still come, the same question under its key is not decided again.
    assert_eq!(closed.ask(&once).is(409)["error"]["code"], "still_deciding");

    world.disk.stall(false);
    let mut again = Value::Null;
    until("what was decided in time or not is known by its key", || {
        let reply = closed.ask(&once);
        again = if reply.status == 200 { reply.json() } else { Value::Null };
        again != Value::Null
    });
    assert_eq!((&again["outcome"], &again["repeated"]), (&json!("run"), &json!(true)));
    let with_id = |id: &Value| world.records().iter().filter(|it| it["decision"]["id"] == *id).count();
    assert_eq!(with_id(&again["id"]), 1, "one question, one record");
    until("the pass without a record is told", || {
        let findings = world.look("/api/v1/findings");
        findings["items"].as_array().unwrap().iter().any(|it| it["rule"] == "ledger.open_passes")
    });
    closed.ask(&refund(3)).is(200);
    let world = world.again();
    assert_eq!(world.records().iter().filter(|it| it["decision"]["id"] == again["id"]).count(), 1);
    world.end_and_verify();
}

/// A write that the rules of the test hold for a person.
fn held() -> Value {
    json!({
        "kind": "record_change", "operation": "write", "tool": "crm_update",
        "resource": { "type": "crm_record", "name": "contacts" },
        "payload": { "id": "k-77", "fields": { "status": "qualified" } },
        "principal": { "id": "maria@shop.example" },
    })
}

fn reading() -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    })
}

/// A clock that is set by hours, ahead and back: what has a time ends by the time of day as it is read
/// then, nothing that was acknowledged is lost, and the ledger says that the clock was set.
#[test]
fn a_clock_that_jumps_by_hours_loses_nothing_and_is_on_the_ledger() {
    let (_kept, world) = World::new(&["read-write.yaml"]);
    let agent = world.agent("shop-helper", "production", &key());
    let in_one_hour = world.clock.now().timestamp().plus_millis(3_600_000).to_string();
    let short = world.agent("short", "production", &json!({ "label": "test", "expires": in_one_hour }));
    let thrifty = world.agent("thrifty", "production", &key());
    let limit = json!({ "agent": "thrifty", "settings": { "requests_per_day": 2 } });
    world.operate("PUT", "/api/v1/settings", &limit).is(200);
    until("the budget is in force and spent", || thrifty.ask(&reading()).status == 429);

    let mut acknowledged = Vec::new();
    let waits = |acknowledged: &mut Vec<Value>| {
        let answer = agent.ask(&held()).is(202);
        acknowledged.push(answer["id"].clone());
        answer
    };
    let state = |answer: &Value| {
        let id = answer["id"].as_str().unwrap();
        agent.get(&format!("/ask/v1/decisions/{id}")).is(200)["state"].clone()
    };
    let before = waits(&mut acknowledged);

    // Five hours back. Nothing expires, nothing opens: what was waiting waits, the budget stays spent.
    world.clock.set(-5);
    let during = waits(&mut acknowledged);
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!((state(&before), state(&during)), (json!("pending"), json!("pending")));
    assert_ne!(short.ask(&reading()).status, 401);
    assert_eq!(thrifty.ask(&reading()).is(429)["error"]["code"], "budget_spent");
    let approve = format!("/api/v1/approvals/{}/approve", before["id"].as_str().unwrap());
    world.operate("POST", &approve, &json!({})).is(200);
    let resume = json!({ "token": before["hold"]["token"], "action": held(), "claim": "one" });
    let path = format!("/ask/v1/decisions/{}/resume", before["id"].as_str().unwrap());
    assert_eq!(
        agent.post(&path, &resume).is(200)["outcome"],
        "run",
        "released once, at a time before its request"
    );

    // Thirty hours ahead: deadlines and keys are over, and a new day has a new budget.
    world.clock.set(30);
    until("what waited has expired", || state(&during) == "expired");
    let token = json!({ "token": during["hold"]["token"], "action": held(), "claim": "one" });
    let path = format!("/ask/v1/decisions/{}/resume", during["id"].as_str().unwrap());
    assert_eq!(agent.post(&path, &token).status, 403, "expired is refused");
    assert_eq!(short.ask(&reading()).status, 401);
    assert_ne!(thrifty.ask(&reading()).status, 429);
    let later = waits(&mut acknowledged);

    // And back to now. What has expired stays so; a key is good again, since only its time had passed.
    world.clock.set(0);
    assert_eq!(state(&during), "expired");
    assert_eq!(state(&later), "pending");
    assert_ne!(short.ask(&reading()).status, 401);
    assert_ne!(thrifty.ask(&reading()).status, 429, "the second of the two of the new day");
    assert_eq!(thrifty.ask(&reading()).status, 429, "the day before gives no third budget");
    acknowledged.push(agent.ask(&reading()).json()["id"].clone());

    let check = |world: &World| {
        let records = world.records();
        for id in &acknowledged {
            assert_eq!(records.iter().filter(|it| it["decision"]["id"] == *id).count(), 1, "{id}");
        }
        records.iter().filter(|it| it["kind"] == "clock").count()
    };
    assert_eq!(check(&world), 3, "each jump is a record");
    let world = world.again();
    assert!(check(&world) >= 3);
    world.end_and_verify();
}
