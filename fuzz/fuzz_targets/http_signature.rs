//! Any bytes as the headers of a signed request: method and address in the first line, then one
//! header a line. Refused, left alone, or the one request that a seed signed.
#![no_main]

use action::Timestamp;
use gateway::identity::signature::read;
use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);
/// Public; who made the seed threw the other half away.
const KEY: &str = include_str!("http_signature.key");

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.next().and_then(|line| std::str::from_utf8(line).ok()).unwrap_or_default();
    let (method, uri) = first.split_once(' ').unwrap_or(("POST", first));
    let Ok(request) = Request::builder().method(method).uri(uri).body(()) else { return };
    let (mut head, ()) = request.into_parts();
    for line in lines.take(64) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            head.headers.append(name, value);
        }
    }
    for seconds in [0, 50, -50, 600] {
        let now = NOW.plus_millis(seconds * 1000);
        if let Ok(Some(signed)) = read(&head, now) {
            assert_eq!(signed.key.as_str(), KEY.trim());
            assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/ask/v1/decisions"));
            assert!((now.millis() - signed.created.millis()).abs() <= 60_000);
        }
    }
});
