//! Any text under every name that a scan knows, the first byte choosing: every vector that reads
//! texts looks, and what it finds stands inside the text.
#![no_main]

use checkrein_fuzz::{RULES, assert_hits};
use engine::detect::{Hit, ScanKind, scan};
use libfuzzer_sys::fuzz_target;

const KINDS: [ScanKind; 10] = [
    ScanKind::User,
    ScanKind::Document,
    ScanKind::Memory,
    ScanKind::SqlValue,
    ScanKind::SqlStatement,
    ScanKind::Shell,
    ScanKind::Html,
    ScanKind::Path,
    ScanKind::Url,
    ScanKind::Json,
];

fuzz_target!(|bytes: &[u8]| {
    // Digits choose in order, so that a seed can be written by hand.
    let Some((first, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let kind = KINDS[usize::from(first.wrapping_sub(b'0')) % KINDS.len()];
    let scanned = scan(kind, text, &RULES.detectors);
    let hits: Vec<Hit> = scanned.found.iter().map(|(_, hit)| hit.clone()).collect();
    assert_hits(text, &hits);
    assert_eq!(scanned, scan(kind, text, &RULES.detectors));
});
