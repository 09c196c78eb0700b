//! A small text grammar: sections of alternatives that name each other.
//!
//! A line `:name` opens a section, and `:name = a | b` fills it at once; every other line is one
//! alternative, with `\n` for a line break.
//! `{name}` stands for one alternative of that section, `{name*2-5}` for two to five of them one after
//! the other; a sentence that a text has said already is left out there. Lines that begin with `;` are remarks.

use std::collections::BTreeMap;

use super::rng::Rng;

/// How deep sections may name each other; deeper references expand to nothing.
const MAX_DEPTH: usize = 12;

/// Sections by name.
#[derive(Default, Clone)]
pub struct Grammar {
    sections: BTreeMap<&'static str, Vec<&'static str>>,
}

/// A section of at least this many alternatives can be divided into parts.
const DIVISIBLE: usize = 8;
/// Alternatives shorter than this on average are words, which all parts share.
const SENTENCE: usize = 24;
/// An alternative with this many letters of its own is said once in a text.
const WORDING: usize = 8;

impl Grammar {
    /// Adds the sections of a file. A section that exists already grows.
    pub fn add(&mut self, file: &'static str) {
        let mut section = "";
        for line in file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(';')) {
            let Some(name) = line.strip_prefix(':') else {
                self.sections.entry(section).or_default().push(line);
                continue;
            };
            let (name, words) = name.split_once(" = ").unwrap_or((name, ""));
            section = name.trim();
            let words = words.split(" | ").map(str::trim).filter(|word| !word.is_empty());
            self.sections.entry(section).or_default().extend(words);
        }
    }

    /// The same grammar with one of several equal parts of the sentences. No two parts share a
    /// sentence, so texts made from one tell how a model does on sentences it has not read.
    pub fn part(&self, number: usize, parts: usize) -> Grammar {
        let mut part = self.clone();
        for (name, alternatives) in &mut part.sections {
            let long =
                alternatives.iter().map(|line| line.len()).sum::<usize>() >= SENTENCE * alternatives.len();
            if alternatives.len() >= DIVISIBLE && long && !name.starts_with("doc.") {
                let kept = alternatives.iter().enumerate().filter(|(index, _)| index % parts == number);
                *alternatives = kept.map(|(_, line)| *line).collect();
            }
        }
        part
    }

    /// The names of the sections that begin with `prefix`, in order.
    pub fn names(&self, prefix: &str) -> impl Iterator<Item = &'static str> {
        self.sections.keys().copied().filter(move |name| name.starts_with(prefix))
    }

    /// One text of a section, from its alternative number `index`, counted around. Also says which.
    pub fn nth(&self, section: &str, index: usize, rng: &mut Rng) -> (usize, String) {
        let mut out = String::new();
        let alternatives = self.sections.get(section).map_or(&[][..], Vec::as_slice);
        let line = index % alternatives.len().max(1);
        if let Some(alternative) = alternatives.get(line) {
            self.fill(alternative, rng, 0, &mut Made { text: &mut out, said: Vec::new() });
        }
        (line, out)
    }

    fn expand(&self, section: &str, rng: &mut Rng, depth: usize, out: &mut Made<'_>) {
        if let Some(alternatives) = self.sections.get(section).filter(|_| depth < MAX_DEPTH) {
            self.fill(rng.pick(alternatives), rng, depth, out);
        }
    }

    /// One more item of a list or paragraph. Nobody says the same sentence twice in a row of them.
    fn expand_next(&self, section: &str, rng: &mut Rng, depth: usize, out: &mut Made<'_>) {
        let Some(alternatives) = self.sections.get(section).filter(|_| depth < MAX_DEPTH) else { return };
        let fresh: Vec<&'static str> =
            alternatives.iter().copied().filter(|line| !out.said.contains(line)).collect();
        if fresh.is_empty() {
            return;
        }
        let chosen = rng.pick(&fresh);
        if wording(chosen) >= WORDING {
            out.said.push(chosen);
        }
        self.fill(chosen, rng, depth, out);
    }

    fn fill(&self, alternative: &str, rng: &mut Rng, depth: usize, out: &mut Made<'_>) {
        let mut rest = alternative;
        while let Some((plain, after)) = rest.split_once('{') {
            unescape(plain, out.text);
            let Some((name, after)) = after.split_once('}') else { break };
            // A brace that names no section is a brace: program text has many.
            let (name, times) = match name.split_once('*') {
                Some((name, times)) => (name, Some(repeat(times, rng))),
                None => (name, None),
            };
            if self.sections.contains_key(name) {
                match times {
                    None => self.expand(name, rng, depth + 1, out),
                    Some(times) => (0..times).for_each(|_| self.expand_next(name, rng, depth + 1, out)),
                }
                rest = after;
            } else {
                out.text.push('{');
                rest = rest.split_once('{').map_or("", |(_, rest)| rest);
            }
        }
        unescape(rest, out.text);
    }

    /// The references in the grammar that name no section, for a test to show.
    #[cfg(test)]
    pub fn dangling(&self) -> Vec<String> {
        let lines = self.sections.values().flatten();
        let names = lines.flat_map(|line| line.split('{').skip(1).filter_map(|part| part.split_once('}')));
        names
            .map(|(name, _)| name.split('*').next().unwrap_or_default().to_owned())
            .filter(|name| {
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
            })
            .filter(|name| !self.sections.contains_key(name.as_str()))
            .collect()
    }
}

/// A text in the making, and the sentences it has used up.
struct Made<'a> {
    text: &'a mut String,
    said: Vec<&'static str>,
}

/// How many letters an alternative has outside its references: a table row is mostly references and
/// may come again, a sentence may not.
fn wording(alternative: &str) -> usize {
    let mut depth = 0;
    let mut count = 0;
    for character in alternative.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 && character.is_alphabetic() => count += 1,
            _ => {}
        }
    }
    count
}

fn repeat(times: &str, rng: &mut Rng) -> usize {
    let (low, high) = times.split_once('-').unwrap_or((times, times));
    rng.range(low.parse().unwrap_or(1), high.parse().unwrap_or(1))
}

fn unescape(text: &str, out: &mut String) {
    let mut parts = text.split("\\n");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        out.push('\n');
        out.push_str(part);
    }
}
