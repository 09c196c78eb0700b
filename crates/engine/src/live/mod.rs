//! What of a text that is still growing can already be judged.
//!
//! A model's answer comes in pieces, and what is released cannot be taken back. [`settled`] says up to
//! which byte no sensitive value can be under way: the text before it holds every value whole, or not
//! at all. [`sensitive`] finds the values of a stretch that has just become settled. Both read the
//! tables of the detectors themselves, by the counterpart that each reader has in `open`.
//!
//! What holds, and is tested as properties: a value that the detectors find in the whole text does
//! not stand on both sides of a settled place; settled places only grow; among the values of all stretches
//! together are those of the whole text, in whatever pieces it came. Four exceptions, each with its reason:
//!
//! - a value longer than [`MAX_LIVE`] that does not say by its beginning or its name what it is;
//! - the letters at the beginning of a key whose mark stands behind them (`…Q~…`, `….atlasv1.…`): a
//!   plain word is no reason to wait, and the key is held from its first odd letter on;
//! - a number over two lines, in a text that has signs beyond ASCII only behind it: in the normal form of
//!   such a text an end of a line is a blank, and the number shows when the whole answer is judged;
//! - encodings of a whole text that have blanks in them, such as letters set apart or written
//!   backwards: they show when the whole answer is judged.

mod own;
#[cfg(test)]
mod tests;

use std::ops::Range;

use action::{ActionKind, ConstrainKind, Operation, SensitiveClass, Vector};

use self::own::Own;
use crate::Rules;
use crate::detect::{Detectors, Hit, Leaf, pii, secrets};
use crate::policy::{Kind, Patterns, Rule};
use crate::text::Prepared;

/// Most bytes that are held back for what does not show yet that it is a value. One that does, a key
/// block or a token with its issuer's beginning, is held to the length that its reader knows.
pub const MAX_LIVE: usize = 256;
/// Bytes in front of a stretch that decoders are given to see where an encoding begins.
const CONTEXT: usize = 512;
/// Bytes in front of a place in which a number may stand that more words could tell about.
const NEAR: usize = 64;
/// Length from which a stretch of letters and digits may be an encoded text.
const ENCODED: usize = 16;

/// The classes of values that matter, because some rule acts on them.
#[derive(Debug, Clone)]
pub struct Watch {
    classes: [bool; SensitiveClass::ALL.len()],
    own: Vec<Own>,
}

impl Watch {
    /// Everything that the detectors of the product know.
    pub fn all() -> Self {
        Watch { classes: [true; SensitiveClass::ALL.len()], own: Vec::new() }
    }

    pub fn only(classes: &[SensitiveClass]) -> Self {
        let mut watch = Watch { classes: [false; SensitiveClass::ALL.len()], own: Vec::new() };
        classes.iter().for_each(|class| watch.add(*class));
        watch
    }

    /// What the rules in force act on in the answer of a model: the classes that a rule names, or all
    /// of them when a rule speaks of personal data as such or is a module.
    pub fn of_answers(rules: &Rules) -> Self {
        let mut watch = Watch::only(&[]);
        for rule in rules.policies.rules().iter().filter(|rule| may_speak_of_answers(rule)) {
            watch.add_rule(rule, &rules.detectors);
        }
        watch.own = Own::of(&rules.detectors, |class| watch.wants(class));
        watch
    }

    /// Whether nothing is held back, ever.
    pub fn is_idle(&self) -> bool {
        !self.classes.contains(&true)
    }

    pub fn wants(&self, class: SensitiveClass) -> bool {
        self.classes.get(class.index()).copied().unwrap_or(true)
    }

    fn add(&mut self, class: SensitiveClass) {
        if let Some(wanted) = self.classes.get_mut(class.index()) {
            *wanted = true;
        }
    }

    fn add_rule(&mut self, rule: &Rule, detectors: &Detectors) {
        if rule.module.is_some() {
            self.classes.fill(true);
        }
        for test in rule.when.tests() {
            match &test.kind {
                Kind::Classes(classes) => {
                    classes.any.iter().chain(&classes.all).for_each(|class| self.add(*class));
                }
                Kind::Sensitivity(_) => self.classes.fill(true),
                Kind::Vector(hits) => {
                    let hits = hits.iter().filter(|hit| hit.vector == Vector::Pii);
                    hits.for_each(|hit| self.add_hits(hit.rules.as_ref(), detectors));
                }
                _ => {}
            }
        }
        for change in rule.changes.iter().filter(|change| change.kind == ConstrainKind::Redact) {
            match change.target.as_deref() {
                None | Some("all") => self.classes.fill(true),
                Some(name) => {
                    let named = SensitiveClass::ALL.iter().filter(|class| class.as_str() == name);
                    named.for_each(|class| self.add(*class));
                }
            }
        }
    }

    /// The classes of the detection rules that a condition names; all of them when it names none.
    fn add_hits(&mut self, named: Option<&Patterns>, detectors: &Detectors) {
        let Some(named) = named else { return self.classes.fill(true) };
        let personal = pii::RULES.iter().map(|rule| (rule.id, rule.class));
        let secret = secrets::rules().into_iter().map(|(id, class, _)| (id, class));
        for (_, class) in personal.chain(secret).filter(|(id, _)| named.matches(id)) {
            self.add(class);
        }
        let own = detectors.book.of(Vector::Pii).map(|set| set.rules()).unwrap_or_default();
        for rule in own.iter().filter(|rule| named.matches(&rule.id)) {
            self.add(rule.class.unwrap_or(SensitiveClass::Custom));
        }
    }
}

/// Whether a rule can match `llm_call` and `read`, as answers are judged. Nothing goes outside by an
/// answer, so a rule about what does is none about it.
fn may_speak_of_answers(rule: &Rule) -> bool {
    rule.when.required().iter().all(|test| match &test.kind {
        Kind::ActionKind(kinds) => kinds.contains(&ActionKind::LlmCall),
        Kind::Operation(operations) => operations.contains(&Operation::Read),
        Kind::External(external) => !external,
        _ => true,
    })
}

/// The greatest place, not before `from`, up to which `text` can be judged and released although it
/// may go on. `from` is what the last call gave, 0 at first. At the end of the text everything is
/// settled, and nobody has to ask.
pub fn settled(text: &str, from: usize, watch: &Watch) -> usize {
    let bytes = text.as_bytes();
    let from = from.min(bytes.len());
    if watch.is_idle() {
        return bytes.len();
    }
    let wants = |class| watch.wants(class);
    let near = from.max(bytes.len().saturating_sub(MAX_LIVE));
    let mut place = secrets::open(bytes, from, wants);
    place = place.min(pii::open(bytes, from, MAX_LIVE, wants));
    place = place.min(odd_run(bytes, near));
    place = place.min(disguised(text, near, watch));
    for own in &watch.own {
        place = place.min(own.open(text, near));
    }
    floor(text, before_whole(text, from, place.max(from), watch))
}

/// Before the value, already whole, inside of which something else may be under way: the last letters
/// of a key may begin an address, the groups of an IBAN another number.
fn before_whole(text: &str, from: usize, place: usize, watch: &Watch) -> usize {
    if place <= from || place >= text.len() {
        return place;
    }
    let mut hits = Vec::new();
    secrets::find_behind(text, from, &mut hits);
    pii::find_behind(text, from, &mut hits);
    let mut place = place;
    while let Some(hit) = hits.iter().find(|hit| {
        hit.span.start < place && place < hit.span.end && hit.class.is_none_or(|class| watch.wants(class))
    }) {
        place = hit.span.start;
    }
    place.max(from)
}

/// Where a stretch without blanks at the end of the text stops looking like words: at a digit, at a
/// capital behind a letter, or at a sign of an encoding, with the capitals in front of it. What has not
/// come to its end may be the beginning of a key without a mark of its own, or of an encoded text.
fn odd_run(bytes: &[u8], from: usize) -> usize {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b"_-.~+/=%:|\\&#;".contains(&b);
    let tail = bytes.get(from..).unwrap_or_default();
    let start = bytes.len() - tail.iter().rev().take_while(|b| inside(**b)).count();
    let odd = |(place, b): (usize, &u8)| {
        let before = place.checked_sub(1).and_then(|place| bytes.get(place));
        b.is_ascii_digit()
            || matches!(b, b'%' | b'\\' | b'&' | b'=' | b'~' | b'|')
            || (b.is_ascii_uppercase() && before.is_some_and(u8::is_ascii_alphabetic))
    };
    let run = bytes.get(start..).unwrap_or_default();
    let first = run.iter().enumerate().position(|(place, b)| odd((start + place, b)));
    let before = run.get(..first.unwrap_or(run.len())).unwrap_or_default();
    let capitals = before.iter().rev().take_while(|b| b.is_ascii_uppercase()).count();
    first.map_or(bytes.len(), |first| start + first - capitals)
}

/// The same as for the text as sent, in its normal form: digits of other scripts, or digits with signs
/// between them that nobody sees.
fn disguised(text: &str, from: usize, watch: &Watch) -> usize {
    // What is looked at depends on the text alone, not on how it came.
    let earliest = text.len().saturating_sub(MAX_LIVE);
    let near = text.get(floor(text, earliest.saturating_sub(NEAR))..).unwrap_or_default();
    // Words behind a number are nearer in the normal form, where they are shorter.
    let numbers = |near: &str| !near.is_ascii() && near.bytes().any(|b| b.is_ascii_digit());
    if !numbers(near) && !near.chars().any(is_disguise) {
        return text.len();
    }
    let start = floor(text, earliest.saturating_sub(CONTEXT - MAX_LIVE));
    let window = text.get(start..).unwrap_or_default();
    let prepared = Prepared::new(window);
    let reading = prepared.plain();
    // The normal form ends without blanks, so a number before some still counts as under way.
    let open = pii::open(reading.normal.as_bytes(), 0, CONTEXT, |class| watch.wants(class));
    match open < reading.normal.len() {
        true => (start + reading.normal_span(open..open + 1).start).max(from),
        false => text.len(),
    }
}

/// Whether a character is read as another one, or not at all.
fn is_disguise(c: char) -> bool {
    !c.is_ascii()
        && (c.is_numeric()
            || matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064 | 0xfeff)
            || matches!(u32::from(c), 0xff01..=0xff5e | 0x1d400..=0x1d7ff | 0xe0000..=0xe007f | 0xfe00..=0xfe0f))
}

fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The values in `range` of a text, where `range` begins and ends at settled places: from where the
/// last stretch ended to where [`settled`] has come, or to the end of the text. In order of place; a
/// value whose beginning went before it could be known is reported from `range.start` on.
pub fn sensitive(text: &str, range: Range<usize>, watch: &Watch, detectors: &Detectors) -> Vec<Hit> {
    let range = floor(text, range.start)..floor(text, range.end);
    let mut hits = Vec::new();
    if range.is_empty() || watch.is_idle() {
        return hits;
    }
    secrets::find_behind(text, range.start, &mut hits);
    pii::find_behind(text, range.start, &mut hits);
    hits.retain(|hit| hit.span.start < range.end && hit.span.end > range.start);
    let stretch = text.get(range.clone()).unwrap_or_default();
    // Words in front of a number may be disguised where the number is not.
    let before = text.get(floor(text, range.start.saturating_sub(MAX_LIVE))..range.end).unwrap_or_default();
    let announced = !before.is_ascii() && stretch.bytes().any(|b| b.is_ascii_digit() || b == b'@');
    if may_be_encoded(stretch) || announced || !watch.own.is_empty() {
        decoded(text, &range, watch, detectors, &mut hits);
    }
    hits.retain(|hit| hit.class.is_none_or(|class| watch.wants(class)));
    for hit in &mut hits {
        hit.span.start = hit.span.start.max(range.start);
        hit.span.end = hit.span.end.min(range.end);
    }
    hits.sort_by(|a, b| (a.span.start, a.span.end, &a.rule).cmp(&(b.span.start, b.span.end, &b.rule)));
    hits
}

/// What only another reading of the stretch shows, and what the operator's own rules find in it.
fn decoded(text: &str, range: &Range<usize>, watch: &Watch, detectors: &Detectors, hits: &mut Vec<Hit>) {
    let start = floor(text, range.start.saturating_sub(CONTEXT));
    let Some(window) = text.get(start..) else { return };
    let leaf = Leaf::new(action::SemanticType::FreeText, window);
    let (mut found, mut own) = (Vec::new(), Vec::new());
    pii::find(&leaf, &mut found);
    secrets::find(&leaf, &mut found);
    if let Some(rules) = detectors.book.of(Vector::Pii).filter(|_| !watch.own.is_empty()) {
        rules.find(&leaf, &mut own);
    }
    let inside = |mut hit: Hit| {
        hit.span = start + hit.span.start..start + hit.span.end;
        (hit.span.start < range.end && hit.span.end > range.start).then_some(hit)
    };
    for hit in found.into_iter().filter_map(inside) {
        let known = |other: &Hit| other.span.start < hit.span.end && hit.span.start < other.span.end;
        // As sent, the stretch was read already, with all of the text in front of it.
        if !hits.iter().any(known) && (!hit.via.is_empty() || !window.is_ascii()) {
            hits.push(hit);
        }
    }
    hits.extend(own.into_iter().filter_map(inside));
}

/// Whether a decoder could find more in a stretch than it says as sent.
fn may_be_encoded(stretch: &str) -> bool {
    let mut run = 0usize;
    stretch.bytes().any(|b| {
        run = if b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_') { run + 1 } else { 0 };
        run >= ENCODED || b >= 0x80 || matches!(b, b'%' | b'\\' | b'&')
    })
}
