//! What happens when a part of the data folder is damaged or missing, and when the disk takes nothing.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Agent, SETTINGS, Server, call, refund, until};

const SEGMENT: &str = "data/ledger/shards";

fn reading() -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    })
}

/// A server with a few decisions, all of them below a signed head.
fn used() -> (Server, Agent) {
    let server = Server::start(&["refunds.yaml"]);
    let agent = server.agent("shop-helper", &[]);
    for amount in 1..=5 {
        agent.ask(&refund(amount)).is(200);
    }
    until("a head is signed over all of it", || {
        let ledger = server.look("/api/v1/ledger");
        ledger["signed"] == ledger["durable"]
    });
    (server, agent)
}

fn segment(folder: &Path) -> PathBuf {
    let shard = fs::read_dir(folder.join(SEGMENT)).unwrap().next().unwrap().unwrap().path();
    shard.join("segment-000000.log")
}

/// The file, its bytes, and where what was written ends.
fn open_segment(folder: &Path) -> (File, Vec<u8>, usize) {
    let path = segment(folder);
    let bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    (OpenOptions::new().write(true).open(path).unwrap(), bytes, end)
}

#[track_caller]
fn refuses(server: Server, change: impl FnOnce(&Path), says: &[&str]) {
    let Err(log) = server.restart_after(change) else { panic!("it started") };
    for part in says {
        assert!(log.contains(part), "`{part}` is missing in: {log}");
    }
}

#[test]
fn a_record_that_was_changed_below_a_signed_head_keeps_it_from_starting() {
    let (server, _) = used();
    let change = |folder: &Path| {
        let (file, bytes, _) = open_segment(folder);
        let at = bytes.windows(8).position(|part| part == b"decision").unwrap();
        file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
    };
    refuses(server, change, &["record ", "segment-000000.log", "ledger repair"]);
}

#[test]
fn an_unfinished_write_is_cut_and_stands_on_the_ledger_as_a_gap() {
    let (server, agent) = used();
    let change = |folder: &Path| {
        let (file, _, end) = open_segment(folder);
        file.write_all_at(b"\x40\x00\x00\x80 a write that was never finished", end as u64).unwrap();
    };
    let server = server.restart_after(change).unwrap();
    let agent = Agent { address: server.agents, ..agent };
    agent.ask(&refund(6)).is(200);
    let records = call(server.operators, "GET", "/api/v1/ledger/records", &server.admin, None);
    assert!(records.body.contains("torn_tail"), "{}", records.body);
}

#[test]
fn the_index_is_made_again_from_the_ledger() {
    let (server, agent) = used();
    let mut action = refund(7);
    action["idempotency_key"] = json!("seven");
    let id = agent.ask(&action).is(200)["id"].as_str().unwrap().to_owned();
    let before = server.look("/api/v1/decisions")["items"].as_array().unwrap().len();
    let forget = |folder: &Path| {
        for file in ["index.db", "index.db-wal", "index.db-shm"] {
            let _ = fs::remove_file(folder.join("data").join(file));
        }
    };
    let server = server.restart_after(forget).unwrap();
    let agent = Agent { address: server.agents, ..agent };
    let again = agent.ask(&action).is(200);
    assert_eq!(
        (&again["id"], &again["repeated"]),
        (&json!(id), &json!(true)),
        "known without the index file"
    );
    assert!(server.look("/api/v1/decisions")["items"].as_array().unwrap().len() >= before.max(6));

    let garble = |folder: &Path| fs::write(folder.join("data/index.db"), "no database").unwrap();
    let server = server.restart_after(garble).unwrap();
    assert_eq!(server.look(&format!("/api/v1/decisions/{id}"))["decision"]["id"], id.as_str());
}

#[test]
fn a_folder_of_which_a_part_is_missing_is_refused_and_nothing_is_made_anew() {
    for part in ["state.db", "content.db", "keys/binding.key", "keys/token.key", "keys/ledger.key"] {
        let (server, _) = used();
        let folder = server.folder.clone();
        let take = |folder: &Path| {
            for ending in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(folder.join("data").join(format!("{part}{ending}")));
            }
        };
        let Err(log) = server.restart_after(take) else { panic!("it started without {part}") };
        assert!(log.contains(part) && log.contains("backup"), "{part}: {log}");
        assert!(!folder.join("data").join(part).exists(), "{part} was made anew");
    }
    let (server, _) = used();
    let take = |folder: &Path| fs::remove_dir_all(folder.join("data/ledger")).unwrap();
    refuses(server, take, &["the ledger is missing", "backup"]);
}

#[test]
fn a_damaged_part_is_named_and_its_keys_are_not_replaced() {
    let spoil: [(&str, &str); 3] =
        [("state.db", "state.db"), ("content.db", "content.db"), ("keys/binding.key", "binding.key")];
    for (part, named) in spoil {
        let (server, _) = used();
        let garble = |folder: &Path| {
            for ending in ["-wal", "-shm"] {
                let _ = fs::remove_file(folder.join("data").join(format!("{part}{ending}")));
            }
            fs::write(folder.join("data").join(part), "this is something else").unwrap();
        };
        refuses(server, garble, &[named]);
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    let settings = SETTINGS.replace("data: data", "data: checkrein.yaml/data");
    let kept = tempfile::tempdir().unwrap();
    fs::create_dir(kept.path().join("rules")).unwrap();
    fs::write(kept.path().join("checkrein.yaml"), settings).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(["serve", "--config"])
        .arg(kept.path().join("checkrein.yaml"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("checkrein.yaml/data"), "{told}");
    assert!(told.contains("writable"), "{told}");
}

/// From now on no file of the server grows beyond so many bytes, as on a disk that is full.
fn limit_files(server: &Server, bytes: &str) {
    let set = Command::new("prlimit")
        .args(["--pid", &server.process().to_string(), &format!("--fsize={bytes}:unlimited")])
        .status();
    assert!(set.unwrap().success(), "prlimit (util-linux) sets the limit of the server");
}

#[test]
fn when_the_disk_takes_nothing_reads_pass_and_are_counted_and_effects_do_not() {
    let server = Server::start(&["refunds.yaml"]);
    let agent = server.agent("shop-helper", &[]);
    assert_eq!(agent.ask(&refund(1)).is(200)["unrecorded"], Value::Null);
    limit_files(&server, "4096");
    until("it is noticed that nothing can be written", || agent.ask(&refund(2)).status == 503);
    let refused = agent.ask(&refund(3)).is(503);
    assert_eq!(refused["error"]["code"], "not_recorded");
    let passed = agent.ask(&reading()).is(200);
    assert_eq!((&passed["outcome"], &passed["unrecorded"]), (&json!("run"), &json!(true)));
    assert!(server.metric("checkrein_unrecorded_total{passed=\"yes\"}") >= 1);
    assert!(server.metric("checkrein_unrecorded_total{passed=\"no\"}") >= 1);
    let ready = call(server.operators, "GET", "/readyz", "", None);
    assert_eq!(ready.status, 503, "{ready:?}");
    let change = server.operate("PUT", "/api/v1/agents/other", &json!({ "environments": ["production"] }));
    assert!(change.status >= 500, "no act without its record: {change:?}");

    // A ledger that failed takes records again after a restart, and then it is told what passed.
    let counted = || std::fs::read_to_string(server.folder.join("data/open-passes")).unwrap();
    until("what passed is remembered", || counted().trim().parse::<u64>().unwrap() >= 1);
    let server = server.restart_after(|_| {}).unwrap();
    until("what passed is on the ledger", || {
        let findings = server.look("/api/v1/findings");
        findings["items"].as_array().unwrap().iter().any(|it| it["rule"] == "ledger.open_passes")
    });
    let records = call(server.operators, "GET", "/api/v1/ledger/records", &server.admin, None);
    assert!(records.body.contains("\"open_passes\":\""), "{}", records.body);
}

#[test]
fn a_scope_that_fails_closed_lets_nothing_pass_without_a_record() {
    let server = Server::with(&SETTINGS.replace("reads: open", "reads: closed"), &["refunds.yaml"]);
    let agent = server.agent("shop-helper", &[]);
    agent.ask(&reading()).is(200);
    limit_files(&server, "4096");
    until("it is noticed that nothing can be written", || agent.ask(&refund(2)).status == 503);
    assert_eq!(agent.ask(&reading()).is(503)["error"]["code"], "not_recorded");
    assert_eq!(server.metric("checkrein_unrecorded_total{passed=\"yes\"}"), 0);
}
