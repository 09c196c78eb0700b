//! The commands as a user types them: what goes in, what comes out, how they end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the program in the repository with something on its standard input.
fn run(arguments: &[&str], input: &[u8]) -> Output {
    run_with(arguments, input, &[])
}

fn run_with(arguments: &[&str], input: &[u8], variables: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_checkrein"))
        .args(arguments)
        .envs(variables.iter().copied())
        .env_remove("NO_COLOR")
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A thread of its own: a program that writes while we write would otherwise wait for us.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

const REFUND: &str = r#"{ "action": { "kind": "payment", "operation": "pay", "tool": "refund",
    "resource": { "type": "payment" }, "amount": { "value": AMOUNT, "currency": "USD" },
    "agent": { "name": "shop-helper" }, "environment": "production", "time": "2026-03-03T12:00:00Z",
    "payload": { "order": "17" } } }"#;

fn refund(amount: &str) -> Vec<u8> {
    REFUND.replace("AMOUNT", amount).into_bytes()
}

#[test]
fn the_exit_code_tells_the_verdict() {
    let decide =
        |amount: &str| code(&run(&["decide", "-", "--rules", "policies/refunds.yaml"], &refund(amount)));
    assert_eq!(decide("99"), 0);
    assert_eq!(decide("1001"), 13);
}

#[test]
fn a_decision_is_printed_for_people_and_for_programs() {
    let arguments = ["decide", "-", "--rules", "policies/refunds.yaml"];
    let text = out(&run(&arguments, &refund("1001")));
    assert!(text.starts_with("BLOCK  refund"), "{text}");
    assert!(
        text.contains("only Finance-Agent may refund") && text.contains("with amount at most 1000 USD"),
        "{text}"
    );
    let json = out(&run(&[&arguments[..], &["--json"]].concat(), &refund("1001")));
    let decision: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(decision["verdict"], "block");
    assert_eq!(decision["ruling"]["decided_by"], "refund.over-limit");
}

#[test]
fn each_audience_is_told_what_it_may_know() {
    let told = |level: &str| {
        let enforced = String::from_utf8(refund("1001")).unwrap().replacen(
            '{',
            r#"{ "facts": { "scope": { "mode": "enforce" } }, "#,
            1,
        );
        out(&run(
            &["decide", "-", "--rules", "policies/refunds.yaml", "--explain", level],
            enforced.as_bytes(),
        ))
    };
    let none = told("none");
    assert!(none.contains("refused") && !none.contains("Finance") && !none.contains("reason"), "{none}");
    let category = told("category");
    assert!(category.contains(r#""reason": "policy""#) && !category.contains("Finance"), "{category}");
    assert!(told("full").contains("Finance-Agent"));
}

/// Bad input: how it begins, and what the answer must say. Each ends with code 3.
#[test]
fn bad_actions_get_a_code_a_place_and_no_echo_of_values() {
    let good = String::from_utf8(refund("5")).unwrap();
    let secret = "hunter2-not-for-logs";
    let deep = format!("{}{}", "[".repeat(90), "]".repeat(90));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("cut short", good.as_bytes()[..120].to_vec(), "json_malformed"),
        ("empty", Vec::new(), "json_malformed"),
        ("not UTF-8", b"{\"action\": \"\xff\xfe\"}".to_vec(), "json_not_utf8"),
        ("unknown field", good.replace(r#""tool""#, r#""tol""#).into_bytes(), "unknown field `tol`"),
        (
            "claimed role",
            good.replace(r#""name": "shop-helper""#, r#""name": "x", "roles": ["Finance-Agent"]"#)
                .into_bytes(),
            "unknown field `roles`",
        ),
        (
            "key twice",
            good.replace(r#""order": "17""#, r#""order": "17", "order": "18""#).into_bytes(),
            "same key twice",
        ),
        (
            "too deep",
            good.replace(r#""order": "17""#, &format!(r#""order": {deep}"#)).into_bytes(),
            "deeper than 64",
        ),
        ("number too large", refund("18446744073709551999"), "does not fit"),
        ("number too fine", refund("1e-60"), "36 digits"),
        (
            "wrong type",
            good.replace(r#""production""#, &format!(r#""{secret}""#)).into_bytes(),
            "unknown variant",
        ),
        ("bad time", good.replace("2026-03-03T12:00:00Z", secret).into_bytes(), "RFC 3339"),
        ("empty name", good.replace(r#""shop-helper""#, r#""""#).into_bytes(), "a name cannot be empty"),
    ];
    for (what, input, want) in cases {
        let output = run(&["decide", "-"], &input);
        let text = err(&output);
        assert_eq!(code(&output), 3, "{what}: {text}");
        assert!(text.contains(want), "{what}: {text}");
        assert!(!text.contains(secret), "{what}: {text}");
        assert!(out(&output).is_empty(), "{what}");
    }
    let huge = vec![b' '; 5 << 20];
    assert!(err(&run(&["decide", "-"], &huge)).contains("json_too_large"));
}

#[test]
fn an_action_from_the_far_future_or_past_is_judged_all_the_same() {
    for time in ["0001-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
        let input = String::from_utf8(refund("5")).unwrap().replace("2026-03-03T12:00:00Z", time);
        let output = run(&["decide", "-", "--json", "--now", "2026-03-03T12:00:00Z"], input.as_bytes());
        assert!(code(&output) != 3, "{time}: {}", err(&output));
        assert!(
            out(&output).contains("session.time") || out(&output).contains("session_anomaly"),
            "{time}: {}",
            out(&output)
        );
    }
}

#[test]
fn scan_answers_line_by_line_in_order_and_goes_on_after_a_bad_one() {
    let input = concat!(
        "{\"id\": 1, \"text\": \"1 OR 1=1 --\"}\n",
        "\n",
        "{\"id\": 2, \"text\": \"O'Brien\"}\n",
        "not json\n",
        "{\"id\": 4}\n",
        "{\"id\": \"five\", \"text\": \"x' UNION SELECT password FROM users --\"}",
    );
    let output = run(&["scan", "--channel", "sql_value"], input.as_bytes());
    let lines: Vec<serde_json::Value> =
        out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code(&output), 3, "a line could not be read");
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[0]["id"], &lines[0]["flagged"]), (&1.into(), &true.into()));
    assert_eq!((&lines[1]["id"], &lines[1]["flagged"]), (&2.into(), &false.into()));
    assert_eq!(lines[2]["error"]["code"], "json_malformed");
    assert_eq!((&lines[3]["id"], &lines[3]["error"]["code"]), (&4.into(), &"text_missing".into()));
    assert_eq!((&lines[4]["id"], &lines[4]["flagged"]), (&"five".into(), &true.into()));
    assert_eq!(lines[4]["detections"][0]["vector"], "sql_injection");
}

#[test]
fn a_span_counts_characters() {
    let input = "{\"id\": 1, \"text\": \"Größe: écrivez à ana.ruiz@mail.example.org s'il vous plaît\"}\n";
    let output = run(&["scan", "--channel", "user"], input.as_bytes());
    let line: serde_json::Value = serde_json::from_str(out(&output).trim()).unwrap();
    let found = line["detections"].as_array().unwrap().iter().find(|d| d["rule"] == "pii.email").unwrap();
    let text: Vec<char> = "Größe: écrivez à ana.ruiz@mail.example.org s'il vous plaît".chars().collect();
    let at = |index: usize| found["span"][index].as_u64().unwrap() as usize;
    assert_eq!(text[at(0)..at(1)].iter().collect::<String>(), "ana.ruiz@mail.example.org");
}

#[test]
fn every_channel_takes_every_text() {
    for channel in
        ["user", "document", "memory", "sql_value", "sql_statement", "shell", "html", "path", "url", "json"]
    {
        let input = "{\"id\":1,\"text\":\"\"}\n{\"id\":2,\"text\":\"\\u0000 \\ud83d\\ude00 %00 {{\"}\n";
        let output = run(&["scan", "--channel", channel], input.as_bytes());
        assert_eq!(out(&output).lines().count(), 2, "{channel}: {}", err(&output));
        assert_eq!(code(&output), 0, "{channel}");
    }
}

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[test]
fn what_was_redacted_comes_back_and_never_stands_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.json");
    let map = map.to_str().unwrap();
    let text = "Card 4539 5787 6362 1486, SSN 536-22-8714, mail ana.ruiz@mail.example.org. Thanks!";
    let key = [("CHECKREIN_KEY", KEY)];
    let safe = run_with(&["redact", "--map", map], text.as_bytes(), &key);
    assert_eq!(code(&safe), 0, "{}", err(&safe));
    let safe = out(&safe);
    let kept = std::fs::read_to_string(map).unwrap();
    for original in ["4539 5787 6362 1486", "536-22-8714", "ana.ruiz@mail.example.org"] {
        assert!(!safe.contains(original) && !kept.contains(original), "{safe}");
    }
    assert_eq!(out(&run_with(&["restore", "--map", map], safe.as_bytes(), &key)), text);

    let other = [("CHECKREIN_KEY", &*KEY.replace('0', "1"))];
    let refused = run_with(&["restore", "--map", map], safe.as_bytes(), &other);
    assert_eq!(code(&refused), 3);
    assert!(out(&refused).is_empty());

    let again = run_with(&["redact", "--map", map], text.as_bytes(), &key);
    assert_eq!(code(&again), 3, "a map is never written over");
    assert!(out(&again).is_empty(), "a text without a way back is not given out");
    assert_eq!(std::fs::read_to_string(map).unwrap(), kept);
}

#[test]
fn a_map_that_cannot_be_written_gives_no_text_out() {
    let output = run_with(
        &["redact", "--map", "/nowhere/at/all/map.json"],
        b"SSN 536-22-8714",
        &[("CHECKREIN_KEY", KEY)],
    );
    assert_eq!(code(&output), 3);
    assert!(out(&output).is_empty() && err(&output).contains("cannot create the map"), "{}", err(&output));
}

#[test]
fn a_bad_key_is_refused_without_being_shown() {
    let output = run_with(&["redact", "--mode", "mask"], b"x", &[("CHECKREIN_KEY", "tooshort-s3cret")]);
    assert_eq!(code(&output), 3);
    assert!(!err(&output).contains("s3cret"), "{}", err(&output));
}

#[test]
fn every_fault_of_a_rule_file_is_told_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.yaml");
    std::fs::write(
        &file,
        "policy: broken\nversion: 1\nlayer: organisation\nrules:\n  - id: a\n    wen: { tool: x }\n    then: blok\n  - id: a\n    when: { amount: { over: many } }\n    then: block\n",
    )
    .unwrap();
    let output = run(&["rules", "check", file.to_str().unwrap()], b"");
    let text = out(&output);
    assert_eq!(code(&output), 3, "{text}");
    for want in ["broken.yaml:6:", "did you mean `when`?", "did you mean `block`?", "broken.yaml:9:"] {
        assert!(text.contains(want), "{want} in {text}");
    }
}

#[test]
fn differences_between_rules_are_told_and_counted_over_actions() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pack = |limit: u32| {
        format!(
            "policy: p\nversion: 1\nlayer: organisation\nrules:\n  - id: p.limit\n    priority: 1\n    note: limit\n    when: {{ tool: refund, amount: {{ over: {limit}, currency: USD }} }}\n    then: block\n"
        )
    };
    let (before, after) = (write("before.yaml", &pack(1000)), write("after.yaml", &pack(100)));
    let lines = [refund("50"), refund("500"), refund("5000")]
        .map(|action| String::from_utf8(action).unwrap().replace('\n', " "))
        .join("\n");
    let actions = write("actions.jsonl", &lines);
    let output = run(&["rules", "diff", &before, &after, "--actions", &actions], b"");
    let text = out(&output);
    assert_eq!(code(&output), 1, "{text}{}", err(&output));
    assert!(text.contains("changed  p.limit") && text.contains("line 2:"), "{text}");
    assert!(text.contains("3 actions: 1 would be judged more strictly, 0 more mildly"), "{text}");
}

#[test]
fn a_rule_is_explained_as_it_is_written() {
    let output = run(&["rules", "explain", "refund.over-limit", "--rules", "policies/refunds.yaml"], b"");
    let text = out(&output);
    assert!(
        text.contains("never reaches its target") && text.contains("without_role: Finance-Agent"),
        "{text}"
    );
    assert_eq!(code(&run(&["rules", "explain", "no.such.rule"], b"")), 3);
}

#[test]
fn the_tour_and_the_documents_are_printed() {
    let tour = out(&run(&["tour"], b""));
    for verdict in ["ALLOW", "BLOCK", "APPROVE", "CONSTRAIN"] {
        assert!(tour.contains(verdict), "the tour shows no {verdict}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(out(&run(&["completions", shell], b"")).contains("checkrein"), "{shell}");
    }
    assert!(out(&run(&["man"], b"")).contains(".TH"));
}

#[test]
fn a_wrong_command_line_ends_with_2_and_help_teaches() {
    assert_eq!(code(&run(&["decide"], b"")), 2);
    let help = out(&run(&["decide", "--help"], b""));
    assert!(help.contains("Exit codes:") && help.contains("Examples:"), "{help}");
}

#[test]
fn a_rule_on_trial_is_shown_with_what_it_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trial.yaml");
    let text = "policy: p\nrules: [ { id: p.trial, when: { tool: refund }, then: block, state: shadow } ]\n";
    std::fs::write(&path, text).unwrap();
    let output = run(&["decide", "--rules", path.to_str().unwrap(), "-"], &refund("50"));
    let text = out(&output);
    assert_ne!(code(&output), 13, "{text}");
    assert!(
        text.contains("trial    p.trial (organisation) would say block; the answer would be block"),
        "{text}"
    );
}

#[test]
fn the_settings_of_every_example_have_no_fault() {
    let mut seen = 0;
    for folder in ["examples", "examples/gateway"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let settings = entry.unwrap().path().join("checkrein.yaml");
            if settings.exists() {
                let path = settings.to_str().unwrap();
                let variables = [("PROVIDER_KEY", "of-the-provider")];
                let checked = run_with(&["serve", "--config", path, "--check"], b"", &variables);
                assert_eq!(code(&checked), 0, "{path}: {}", err(&checked));
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 7);
}
