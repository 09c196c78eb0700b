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
use crate::facts::{Literals, Provenance, hash};
use literal::{Kind, Literal, literals};

/// Adds what one text says to what the session remembers.
pub fn remember(provenance: &mut Provenance, salt: u64, content: &Content) {
    let mut hashes = Vec::new();
    literal::each_form(&content.text, &mut |form| hashes.push(hash::keyed(salt, form.as_bytes())));
    match content.channel {
        Channel::User => provenance.user.extend(hashes),
        Channel::Memory | Channel::Retrieved => provenance.memory.extend(hashes),
        // Output that tells the agent what to do is no longer data: it speaks like a memory that
        // somebody planted, and is held to the same rule.
        Channel::ToolOutput if directive::instructs(&content.text) => {
            provenance.tools.extend(hashes.iter().copied());
            provenance.memory.extend(hashes);
        }
        Channel::ToolOutput => provenance.tools.extend(hashes),
        // The model's own words are made of all the others and vouch for nothing.
        Channel::Model => {}
    }
}

/// Hashes of the telling literals of a payload, at most `most`: to recognise the same data in a
/// later step.
pub fn sample(salt: u64, payload: &Json, most: usize) -> Vec<u64> {
    let mut hashes = Vec::new();
    each_leaf(payload, &mut String::new(), "", &mut |leaf| {
        for literal in literals(&leaf.text) {
            if is_telling(&literal, true) {
                hashes.extend(literal.forms.first().map(|form| hash::keyed(salt, form.as_bytes())));
            }
        }
    });
    hashes.sort_unstable();
    hashes.dedup();
    // The smallest hashes of two payloads agree as far as the payloads do.
    hashes.truncate(most);
    hashes
}

/// What untrusted text alone brought into this action.
pub fn find(scene: &Scene<'_>, out: &mut Vec<Detection>) {
    let session = &scene.facts.session;
    let mut known = session.provenance.clone();
    for content in &scene.action.context {
        remember(&mut known, session.salt, content);
    }
    if known.memory.is_empty() && known.tools.is_empty() {
        return;
    }
    let sides = Sides { known: &known, salt: session.salt };
    let sink = Sink::of(scene.action, scene.external);
    let severity = |sink: Sink| match sink {
        Sink::None => (Severity::Low, Confidence::LOW),
        Sink::Inside => (Severity::Medium, Confidence::MEDIUM),
        Sink::Outside => (Severity::High, Confidence::HIGH),
    };

    if sink != Sink::None && sides.only_memory_names(scene.action) {
        let (severity, confidence) = severity(sink);
        let place = Place::Field { name: Cow::Borrowed("tool") };
        out.push(report("taint.tool", severity, confidence, place, scene.action.tool.as_str().len()));
    }
    let mut reported = 0;
    each_leaf(&scene.action.payload, &mut String::new(), "", &mut |leaf| {
        if reported >= MOST_REPORTED {
            return;
        }
        let rule = match (sink, sides.judge(&leaf)) {
            (_, From::Anywhere) => return,
            (Sink::None, From::MemoryOnly) => "taint.reference",
            (Sink::None, From::ToolOnly) => return,
            (Sink::Inside | Sink::Outside, From::MemoryOnly) => "taint.argument",
            (Sink::Outside, From::ToolOnly) if leaf.is_recipient() => "taint.recipient",
            (Sink::Inside | Sink::Outside, From::ToolOnly) => return,
        };
        let (severity, confidence) = severity(sink);
        let place = Place::Payload { pointer: leaf.pointer.clone() };
        out.push(report(rule, severity, confidence, place, leaf.text.len()));
        reported += 1;
    });
}

/// One detection per argument is enough to see; a payload of thousands needs no thousands.
const MOST_REPORTED: usize = 8;

fn report(
    rule: &'static str,
    severity: Severity,
    confidence: Confidence,
    place: Place,
    end: usize,
) -> Detection {
    let evidence = Some(Evidence { place, start: 0, end, via: Vec::new() });
    Detection {
        vector: Vector::PromptInjection,
        rule: Cow::Borrowed(rule),
        severity,
        confidence,
        class: None,
        evidence,
    }
}

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
enum From {
    Anywhere,
    MemoryOnly,
    ToolOnly,
}

struct Sides<'a> {
    known: &'a Provenance,
    salt: u64,
}

impl Sides<'_> {
    fn said(&self, set: &Literals, form: &str) -> bool {
        set.contains(hash::keyed(self.salt, form.as_bytes()))
    }

    fn any(&self, set: &Literals, literal: &Literal) -> bool {
        let whole = literal.forms.iter().any(|form| self.said(set, form));
        let parts = literal.pieces.len() > 1 && literal.pieces.iter().all(|piece| self.said(set, piece));
        whole || parts
    }

    fn judge(&self, leaf: &Leaf<'_>) -> From {
        let found = literals(&leaf.text);
        // A short value means each of its words; in a long text only what is hardly chance counts.
        let short = found.len() <= 4;
        let mut worst = From::Anywhere;
        for literal in found.iter().filter(|literal| is_telling(literal, !short)) {
            if self.any(&self.known.user, literal) {
                continue;
            }
            if self.any(&self.known.memory, literal) {
                return From::MemoryOnly;
            }
            if self.any(&self.known.tools, literal) {
                worst = From::ToolOnly;
            }
        }
        worst
    }

    /// Whether memory names the tool and the user neither names it nor asks for what it does.
    fn only_memory_names(&self, action: &Action) -> bool {
        let tool = action.tool.as_str();
        let Some(name) = literals(tool).into_iter().next() else { return false };
        // A name of several words may stand in one piece, or as those words.
        let named = |set: &Literals| {
            name.forms.iter().any(|form| self.said(set, form))
                || (name.pieces.len() > 1
                    && name.pieces.iter().all(|piece| self.said(set, &literal::stemmed(piece))))
        };
        named(&self.known.memory)
            && !named(&self.known.user)
            && !goal::implies(tool, &mut |word| self.said(&self.known.user, &literal::stemmed(word)))
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

/// Words that stand in any text, or are values of a choice and not of a person.
const COMMON_WORDS: [&str; 96] = [
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
    "book",
    "call",
    "cancel",
    "card",
    "cash",
    "change",
    "check",
    "close",
    "code",
    "create",
    "current",
    "data",
    "date",
    "default",
    "delete",
    "deposit",
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
    "limit",
    "list",
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
    "note",
    "null",
    "open",
    "option",
    "order",
    "page",
    "payment",
    "pending",
    "position",
    "price",
    "read",
    "request",
    "result",
    "same",
    "search",
    "security",
    "sell",
    "send",
    "short",
    "standard",
    "start",
    "status",
    "summary",
    "system",
    "task",
    "text",
    "that",
    "this",
    "time",
    "title",
    "today",
    "token",
    "tool",
    "transfer",
    "true",
    "type",
    "update",
    "user",
    "value",
    "with",
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
