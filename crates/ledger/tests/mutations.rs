//! Whatever is done to a bundle is found, and both verifiers say the same about it.
//!
//! Each row of [`CLASSES`] changes a bundle in one way and says what must be found. Some are what
//! anybody can do to a file; some, named `insider`, are what only somebody with the log's key can do.
//! `LEDGER_MUTATIONS` sets how many changed bundles the large comparison makes (1,200 by default).
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it does not expect"
)]

mod common;
mod mutators;

use std::path::Path;
use std::process::Command;

use common::archive::Parts;
use common::{Dice, LOG, Sample, Shape, trust};
use ledger::note::Policy;
use ledger::verify::{Outcome, Report, Trust, verify_bundle};
use mutators::{CLASSES, Subject, Want};
use serde_json::Value;

fn subject(records: u64, every: u64, eventful: bool, from: u64, seed: u64) -> Subject {
    let sample = Sample::new(&Shape { records, every, eventful, seed });
    let bundle = sample.bundle(from);
    Subject { parts: Parts::of(&bundle), bundle, sample, from }
}

/// What either verifier says, as far as both must say it.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Said {
    exit: u8,
    code: Option<String>,
    first_bad: Option<u64>,
}

fn rust_says(bundle: &[u8]) -> Said {
    let report = verify_bundle(bundle, &trust());
    let code = report.fault.as_ref().map(|fault| fault.code.as_str().to_owned());
    let first_bad = report.fault.as_ref().and_then(|fault| fault.first_bad);
    Said { exit: report.exit_code(), code, first_bad }
}

/// Runs the verifier that bundles carry, once, over all files of a folder.
fn python_reports(bundles: &[Vec<u8>], arguments: &[&str]) -> Vec<Value> {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("verify.py");
    std::fs::write(&script, ledger::bundle::VERIFIER).unwrap();
    let names: Vec<String> = (0..bundles.len()).map(|n| format!("{n}.evidence.tar.gz")).collect();
    for (name, bundle) in names.iter().zip(bundles) {
        std::fs::write(dir.path().join(name), bundle).unwrap();
    }
    // Nothing but the standard library, and no site packages that could stand in for it.
    let mut command = Command::new("python3");
    command
        .args(["-I", "-S"])
        .arg(&script)
        .arg("--json")
        .args(arguments)
        .args(&names)
        .current_dir(dir.path());
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let reports: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), bundles.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let worst = reports.iter().map(|said| said["exit"].as_i64().unwrap()).max();
    assert_eq!(output.status.code().map(i64::from), worst);
    reports
}

fn python_says(bundles: &[Vec<u8>]) -> Vec<Said> {
    let key = common::key(1).verifier().to_string();
    let witnesses = [common::witness(1).verifier().to_string(), common::witness(2).verifier().to_string()];
    let arguments = ["--key", &key, "--witness", &witnesses[0], "--witness", &witnesses[1], "--quorum", "1"];
    let said = |value: &Value| Said {
        exit: value["exit"].as_u64().unwrap().try_into().unwrap(),
        code: value["code"].as_str().map(str::to_owned),
        first_bad: value["first_bad"].as_u64(),
    };
    python_reports(bundles, &arguments).iter().map(said).collect()
}

/// Makes each class of change, and holds what was found against what must be.
fn compare(made: Vec<(&'static str, Vec<u8>, Want)>) {
    let bundles: Vec<Vec<u8>> = made.iter().map(|(_, bundle, _)| bundle.clone()).collect();
    let mut faults = Vec::new();
    for ((class, bundle, want), python) in made.iter().zip(python_says(&bundles)) {
        let rust = rust_says(bundle);
        if rust != python {
            faults.push(format!("{class}: rust says {rust:?}, python says {python:?}"));
        }
        if !want.fits(rust.exit, rust.first_bad) {
            faults.push(format!("{class}: want {want:?}, found {rust:?}"));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), made.len(), faults.join("\n"));
}

#[test]
fn every_change_of_a_large_bundle_is_found() {
    let subject = subject(10_000, 512, true, 0, 3);
    let mut dice = Dice(17);
    let made = CLASSES.iter().map(|(class, make)| {
        let (bundle, want) = make(&subject, &mut dice);
        (*class, bundle, want)
    });
    compare(made.collect());
}

#[test]
fn both_verifiers_agree_on_a_thousand_changed_bundles() {
    let count = std::env::var("LEDGER_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_200);
    let subjects = [
        subject(200, 16, true, 0, 5),
        subject(200, 16, true, 77, 6),
        subject(120, 50, false, 0, 7),
        subject(90, 90, true, 64, 8),
        subject(150, 1, false, 138, 9),
    ];
    let mut dice = Dice(23);
    let mut made = Vec::new();
    for n in 0..count {
        let (class, make) = &CLASSES[n % CLASSES.len()];
        let subject = &subjects[(n / CLASSES.len()) % subjects.len()];
        let (bundle, want) = make(subject, &mut dice);
        made.push((*class, bundle, want));
    }
    compare(made);
}

#[test]
fn a_bundle_that_nobody_touched_holds_in_both() {
    for (eventful, from, exit) in [(false, 0, 0), (true, 0, 3), (true, 130, 3), (false, 255, 0)] {
        let subject = subject(300, 64, eventful, from, 11);
        let report = verify_bundle(subject.bundle.as_slice(), &trust());
        assert_eq!((report.exit_code(), &report.fault), (exit, &None));
        let key = common::key(1).verifier().to_string();
        let witness = common::witness(2).verifier().to_string();
        let python = &python_reports(
            std::slice::from_ref(&subject.bundle),
            &["--key", &key, "--witness", &witness, "--quorum", "1"],
        )[0];
        assert_same(&report, python);
        assert_eq!(report.records, 300 - from);
        assert_eq!(report.cosigned, Some(300));
        // Packed again without the product's writer, it is the same bundle.
        assert_eq!(verify_bundle(subject.parts.pack().as_slice(), &trust()), report);
    }
}

fn assert_same(report: &Report, python: &Value) {
    let rust = serde_json::to_value(report).unwrap();
    for field in [
        "log",
        "first",
        "records",
        "signed",
        "checkpoints",
        "cosigned",
        "rotations",
        "shards",
        "gap_count",
        "erasure_count",
        "key",
        "erasures",
    ] {
        let listed = |value: &Value| value.as_array().map_or(0, Vec::len);
        if field == "erasures" {
            assert_eq!(listed(&rust[field]), listed(&python[field]));
        } else {
            assert_eq!(rust[field], python[field], "{field}");
        }
    }
    assert_eq!(python["exit"], report.exit_code());
}

#[test]
fn two_exports_of_a_range_are_the_same_bytes() {
    let sample = Sample::new(&Shape { records: 200, every: 32, eventful: true, seed: 1 });
    assert_eq!(sample.bundle(50), sample.bundle(50));
    assert_ne!(sample.bundle(50), sample.bundle(51));
}

#[test]
fn an_export_ends_at_a_signed_head() {
    let sample = Sample::new(&Shape { records: 200, every: 32, eventful: false, seed: 1 });
    let mut request = sample.request(10);
    for (until, size) in [(0, 32), (32, 32), (33, 64), (200, 200), (5_000, 200)] {
        request.until = until;
        let (exported, bundle) =
            ledger::bundle::export(&sample, &request, &common::key(1), Vec::new()).unwrap();
        assert_eq!((exported.first, exported.end), (10, size));
        assert_eq!(verify_bundle(bundle.as_slice(), &trust()).records, size - 10);
    }
    request.from = 200;
    assert!(ledger::bundle::export(&sample, &request, &common::key(1), Vec::new()).is_err());
}

#[test]
fn trust_comes_from_the_reader() {
    let subject = subject(120, 16, true, 0, 2);
    let by = |trust: &Trust| {
        let report = verify_bundle(subject.bundle.as_slice(), trust);
        (report.outcome(), report.fault.map(|fault| fault.code.as_str()))
    };
    let keys = |seed: u8| vec![common::key(seed).verifier().clone()];
    // The first key and the one after the change are as good as each other.
    let bundle_holds = (Outcome::CleanWithGaps, None);
    assert_eq!(by(&Trust { keys: keys(1), ..Trust::default() }), bundle_holds);
    assert_eq!(by(&Trust { keys: keys(2), ..Trust::default() }), bundle_holds);
    assert_eq!(by(&Trust { as_stated: true, ..Trust::default() }), bundle_holds);
    assert_eq!(by(&Trust { keys: keys(3), ..Trust::default() }), (Outcome::Tampered, Some("key")));
    assert_eq!(by(&Trust::default()), (Outcome::CannotDecide, Some("untrusted")));
    let strangers = Policy::new(vec![common::witness(7).verifier().clone()], 1).unwrap();
    let wanting = Trust { keys: keys(1), policy: strangers, as_stated: false };
    assert_eq!(by(&wanting), (Outcome::CannotDecide, Some("quorum")));

    let python = |arguments: &[&str]| {
        let said = &python_reports(std::slice::from_ref(&subject.bundle), arguments)[0];
        (said["exit"].as_u64().unwrap(), said["code"].as_str().map(str::to_owned))
    };
    let texts: Vec<String> = (1..=3).map(|seed| common::key(seed).verifier().to_string()).collect();
    let stranger = common::witness(7).verifier().to_string();
    assert_eq!(python(&["--key", &texts[0]]), (3, None));
    assert_eq!(python(&["--key", &texts[1]]), (3, None));
    assert_eq!(python(&["--keys-from-bundle"]), (3, None));
    assert_eq!(python(&["--key", &texts[2]]), (4, Some("key".into())));
    assert_eq!(python(&[]), (5, Some("untrusted".into())));
    let wanting = ["--key", &texts[0], "--witness", &stranger, "--quorum", "1"];
    assert_eq!(python(&wanting), (5, Some("quorum".into())));
}

#[test]
fn other_files_are_no_bundles() {
    let files = [Vec::new(), b"hello".to_vec(), vec![0; 4_096], vec![0x1f], vec![0x1f, 0x8b]];
    for (file, python) in files.iter().zip(python_says(&files)) {
        assert_eq!(rust_says(file), python);
        assert!([4, 5].contains(&python.exit));
    }
}

#[test]
fn the_second_verifier_has_no_helpers() {
    let imports: Vec<&str> = ledger::bundle::VERIFIER
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("import ") || line.starts_with("from "))
        .collect();
    assert_eq!(
        imports,
        ["import argparse, base64, binascii, functools, hashlib, json, re, struct, sys, zlib"]
    );
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("verifier/verify.py").exists());
    assert!(ledger::bundle::README.contains("verify.py"));
    assert_eq!(common::key(1).name(), LOG);
}

/// What the fuzz targets start from. `LEDGER_WRITE_SEEDS=1` writes them anew after a change of form.
#[test]
fn seeds_of_the_fuzz_targets_are_of_this_form() {
    let sample = Sample::new(&Shape { records: 12, every: 4, eventful: false, seed: 1 });
    let mut parts = Parts::of(&sample.bundle(5));
    // Short, so that the fuzzer spends its time elsewhere.
    *parts.get_mut("README") = b"\n".to_vec();
    *parts.get_mut("verify.py") = b"#\n".to_vec();
    parts.list_again(Some(&common::key(1)));
    let bundle = parts.pack();
    let report = verify_bundle(bundle.as_slice(), &Trust { keys: trust().keys, ..Trust::default() });
    assert_eq!((report.exit_code(), report.first, report.records), (0, Some(5), 7), "{report}");

    let proof = parts.get("proofs/last.tlog-proof").to_vec();
    let head = parts.get("checkpoints/00000000000000000012").to_vec();
    let text = String::from_utf8(head.clone()).unwrap();
    let body = text.split_inclusive('\n').take_while(|line| *line != "\n").collect::<String>();
    let request = format!("old 4\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n{text}");
    let seeds = [
        ("ledger_bundle/small.tar", parts.tar()),
        ("ledger_bundle/small.evidence.tar.gz", bundle),
        ("ledger_note/head.txt", head),
        ("ledger_note/proof.txt", proof),
        ("ledger_note/request.txt", request.into_bytes()),
        ("ledger_note/key.txt", common::key(1).verifier().to_string().into_bytes()),
        ("ledger_checkpoint/head.txt", body.into_bytes()),
        ("ledger_checkpoint/tile.txt", b"tile/1/x001/234.p/7".to_vec()),
        ("ledger_checkpoint/proof.bin", (0..120).map(|n| if n % 8 == 0 { n } else { 0 }).collect()),
    ];
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (name, bytes) in seeds {
        let path = home.join(name);
        if std::env::var_os("LEDGER_WRITE_SEEDS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_default();
        // Other versions of the compressor may write other bytes of the same content.
        let same = if name.ends_with(".gz") {
            common::archive::gunzip(&kept) == common::archive::gunzip(&bytes)
        } else {
            kept == bytes
        };
        assert!(same, "seed `{name}` is of an older form: write it anew with LEDGER_WRITE_SEEDS=1");
    }
}
