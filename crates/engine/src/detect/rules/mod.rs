//! Detection rules as data: a literal that gates, a pattern that decides, cases that prove both.
//!
//! One search for all literals of all rules tells which rules may apply to a text; only those
//! patterns run. A rule says which meanings of a text and which channels it is for.

mod checks;
mod find;
mod load;

use std::ops::Range;
use std::sync::OnceLock;

use action::{Channel, Confidence, Digest, SemanticType, SensitiveClass, Severity, Vector};
use aho_corasick::dfa::DFA;
use regex::Regex;

pub use checks::{CHECKS, Check, entropy_tenths};
pub use load::{Compile, load};

/// Most hits that one rule reports in one text.
pub const MAX_HITS_PER_RULE: usize = 8;

/// Every rule of a load, one set for each vector, so that vectors stay independent.
pub struct RuleBook {
    sets: Vec<(Vector, RuleSet)>,
    hash: Digest,
}

/// The compiled rules of one vector.
pub struct RuleSet {
    rules: Vec<Rule>,
    /// Literal search over normalised text, and over text as sent.
    normal: Gate,
    raw: Gate,
}

/// One rule, as written.
pub struct Rule {
    pub id: String,
    pub vector: Vector,
    pub class: Option<SensitiveClass>,
    pub severity: Severity,
    pub confidence: Confidence,
    pub about: String,
    on: Vec<SemanticType>,
    sources: Vec<Source>,
    form: Form,
    pattern: Pattern,
    not: Vec<Pattern>,
    near: Option<Near>,
    entropy: Option<u32>,
    check: Option<Check>,
    pub cases: Cases,
    pub file: String,
    pub line: usize,
}

/// Which form of a reading the pattern is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Normal,
    Raw,
}

/// Where a text may come from: a channel, or the agent's own arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Channel(Channel),
    Argument,
}

impl Source {
    fn of(channel: Option<Channel>) -> Self {
        channel.map_or(Source::Argument, Source::Channel)
    }

    const fn bit(self) -> u8 {
        match self {
            Source::Argument => 1,
            Source::Channel(channel) => 2 << channel as u8,
        }
    }
}

/// Words of which one must stand near the evidence.
struct Near {
    words: Vec<String>,
    within: usize,
}

/// Texts that prove the rule, and near misses that must stay clean.
#[derive(Debug, Default, Clone)]
pub struct Cases {
    pub hit: Vec<String>,
    pub miss: Vec<String>,
}

/// Compiled when first needed: most patterns never run in a given process.
struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

/// All literals of the rules of one form, and which rules each one opens.
struct Gate {
    literals: Option<DFA>,
    opens: Vec<Vec<usize>>,
    always: Vec<usize>,
    /// The meanings and sources that any of the rules is for; other texts need no search.
    reach: Reach,
}

/// For each meaning the sources of texts, as bits.
#[derive(Debug, Clone, Copy, Default)]
struct Reach([u8; SemanticType::ALL.len()]);

impl Reach {
    fn add(&mut self, semantic: SemanticType, source: Source) {
        if let Some(sources) = self.0.get_mut(semantic as usize) {
            *sources |= source.bit();
        }
    }

    fn has(self, semantic: SemanticType, source: Source) -> bool {
        self.0.get(semantic as usize).is_some_and(|sources| sources & source.bit() != 0)
    }
}

/// A case that went the wrong way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure {
    pub rule: String,
    /// Whether the text should have been hit.
    pub wanted_hit: bool,
    /// The number of the case in its list, from 1.
    pub number: usize,
}

impl RuleBook {
    /// The version of the rules: changes when a file does.
    pub fn hash(&self) -> Digest {
        self.hash
    }

    /// The rules of one vector.
    pub fn of(&self, vector: Vector) -> Option<&RuleSet> {
        self.sets.iter().find(|(v, _)| *v == vector).map(|(_, set)| set)
    }

    /// Every rule, vector by vector.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.sets.iter().flat_map(|(_, set)| &set.rules)
    }

    /// Runs every rule's own cases.
    pub fn test(&self) -> Vec<CaseFailure> {
        self.sets.iter().flat_map(|(_, set)| set.test()).collect()
    }
}

impl Pattern {
    fn new(text: String) -> Self {
        Pattern { text, compiled: OnceLock::new() }
    }

    /// Bounded in size, so that a pattern cannot take the memory of the process.
    fn compile(text: &str) -> Result<Regex, regex::Error> {
        regex::RegexBuilder::new(text).size_limit(4 << 20).dfa_size_limit(4 << 20).build()
    }

    fn get(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Self::compile(&self.text).ok()).as_ref()
    }
}

impl RuleSet {
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Rule {
    /// The pattern as written, and whether it is written for the normal form of a text.
    pub fn pattern(&self) -> (&str, bool) {
        (&self.pattern.text, self.form == Form::Normal)
    }

    /// How far from the evidence its words may stand, for a rule that needs some.
    pub fn within(&self) -> Option<usize> {
        self.near.as_ref().map(|near| near.within)
    }

    fn is_for(&self, semantic: SemanticType, source: Source) -> bool {
        (self.on.is_empty() || self.on.contains(&semantic))
            && (self.sources.is_empty() || self.sources.contains(&source))
    }

    /// What a match must still pass before it is a hit.
    fn accepts(&self, text: &str, evidence: &Range<usize>) -> bool {
        let Some(found) = text.get(evidence.clone()) else { return false };
        self.entropy.is_none_or(|least| entropy_tenths(found.as_bytes()) >= least)
            && self.check.is_none_or(|check| check(found))
            && self.near.as_ref().is_none_or(|near| near.holds(text, evidence))
            && !self.not.iter().any(|not| not.get().is_some_and(|regex| regex.is_match(found)))
    }
}

impl Near {
    fn holds(&self, text: &str, evidence: &Range<usize>) -> bool {
        let before = floor_boundary(text, evidence.start.saturating_sub(self.within));
        let after = floor_boundary(text, evidence.end.saturating_add(self.within));
        let around = [text.get(before..evidence.start), text.get(evidence.end..after)];
        around.iter().flatten().any(|part| {
            let part = part.to_lowercase();
            self.words.iter().any(|word| has_word(&part, word))
        })
    }
}

/// The nearest character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether `word` stands in `text` with no letter or digit on either side.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests;
