//! Any text, normalised and decoded: every reading within its bounds, and every place in a
//! reading leads back to a place in the text as sent.
#![no_main]

use checkrein_fuzz::assert_span;
use engine::text::{EFFORT_FACTOR, EXPANSION_FACTOR, EXPANSION_FLOOR, MAX_DEPTH, MAX_VIEWS, Prepared};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let prepared = Prepared::new(text);
    let size = text.len().max(EXPANSION_FLOOR);
    assert_eq!(prepared.plain().raw, text);
    assert!(prepared.effort() <= size * EFFORT_FACTOR, "{} bytes looked at", prepared.effort());
    for oddity in prepared.oddities() {
        assert_span(text, &oddity.span);
    }

    let views: Vec<_> = prepared.readings().filter(|reading| !reading.is_plain()).collect();
    let decoded: usize = views.iter().map(|view| view.raw.len()).sum();
    assert!(views.len() <= MAX_VIEWS, "{} views", views.len());
    assert!(decoded <= size * EXPANSION_FACTOR, "{decoded} bytes decoded from {}", text.len());
    // Each decoding may be followed by taking a disguise off, which does not count as one.
    assert!(views.iter().all(|view| !view.via.is_empty() && view.via.len() <= MAX_DEPTH * 2));

    for reading in prepared.readings() {
        for part in [0, 3, 7, 16, 31] {
            let (raw, normal) = (reading.raw.len() * part / 31, reading.normal.len() * part / 31);
            // Ranges that fit, that stand empty, and that no honest caller would ask for.
            for far in [0, 1, 9, usize::MAX / 2] {
                assert_span(text, &reading.raw_span(raw..raw + far));
                assert_span(text, &reading.normal_span(normal..normal + far));
            }
        }
    }
});
