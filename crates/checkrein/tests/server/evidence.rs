//! What a stranger can check of what the server did, and what it keeps of people.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::harness::{SETTINGS, Server, checkrein, refund, until};

fn python(verifier: &Path, bundle: &Path, key: &str) -> (i32, String) {
    let output = Command::new("python3").arg(verifier).arg(bundle).args(["--key", key]).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[test]
fn a_bundle_verifies_by_two_programs_and_one_changed_byte_is_found_by_both() {
    let server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    for amount in [10, 20, 5_000, 30] {
        shop.ask(&refund(amount));
    }
    until("all of it is signed", || {
        let ledger = server.look("/api/v1/ledger");
        ledger["signed"] == ledger["durable"] && ledger["durable"].as_u64() >= Some(8)
    });
    assert_eq!(checkrein(&server, &["ledger", "verify"]).0, 0, "in place, while the server runs");
    let (code, told) = checkrein(&server, &["ledger", "export", "all.evidence.tar.gz"]);
    assert_eq!(code, 0, "{told}");
    let key = told.lines().find_map(|line| line.strip_prefix("  key     ")).unwrap();
    let bundle = server.folder.join("all.evidence.tar.gz");
    let (code, verified) = checkrein(&server, &["ledger", "verify", "all.evidence.tar.gz", "--key", key]);
    assert_eq!(code, 0, "{verified}");
    let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger/verifier/verify.py");
    let (code, verified) = python(&verifier, &bundle, key);
    assert_eq!(code, 0, "{verified}");

    let mut bytes = Vec::new();
    let plain = flate2::read::GzDecoder::new(std::fs::File::open(&bundle).unwrap());
    std::io::Read::read_to_end(&mut { plain }, &mut bytes).unwrap();
    let refund = bytes.windows(15).rposition(|window| window == b"\"tool\":\"refund\"").unwrap();
    bytes[refund + 8] = b'p';
    let changed = server.folder.join("changed.tar.gz");
    let mut gzip =
        flate2::write::GzEncoder::new(std::fs::File::create(&changed).unwrap(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &bytes).unwrap();
    gzip.finish().unwrap();
    let (code, ours) = checkrein(&server, &["ledger", "verify", "changed.tar.gz", "--key", key]);
    let (other, theirs) = python(&verifier, &changed, key);
    assert_eq!((code, other), (4, 4), "{ours}\n{theirs}");

    let (code, told) = checkrein(&server, &["ledger", "export", "all.evidence.tar.gz"]);
    assert_eq!(code, 3, "an existing file stays: {told}");
}

/// Every file below a folder, read whole.
pub fn holds(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn with_capture_off_no_byte_of_content_is_anywhere() {
    let canary = "zebra-canary-7319";
    let mut server = Server::with(
        &SETTINGS.replace("capture: full", "capture: metadata"),
        &["refunds.yaml", "read-write.yaml"],
    );
    let shop = server.agent("shop-helper", &[]);
    let with_canary = |kind: &str, operation: &str, tool: &str| {
        json!({
            "kind": kind, "operation": operation, "tool": tool, "resource": { "type": "record", "name": canary },
            "payload": { "text": format!("prompt with {canary}"), "nested": [canary] },
            "context": [{ "channel": "tool_output", "text": format!("a result with {canary}") }],
        })
    };
    assert_eq!(shop.ask(&with_canary("file", "read", "read_file")).status / 100, 2);
    let held = shop.ask(&with_canary("record_change", "write", "crm_update"));
    assert_eq!(held.status, 202, "{held:?}");
    let refused = shop.ask(&json!({ "kind": "nothing", "text": canary }));
    assert_eq!(refused.status, 400);
    shop.ask(&with_canary("file", "delete", "remove"));
    server
        .operate(
            "POST",
            &format!("/api/v1/approvals/{}/approve", held.json()["id"].as_str().unwrap()),
            &json!({}),
        )
        .is(200);
    assert!(server.stop().success(), "so that everything is written");
    assert_eq!(holds(&server.folder, canary.as_bytes()), [] as [String; 0]);
}

#[test]
fn a_person_who_is_erased_is_gone_and_the_ledger_still_verifies() {
    let mut server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let id = shop.ask(&refund(42)).is(200)["id"].as_str().unwrap().to_owned();
    let content = format!("/api/v1/decisions/{id}/content");
    until("the content is kept", || {
        let reply = server.as_operator(&server.admin, "GET", &content, None);
        reply.status == 200 && reply.body.contains("882")
    });
    let erased = server
        .operate("POST", "/api/v1/erasures", &json!({ "person": "maria@shop.example", "basis": "gdpr.17" }))
        .is(200);
    assert!(erased["pieces"].as_u64() >= Some(1), "{erased}");
    assert_eq!(server.look(&content), json!([]), "nothing is left to read");
    let again = server.operate(
        "POST",
        "/api/v1/erasures",
        &json!({ "person": "maria@shop.example", "basis": "gdpr.17" }),
    );
    assert_eq!(again.status, 404);
    assert!(server.stop().success());
    let (code, told) = checkrein(&server, &["ledger", "verify"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("gdpr.17"), "{told}");
}

#[test]
fn a_flipped_byte_in_the_log_keeps_the_server_from_starting() {
    let mut server = Server::start(&["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    shop.ask(&refund(10));
    assert!(server.stop().success());
    let mut segments = Vec::new();
    let mut open = vec![server.folder.join("data/ledger")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "log")
                && path.to_string_lossy().contains("segment")
            {
                segments.push(path);
            }
        }
    }
    let segment = segments.first().unwrap();
    let mut bytes = std::fs::read(segment).unwrap();
    let place = bytes.windows(13).position(|window| window == b"\"shop-helper\"").unwrap();
    bytes[place + 1] = b'z';
    std::fs::write(segment, bytes).unwrap();
    assert_eq!(checkrein(&server, &["ledger", "verify"]).0, 4);
    let (code, told) = checkrein(&server, &["serve"]);
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("repair"), "it says what to run: {told}");
}
