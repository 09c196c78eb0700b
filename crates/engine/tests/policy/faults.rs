//! Broken policy: every fault at once with its place when it is loaded, contained when it runs.

use action::{Json, Verdict};
use engine::facts::Facts;
use engine::policy::cases::{Given, PLAIN_ACTION};
use engine::policy::{CONDITIONS, Policies, Source, judge};

use crate::ask::judged;

fn faults(file: &str, text: &str) -> Vec<String> {
    match Policies::load(&[Source { file, text }]) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.0.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn every_fault_of_a_document_is_told_at_once_with_its_line_and_a_hint() {
    let told = faults(
        "bad.yaml",
        r#"policy: bad
layr: agent
hours: { night: { zone: Mars/Olympus, days: mon-fri } }
bands: { production: [60, 40, 86] }
rules:
  - id: a
    when: { tol: refund, amount: { over: lots } }
    then: blok
  - id: a
    when: { payload: { q: { matches: "(unclosed" } }, time: { within: lunch } }
    then: { constrain: [ { throttle: often } ] }
    exceptions: [ { id: e, until: soon } ]
  - { id: b, then: allow }
  - { id: b, when: {}, then: allow }
"#,
    );
    for expected in [
        "bad.yaml:2:1: unknown key `layr` [unknown_key]\n  hint: did you mean `layer`?",
        "bad.yaml:3:25: `zone` cannot be read [bad_time]",
        "bad.yaml:4:22: bands are three rising scores",
        "bad.yaml:7:13: unknown condition `tol` [unknown_condition]\n  hint: did you mean `tool`?",
        "bad.yaml:7:42: `over` must be a number [wrong_type]",
        "bad.yaml:8:11: `then` has no such value [unknown_value]\n  hint: did you mean `block`?",
        "bad.yaml:10:38: this is no regular expression [bad_pattern]",
        "bad.yaml:10:71: there is no such calendar [unknown_calendar]",
        "`throttle` must be a number of calls per minute",
        "`owner` is missing",
        "`reason` is missing",
        "`until` must be a date or a time",
        "bad.yaml:13:5: `when` is missing [missing_key]",
    ] {
        assert!(told.iter().any(|fault| fault.contains(expected)), "{expected}\n--\n{}", told.join("\n"));
    }
}

#[test]
fn twins_bombs_and_rules_for_nobody_are_refused() {
    let one = |text: &str| faults("t.yaml", text).join("\n");
    assert!(
        one(
            "policy: t\nrules:\n  - { id: b, when: {}, then: allow }\n  - { id: b, when: {}, then: allow }\n"
        )
        .contains("duplicate_id")
    );
    assert!(one("policy: t\nlayer: agent\nrules: []\n").contains("missing_scope"));
    let then = |then: &str| one(&format!("policy: t\nrules: [ {{ id: b, when: {{}}, then: {then} }} ]\n"));
    assert_eq!(then("{ constrain: [ { redact: [card], as: hash } ] }"), "");
    assert!(then("{ constrain: [ { redact: [card], as: hashed } ] }").contains("unknown_value"));
    assert!(then("{ constrain: [ { throttle: 1/min, as: hash } ] }").contains("unknown_key"));
    assert!(one("a: &x [1]\nb: [*x]\n").contains("yaml_alias"));
    assert!(
        one(&format!("policy: t\nrules: {}{}", "[".repeat(60), "]".repeat(60))).contains("yaml_too_deep")
    );
    assert!(
        one("policy: t\nexceptions: [ { id: e, of: nothing, owner: o, reason: r, until: 2030-01-01 } ]\n")
            .contains("unknown_rule")
    );
    assert!(one("policy: t\nrules: [ { id: band.low, when: {}, then: allow } ]\n").contains("bad_id"));
    assert!(one("policy: t\nrules: [ { id: fault.score, when: {}, then: allow } ]\n").contains("bad_id"));
    let deep = format!("{}tool: x{}", "{ not: ".repeat(12), " }".repeat(11));
    assert!(
        one(&format!("policy: t\nrules: [ {{ id: a, when: {deep}, then: block }} ]\n")).contains("t.yaml")
    );
    let huge = format!(
        "policy: t\nrules: [ {{ id: a, when: {{ text: {{ matches: \"{}\" }} }}, then: block }} ]\n",
        "(a{1000}){1000}"
    );
    assert!(one(&huge).contains("bad_pattern"));
}

#[test]
fn a_module_that_cannot_be_used_is_refused_with_its_line() {
    let one = |text: &str| faults("m.rego", text).join("\n");
    let broken = one("package checkrein.m\n\ndecisions contains x if {\n\tx := }\n");
    assert!(broken.contains("m.rego:4:") && broken.contains("rego_malformed"), "{broken}");
    assert!(one("package other\n\ndecisions contains {} if true\n").contains("rego_package"));
    let clock = "package checkrein.m\n\ndecisions contains {\"verdict\": \"block\", \"rule\": \"r\"} if rand.intn(\"a\", 2) == 1\n";
    assert!(one(clock).contains("a decision is the same each time"), "{}", one(clock));
    let unknown = "package checkrein.m\n\ndecisions contains {\"verdict\": \"block\", \"rule\": \"r\"} if http.send({}).ok\n";
    assert!(one(unknown).contains("m.rego"), "{}", one(unknown));
    let lenient = "# METADATA\n# custom:\n#   on_fault: allow\npackage checkrein.m\n\ndecisions contains {\"verdict\": \"block\", \"rule\": \"r\"}\n";
    assert!(one(lenient).contains("m.rego:3:"), "{}", one(lenient));
    let typo = "# METADATA\n# custom:\n#   layr: agent\npackage checkrein.m\n\ndecisions contains {\"verdict\": \"block\", \"rule\": \"r\"}\n";
    assert!(one(typo).contains("did you mean `layer`?"), "{}", one(typo));
    let deep = format!("package checkrein.m\n\nx := {}1{}\n", "(".repeat(50_000), ")".repeat(50_000));
    assert!(!one(&deep).is_empty(), "nesting is refused, not followed to the end of the stack");
}

fn rule(head: &str, body: &str) -> Result<Policies, String> {
    let text = format!(
        "{head}package checkrein.m\n\ndecisions contains {{\"verdict\": \"block\", \"rule\": \"r\"}} if {{\n\t{body}\n}}\n"
    );
    Policies::load(&[Source { file: "m.rego", text: &text }]).map_err(|faults| format!("{faults:?}"))
}

/// A module that always decides this one element.
fn deciding(element: &str) -> Policies {
    let text = format!("package checkrein.m\n\ndecisions contains {element}\n");
    Policies::load(&[Source { file: "m.rego", text: &text }]).unwrap()
}

fn ruling(policies: &Policies, operation: &str) -> action::Ruling {
    let text = PLAIN_ACTION.replace("\"read\"", &format!("\"{operation}\""));
    let action: action::Action = Json::parse_as(text.as_bytes()).unwrap();
    judge(&judged(&action, &Facts::default(), &Given::default()), policies).ruling
}

#[test]
fn a_module_that_runs_on_is_stopped_and_counts_as_a_fault() {
    let endless = "some a in numbers.range(1, 9000)\n\tsome b in numbers.range(1, 9000)\n\ta * b == 0";
    let policies = rule("", endless).unwrap();
    let send = ruling(&policies, "send");
    assert_eq!((send.faults[0].code.as_ref(), send.verdict), ("rego_too_long", Verdict::Approve));
    assert_eq!((send.decided_by.as_ref(), send.faults[0].counted_as), ("m", Verdict::Approve));
    assert_eq!(ruling(&policies, "read").verdict, Verdict::Alert);
    let strict = rule("# METADATA\n# custom:\n#   on_fault: block\n", endless).unwrap();
    assert_eq!(ruling(&strict, "read").verdict, Verdict::Block);
}

#[test]
fn nonsense_from_a_module_is_a_fault_and_never_an_allow() {
    let message = "{\"verdict\": \"block\", \"rule\": \"mail to a@b.example\"}";
    for element in
        [message, "{\"verdict\": \"perhaps\", \"rule\": \"r\"}", "{\"rule\": \"r\"}", "\"block\"", "7"]
    {
        let policies = deciding(element);
        let ruling = ruling(&policies, "send");
        assert_eq!((ruling.faults[0].code.as_ref(), ruling.verdict), ("rego_bad_decision", Verdict::Approve));
    }
}

#[test]
fn an_unbounded_range_or_an_empty_needle_ends_quietly() {
    let huge = rule("", "count(numbers.range(1, 1000000000)) > 0").unwrap();
    assert_eq!(ruling(&huge, "send").verdict, Verdict::Allow, "undefined, as for a builtin error");
    let needle = rule("", "strings.count(\"abc\", \"\") == 4").unwrap();
    assert_eq!(ruling(&needle, "send").verdict, Verdict::Block);
}

#[test]
fn a_module_sees_the_time_of_judging_and_digests() {
    let time = rule("", "time.now_ns() == 1772452800000000000").unwrap();
    assert_eq!(ruling(&time, "read").verdict, Verdict::Block);
    let known =
        "crypto.sha256(\"abc\") == \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"";
    assert_eq!(ruling(&rule("", known).unwrap(), "read").verdict, Verdict::Block);
    // Test case 2 of RFC 4231.
    let mac = "crypto.hmac.sha256(\"what do ya want for nothing?\", \"Jefe\") == \"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"";
    assert_eq!(ruling(&rule("", mac).unwrap(), "read").verdict, Verdict::Block);
}

/// The same rules, once with the tool first (filed in the module's own index) and once with
/// another statement before it (not filed), answer alike for tools known and unknown.
#[test]
fn a_modules_own_index_never_changes_an_answer() {
    let module = |name: &str, filed: bool| {
        let rules: String = (0..20)
            .map(|at| {
                let (first, second) = ("input.action.count > LIMIT", "input.action.tool == \"tool_TOOL\"");
                let (first, second) = if filed { (second, first) } else { (first, second) };
                let verdict = if at % 3 == 0 { "approve" } else { "block" };
                format!("\ndecisions contains {{\"verdict\": \"{verdict}\", \"rule\": \"r{at}\"}} if {{\n\t{first}\n\t{second}\n}}\n")
                    .replace("LIMIT", &at.to_string())
                    .replace("TOOL", &(at % 6).to_string())
            })
            .collect();
        let common = "\ndecisions contains {\"verdict\": \"alert\", \"rule\": \"many\"} if {\n\tinput.action.count > 30\n}\n";
        let text = format!("package checkrein.{name}\n{rules}{common}");
        Policies::load(&[Source { file: "m.rego", text: &text }]).unwrap()
    };
    let (filed, plain) = (module("m", true), module("m", false));
    for tool in 0..8 {
        for count in [0u64, 3, 7, 12, 19, 31] {
            let text = PLAIN_ACTION.replace("\"lookup\"", &format!("\"tool_{tool}\", \"count\": {count}"));
            let action: action::Action = Json::parse_as(text.as_bytes()).unwrap();
            let (facts, given) = (Facts::default(), Given::default());
            let case = judged(&action, &facts, &given);
            let (a, b) = (judge(&case, &filed), judge(&case, &plain));
            assert_eq!(a, b, "tool {tool}, count {count}");
            assert_eq!(a.ruling.verdict > Verdict::Allow, !a.ruling.matched.is_empty());
        }
    }
}

#[test]
fn a_module_on_trial_that_fails_is_told_and_counts_for_nothing() {
    let text = "# METADATA\n# custom:\n#   state: shadow\n#   on_fault: block\npackage checkrein.m\n\ndecisions contains 7\n";
    let policies = Policies::load(&[Source { file: "m.rego", text }]).unwrap();
    let judgement = crate::ask::ask(&policies, "{}");
    let told = &judgement.shadows[0];
    assert_eq!((judgement.ruling.verdict, judgement.ruling.faults.len()), (Verdict::Allow, 0));
    assert_eq!((told.fault.as_deref(), told.would), (Some("rego_bad_decision"), Verdict::Block));
}

#[test]
fn every_condition_of_the_table_reads_its_own_example_and_refuses_nonsense() {
    let document = |key: &str, value: &str| {
        let topics = "topics: { about: { billing: [\"Why was I charged twice?\"] } }";
        format!("policy: t\n{topics}\nrules: [ {{ id: a, when: {{ {key}: {value} }}, then: block }} ]\n")
    };
    for row in CONDITIONS {
        assert_eq!(faults("t.yaml", &document(row.key, row.example)), [""; 0], "{}", row.key);
        let refused = |value: &str| !faults("t.yaml", &document(row.key, value)).is_empty();
        assert!(refused("[[1]]") || refused("{ no_such_key: 1 }"), "{}", row.key);
        assert!(!row.about.is_empty() && !row.dimension.is_empty());
    }
    for dimension in [
        "agent identity",
        "agent role",
        "resource type",
        "action type",
        "payload content",
        "time",
        "behaviour baseline",
        "amount",
        "risk score with vectors",
    ] {
        assert!(CONDITIONS.iter().any(|row| row.dimension.contains(dimension)), "{dimension}");
    }
}

#[test]
fn a_reason_that_quotes_personal_data_is_left_out() {
    for (reason, expected) in [
        ("no such partner", "no such partner"),
        ("mail to ana.lopez@elsewhere.example", "rule m.r says block"),
        ("two\\nlines", "rule m.r says block"),
    ] {
        let element = format!("{{\"verdict\": \"block\", \"rule\": \"r\", \"reason\": \"{reason}\"}}");
        let policies = deciding(&element);
        assert_eq!(ruling(&policies, "send").reason, expected);
    }
}

#[test]
fn a_module_of_open_braces_is_refused_before_the_parser_tries_them_all() {
    let text = format!("package checkrein.deep\n\nx := {}\n", "{".repeat(40));
    let told = faults("m.rego", &text).join("\n");
    assert!(told.contains("rego_too_deep") && told.contains("m.rego:3:"), "{told}");
    // What is just inside the bound is answered too, and braces in quotes and comments do not count.
    let edge = format!("package checkrein.deep\n\nx := {}\n", "{".repeat(16));
    assert!(!faults("m.rego", &edge).join("\n").contains("rego_too_deep"));
    let quoted = format!("package checkrein.deep\n\n# {0}\nx := \"{0}\"\n\ny := `{0}`\n", "{".repeat(40));
    assert!(!faults("m.rego", &quoted).join("\n").contains("rego_too_deep"));
}
