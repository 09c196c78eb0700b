//! Single records of a running server: followed, proven, erased.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Server, checkrein, refund, until};

#[test]
fn records_are_followed_while_the_server_writes() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let mut follower = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(["ledger", "tail", "--follow", "--json", "--from", "0"])
        .current_dir(&server.folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    let id = shop.ask(&refund(5_000)).is(403)["id"].as_str().unwrap().to_owned();
    let mut next = 0;
    let decision = loop {
        let record: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(record["sequence"], next);
        next += 1;
        if record["kind"] == "decision" {
            break record;
        }
    };
    follower.kill().unwrap();
    follower.wait().unwrap();
    assert_eq!(decision["decision"]["id"], id.as_str());

    let (code, text) = checkrein(&server, &["ledger", "tail"]);
    let line = text.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(code, 0);
    for word in ["decision", "shop-helper", "pay refund", "block"] {
        assert!(line.contains(word), "{word} in {line}");
    }
    assert!(text.lines().count() <= 10, "the last ten");
}

#[test]
fn one_decision_is_proven_offline_and_a_person_is_erased() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let id = shop.ask(&refund(42)).is(200)["id"].as_str().unwrap().to_owned();
    until("it is signed", || {
        let ledger = server.look("/api/v1/ledger");
        ledger["signed"] == ledger["durable"]
    });
    let (code, told) = checkrein(&server, &["ledger", "prove", &id, "--out", "refund.proof"]);
    assert_eq!(code, 0, "{told}");
    let key = told.lines().find_map(|line| line.strip_prefix("  key     ")).unwrap();
    let (code, told) = checkrein(&server, &["ledger", "verify-proof", "refund.proof", "--key", key]);
    assert!(code == 0 && told.contains(&id), "{told}");
    let proof = server.folder.join("refund.proof");
    let text = std::fs::read_to_string(&proof).unwrap();
    assert!(!text.contains("maria"), "a pseudonym stands for the person");
    let (_, index) = text.split_once("index ").unwrap();
    let index: u64 = index.split('\n').next().unwrap().parse().unwrap();
    let other = text.replace(&format!("index {index}\n"), &format!("index {}\n", index - 1));
    std::fs::write(&proof, other).unwrap();
    let (code, told) = checkrein(&server, &["ledger", "verify-proof", "refund.proof", "--key", key]);
    assert_eq!(code, 4, "{told}");
    let (code, told) = checkrein(&server, &["ledger", "prove", "dec_nothing"]);
    assert!(code == 3 && told.contains("dec_nothing"), "{told}");

    std::fs::write(server.folder.join("admin.token"), &server.admin).unwrap();
    let operators = format!("http://{}", server.operators);
    let erase =
        ["ledger", "erase", "maria@shop.example", "--basis", "gdpr.17", "--token-file", "admin.token"];
    let (code, told) = checkrein(&server, &[&erase[..], &["--operators", &operators]].concat());
    assert!(code == 0 && told.contains("destroyed"), "{told}");
    let (code, told) = checkrein(&server, &[&erase[..], &["--operators", &operators]].concat());
    assert!(code == 3 && told.contains("not_found"), "{told}");
}
