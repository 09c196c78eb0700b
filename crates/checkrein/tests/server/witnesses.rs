//! A real witness beside a real server: what it signs is in the evidence, and what it refuses is told.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::harness::{SETTINGS, Server, call, checkrein, refund, until};

struct Witness {
    child: Child,
    address: String,
    key: String,
}

impl Witness {
    fn start(folder: &Path, log: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_checkrein"))
            .args([
                "witness",
                "--name",
                "witness.example/1",
                "--listen",
                "127.0.0.1:0",
                "--log",
                log,
                "--data",
            ])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut address, mut key) = (None, None);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref() {
            let line = line.unwrap();
            if let Some((_, rest)) = line.split_once("http://") {
                address = Some(rest.trim_end_matches("/add-checkpoint").to_owned());
            }
            if let Some((_, rest)) = line.split_once("its key is") {
                key = Some(rest.trim().to_owned());
                break;
            }
        }
        // What is printed later goes nowhere, but the pipe must not close.
        std::thread::spawn(move || lines.for_each(drop));
        Witness { child, address: address.unwrap(), key: key.unwrap() }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

fn standing(server: &Server) -> Value {
    server.look("/api/v1/ledger/witnesses")[0].clone()
}

/// A server with a witness, which needs the other's key each.
fn pair() -> (Server, Witness, tempfile::TempDir) {
    let mut server = Server::start(&["refunds.yaml"]);
    until("something is signed", || server.look("/api/v1/ledger")["signed"].as_u64() >= Some(1));
    let (code, told) = checkrein(&server, &["ledger", "export", "first.evidence.tar.gz"]);
    assert_eq!(code, 0, "{told}");
    let log = told.lines().find_map(|line| line.strip_prefix("  key     ")).unwrap().to_owned();
    let kept = tempfile::tempdir().unwrap();
    let witness = Witness::start(&kept.path().join("witness"), &log);
    std::fs::write(kept.path().join("log.pub"), log).unwrap();
    assert!(server.stop().success());
    let settings = format!(
        "{SETTINGS}witnesses: {{ every_seconds: 1, silent_after_seconds: 2, \
         from: [{{ key: '{}', url: 'http://{}', private: true }}] }}\n",
        witness.key, witness.address
    );
    std::fs::write(server.folder.join("checkrein.yaml"), settings).unwrap();
    (server.crash_and_restart(), witness, kept)
}

#[test]
fn cosignatures_are_served_kept_and_in_bundles() {
    let (server, mut witness, kept) = pair();
    let shop = server.agent("shop-helper", &[]);
    let id = shop.ask(&refund(10)).is(200)["id"].as_str().unwrap().to_owned();
    until("all of it is cosigned", || {
        let (standing, ledger) = (standing(&server), server.look("/api/v1/ledger"));
        standing["state"] == "cosigning" && standing["cosigned"] == ledger["durable"]
    });
    let text = |path: &str| call(server.operators, "GET", path, &server.admin, None).body;
    for path in ["/api/v1/ledger/checkpoint", "/api/v1/ledger/checkpoint?cosigned=true"] {
        assert!(text(path).contains("— witness.example/1 "), "{}", text(path));
    }
    assert!(text("/readyz").contains("witnesses: 1 of 1 cosign"), "{}", text("/readyz"));
    assert!(text("/metrics").contains("checkrein_witness_behind{name=\"witness.example/1\"} 0"));

    let log = std::fs::read_to_string(kept.path().join("log.pub")).unwrap();
    let trusted = ["--key", log.as_str(), "--witness", witness.key.as_str()];
    let (code, told) = checkrein(&server, &["ledger", "export", "all.evidence.tar.gz"]);
    assert_eq!(code, 0, "{told}");
    let (code, told) =
        checkrein(&server, &[&["ledger", "verify", "all.evidence.tar.gz"], &trusted[..]].concat());
    assert_eq!(code, 0, "{told}");
    let (code, told) = checkrein(&server, &[&["ledger", "verify"], &trusted[..]].concat());
    assert_eq!(code, 0, "in place: {told}");
    // One decision alone, with the cosignature.
    let (code, told) = checkrein(&server, &["ledger", "prove", &id, "--out", "one.proof"]);
    assert_eq!(code, 0, "{told}");
    let (code, told) = checkrein(&server, &[&["ledger", "verify-proof", "one.proof"], &trusted[..]].concat());
    assert!(code == 0 && told.contains("cosigned by witness.example/1") && told.contains(&id), "{told}");

    witness.child.kill().unwrap();
    until("its silence is a finding", || {
        let findings = server.look("/api/v1/findings").to_string();
        findings.contains("witness.silent")
    });
    assert_eq!(standing(&server)["state"], "silent");
    assert!(text("/readyz").contains("witnesses: 0 of 1 cosign"));
}

#[test]
fn a_folder_that_was_put_back_is_a_critical_finding() {
    let (mut server, _witness, kept) = pair();
    until("it is cosigned", || standing(&server)["state"] == "cosigning");
    assert!(server.stop().success());
    let (data, backup) = (server.folder.join("data"), kept.path().join("backup"));
    copy(&data, &backup);
    let server = server.crash_and_restart();
    let shop = server.agent("shop-helper", &[]);
    for amount in 0..40 {
        shop.ask(&refund(10 + amount));
    }
    until("more is cosigned", || {
        let (standing, ledger) = (standing(&server), server.look("/api/v1/ledger"));
        standing["cosigned"].as_u64() >= Some(40) && standing["cosigned"] == ledger["durable"]
    });
    let mut server = server;
    assert!(server.stop().success());
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    let server = server.crash_and_restart();
    until("the witness refuses", || standing(&server)["state"] == "refusing");
    let fault = standing(&server)["last_fault"].clone();
    assert_eq!(fault, "rolled_back", "the log is shorter than what was cosigned");
    until("it is a critical finding", || {
        let findings = server.look("/api/v1/findings?severity=critical");
        findings["items"].as_array().unwrap().iter().any(|one| one["rule"] == "witness.contradicts")
    });
    // It goes on with other records, until it is longer: now it is a fork.
    let shop = server.agent("another", &[]);
    for amount in 0..60 {
        shop.ask(&refund(10 + amount));
    }
    until("it is longer than what the witness knows", || {
        server.look("/api/v1/ledger")["signed"].as_u64() >= Some(60)
    });
    until("the witness still refuses", || standing(&server)["last_fault"] == "forked");
    let of_it = |one: &&Value| one["rule"] == json!("witness.contradicts");
    let findings = server.look("/api/v1/findings");
    assert_eq!(findings["items"].as_array().unwrap().iter().filter(of_it).count(), 1, "told once");
}
