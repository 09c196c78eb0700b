//! The tree of one YAML document, with places.

use granit_parser::{Event, Marker, Parser, ScalarStyle};

use super::Fault;

/// Most bytes of one document.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting of one document.
pub const MAX_DEPTH: usize = 32;
/// Most values of one document.
pub const MAX_NODES: usize = 200_000;

/// One value and where it stands. Lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `quoted` tells `"5"` (a text) from `5` (a number).
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// The key of a mapping's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub line: usize,
    pub column: usize,
}

impl Node {
    /// What the value is, for a message.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }
}

/// Reads the one document in `text`. Aliases are refused: nothing we read needs them, and they
/// let a small file stand for an endless one.
pub fn parse(file: &str, text: &str) -> Result<Node, Fault> {
    let fault = |line, column, code, message: &str, hint: Option<&str>| Fault {
        file: file.into(),
        line,
        column,
        code,
        message: message.into(),
        hint: hint.map(Into::into),
    };
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", text.len());
        return Err(fault(1, 1, "yaml_too_large", &message, Some("split it into several files")));
    }
    let mut builder = Builder { open: Vec::new(), root: None, nodes: 0 };
    let mut documents = 0usize;
    for step in Parser::new_from_str(text) {
        let (event, span) = step.map_err(|error| {
            let mark = error.marker();
            fault(mark.line(), mark.col() + 1, "yaml_malformed", &error.info(), None)
        })?;
        let (line, column) = place(&span.start);
        let stop = |code, message: &str, hint| fault(line, column, code, message, hint);
        builder.nodes += 1;
        if builder.nodes > MAX_NODES {
            return Err(stop("yaml_too_many_values", "the document has too many values", None));
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                let value = Value::Scalar { text: text.into_owned(), quoted };
                builder.place(Node { line, column, value }).map_err(|(code, m)| stop(code, m, None))?;
            }
            Event::SequenceStart(..) => {
                builder.open(Open::List(Vec::new()), line, column).map_err(|(code, m)| stop(code, m, None))?
            }
            Event::MappingStart(..) => builder
                .open(Open::Map(Vec::new(), None), line, column)
                .map_err(|(code, m)| stop(code, m, None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                builder.close().map_err(|(code, m)| stop(code, m, None))?;
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = Some("write the value out where it is used");
                return Err(stop("yaml_alias", "aliases (`*name`) are not read", hint));
            }
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    let hint = Some("put each document into a file of its own");
                    return Err(stop("yaml_second_document", "a file holds one document", hint));
                }
            }
            _ => {}
        }
    }
    builder.root.ok_or_else(|| fault(1, 1, "yaml_empty", "the file is empty", None))
}

fn place(mark: &Marker) -> (usize, usize) {
    (mark.line(), mark.col() + 1)
}

enum Open {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

struct Builder {
    open: Vec<(Open, usize, usize)>,
    root: Option<Node>,
    nodes: usize,
}

type Refusal = (&'static str, &'static str);

impl Builder {
    fn open(&mut self, container: Open, line: usize, column: usize) -> Result<(), Refusal> {
        if self.open.len() >= MAX_DEPTH {
            return Err(("yaml_too_deep", "the document is nested too deeply"));
        }
        self.open.push((container, line, column));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Refusal> {
        let Some((container, line, column)) = self.open.pop() else { return Ok(()) };
        let value = match container {
            Open::List(items) => Value::List(items),
            Open::Map(entries, _) => Value::Map(entries),
        };
        self.place(Node { line, column, value })
    }

    fn place(&mut self, node: Node) -> Result<(), Refusal> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), ..)) => items.push(node),
            Some((Open::Map(entries, waiting), ..)) => match waiting.take() {
                Some(key) => entries.push((key, node)),
                None => {
                    let Value::Scalar { text, .. } = node.value else {
                        return Err(("yaml_key", "a key must be a single value"));
                    };
                    if entries.iter().any(|(key, _)| key.text == text) {
                        return Err(("yaml_duplicate_key", "this key stands here twice"));
                    }
                    *waiting = Some(Key { text, line: node.line, column: node.column });
                }
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        parse("t.yaml", text).map(|_| "ok").unwrap_or_else(|fault| fault.code)
    }

    #[test]
    fn values_know_their_place() {
        let node = parse("t.yaml", "rules:\n  - id: a\n    amount: \"5\"\n").unwrap();
        let Value::Map(top) = &node.value else { panic!() };
        let item = &top[0].1.as_list().unwrap()[0];
        let Value::Map(fields) = &item.value else { panic!() };
        assert_eq!((fields[1].0.line, fields[1].0.column), (3, 5));
        assert_eq!(fields[1].1.value, Value::Scalar { text: "5".into(), quoted: true });
    }

    #[test]
    fn bombs_and_tricks_are_refused() {
        assert_eq!(code("a: &x [1,2]\nb: [*x,*x]\n"), "yaml_alias");
        assert_eq!(code(&("[".repeat(40) + &"]".repeat(40))), "yaml_too_deep");
        assert_eq!(code(&format!("[{}1]", "1,".repeat(MAX_NODES))), "yaml_too_many_values");
        assert_eq!(code("a: 1\na: 2\n"), "yaml_duplicate_key");
        assert_eq!(code("a: 1\n---\nb: 2\n"), "yaml_second_document");
        assert_eq!(code(""), "yaml_empty");
        assert_eq!(code("a: [1\nb: }"), "yaml_malformed");
        assert_eq!(code(&"x".repeat(MAX_BYTES + 1)), "yaml_too_large");
    }
}
