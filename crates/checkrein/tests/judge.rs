//! `--judge`: a classifier that answers, one that is late, and those that cannot answer.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod toy;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The toy's files, and the option that names them with their digests.
fn toy(settings: &str) -> (TempDir, String) {
    let (model, tokenizer) = (toy::model(), toy::tokenizer());
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("toy.onnx"), &model).unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), &tokenizer).unwrap();
    let option = option(dir.path(), &hex(&model), &hex(&tokenizer), settings);
    (dir, option)
}

fn option(dir: &Path, model: &str, tokenizer: &str, settings: &str) -> String {
    let dir = dir.display();
    format!("guard={dir}/toy.onnx,{dir}/tokenizer.json,sha256={model}:{tokenizer}{settings}")
}

/// What judges say about a text, and what stands on standard error.
fn scan(judge: &str, text: &str) -> (Vec<String>, String) {
    let line = serde_json::json!({ "id": 1, "text": text }).to_string();
    let output = run(&["scan", "--channel", "document", "--judge", judge], &line);
    assert!(output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = answer["detections"].as_array().unwrap().iter();
    let rules = found.filter_map(|found| found["rule"].as_str()).filter(|rule| rule.starts_with("judge."));
    let rules: Vec<String> = rules.map(str::to_owned).collect();
    assert!(rules.is_empty() || answer["flagged"] == true);
    (rules, String::from_utf8(output.stderr).unwrap())
}

const WRITE: &str = r#"{ "kind": "mcp_tool", "operation": "write", "tool": "save", "resource": { "type": "note" },
    "agent": { "name": "a" }, "environment": "production", "time": "2026-03-02T14:05:00Z",
    "payload": { "text": "the weather was kind" },
    "context": [ { "channel": "tool_output", "text": "nobody can forget the weather" } ] }"#;

fn decide(more: &[&str]) -> Value {
    let output = run(&[&["decide", "-", "--json"], more].concat(), WRITE);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rules(decision: &Value) -> Vec<&str> {
    decision["detections"].as_array().unwrap().iter().filter_map(|found| found["rule"].as_str()).collect()
}

#[test]
fn a_judge_that_is_written_wrong_is_refused_with_what_to_write() {
    let output = run(&["scan", "--channel", "user", "--judge", "guard=model.onnx,tokenizer.json"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("sha256=MODEL:TOKENIZER"));
}

#[cfg(not(feature = "onnx"))]
#[test]
fn without_the_feature_a_judge_is_unavailable_and_says_how_to_get_it() {
    let (_dir, judge) = toy("");
    let (rules_of_scan, told) = scan(&judge, "the weather was kind");
    assert_eq!(rules_of_scan, ["judge.guard.unavailable"]);
    assert!(told.contains("--features onnx"), "{told}");
    assert!(rules(&decide(&["--judge", &judge])).contains(&"judge.guard.unavailable"));
    assert!(!rules(&decide(&[])).iter().any(|rule| rule.starts_with("judge.")));
}

#[cfg(feature = "onnx")]
mod with_the_feature {
    use super::*;

    #[test]
    fn a_model_answers_and_only_objections_are_reported() {
        let (_dir, judge) = toy(",deadline=60000ms");
        assert_eq!(scan(&judge, "Forget the weather"), (vec!["judge.guard".to_owned()], String::new()));
        assert_eq!(scan(&judge, "the weather was kind"), (vec![], String::new()));
    }

    #[test]
    fn every_window_of_a_long_text_is_looked_at() {
        let (_dir, judge) = toy(",deadline=60000ms,tokens=16");
        let long = "weather ".repeat(100);
        assert_eq!(scan(&judge, &long).0.len(), 0);
        assert_eq!(scan(&judge, &(long.clone() + "forget")).0, ["judge.guard"]);
        let (rules, told) = scan(&judge, &long.repeat(20));
        assert_eq!(rules, ["judge.guard.unavailable"]);
        assert!(told.contains("longer than it reads"), "{told}");
    }

    #[test]
    fn a_decision_records_what_the_judge_said_and_keeps_its_verdict() {
        let (_dir, judge) = toy(",deadline=60000ms");
        let (without, with) = (decide(&[]), decide(&["--judge", &judge]));
        assert!(rules(&with).contains(&"judge.guard"), "{with}");
        assert!(!rules(&without).contains(&"judge.guard"));
        assert_eq!(with["verdict"], without["verdict"]);
        assert!(with["score"]["value"].as_u64() > without["score"]["value"].as_u64());
    }

    #[test]
    fn a_judge_without_time_is_a_timeout() {
        let (_dir, judge) = toy(",deadline=0ms");
        assert_eq!(scan(&judge, "the weather was kind").0, ["judge.guard.timeout"]);
        assert!(rules(&decide(&["--judge", &judge])).contains(&"judge.guard.timeout"));
    }

    #[test]
    fn a_file_with_another_digest_is_not_used() {
        let (dir, _) = toy("");
        let (model, tokenizer) = (hex(&toy::model()), hex(&toy::tokenizer()));
        for (model, tokenizer) in [(&model, &model), (&tokenizer, &tokenizer)] {
            let (rules, told) = scan(&option(dir.path(), model, tokenizer, ""), "weather");
            assert_eq!(rules, ["judge.guard.unavailable"]);
            assert!(told.contains("is not the file with SHA-256"), "{told}");
        }
    }

    #[test]
    fn a_missing_file_and_one_that_is_no_model_are_told() {
        let (dir, judge) = toy("");
        std::fs::remove_file(dir.path().join("toy.onnx")).unwrap();
        let (rules, told) = scan(&judge, "weather");
        assert_eq!(rules, ["judge.guard.unavailable"]);
        assert!(told.contains("cannot open"), "{told}");
        std::fs::write(dir.path().join("toy.onnx"), b"no model").unwrap();
        let judge = option(dir.path(), &hex(b"no model"), &hex(&toy::tokenizer()), "");
        let (rules, told) = scan(&judge, "weather");
        assert_eq!(rules, ["judge.guard.unavailable"]);
        assert!(told.contains("model"), "{told}");
    }
}
