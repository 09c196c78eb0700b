//! What an answer says, as far as two answers are compared: figures, and hashes of words and calls. The words
//! themselves are not kept.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use action::Json;
use wire::dialect::Dialect;
use wire::instead;
use wire::shape::{Meaning, Speaker, Spot};
use wire::stream::{Reader, Reading, Step};

use crate::llm::asked::Asked;

/// Words of one answer that are compared; what follows is left out on both sides.
const MAX_WORDS: usize = 20_000;
/// Calls of tools in one answer that are compared.
const MAX_CALLS: usize = 256;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// In order, each as often as it stands there.
    words: Vec<u64>,
    calls: Vec<u64>,
    pub characters: u64,
}

impl Said {
    /// An answer that came at once.
    pub fn whole(answer: &Asked<'_>, hash: &RandomState) -> Said {
        let mut text = String::new();
        if let Some(Json::List(items)) = answer.payload.get("messages") {
            for part in items.iter().filter_map(|item| item.get("content")).filter_map(Json::as_text) {
                text.push_str(part);
                text.push('\n');
            }
        }
        let calls = answer.calls().iter().map(|call| (call.tool.as_str(), call.arguments.clone()));
        Said::of(&text, calls, hash)
    }

    fn of<'c>(text: &str, calls: impl Iterator<Item = (&'c str, Json)>, hash: &RandomState) -> Said {
        let text = text.trim();
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words: Vec<u64> =
            words.take(MAX_WORDS).map(|word| hash.hash_one(word.to_lowercase())).collect();
        words.sort_unstable();
        let mut calls: Vec<u64> = calls.take(MAX_CALLS).map(|call| hashed(call, hash)).collect();
        calls.sort_unstable();
        Said { words, calls, characters: text.chars().count() as u64 }
    }

    /// How many of the words of both stand in both, in per cent: twice the common ones by all, each word as
    /// often as it stands there, whatever their order. None where neither has a word.
    pub fn similarity(&self, other: &Said) -> Option<u8> {
        let all = self.words.len() + other.words.len();
        let (mut left, mut right, mut common) =
            (self.words.iter().peekable(), other.words.iter().peekable(), 0);
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            match a.cmp(b) {
                std::cmp::Ordering::Less => drop(left.next()),
                std::cmp::Ordering::Greater => drop(right.next()),
                std::cmp::Ordering::Equal => {
                    common += 1;
                    left.next();
                    right.next();
                }
            }
        }
        u8::try_from((common * 200usize).checked_div(all)?).ok()
    }

    /// Whether both call the same tools with the same arguments, in any order. None where neither calls one.
    pub fn calls_alike(&self, other: &Said) -> Option<bool> {
        let any = !self.calls.is_empty() || !other.calls.is_empty();
        any.then(|| self.calls == other.calls)
    }

    pub fn calls(&self) -> u64 {
        self.calls.len() as u64
    }
}

/// A call by its tool and its arguments, however these are written.
fn hashed((tool, arguments): (&str, Json), hash: &RandomState) -> u64 {
    let arguments = match arguments {
        Json::Text(text) => Json::parse(text.as_bytes()).unwrap_or(Json::Text(text)),
        other => other,
    };
    hash.hash_one((tool, serde_json::to_string(&arguments.sorted()).unwrap_or_default()))
}

/// Listens to a stream, for what it will have said.
pub struct Listener {
    dialect: &'static Dialect,
    calls: BTreeMap<(u64, Spot), (String, String)>,
    /// Texts that stand for themselves. Where a text came in pieces, they only say it once more.
    wholes: String,
    events: u64,
}

impl Listener {
    pub fn new(dialect: &'static Dialect) -> Self {
        Listener { dialect, calls: BTreeMap::new(), wholes: String::new(), events: 0 }
    }

    /// Takes the next event, as `reader` has just read it.
    pub fn hear(&mut self, step: &Step, reader: &Reader) {
        let Reading::Event(told) = &step.reading else { return };
        self.events += 1;
        for told in told {
            let text = || match &told.whole {
                Some(text) => text.as_str(),
                None => reader.text(&told.key).get(told.from..).unwrap_or_default(),
            };
            match told.key.meaning {
                Meaning::Text if told.whole.is_some() && is_of_model(told.key.speaker) => {
                    self.wholes.push_str(text());
                    self.wholes.push('\n');
                }
                Meaning::CallTool | Meaning::CallArguments => {
                    let event = if instead::come_whole(self.dialect) { self.events } else { 0 };
                    let place = (event, told.key.spot);
                    if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&place) {
                        continue;
                    }
                    let (tool, arguments) = self.calls.entry(place).or_default();
                    let of = if told.key.meaning == Meaning::CallTool { tool } else { arguments };
                    match &told.whole {
                        // An empty beginning of what comes in pieces, or the whole of it once more.
                        Some(whole) if whole.is_empty() || whole == "{}" => {}
                        Some(whole) => of.clone_from(whole),
                        None => of.push_str(text()),
                    }
                }
                _ => {}
            }
        }
    }

    /// What was said, at the end.
    pub fn said(self, reader: &Reader, hash: &RandomState) -> Said {
        let mut text = String::new();
        let of_model = |key: &wire::stream::Key| key.meaning == Meaning::Text && is_of_model(key.speaker);
        for (_, part) in reader.texts().filter(|(key, _)| of_model(key)) {
            text.push_str(part);
            text.push('\n');
        }
        let text = if text.trim().is_empty() { self.wholes } else { text };
        let read =
            |text: &str| if text.is_empty() { Json::Object(Vec::new()) } else { Json::Text(text.into()) };
        let calls = self.calls.values().filter(|(tool, _)| !tool.is_empty());
        Said::of(&text, calls.map(|(tool, arguments)| (tool.as_str(), read(arguments))), hash)
    }
}

const fn is_of_model(speaker: Speaker) -> bool {
    matches!(speaker, Speaker::Model | Speaker::Nobody)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod tests {
    use super::*;

    fn said(text: &str, calls: &[(&str, &str)], hash: &RandomState) -> Said {
        Said::of(text, calls.iter().map(|(tool, it)| (*tool, Json::Text((*it).to_owned()))), hash)
    }

    #[test]
    fn likeness_is_that_of_the_words() {
        let hash = RandomState::new();
        for (a, b, per_cent) in [
            ("The order is on its way.", "the ORDER is on its way", Some(100)),
            ("one two three four", "four three two one", Some(100)),
            ("one two three four", "one two five six", Some(50)),
            ("yes yes yes", "yes", Some(50)),
            ("one", "two", Some(0)),
            ("one", "", Some(0)),
            (" ", "…", None),
        ] {
            let (a, b) = (said(a, &[], &hash), said(b, &[], &hash));
            assert_eq!((a.similarity(&b), b.similarity(&a)), (per_cent, per_cent), "{a:?} {b:?}");
        }
        assert_eq!(said("grüße", &[], &hash).characters, 5);
    }

    #[test]
    fn of_a_long_answer_the_beginning_is_compared() {
        let hash = RandomState::new();
        let begin = "word ".repeat(MAX_WORDS);
        let (one, other) =
            (said(&format!("{begin} one"), &[], &hash), said(&format!("{begin} other"), &[], &hash));
        assert_eq!(one.similarity(&other), Some(100));
        let calls = vec![("get", "{}"); MAX_CALLS + 1];
        assert_eq!(said("", &calls, &hash).calls(), MAX_CALLS as u64);
    }

    #[test]
    fn calls_are_alike_by_tool_and_arguments_however_written() {
        let hash = RandomState::new();
        let one = said("", &[("get", r#"{"a":1,"b":[2]}"#), ("put", "{}")], &hash);
        let same = said("", &[("put", "{ }"), ("get", r#"{ "b": [2], "a": 1 }"#)], &hash);
        let other = said("", &[("get", r#"{"a":2,"b":[2]}"#), ("put", "{}")], &hash);
        assert_eq!(one.calls_alike(&same), Some(true));
        assert_eq!(one.calls_alike(&other), Some(false));
        assert_eq!(one.calls_alike(&Said::default()), Some(false));
        assert_eq!(Said::default().calls_alike(&Said::default()), None);
    }
}
