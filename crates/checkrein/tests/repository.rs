//! Rules about the repository itself: who may use whom, and under which licences.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The arrows of the design: each crate and the crates it may use. ARCHITECTURE.md draws the same.
const ARROWS: &[(&str, &[&str])] = &[
    ("action", &[]),
    ("engine", &["action"]),
    ("wire", &["action"]),
    ("ledger", &["action"]),
    ("estate", &["action"]),
    ("hold", &["action", "ledger"]),
    ("sandbox", &["action"]),
    ("store", &["action", "ledger", "estate"]),
    ("gateway", &["action", "engine", "wire", "ledger", "hold"]),
    ("control", &["action", "engine", "ledger", "hold", "estate", "store"]),
    ("evidence", &["action", "ledger", "estate"]),
    ("sensor", &["action"]),
    // Drives the program from outside and judges it, so it shares nothing with it.
    ("bench-gateway", &[]),
    ("bench-server", &[]),
    (
        "checkrein",
        &[
            "action", "engine", "wire", "ledger", "hold", "estate", "store", "gateway", "control",
            "evidence", "sandbox",
        ],
    ),
];

/// Crates that must stay free of sockets, clocks and async runtimes.
const PURE: &[&str] = &["action", "engine", "wire", "estate"];

/// What a pure crate may not reach, at any depth.
const IMPURE: &[&str] =
    &["tokio", "async-std", "smol", "mio", "socket2", "hyper", "reqwest", "rustls", "openssl"];

/// Licences that may be linked into a product under Apache-2.0.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "0BSD",
    "BSL-1.0",
    "CDLA-Permissive-2.0",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The platform we build for: crates for others need not be downloaded to be judged here.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    // What a feature adds has been downloaded when the tests run with it, and only then.
    let features: &[&str] = if cfg!(feature = "onnx") { &["--features", "checkrein/onnx"] } else { &[] };
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host()])
        .args(features)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

#[test]
fn crates_use_only_whom_the_design_allows() {
    let metadata = metadata();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for package in metadata["packages"].as_array().unwrap() {
        if !package["source"].is_null() {
            continue;
        }
        let name = text(package, "name");
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            panic!(
                "crate `{name}` is not in the design: add it to ARROWS and to ARCHITECTURE.md with its reason"
            );
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = text(dependency, "name");
            assert!(
                !ours.contains(used) || dependency["source"].is_string() || allowed.contains(&used),
                "crate `{name}` may not use `{used}`: the design has no such arrow"
            );
        }
    }
}

#[test]
fn pure_crates_reach_no_runtime_and_no_socket() {
    let metadata = metadata();
    let names: BTreeMap<&str, &str> =
        metadata["packages"].as_array().unwrap().iter().map(|p| (text(p, "id"), text(p, "name"))).collect();
    let edges: BTreeMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            let normal =
                node["deps"].as_array().unwrap().iter().filter(|dep| {
                    dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
                });
            (text(node, "id"), normal.map(|dep| text(dep, "pkg")).collect())
        })
        .collect();
    for (id, name) in &names {
        if !PURE.contains(name) {
            continue;
        }
        let mut open = vec![*id];
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(edges.get(next).into_iter().flatten());
                let reached = names.get(next).copied().unwrap_or_default();
                assert!(!IMPURE.contains(&reached), "pure crate `{name}` reaches `{reached}`");
            }
        }
    }
}

#[test]
fn every_licence_may_be_linked() {
    for package in metadata()["packages"].as_array().unwrap() {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        assert!(acceptable(licence), "`{name}` has licence `{licence}`, which is not on the list");
    }
}

/// Whether one of the alternatives has only licences of the list: `A OR B`, `A AND B`, `(A OR B) AND C`.
fn acceptable(expression: &str) -> bool {
    let flat = expression.replace('/', " OR ").replace(['(', ')'], "");
    if expression.contains(") AND") || expression.contains("AND (") {
        return flat.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one.trim())));
    }
    flat.split(" OR ").any(|one| one.split(" AND ").all(|part| LICENCES.contains(&part.trim())))
}

#[test]
fn the_licence_list_reads_expressions() {
    assert!(acceptable("MIT OR GPL-3.0"));
    assert!(acceptable("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!acceptable("(MIT OR Apache-2.0) AND GPL-3.0"));
    assert!(!acceptable("GPL-3.0"));
    assert!(!acceptable(""));
}

#[test]
fn unsafe_code_is_forbidden_in_every_crate() {
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let manifest = std::fs::read_to_string(entry.unwrap().path().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "a crate does not take the workspace lints");
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
}
