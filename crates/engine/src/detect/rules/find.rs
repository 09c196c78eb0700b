//! Applying the rules to one text.

use std::borrow::Cow;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;

use super::{CaseFailure, Form, Gate, MAX_HITS_PER_RULE, Rule, RuleSet, Source};
use crate::detect::{Hit, Leaf};
use crate::text::{Prepared, Reading};
use action::SemanticType;

impl RuleSet {
    /// Every hit of the rules in one leaf.
    pub fn find(&self, leaf: &Leaf<'_>, out: &mut Vec<Hit>) {
        let source = Source::of(leaf.channel);
        let gates = [(&self.normal, Form::Normal), (&self.raw, Form::Raw)]
            .map(|(gate, form)| gate.reach.has(leaf.semantic, source).then_some((gate, form)));
        for reading in leaf.text.readings() {
            for (gate, form) in gates.iter().flatten() {
                for number in gate.open(form.text(&reading)) {
                    let Some(rule) = self.rules.get(number) else { continue };
                    if rule.is_for(leaf.semantic, source) {
                        rule.find(&reading, out);
                    }
                }
            }
        }
    }

    /// Runs every rule's own cases; each text stands alone in a leaf that the rule is for.
    pub fn test(&self) -> Vec<CaseFailure> {
        let mut failures = Vec::new();
        for rule in &self.rules {
            for (wanted_hit, texts) in [(true, &rule.cases.hit), (false, &rule.cases.miss)] {
                for (index, text) in texts.iter().enumerate() {
                    let leaf = rule.leaf_for(text);
                    let mut hits = Vec::new();
                    self.find(&leaf, &mut hits);
                    if hits.iter().any(|hit| hit.rule == rule.id) != wanted_hit {
                        failures.push(CaseFailure { rule: rule.id.clone(), wanted_hit, number: index + 1 });
                    }
                }
            }
        }
        failures
    }
}

impl Gate {
    /// The rules that may apply to a text, in order.
    fn open(&self, text: &str) -> Vec<usize> {
        let mut open = self.always.clone();
        if let Some(literals) = &self.literals
            && let Ok(mut state) = literals.start_state(Anchored::No)
        {
            let mut seen = Vec::new();
            for byte in text.bytes() {
                state = literals.next_state(Anchored::No, state, byte);
                if literals.is_special(state) && literals.is_match(state) {
                    seen.resize(self.opens.len(), false);
                    for index in 0..literals.match_len(state) {
                        let literal = literals.match_pattern(state, index).as_usize();
                        if let Some(seen) = seen.get_mut(literal).filter(|seen| !**seen) {
                            *seen = true;
                            open.extend(self.opens.get(literal).into_iter().flatten());
                        }
                    }
                }
            }
        }
        open.sort_unstable();
        open.dedup();
        open
    }
}

impl Form {
    fn text<'r>(self, reading: &'r Reading<'_>) -> &'r str {
        match self {
            Form::Normal => reading.normal,
            Form::Raw => reading.raw,
        }
    }
}

impl Rule {
    fn find(&self, reading: &Reading<'_>, out: &mut Vec<Hit>) {
        let text = self.form.text(reading);
        let Some(regex) = self.pattern.get() else { return };
        let mut found = 0;
        for captures in regex.captures_iter(text) {
            let group = captures.name("hit").or_else(|| captures.get(1)).or_else(|| captures.get(0));
            let Some(evidence) = group.map(|group| group.range()) else { continue };
            if !self.accepts(text, &evidence) {
                continue;
            }
            let span = match self.form {
                Form::Normal => reading.normal_span(evidence),
                Form::Raw => reading.raw_span(evidence),
            };
            out.push(Hit {
                rule: Cow::Owned(self.id.clone()),
                severity: self.severity,
                confidence: self.confidence,
                class: self.class,
                span,
                via: reading.via.to_vec(),
            });
            found += 1;
            if found == MAX_HITS_PER_RULE {
                return;
            }
        }
    }

    fn leaf_for<'t>(&self, text: &'t str) -> Leaf<'t> {
        let channel = self.sources.first().and_then(|source| match source {
            Source::Channel(channel) => Some(*channel),
            Source::Argument => None,
        });
        let semantic = self.on.first().copied().unwrap_or(SemanticType::FreeText);
        Leaf { key: "", channel, semantic, text: Prepared::new(text) }
    }
}
