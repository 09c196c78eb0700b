//! Any action with any facts under the rules that ship: always a decision, always the same, its
//! evidence inside the action, and everything that comes out can be read again.
#![no_main]

use action::{Action, Decision, ExplainLevel, Json};
use checkrein_fuzz::{RULES, assert_evidence};
use engine::explain::explain;
use engine::facts::Facts;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    action: Action,
    #[serde(default)]
    facts: Facts,
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(Question { action, facts }) = Json::parse_as(bytes) else { return };
    let now = action.time;
    let decision = engine::decide(&action, &facts, &RULES, now);
    // The outer guard would turn a fault of our own into a block; here it is one.
    assert!(!decision.ruling.decided_by.starts_with("fault."), "{}", decision.ruling.reason);
    let written = serde_json::to_vec(&decision).expect("a decision can be written");
    let again = engine::decide(&action, &facts, &RULES, now);
    assert_eq!(written, serde_json::to_vec(&again).expect("a decision can be written"));
    assert_eq!(Json::parse_as::<Decision>(&written).expect("a decision can be read"), decision);
    assert_evidence(&action, &decision);
    for level in ExplainLevel::ALL {
        serde_json::to_vec(&explain(&decision, *level)).expect("an explanation can be written");
    }

    let next = engine::learn(&facts, &action, &decision, now, RULES.limits.of(&action.agent.name));
    assert_eq!(next.fault, None);
    let next = next.facts;
    let written = serde_json::to_vec(&next).expect("facts can be written");
    assert_eq!(Json::parse_as::<Facts>(&written).expect("facts can be read"), next);
});
