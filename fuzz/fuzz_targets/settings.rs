//! Any text as the server's settings: settings that listen to strangers only behind TLS, or faults with a
//! place. Never a file: what settings name is looked at when the server starts.
#![no_main]

use std::path::Path;

use checkrein::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Config::parse("checkrein.yaml", text, Path::new("/etc/checkrein")) {
        Ok(config) => {
            for listener in [&config.agents, &config.operators] {
                assert!(listener.address.ip().is_loopback() || listener.tls.is_some());
            }
            assert!(!config.environments.is_empty());
            assert!(config.data.is_absolute());
        }
        Err(faults) => {
            assert!(!faults.0.is_empty(), "refused without a word");
            for fault in &faults.0 {
                assert!(fault.line > 0 && fault.column > 0 && !fault.message.is_empty(), "{fault}");
            }
        }
    }
});
