//! Measures policy alone: native rules by number, and Rego, on one thread.
//!
//! ```text
//! cargo run --release -p engine --example policy_bench
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::hint::black_box;
use std::time::Instant;

use action::{Action, Json};
use engine::facts::Facts;
use engine::policy::cases::{Given, PLAIN_ACTION};
use engine::policy::{Judged, Policies, Source, judge};

const ROUNDS: usize = 20_000;

fn main() {
    println!("{:<44} {:>9} {:>9}", "one judgement, microseconds", "p50", "p99");
    for rules in [10, 100, 1_000] {
        measure(&format!("native, {rules} rules about as many tools"), &native(rules));
    }
    measure("native, 100 rules about the called tool", &about_one_tool(100));
    measure("rego, roles and grants (three roles)", &load(&[("m.rego".into(), ROLES.into())]));
    for rules in [10, 100, 1_000] {
        measure(&format!("rego, one module with {rules} rules"), &load(&[("m.rego".into(), module(rules))]));
    }
    let modules: Vec<(String, String)> =
        (0..100).map(|at| (format!("m{at}.rego"), small_module(at))).collect();
    measure("rego, 100 modules, each about one tool", &load(&modules));
    measure("rego, stopped at the instruction bound", &load(&[("m.rego".into(), ENDLESS.into())]));
}

fn load(sources: &[(String, String)]) -> Policies {
    let sources: Vec<Source<'_>> = sources.iter().map(|(file, text)| Source { file, text }).collect();
    Policies::load(&sources).map_err(|faults| format!("{faults:?}")).unwrap()
}

fn native(rules: usize) -> Policies {
    let mut text = String::from("policy: bench\nrules:\n");
    for at in 0..rules {
        text.push_str(&format!(
            "  - {{ id: r{at}, when: {{ tool: tool_{at}, amount: {{ over: {} }}, agent: {{ without_role: role_{} }} }}, then: block }}\n",
            10 * at,
            at % 7
        ));
    }
    text.push_str("  - { id: mail, when: { kind: communication, payload: { to: { ends_with: \"@elsewhere.example\" } } }, then: approve }\n");
    load(&[("bench.yaml".into(), text)])
}

fn about_one_tool(rules: usize) -> Policies {
    let mut text = String::from("policy: bench\nrules:\n");
    for at in 0..rules {
        text.push_str(&format!(
            "  - {{ id: r{at}, priority: {at}, when: {{ tool: tool_7, count: {{ over: {} }} }}, then: block }}\n",
            1000 + at
        ));
    }
    load(&[("bench.yaml".into(), text)])
}

fn module(rules: usize) -> String {
    let mut text = String::from("package checkrein.bench\n");
    for at in 0..rules {
        text.push_str(&format!(
            "\ndecisions contains {{\"verdict\": \"block\", \"rule\": \"r{at}\"}} if {{\n\tinput.action.tool == \"tool_{at}\"\n\tinput.action.amount.value > {}\n\tnot \"role_{}\" in input.agent.roles\n}}\n",
            10 * at,
            at % 7
        ));
    }
    text
}

fn small_module(at: usize) -> String {
    format!(
        "# METADATA\n# custom:\n#   when: {{ tool: tool_{at} }}\npackage checkrein.m{at}\n\ndecisions contains {{\"verdict\": \"block\", \"rule\": \"r\"}} if {{\n\tinput.action.amount.value > 10\n\tnot \"role_3\" in input.agent.roles\n}}\n"
    )
}

const ROLES: &str = r#"package checkrein.roles

grants := {
	"reader": [{"operation": "read", "type": "record"}],
	"writer": [{"operation": "write", "type": "record"}],
	"payer": [{"operation": "pay", "type": "payment"}],
}

granted if {
	some role in input.agent.roles
	some grant in grants[role]
	grant.operation == input.action.operation
	grant.type == input.action.resource.type
}

decisions contains {"verdict": "block", "rule": "no-grant"} if not granted
"#;

const ENDLESS: &str = r#"package checkrein.endless

decisions contains {"verdict": "block", "rule": "r"} if {
	some a in numbers.range(1, 9000)
	some b in numbers.range(1, 9000)
	a * b == 0
}
"#;

fn measure(name: &str, policies: &Policies) {
    let mut action: Action = Json::parse_as(PLAIN_ACTION.as_bytes()).unwrap();
    action.amount = Some(action::Amount {
        value: action::Decimal::from_int(75),
        currency: action::Name::new("USD").unwrap(),
    });
    action.payload = Json::parse(br#"{"order":"17","to":"ana@corp.example","note":"as agreed"}"#).unwrap();
    let mut facts = Facts::default();
    facts.agent.roles = vec![action::Name::new("reader").unwrap(), action::Name::new("role_0").unwrap()];
    let mut given = Given::default();
    given.score.value = 20;
    let mut times = Vec::with_capacity(ROUNDS);
    let rounds = if name.contains("stopped") { ROUNDS / 100 } else { ROUNDS };
    for round in 0..rounds {
        // Another tool and another time on each call: nothing may be remembered. Every set has rules
        // about these tools, so that only the number of the others differs.
        action.tool = action::Name::new(&format!("tool_{}", [7, 5, 3, 9][round % 4])).unwrap();
        let now = action.time.plus_millis(i64::try_from(round).unwrap());
        let case = Judged {
            action: &action,
            facts: &facts,
            now,
            detections: &given.detections,
            score: &given.score,
            classes: &[],
            sensitivity: action::Sensitivity::Low,
            records: None,
            external: false,
            tainted: false,
            deviation: Some(3),
        };
        let start = Instant::now();
        black_box(judge(black_box(&case), policies));
        times.push(start.elapsed().as_nanos());
    }
    times.sort_unstable();
    let micros = |at: usize| format!("{}.{:02}", times[at] / 1000, times[at] % 1000 / 10);
    println!("{name:<44} {:>9} {:>9}", micros(rounds / 2), micros(rounds * 99 / 100));
}
