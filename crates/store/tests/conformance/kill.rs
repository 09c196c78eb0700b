//! Killed in the middle of writing: what was acknowledged is there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use action::Name;
use store::State;

use crate::place::{Place, Sqlite, at, name};
use crate::registry::profile;

const FOLDER: &str = "CHECKREIN_TEST_FOLDER";

/// Not a test by itself: what the process does that is killed. It says each name once its write returned.
#[test]
#[ignore = "runs inside `what_was_acknowledged_survives_a_kill`"]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let state = State::open(folder.as_ref(), &name("acme")).unwrap();
    let first = state.snapshot().unwrap().agents.len();
    for n in first.. {
        state.add_agent(&name(&format!("agent-{n}")), &profile("r"), at(1)).unwrap();
        println!("\nwritten agent-{n}");
        std::io::stdout().flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let place = Sqlite::new();
    let mut acknowledged: Vec<Name> = Vec::new();
    for round in 1..=10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--ignored", "--nocapture"])
            .env(FOLDER, place.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let names = lines.filter_map(|line| line.strip_prefix("written ").map(name));
        acknowledged.extend(names.take(5 + round));
        child.kill().unwrap();
        child.wait().unwrap();
        let state = place.state();
        for agent in &acknowledged {
            assert!(state.agent(agent).unwrap().is_some(), "{agent} was acknowledged and is gone");
        }
        assert_eq!(state.snapshot().unwrap().agents.len() as u64 + 1, state.version(), "one version a write");
    }
    assert_eq!(acknowledged.len(), (6..=15).sum::<usize>());
}
