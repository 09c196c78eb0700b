//! Any text as a policy or settings document: rules that judge, or faults with a place.
#![no_main]

use checkrein_fuzz::judge_plain;
use engine::Rules;
use engine::policy::{Policies, Source, cases};
use engine::yaml::Faults;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = Source { file: "fuzz.yaml", text };
    match Policies::load(&[source]) {
        Ok(policies) => {
            judge_plain(&policies);
            let mut faults = Faults::default();
            for case in cases::of(&policies, &mut faults) {
                assert!(!case.title().is_empty());
            }
            assert_placed(&faults);
        }
        Err(faults) => assert_placed(&faults),
    }
    // Weights, limits and type hints come in a document of their own kind.
    if text.contains("settings")
        && let Err(faults) = Rules::load(&[source])
    {
        assert_placed(&faults);
    }
});

fn assert_placed(faults: &Faults) {
    for fault in &faults.0 {
        assert!(fault.line > 0 && fault.column > 0 && !fault.message.is_empty(), "{fault}");
    }
}
