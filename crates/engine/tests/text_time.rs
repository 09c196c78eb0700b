//! Time of decoding text that is made to be slow: it grows with the text, not with its square.
//!
//! Four times the text may take ten times as long, which leaves room for a busy machine; a square
//! would take sixteen times.

use std::time::{Duration, Instant};

use engine::text::Prepared;

const SHORT: usize = 16 * 1024;
const LONG: usize = 4 * SHORT;
const MOST: u32 = 10;

/// The best of several, so that a busy machine does not fail the test.
fn time(text: &str) -> Duration {
    let once = || {
        let start = Instant::now();
        std::hint::black_box(Prepared::new(text).effort());
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

/// Texts of a length, each for one way in which a decoder could look again at what it has seen.
fn texts(bytes: usize) -> Vec<(&'static str, String)> {
    let fill = |unit: &str| unit.repeat(bytes / unit.len());
    let behind_blanks = |unit: &str| " ".repeat(bytes / 2) + &unit.repeat(bytes / 2 / unit.len());
    vec![
        ("pairs that end in a letter", fill("ab:") + "z"),
        ("prefixed pairs that end in a letter", fill("\\x41") + "z"),
        ("pairs behind blanks", behind_blanks("ab ")),
        ("words behind blanks", behind_blanks("QUFB ")),
        ("words before blanks", fill("QUFB ") + &" ".repeat(bytes)),
        ("numbers", fill("12 ") + "12345"),
        ("marks in words", fill("a-b'c")),
        ("open markup", fill("a<b")),
        ("pluses", fill("+A")),
        ("open frames", fill("<~a")),
        ("escaped ampersands", fill("&amp;")),
        ("morse and words", fill(".- word ")),
        ("letters apart", fill("i g n ")),
    ]
}

#[test]
fn decoding_takes_time_by_the_length_of_a_text_not_by_its_square() {
    let slow: Vec<String> = texts(SHORT)
        .into_iter()
        .zip(texts(LONG))
        .map(|((name, short), (_, long))| (name, time(&short), time(&long)))
        .filter(|(_, short, long)| *long > *short * MOST)
        .map(|(name, short, long)| format!("{name}: {short:?}, then {long:?}"))
        .collect();
    assert_eq!(slow, Vec::<String>::new());
}
