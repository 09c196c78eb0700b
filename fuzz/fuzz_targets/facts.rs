//! Any bytes as facts: refused, or facts that read back, and a decision and a lesson over them.
#![no_main]

use action::Json;
use checkrein_fuzz::{PLAIN, RULES};
use engine::facts::Facts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut facts) = Json::parse_as::<Facts>(bytes) else { return };
    let limits = RULES.limits.of(&PLAIN.agent.name);
    let mut now = PLAIN.time;
    // Again and again, over a clock that also goes backwards: what was learned is what comes in.
    for step in [0, 1_000, -90_000, 90_000_000, i64::MAX] {
        now = now.plus_millis(step);
        let written = serde_json::to_vec(&facts).expect("facts can be written");
        assert_eq!(Json::parse_as::<Facts>(&written).expect("facts can be read"), facts);
        let decision = engine::decide(&PLAIN, &facts, &RULES, now);
        assert_eq!(decision, engine::decide(&PLAIN, &facts, &RULES, now));
        facts = engine::learn(&facts, &PLAIN, &decision, now, limits).facts;
    }
});
