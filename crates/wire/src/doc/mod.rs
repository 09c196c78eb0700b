//! A JSON document with the place of every value in its bytes.
//!
//! Foreign bodies are read once and kept as they came: what is not changed leaves byte for byte, and
//! what is changed is cut out and replaced in place (see [`crate::edit`]). So this reader keeps
//! spans instead of building values.

mod read;
mod text;

use std::borrow::Cow;
use std::ops::Range;

pub use read::{DocFault, MAX_BYTES, MAX_DEPTH, MAX_VALUES};
pub use text::quoted;

/// What kind of value stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

/// One document. Its bytes are valid JSON with no key twice in an object.
#[derive(Debug, Clone)]
pub struct Doc<'b> {
    source: &'b str,
    /// In the order of the bytes; the children of a container follow it, keys before their values.
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The first node that is not inside this one.
    after: u32,
}

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub struct Value<'d> {
    doc: &'d Doc<'d>,
    index: u32,
}

impl<'b> Doc<'b> {
    /// Reads one document, whole.
    pub fn parse(bytes: &'b [u8]) -> Result<Doc<'b>, DocFault> {
        read::document(bytes)
    }

    pub const fn root(&self) -> Value<'_> {
        Value { doc: self, index: 0 }
    }

    pub const fn source(&self) -> &'b str {
        self.source
    }

    fn node(&self, index: u32) -> Option<&Node> {
        self.nodes.get(usize::try_from(index).ok()?)
    }
}

impl<'d> Value<'d> {
    pub fn kind(self) -> Kind {
        self.node().map_or(Kind::Null, |node| node.kind)
    }

    /// Where it stands in the bytes, quotes and brackets included.
    pub fn span(self) -> Range<usize> {
        self.node().map_or(0..0, |node| at(node.start)..at(node.end))
    }

    /// Its bytes as they came.
    pub fn raw(self) -> &'d str {
        self.doc.source.get(self.span()).unwrap_or_default()
    }

    /// A text, decoded. Half of a surrogate pair, which is no character, is read as U+FFFD.
    pub fn text(self) -> Option<Cow<'d, str>> {
        let raw = self.node().filter(|node| node.kind == Kind::Text).map(|_| self.raw())?;
        Some(text::decoded(raw.get(1..raw.len().checked_sub(1)?)?))
    }

    /// Whether it is this very text, without decoding what needs none. Keys are looked up with it, so it
    /// is asked far more often than it holds.
    pub fn is_text(self, text: &str) -> bool {
        let Some(raw) = self.node().filter(|node| node.kind == Kind::Text).map(|_| self.raw()) else {
            return false;
        };
        let own = raw.as_bytes().get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        // An escape is longer than what it stands for.
        if own.len() <= text.len() {
            return own == text.as_bytes() && !own.contains(&b'\\');
        }
        let may_be =
            own.first().is_some_and(|first| *first == b'\\' || text.as_bytes().first() == Some(first));
        may_be && self.text().is_some_and(|own| own == text)
    }

    pub fn flag(self) -> Option<bool> {
        match self.raw() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// A whole number that fits.
    pub fn whole(self) -> Option<u64> {
        self.node().filter(|node| node.kind == Kind::Number).and_then(|_| self.raw().parse().ok())
    }

    /// The value under a key of an object.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        self.entries().find(|(name, _)| name.is_text(key)).map(|(_, value)| value)
    }

    /// Visits every value under a path: keys with dots between, `*` for each item of a list.
    pub fn at(self, path: &str, visit: &mut dyn FnMut(Value<'d>)) {
        if path.is_empty() {
            return visit(self);
        }
        let (step, rest) = path.split_once('.').unwrap_or((path, ""));
        if step == "*" {
            self.items().for_each(|item| item.at(rest, visit));
        } else if let Some(value) = self.get(step) {
            value.at(rest, visit);
        }
    }

    /// The items of a list.
    pub fn items(self) -> impl Iterator<Item = Value<'d>> {
        self.children(Kind::List)
    }

    /// The keys and values of an object, in their order.
    pub fn entries(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> {
        let mut children = self.children(Kind::Object);
        std::iter::from_fn(move || Some((children.next()?, children.next()?)))
    }

    fn children(self, of: Kind) -> impl Iterator<Item = Value<'d>> {
        let doc = self.doc;
        let end = self.node().filter(|node| node.kind == of).map_or(0, |node| node.after);
        let mut next = self.index.saturating_add(1);
        std::iter::from_fn(move || {
            let value = Value { doc, index: next };
            let node = doc.node(next).filter(|_| next < end)?;
            next = node.after;
            Some(value)
        })
    }

    fn node(self) -> Option<&'d Node> {
        self.doc.node(self.index)
    }
}

/// Offsets are kept in 32 bits; a document is far smaller than they reach.
fn at(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
