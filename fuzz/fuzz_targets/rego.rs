//! Any text as the body of a Rego module: a module that answers within its bound, or faults.
#![no_main]

use checkrein_fuzz::judge_plain;
use engine::policy::{Policies, Source};
use libfuzzer_sys::fuzz_target;

/// What every module begins with; a text that brings its own is taken as it is.
const HEADER: &str =
    "# METADATA\n# custom:\n#   layer: organisation\n#   priority: 50\npackage checkrein.fuzz\n\n";

// A panic inside a module is a fault that the engine promises to survive. Without the hook that
// ends the process at once, only a panic that gets out of the engine ends this one.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |text: &str| {
    let whole = match text.starts_with("# METADATA") {
        true => text.to_owned(),
        false => format!("{HEADER}{text}"),
    };
    match Policies::load(&[Source { file: "fuzz.rego", text: &whole }]) {
        Ok(policies) => judge_plain(&policies),
        Err(faults) => assert!(faults.0.iter().all(|fault| fault.line > 0 && !fault.message.is_empty())),
    }
});
