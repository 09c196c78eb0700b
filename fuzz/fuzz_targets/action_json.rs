//! Any bytes as an action: a value or a clear refusal, and a value writes and reads the same.
#![no_main]

use action::{Action, Json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(json) = Json::parse(bytes) {
        let _ = json.sorted();
    }
    match Json::parse_as::<Action>(bytes) {
        Ok(action) => {
            let _ = action.payload_hash();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
