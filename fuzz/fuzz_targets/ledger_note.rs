//! Any bytes as signed note, key, proof and request to a witness: refused, or texts that read back.
#![no_main]

use ledger::note::{SignedNote, VerifierKey, parse_signatures};
use ledger::proven::Proven;
use ledger::tree::TlogProof;
use ledger::verify::Trust;
use ledger::witness::AddCheckpoint;
use libfuzzer_sys::fuzz_target;

const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = AddCheckpoint::read(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(note) = SignedNote::parse(text) {
        assert_eq!(note.to_string(), text);
        let known = VerifierKey::parse(KEY).expect("the key reads");
        // Nobody here has its key: the one text that it signed is among the seeds.
        if note.signed_by(&known) == Ok(Some(0)) {
            assert!(note.text().starts_with("If you think cryptography"));
        }
    }
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(proof) = TlogProof::parse(text) {
        assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof.clone()));
        let _ = proof.check(&ledger::hash::leaf(b"record"));
    }
    if let Ok(proven) = Proven::parse(text) {
        let again = Proven::parse(&proven.to_string()).expect("what was written reads back");
        assert_eq!(again, proven);
        // Whatever it says, nobody is believed whom the reader does not trust.
        assert!(proven.check(&Trust::default()).is_err());
    }
    let _ = parse_signatures(text);
});
