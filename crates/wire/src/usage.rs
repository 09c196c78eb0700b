//! How many tokens an answer took and how it ended, out of each dialect's own words.
//!
//! Providers count differently: some leave what came from a cache out of the input, or thoughts out
//! of the output. A [`Tally`] keeps the terms as they were told and adds them up when asked, so that
//! the parts of a stream can come apart and in any order.

use crate::dialect::Dialect;
use crate::doc::{Kind, Value};

/// One number that a provider tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// All input, with what came from a cache.
    Input,
    /// Input without what came from a cache or went into it.
    FreshInput,
    /// Input that tools of the provider added.
    ToolInput,
    /// Input that a cache held.
    Cached,
    /// Input that was put into a cache.
    Written,
    /// All output, with thoughts.
    Output,
    /// Output without thoughts.
    SaidOutput,
    Reasoning,
}

const TERMS: usize = 8;

/// How an answer ended, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ended {
    Stop,
    ToolCalls,
    Length,
    /// A word that is in no table, or a fault that the provider tells of.
    Other,
    Filtered,
    Refusal,
}

impl Ended {
    pub const fn name(self) -> &'static str {
        match self {
            Ended::Stop => "stop",
            Ended::ToolCalls => "tool_calls",
            Ended::Length => "length",
            Ended::Other => "other",
            Ended::Filtered => "filtered",
            Ended::Refusal => "refusal",
        }
    }
}

/// Where a dialect tells of it. Paths are keys with dots between; `*` is each item of a list. The
/// paths of whole answers and of events stand together: none means different things in the two.
pub struct Tells {
    pub counts: &'static [(&'static str, Term)],
    pub ends: &'static [&'static str],
    pub words: &'static [(&'static str, Ended)],
    /// Words there that say nothing of an end.
    pub open: &'static [&'static str],
    /// Where something stands when a tool is called, or when the model declined, whatever word for
    /// its end there is.
    pub calls: &'static [&'static str],
    pub refusals: &'static [&'static str],
}

impl Tells {
    pub const NOTHING: Tells =
        Tells { counts: &[], ends: &[], words: &[], open: &[], calls: &[], refusals: &[] };
}

/// What was told so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    terms: [Option<u64>; TERMS],
    ended: Option<Ended>,
    called: bool,
    refused: bool,
}

impl Tally {
    /// What an answer, or one event of a stream, tells.
    pub fn of(dialect: &Dialect, root: Value<'_>) -> Tally {
        let (tells, mut tally) = (dialect.tells, Tally::default());
        // Paths that begin alike look their beginning up once: most events have none of them.
        let mut begun: Option<(&str, Option<Value<'_>>)> = None;
        let mut at = |path: &'static str, visit: &mut dyn FnMut(Value<'_>)| {
            let (step, rest) = path.split_once('.').unwrap_or((path, ""));
            let begin = match begun {
                _ if step == "*" => return root.at(path, visit),
                Some((known, begin)) if known == step => begin,
                _ => root.get(step),
            };
            begun = Some((step, begin));
            if let Some(begin) = begin {
                begin.at(rest, visit);
            }
        };
        for (path, term) in tells.counts {
            at(path, &mut |value| tally.note(*term, value.whole()));
        }
        for path in tells.ends {
            at(path, &mut |value| {
                let Some(word) = value.text() else { return };
                if word.is_empty() || tells.open.iter().any(|open| *open == word) {
                    return;
                }
                let known = tells.words.iter().find(|(name, _)| *name == word);
                tally.ended = tally.ended.max(Some(known.map_or(Ended::Other, |(_, ended)| *ended)));
            });
        }
        for path in tells.calls {
            at(path, &mut |value| tally.called |= is_there(value));
        }
        for path in tells.refusals {
            at(path, &mut |value| tally.refused |= is_there(value));
        }
        tally
    }

    /// Takes in what a later event tells. Counts are running totals, so the largest is the last; some
    /// servers send zeros where they do not know yet.
    pub fn merge(&mut self, later: Tally) {
        for (own, later) in self.terms.iter_mut().zip(later.terms) {
            *own = (*own).max(later);
        }
        self.ended = self.ended.max(later.ended);
        self.called |= later.called;
        self.refused |= later.refused;
    }

    /// All tokens that went in.
    pub fn input(&self) -> Option<u64> {
        let parts = [Term::FreshInput, Term::Cached, Term::Written];
        let whole = self.term(Term::Input).or_else(|| self.sum(Term::FreshInput, &parts));
        whole.map(|whole| whole.saturating_add(self.term(Term::ToolInput).unwrap_or(0)))
    }

    /// All tokens that came out, thoughts included.
    pub fn output(&self) -> Option<u64> {
        let parts = [Term::SaidOutput, Term::Reasoning];
        self.term(Term::Output)
            .or_else(|| self.sum(Term::SaidOutput, &parts))
            .or_else(|| self.term(Term::Reasoning))
    }

    /// How many of the input came from a cache.
    pub fn cached(&self) -> Option<u64> {
        self.term(Term::Cached)
    }

    /// How many of the input went into a cache.
    pub fn written(&self) -> Option<u64> {
        self.term(Term::Written)
    }

    /// How many of the output were thoughts.
    pub fn reasoning(&self) -> Option<u64> {
        self.term(Term::Reasoning)
    }

    /// How it ended; absent as long as it has not.
    pub fn ended(&self) -> Option<Ended> {
        match self.ended {
            Some(Ended::Stop | Ended::ToolCalls) if self.refused => Some(Ended::Refusal),
            Some(Ended::Stop) if self.called => Some(Ended::ToolCalls),
            ended => ended,
        }
    }

    fn term(&self, term: Term) -> Option<u64> {
        self.terms.get(term as usize).copied().flatten()
    }

    fn note(&mut self, term: Term, count: Option<u64>) {
        if let Some(own) = self.terms.get_mut(term as usize) {
            *own = (*own).max(count);
        }
    }

    fn sum(&self, needed: Term, parts: &[Term]) -> Option<u64> {
        self.term(needed)?;
        Some(parts.iter().filter_map(|part| self.term(*part)).fold(0, u64::saturating_add))
    }
}

fn is_there(value: Value<'_>) -> bool {
    match value.kind() {
        Kind::Null | Kind::Bool | Kind::Number => false,
        Kind::Text => !value.is_text(""),
        Kind::List | Kind::Object => true,
    }
}
