//! Any text, redacted by what detectors find in it and put back: byte for byte the same, also
//! from a stream that was cut anywhere.
#![no_main]

use checkrein_fuzz::RULES;
use engine::detect::{Hit, ScanKind, scan};
use engine::redact::{Key, Mode, Options, Restorer, redact, restore};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = scan(ScanKind::Document, text, &RULES.detectors).found;
    let hits: Vec<Hit> = found.into_iter().map(|(_, hit)| hit).filter(|hit| hit.class.is_some()).collect();
    let key = Key::new([7; 32]);
    for mode in [Mode::Mask, Mode::Hash] {
        let redacted = redact(text, &hits, mode, &key, &Options::default());
        assert!(redacted.map.is_empty());
        assert!(hits.iter().all(|hit| hit.span.is_empty()) || redacted.text != text);
    }

    let redacted = redact(text, &hits, Mode::Synthetic, &key, &Options::default());
    assert_eq!(restore(&redacted.text, &redacted.map), text);
    for entry in redacted.map.entries().iter().filter(|entry| entry.original.len() >= 4) {
        assert!(!redacted.text.contains(&entry.original), "a value of class {:?} remains", entry.class);
    }

    let mut restorer = Restorer::new(&redacted.map);
    let mut out = Vec::new();
    let mut rest = redacted.text.as_bytes();
    // Where the stream is cut follows from the text: characters are cut as well.
    while let Some(first) = rest.first() {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(first % 7)));
        out.extend(restorer.push(piece));
        rest = after;
    }
    out.extend(restorer.finish());
    assert_eq!(out, text.as_bytes());
});
