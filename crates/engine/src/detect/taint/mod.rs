//! Taint and provenance: what only untrusted text said must not decide what leaves, pays, deletes
//! or grants.
//!
//! The session remembers the literals of its user, of memory and of tool output as salted hashes.
//! An action is held against them: an argument, or the tool itself, that memory brought up and
//! the user did not, is reported. So is a recipient that only a tool returned. It works however
//! the injection is worded, since it does not read the injection but follows what came of it.

mod directive;
mod goal;
pub mod literal;

use std::borrow::Cow;

use action::{
    Action, ActionKind, Channel, Confidence, Content, Detection, Evidence, Json, Operation, Place, Severity,
    Vector,
};

use super::Scene;
use crate::facts::{Provenance, SessionFacts, hash};
use literal::{Kind, Literal, literals};

/// Adds what the texts of one action say to what the session remembers.
pub fn remember(session: &mut SessionFacts, context: &[Content]) {
    let read = heard(session, context);
    let kept = &mut session.provenance;
    kept.user.extend(read.user);
    kept.memory.extend(read.memory);
    kept.tools.extend(read.tools);
}

/// The hashes of literals by who brought them.
#[derive(Default)]
struct Heard {
    user: Vec<u64>,
    memory: Vec<u64>,
    tools: Vec<u64>,
}

fn heard(session: &SessionFacts, context: &[Content]) -> Heard {
    let mut heard = Heard::default();
    for content in context {
        let keep = |to: &mut Vec<u64>| {
            literal::each_form(&content.text, &mut |form| {
                to.push(hash::keyed(session.salt, form.as_bytes()))
            });
        };
        match content.channel {
            Channel::User => keep(&mut heard.user),
            Channel::Memory => keep(&mut heard.memory),
            Channel::Retrieved | Channel::ToolOutput => {
                // What tells the agent what to do, or was fetched because memory said so, is no
                // longer data: it speaks like a planted memory and is held to the same rule.
                if follows_memory(session, content) || directive::instructs(&content.text) {
                    keep(&mut heard.memory);
                }
                keep(&mut heard.tools);
            }
            // The model's own words are made of all the others and vouch for nothing.
            Channel::Model => {}
        }
    }
    for list in [&mut heard.user, &mut heard.memory, &mut heard.tools] {
        list.sort_unstable();
        list.dedup();
    }
    heard
}

/// Whether a text is the result of a step that was itself chosen by untrusted text: the newest
/// step of the tool it came from, or the newest step where the source is not known.
fn follows_memory(session: &SessionFacts, content: &Content) -> bool {
    let mut steps = session.steps.iter().rev();
    let step = match &content.source {
        Some(source) => steps.find(|step| step.tool == *source),
        None => steps.next(),
    };
    content.channel == Channel::ToolOutput && step.is_some_and(|step| step.tainted)
}

/// Hashes of the telling literals of a payload, at most `most`: to recognise the same data in a
/// later step.
pub fn sample(salt: u64, payload: &Json, most: usize) -> Vec<u64> {
    let mut hashes = Vec::new();
    each_leaf(payload, &mut String::new(), "", &mut |leaf| values_of(&leaf.text, salt, &mut hashes));
    hashes.sort_unstable();
    hashes.dedup();
    // The smallest hashes of two payloads agree as far as the payloads do.
    hashes.truncate(most);
    hashes
}

/// Adds the hashes of the telling literals of one text, the same as [`sample`] would make.
pub fn values_of(text: &str, salt: u64, values: &mut Vec<u64>) {
    let telling = literals(text).into_iter().filter(|literal| is_telling(literal, true));
    values.extend(telling.filter_map(|literal| Some(hash::keyed(salt, literal.forms.first()?.as_bytes()))));
}

/// What untrusted text alone brought into this action.
pub fn find(scene: &Scene<'_>, out: &mut Vec<Detection>) {
    let (session, action) = (&scene.facts.session, scene.action);
    let remembered = !session.provenance.memory.is_empty() || !session.provenance.tools.is_empty();
    if !remembered && !action.context.iter().any(|content| content.channel.is_untrusted()) {
        return;
    }
    let sides =
        Sides { kept: &session.provenance, fresh: heard(session, &action.context), salt: session.salt };
    let sink = Sink::of(action, scene.external);
    let (severity, confidence) = match sink {
        Sink::None => (Severity::Low, Confidence::LOW),
        Sink::Inside => (Severity::Medium, Confidence::MEDIUM),
        Sink::Outside => (Severity::High, Confidence::HIGH),
    };
    let report = |rule, place, end| Detection {
        vector: Vector::PromptInjection,
        rule: Cow::Borrowed(rule),
        severity,
        confidence,
        class: None,
        evidence: Some(Evidence { place, start: 0, end, via: Vec::new() }),
    };

    if sink != Sink::None && sides.only_memory_names(action) {
        let place = Place::Field { name: Cow::Borrowed("tool") };
        out.push(report("taint.tool", place, action.tool.as_str().len()));
    }
    let mut reported = 0;
    each_leaf(&action.payload, &mut String::new(), "", &mut |leaf| {
        if reported >= MOST_REPORTED {
            return;
        }
        let rule = match (sink, sides.judge(&leaf)) {
            (_, Origin::Anywhere) => return,
            (Sink::None, Origin::MemoryOnly) => "taint.reference",
            (Sink::Inside | Sink::Outside, Origin::MemoryOnly) => "taint.argument",
            (Sink::Outside, Origin::ToolOnly) if leaf.is_recipient() => "taint.recipient",
            (Sink::Outside, Origin::Forgotten) if leaf.is_recipient() => "taint.forgotten",
            (_, Origin::ToolOnly | Origin::Forgotten) => return,
        };
        out.push(report(rule, Place::Payload { pointer: leaf.pointer.clone() }, leaf.text.len()));
        reported += 1;
    });
}

/// One detection per argument is enough to see; a payload of thousands needs no thousands.
const MOST_REPORTED: usize = 8;

/// Where an action ends: how much it matters who chose its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    None,
    /// Changes something of ours.
    Inside,
    /// Pays, sends out, deletes, grants or runs code.
    Outside,
}

impl Sink {
    fn of(action: &Action, external: bool) -> Sink {
        match action.operation {
            Operation::Pay | Operation::Delete | Operation::Grant => Sink::Outside,
            Operation::Send if external => Sink::Outside,
            Operation::Send => Sink::Inside,
            Operation::Read if external => Sink::Inside,
            Operation::Read => Sink::None,
            Operation::Write => match action.kind {
                ActionKind::Payment | ActionKind::PrivilegeChange | ActionKind::ExternalCall => Sink::Outside,
                ActionKind::Database
                | ActionKind::Workflow
                | ActionKind::RecordChange
                | ActionKind::McpTool
                | ActionKind::Communication => Sink::Inside,
                // Notes, plans and prompts: what is written there is read again, and judged then.
                ActionKind::File | ActionKind::Calendar | ActionKind::LlmCall => Sink::None,
            },
        }
    }
}

/// Who said a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Anywhere,
    MemoryOnly,
    ToolOnly,
    /// Nobody that is remembered, but more was read than could be.
    Forgotten,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    User,
    Memory,
    Tools,
}

struct Sides<'a> {
    kept: &'a Provenance,
    /// From the texts that came with this action, sorted.
    fresh: Heard,
    salt: u64,
}

impl Sides<'_> {
    fn said(&self, side: Side, form: &str) -> bool {
        let hash = hash::keyed(self.salt, form.as_bytes());
        let (kept, fresh) = match side {
            Side::User => (&self.kept.user, &self.fresh.user),
            Side::Memory => (&self.kept.memory, &self.fresh.memory),
            Side::Tools => (&self.kept.tools, &self.fresh.tools),
        };
        kept.contains(hash) || fresh.binary_search(&hash).is_ok()
    }

    fn any(&self, side: Side, literal: &Literal) -> bool {
        let whole = literal.forms.iter().any(|form| self.said(side, form));
        let parts = literal.pieces.len() > 1 && literal.pieces.iter().all(|piece| self.said(side, piece));
        whole || parts
    }

    fn judge(&self, leaf: &Leaf<'_>) -> Origin {
        let found = literals(&leaf.text);
        // A short value means each of its words; in a long text only what is hardly chance counts.
        let short = found.len() <= 4;
        let mut worst = Origin::Anywhere;
        for literal in found.iter().filter(|literal| is_telling(literal, !short)) {
            if self.any(Side::User, literal) {
                continue;
            }
            if self.any(Side::Memory, literal) {
                return Origin::MemoryOnly;
            }
            if self.any(Side::Tools, literal) {
                if !self.user_means(literal) {
                    worst = Origin::ToolOnly;
                }
            } else if (self.kept.memory.is_full() || self.kept.tools.is_full())
                && literal.kind == Kind::Identifier
                && worst == Origin::Anywhere
            {
                worst = Origin::Forgotten;
            }
        }
        worst
    }

    /// Whether the user spoke of a part of it: who asks to write to Ann means the address that a
    /// tool returned for Ann.
    fn user_means(&self, literal: &Literal) -> bool {
        literal.pieces.iter().any(|piece| piece.len() >= 3 && self.said(Side::User, piece))
    }

    /// Whether memory names the tool and the user neither names it nor asks for what it does.
    fn only_memory_names(&self, action: &Action) -> bool {
        let tool = action.tool.as_str();
        let Some(name) = literals(tool).into_iter().next() else { return false };
        // A name of several words may stand in one piece, or as those words.
        let named = |side: Side| {
            name.forms.iter().any(|form| self.said(side, form))
                || (name.pieces.len() > 1
                    && name.pieces.iter().all(|piece| self.said(side, &literal::stemmed(piece))))
        };
        named(Side::Memory)
            && !named(Side::User)
            && !goal::implies(tool, &mut |word| self.said(Side::User, &literal::stemmed(word)))
    }
}

/// Whether it says something that a literal occurs in two places. Common words and small numbers
/// do not; words count only where they are the whole value.
fn is_telling(literal: &Literal, in_prose: bool) -> bool {
    let text = literal.forms.first().map_or("", String::as_str);
    match literal.kind {
        Kind::Identifier => text.len() >= 4,
        Kind::Date => !in_prose,
        Kind::Number => {
            let digits = text.trim_start_matches("n:").trim_start_matches('-');
            digits.len() >= if in_prose { 5 } else { 2 } && !COMMON_NUMBERS.contains(&digits)
        }
        Kind::Word => !in_prose && text.len() >= 4 && !COMMON_WORDS.contains(&text),
    }
}

/// Numbers that stand everywhere.
const COMMON_NUMBERS: [&str; 3] = ["10", "12", "24"];

/// Words that describe and stand in any text. Verbs that choose what is done are not among them:
/// a `withdraw` that became a `deposit` is just what must not pass.
const COMMON_WORDS: [&str; 63] = [
    "about",
    "account",
    "action",
    "active",
    "address",
    "after",
    "agent",
    "also",
    "amount",
    "asset",
    "back",
    "balance",
    "before",
    "card",
    "cash",
    "code",
    "current",
    "data",
    "date",
    "default",
    "description",
    "direction",
    "email",
    "false",
    "file",
    "first",
    "from",
    "full",
    "function",
    "have",
    "high",
    "into",
    "item",
    "last",
    "long",
    "mail",
    "main",
    "market",
    "memory",
    "message",
    "month",
    "name",
    "next",
    "none",
    "normal",
    "null",
    "open",
    "page",
    "price",
    "result",
    "same",
    "short",
    "standard",
    "status",
    "summary",
    "system",
    "task",
    "text",
    "time",
    "title",
    "true",
    "type",
    "value",
];

/// One value of the payload with its place.
struct Leaf<'a> {
    key: &'a str,
    pointer: String,
    text: Cow<'a, str>,
}

impl Leaf<'_> {
    /// Whether the key says who gets something.
    fn is_recipient(&self) -> bool {
        const KEYS: [&str; 20] = [
            "to",
            "cc",
            "bcc",
            "recipient",
            "recipients",
            "address",
            "destination",
            "iban",
            "wallet",
            "payee",
            "beneficiary",
            "url",
            "uri",
            "host",
            "endpoint",
            "webhook",
            "email",
            "phone",
            "target",
            "receiver",
        ];
        super::scene::words(self.key).any(|word| KEYS.contains(&word.as_str()))
    }
}

/// Calls back with every text and number of a payload.
fn each_leaf<'a>(value: &'a Json, pointer: &mut String, key: &'a str, keep: &mut dyn FnMut(Leaf<'a>)) {
    match value {
        Json::Null | Json::Bool(_) => {}
        Json::Number(number) => {
            keep(Leaf { key, pointer: pointer.clone(), text: Cow::Owned(number.to_string()) });
        }
        Json::Text(text) => keep(Leaf { key, pointer: pointer.clone(), text: Cow::Borrowed(text) }),
        Json::List(items) => {
            for (at, item) in items.iter().enumerate() {
                let length = pointer.len();
                pointer.push_str(&format!("/{at}"));
                each_leaf(item, pointer, key, keep);
                pointer.truncate(length);
            }
        }
        Json::Object(entries) => {
            for (key, item) in entries {
                let length = pointer.len();
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                each_leaf(item, pointer, key, keep);
                pointer.truncate(length);
            }
        }
    }
}

#[cfg(test)]
mod tests;
