//! Any bytes as certificate of a client: not read, or names and dates, always the same.
#![no_main]

use gateway::identity::PeerCertificate;
use gateway::limits::MAX_ALTERNATIVE_NAMES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(read) = PeerCertificate::read(bytes) else { return };
    assert!(read.uris.len() + read.hosts.len() <= MAX_ALTERNATIVE_NAMES);
    assert!(read.hosts.iter().all(|host| !host.as_str().contains(|c: char| c.is_ascii_uppercase())));
    assert_eq!(PeerCertificate::read(bytes), Some(read));
});
