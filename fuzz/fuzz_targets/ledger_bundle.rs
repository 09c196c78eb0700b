//! Any bytes as bundle, twice: as they are, and as the archive inside of a file that arrived whole,
//! so that the fuzzer gets behind the checksum. It ends, and what holds is what its signer signed.
#![no_main]

use std::sync::LazyLock;

use ledger::note::VerifierKey;
use ledger::verify::{Trust, verify_bundle};
use libfuzzer_sys::fuzz_target;

/// Of the log that the seed is from.
const KEY: &str = "example.org/acme/node-a+1f1dc589+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";

static TRUST: LazyLock<Trust> = LazyLock::new(|| Trust {
    keys: vec![VerifierKey::parse(KEY).expect("the key reads")],
    ..Trust::default()
});

fuzz_target!(|bytes: &[u8]| {
    for file in [bytes.to_vec(), stored(bytes)] {
        let report = verify_bundle(file.as_slice(), &TRUST);
        let again = verify_bundle(file.as_slice(), &TRUST);
        assert_eq!(report, again);
        // Nobody here can sign: a bundle that holds is the one among the seeds, byte for byte.
        if report.fault.is_none() {
            assert_eq!((report.first, report.records), (Some(5), 7));
        }
    }
});

/// Gzip of blocks that are stored, not compressed.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut chunks = content.chunks(65_535).peekable();
    if chunks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(chunk) = chunks.next() {
        let length = chunk.len() as u16;
        out.push(u8::from(chunks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(chunk);
    }
    out.extend(crc32(content).to_le_bytes());
    out.extend((content.len() as u32).to_le_bytes());
    out
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}
