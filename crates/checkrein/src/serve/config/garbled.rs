//! Settings that somebody cut, doubled or mistyped: read, or refused with a place for every fault.

use std::path::Path;

use super::Config;

const WHOLE: &str = include_str!("../../../../../examples/server/checkrein.yaml");
const ROUNDS: u64 = 20_000;

/// Pieces that settings are made of, and some that they are not.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "#",
    "&a",
    "*a",
    "!!str",
    "|",
    ">",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "99999999999999999999",
    "1e9",
    ".inf",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "ä",
    "127.0.0.1:0",
    "[::1]:1",
    "production",
    "environments",
    "fail",
    "rules",
    "listen",
    "<<: *a",
    "---",
    "...",
];

fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A place between two characters.
fn place(text: &str, state: &mut u64) -> usize {
    let at = usize::try_from(roll(state)).unwrap() % (text.len() + 1);
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap()
}

fn garble(state: &mut u64) -> String {
    let mut text = WHOLE.to_owned();
    for _ in 0..=roll(state) % 4 {
        let (one, other) = (place(&text, state), place(&text, state));
        let (from, to) = (one.min(other), one.max(other));
        let piece = PIECES[usize::try_from(roll(state)).unwrap() % PIECES.len()];
        match roll(state) % 4 {
            0 => text.insert_str(from, piece),
            1 => text.replace_range(from..to, ""),
            2 => text.truncate(to),
            _ => {
                let copy = text[from..to].to_owned();
                text.insert_str(from, &copy);
            }
        }
        if text.len() > 64 << 10 {
            text = WHOLE.to_owned();
        }
    }
    text
}

#[test]
fn garbled_settings_are_read_or_refused_with_a_place() {
    let mut state = 1;
    let (mut read, mut refused) = (0, 0);
    for _ in 0..ROUNDS {
        let text = garble(&mut state);
        match Config::parse("checkrein.yaml", &text, Path::new("/etc/checkrein")) {
            Ok(config) => {
                read += 1;
                for listener in [&config.agents, &config.operators] {
                    assert!(listener.address.ip().is_loopback() || listener.tls.is_some(), "{text}");
                }
                assert!(!config.environments.is_empty() && config.data.starts_with("/"));
            }
            Err(faults) => {
                refused += 1;
                assert!(!faults.0.is_empty());
                assert!(
                    faults.0.iter().all(|fault| !fault.code.is_empty() && fault.line > 0),
                    "{faults:?}\n{text}"
                );
            }
        }
    }
    assert!(
        read > 100 && refused > 1_000,
        "{read} were read and {refused} refused: the garbling is too weak"
    );
}
