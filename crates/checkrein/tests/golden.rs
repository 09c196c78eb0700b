//! Contracts that outsiders rely on are files; a change of one shows as a diff.
//!
//! `UPDATE_GOLDEN=1 cargo test -p checkrein --test golden` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

fn compare(name: &str, now: &str) {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == now,
        "the contract `{name}` changed; if that is meant, run \
         `UPDATE_GOLDEN=1 cargo test -p checkrein --test golden` and say so in CHANGELOG.md"
    );
}

fn printed(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_checkrein")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_schema_of_actions_and_decisions_is_unchanged() {
    compare("api/action.schema.json", &printed(&["schema"]));
    compare("api/operators.openapi.json", &printed(&["schema", "operators"]));
}

#[test]
fn the_help_of_every_command_is_unchanged() {
    let mut text = printed(&["--help"]);
    for command in [
        "decide",
        "scan",
        "rules",
        "redact",
        "restore",
        "check",
        "bench",
        "train-injection",
        "report",
        "serve",
        "ledger",
        "witness",
        "demo",
        "mock-provider",
        "tour",
        "providers",
        "schema",
        "completions",
        "man",
    ] {
        text.push_str(&format!("\n$ checkrein {command} --help\n{}", printed(&[command, "--help"])));
    }
    compare("api/command-line.txt", &text);
}

#[test]
fn pages_of_tables_say_what_the_tables_say() {
    compare("docs/reference.md", &printed(&["rules", "reference"]));
    compare("docs/providers.md", &printed(&["providers"]));
}
