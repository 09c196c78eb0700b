//! YAML as people write rules in it: every value knows its line, every fault is collected.
//!
//! [`parse`] gives a tree of [`Node`]s, within bounds and without aliases, so that no document can
//! grow when it is read. [`Fields`] reads one mapping out of it: it converts, notes every fault
//! with a place and a hint, and reports keys that nobody asked for.

mod fields;
mod tree;

pub use fields::{Fields, nearest, pick, shown};
pub use tree::{Key, MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, Value, parse};

/// One thing wrong in a rule document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    pub file: String,
    pub line: usize,
    pub column: usize,
    /// Stable code for programs, for example `unknown_key`.
    pub code: &'static str,
    pub message: String,
    /// What to try, if we know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}: {} [{}]", self.file, self.line, self.column, self.message, self.code)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Everything wrong in the documents of one load, in the order found.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub fn add(
        &mut self,
        file: &str,
        node: &Node,
        code: &'static str,
        message: String,
        hint: Option<String>,
    ) {
        self.0.push(Fault { file: file.into(), line: node.line, column: node.column, code, message, hint });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
