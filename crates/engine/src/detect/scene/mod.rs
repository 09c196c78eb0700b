//! The scene: one action with the facts around it, prepared once for the score, the stateful
//! detectors and the learning.

mod destination;
mod stated;

use action::{
    Action, ActionKind, Decimal, Detection, Json, Operation, SensitiveClass, Sensitivity, Timestamp,
};

use crate::facts::baseline::Observation;
use crate::facts::{Deviation, Facts, deviation, hash};

use super::sensitivity;
use super::state::Limits;
use crate::text::number::{Reading, reading};

pub use destination::{Destination, spellings};
pub use stated::Money;

/// One action with the facts around it.
pub struct Scene<'a> {
    pub action: &'a Action,
    pub facts: &'a Facts,
    pub now: Timestamp,
    /// When it happens: the action's own time where it is plausible, else ours.
    pub when: Timestamp,
    /// Sensitive classes found in the payload, each once.
    pub classes: Vec<SensitiveClass>,
    /// Where data would go, in comparable form.
    pub destinations: Vec<Destination>,
    /// Data, money or a message would leave the estate.
    pub external: bool,
    /// Records touched: the greater of what the caller and the payload say.
    pub records: u64,
    /// Money that would move.
    pub money: Option<Money<'a>>,
    pub payload: Shape,
    /// What the action touches beyond its resource type.
    pub traits: Traits,
    pub sensitivity: Sensitivity,
    /// Sensitive data in what the agent had read before.
    pub read: Vec<Detection>,
    /// Comparison with the baseline; `None` without one or in its cold start.
    pub deviation: Option<Deviation>,
}

/// The outer measures of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    pub bytes: u64,
    pub values: u64,
    pub depth: u64,
    /// Hash of the set of keys.
    pub keys: u64,
    /// The largest number under a key that limits or counts, and the longest list of what an action
    /// is about, one by one.
    pub stated: u64,
    pub longest_list: u64,
}

/// What words of the tool, the resource and the payload say about an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Touches the record of what happened: audit trails, logs that prove.
    pub audit_trail: bool,
    /// Cannot be taken back: drop, purge, truncate, wipe.
    pub irreversible: bool,
    /// Encodes, compresses or encrypts.
    pub packs: bool,
    /// Names everything: all, bulk, dump, every.
    pub everything: bool,
    /// Names a field that holds highly sensitive data.
    pub secret_fields: bool,
}

impl<'a> Scene<'a> {
    pub fn new(
        action: &'a Action,
        facts: &'a Facts,
        now: Timestamp,
        classes: &[SensitiveClass],
        limits: &Limits,
    ) -> Self {
        let skew = i64::try_from(limits.clock_skew_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        let plausible = action.time.millis().saturating_sub(now.millis()).saturating_abs() <= skew;
        let payload = Shape::of(&action.payload);
        let stated =
            if action.operation.has_effect() || payload.stated <= 1 { payload.longest_list } else { 0 };
        let records = match action.count {
            Some(count) => count.max(payload.stated),
            None => payload.stated.max(stated).max(1),
        };
        let destinations: Vec<Destination> =
            action.resource.destinations.iter().map(|name| Destination::new(name.as_str(), facts)).collect();
        let mut classes = classes.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let mut scene = Scene {
            external: leaves(action, &destinations),
            traits: Traits::of(action),
            when: if plausible { action.time } else { now },
            action,
            facts,
            now,
            classes,
            destinations,
            records,
            money: Money::of(action),
            payload,
            sensitivity: Sensitivity::None,
            read: Vec::new(),
            deviation: None,
        };
        scene.sensitivity = sensitivity::level(&scene);
        scene.deviation = facts
            .baseline
            .as_ref()
            .and_then(|baseline| deviation::compare(baseline, &scene.observation(), &limits.cold_start()));
        scene
    }

    /// What the action looks like to a baseline.
    pub fn observation(&self) -> Observation {
        Observation {
            at: self.when,
            operation: Some(self.action.operation),
            tool: self.action.tool.as_str().into(),
            resource: self.action.resource.kind.as_str().into(),
            destinations: self.destinations.iter().map(|to| to.name.clone()).collect(),
            records: self.records,
            bytes: self.payload.bytes,
            amount: self.amount().map(|units| units.saturating_mul(100)),
            rate: self.facts.counters.minute.total(self.now, 60_000).0.saturating_add(1),
            shape: self.payload.keys,
            version: self.action.agent.version.as_ref().map(|version| version.as_str().into()),
        }
    }

    /// Whole units of money that would move.
    pub fn amount(&self) -> Option<u64> {
        self.money.map(|money| money.value.trunc().unsigned_abs())
    }

    /// Hash of the tool for the agent's counters.
    pub fn tool_key(&self) -> u64 {
        hash::name(self.facts.agent.salt, self.action.tool.as_str())
    }

    pub fn destination_key(&self, destination: &Destination) -> u64 {
        hash::name(self.facts.agent.salt, &destination.full)
    }

    pub fn has_class(&self, among: &[SensitiveClass]) -> bool {
        self.classes.iter().any(|class| among.contains(class))
    }
}

/// Whether something leaves the estate. A payment always does; a call to the outside or a message
/// does unless all its destinations are our own.
fn leaves(action: &Action, destinations: &[Destination]) -> bool {
    if destinations.iter().any(|to| to.external) {
        return true;
    }
    match action.operation {
        Operation::Pay => true,
        Operation::Send => destinations.is_empty(),
        Operation::Read | Operation::Write | Operation::Delete | Operation::Grant => {
            destinations.is_empty() && action.kind == ActionKind::ExternalCall
        }
    }
}

impl Shape {
    fn of(payload: &Json) -> Self {
        let mut shape = Shape::default();
        shape.walk(payload, "", 0);
        shape
    }

    fn walk(&mut self, value: &Json, key: &str, depth: u64) {
        self.values = self.values.saturating_add(1);
        self.depth = self.depth.max(depth);
        match value {
            Json::Null | Json::Bool(_) => self.bytes = self.bytes.saturating_add(4),
            Json::Number(number) => {
                self.bytes = self.bytes.saturating_add(8);
                self.count(key, *number);
            }
            Json::Text(text) => {
                self.bytes = self.bytes.saturating_add(text.len() as u64);
                // A number in quotes is a number. Words, most texts by far, are not looked into.
                let words = text.bytes().next().is_none_or(|b| b.is_ascii_alphabetic());
                if !words && let Reading::Between { greatest, .. } = reading(text) {
                    self.count(key, greatest);
                }
            }
            Json::List(items) => {
                // Lists of numbers are vectors and samples, not records.
                let records =
                    items.iter().filter(|item| matches!(item, Json::Text(_) | Json::Object(_))).count();
                self.longest_list = self.longest_list.max(records as u64);
                if lists_targets(key) {
                    self.stated = self.stated.max(items.len() as u64);
                }
                items.iter().for_each(|item| self.walk(item, key, depth.saturating_add(1)));
            }
            Json::Object(entries) => {
                for (key, item) in entries {
                    self.bytes = self.bytes.saturating_add(key.len() as u64);
                    // A sum of hashes does not depend on the order of the keys.
                    self.keys = self.keys.wrapping_add(hash::keyed(depth, key.as_bytes()));
                    self.walk(item, key, depth.saturating_add(1));
                }
            }
        }
    }
}

impl Shape {
    fn count(&mut self, key: &str, number: Decimal) {
        if !number.is_negative() && counts_records(key) {
            self.stated = self.stated.max(number.trunc().unsigned_abs());
        }
    }
}

/// Whether the items of the list under a key are what the action is about, one by one.
fn lists_targets(key: &str) -> bool {
    const LISTS: [&str; 6] = ["ids", "records", "rows", "recipients", "entries", "files"];
    words(key).last().is_some_and(|word| LISTS.contains(&word.as_str()))
}

/// Whether the number under a key says how many records are meant: `limit`, `page_size`,
/// `max_rows`, but neither `credit_limit` nor `page`.
fn counts_records(key: &str) -> bool {
    const COUNTED: [&str; 12] = [
        "limit", "count", "rows", "records", "results", "items", "top", "first", "batch", "fetch", "entries",
        "size",
    ];
    const BESIDE: [&str; 9] = ["page", "max", "num", "number", "of", "n", "per", "row", "record"];
    let words: Vec<String> = words(key).collect();
    let known = |list: &[&str], word: &String| list.contains(&word.as_str());
    let alone = words.len() == 1 && words.iter().any(|word| word == "size");
    !alone
        && words.iter().all(|word| known(&COUNTED, word) || known(&BESIDE, word))
        && words.iter().any(|word| known(&COUNTED, word))
}

impl Traits {
    fn of(action: &Action) -> Self {
        let mut traits = Traits::default();
        let resource = &action.resource;
        for name in [&action.tool, &resource.kind].into_iter().chain(&resource.name) {
            traits.read(name.as_str());
        }
        traits.walk(&action.payload);
        traits
    }

    fn walk(&mut self, value: &Json) {
        match value {
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
            // Names and short orders. A sentence is content: that somebody writes "thanks for all"
            // takes nothing. Other detectors read it.
            Json::Text(text) if text.len() <= 128 && words(text).take(5).count() <= 4 => self.read(text),
            Json::Text(_) => {}
            Json::List(items) => items.iter().take(64).for_each(|item| self.walk(item)),
            Json::Object(entries) => {
                for (key, item) in entries.iter().take(64) {
                    self.read(key);
                    self.walk(item);
                }
            }
        }
    }

    fn read(&mut self, text: &str) {
        let mut before = String::new();
        for word in words(text) {
            match word.as_str() {
                "trail" | "trails" | "log" | "logs" | "journal" | "record" | "records" | "history" => {
                    self.audit_trail |= before == "audit";
                }
                "auditlog" | "auditlogs" | "audittrail" => self.audit_trail = true,
                "drop" | "purge" | "truncate" | "wipe" | "erase" | "destroy" | "permanent"
                | "permanently" | "shred" => self.irreversible = true,
                "base64" | "gzip" | "zip" | "tar" | "compress" | "archive" | "encrypt" | "encode"
                | "b64encode" | "gpg" => self.packs = true,
                "all" | "bulk" | "dump" | "every" | "everything" | "export" | "mass" => {
                    self.everything = true;
                }
                "ssn" | "passport" | "cvv" | "salary" | "password" | "passwords" | "diagnosis" => {
                    self.secret_fields = true;
                }
                _ => {}
            }
            before = word;
        }
    }
}

/// The words of an identifier or a short text, lower case: borders are whatever is no letter or
/// digit, and the step from lower to upper case.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        if let Some(length) = plain_word(rest) {
            let (word, after) = rest.split_at_checked(length)?;
            rest = after;
            return (length > 0).then(|| word.to_ascii_lowercase());
        }
        let mut word = String::new();
        let mut was_lower = false;
        for (at, c) in rest.char_indices() {
            if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
                rest = rest.get(at..).unwrap_or("");
                return Some(word);
            }
            was_lower = c.is_lowercase() || c.is_ascii_digit();
            word.extend(c.to_lowercase());
        }
        rest = "";
        (!word.is_empty()).then_some(word)
    })
}

/// Length of the word at the start of a text where it is ASCII, which needs no look at characters.
fn plain_word(text: &str) -> Option<usize> {
    let mut was_lower = false;
    for (at, b) in text.bytes().enumerate() {
        match b {
            b'A'..=b'Z' if was_lower => return Some(at),
            b'A'..=b'Z' => {}
            b'a'..=b'z' | b'0'..=b'9' => was_lower = true,
            _ if b.is_ascii() => return Some(at),
            _ => return None,
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_at_marks_and_case() {
        let split = |text| words(text).collect::<Vec<_>>();
        assert_eq!(split("delete_auditTrail"), ["delete", "audit", "trail"]);
        assert_eq!(split("  --all/rows2Keep! "), ["all", "rows2", "keep"]);
        assert!(split("...").is_empty());
    }

    #[test]
    fn numbers_that_count_records_are_told_from_others() {
        for key in ["limit", "page_size", "maxRows", "num_results", "top"] {
            assert!(counts_records(key), "{key}");
        }
        for key in ["credit_limit", "page", "max_price", "size", "total", "order_count_reason", ""] {
            assert!(!counts_records(key), "{key}");
        }
    }

    #[test]
    fn a_sentence_has_no_traits_and_an_order_has() {
        let of = |payload: &str| {
            let mut traits = Traits::default();
            traits.walk(&Json::parse(payload.as_bytes()).unwrap());
            traits
        };
        assert_eq!(of(r#"{ "text": "thanks for all your help, drop by!" }"#), Traits::default());
        assert!(of(r#"{ "then": "purge_audit_log" }"#).audit_trail);
        assert!(of(r#"{ "scope": "all" }"#).everything);
    }
}
