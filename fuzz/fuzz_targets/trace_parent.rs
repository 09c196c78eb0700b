//! Any bytes as the header `traceparent`: none, or what the recommendation allows.
#![no_main]

use action::TraceParent;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(parent) = TraceParent::parse(text) else { return };
    assert!(text.len() >= 55 && text.is_char_boundary(55));
    assert_ne!(parent.span, [0; 8]);
    assert!(!text.starts_with("ff"));
    let trace = parent.trace.to_string();
    assert_eq!(text.get(3..35), Some(trace.as_str()));
});
