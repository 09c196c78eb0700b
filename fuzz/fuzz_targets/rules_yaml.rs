//! Any text as a rule document: rules or faults with a place, never a panic.
#![no_main]

use engine::detect::rules::{Compile, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match load(&[("fuzz.yaml", text)], Compile::Now) {
        Ok(book) => {
            book.test();
        }
        Err(faults) => assert!(faults.0.iter().all(|fault| fault.line > 0)),
    }
});
