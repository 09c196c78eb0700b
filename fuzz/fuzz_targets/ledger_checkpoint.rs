//! Any text as checkpoint, and proofs out of its bytes: refused, or it reads back; no proof holds
//! that was not made.
#![no_main]

use action::Digest;
use ledger::checkpoint::Checkpoint;
use ledger::hash;
use ledger::tree::{TileId, check_consistency, check_inclusion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(head) = Checkpoint::parse(text) {
            assert_eq!(head.to_string(), text);
        }
        if let Ok(tile) = TileId::parse(text) {
            assert_eq!(tile.to_string(), text);
        }
    }
    let (numbers, rest) = bytes.as_chunks::<8>();
    let [index, size, old, ..] = numbers else { return };
    let [index, size, old] = [index, size, old].map(|number| u64::from_le_bytes(*number));
    let path: Vec<Digest> = rest
        .iter()
        .map(|byte| hash::leaf(&[*byte]))
        .chain(bytes.as_chunks::<32>().0.iter().map(|chunk| Digest::from_bytes(*chunk)))
        .collect();
    // The root of something that no path from here leads to.
    let (leaf, root) = (hash::leaf(b"a record"), hash::leaf(b"a root"));
    assert!(check_inclusion(index, size, &leaf, &path, &root).is_err());
    let other = hash::leaf(b"another root");
    assert!(check_consistency((old, &other), (size, &root), &path).is_err());
});
