//! The reader: RFC 8259, strictly, with bounds.

use std::collections::HashSet;

use super::{Doc, Kind, Node, text};

/// Largest body that is read; prompts carry pictures.
pub const MAX_BYTES: usize = 16 << 20;
pub const MAX_DEPTH: usize = 64;
/// Most values of one document, keys included.
pub const MAX_VALUES: usize = 400_000;
/// Objects with more keys are checked for doubles by a set instead of one by one.
const FEW_KEYS: usize = 12;

/// Why bytes are no document. What stood there is never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocFault {
    #[error("the body is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the body is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    #[error("the body is no JSON at byte {0}")]
    Malformed(usize),
    #[error("the body is nested deeper than {MAX_DEPTH} at byte {0}")]
    TooDeep(usize),
    #[error("the body holds more than {MAX_VALUES} values")]
    TooMany,
    /// Readers disagree which of the two counts, so one could be judged and the other used.
    #[error("the body holds a key twice in one object, at byte {0}")]
    KeyTwice(usize),
}

impl DocFault {
    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            DocFault::TooLarge => "body_too_large",
            DocFault::NotUtf8(_) => "body_not_utf8",
            DocFault::Malformed(_) => "body_malformed",
            DocFault::TooDeep(_) => "body_too_deep",
            DocFault::TooMany => "body_too_many_values",
            DocFault::KeyTwice(_) => "body_key_twice",
        }
    }
}

pub fn document(bytes: &[u8]) -> Result<Doc<'_>, DocFault> {
    if bytes.len() > MAX_BYTES {
        return Err(DocFault::TooLarge);
    }
    let source = std::str::from_utf8(bytes).map_err(|error| DocFault::NotUtf8(error.valid_up_to()))?;
    let mut reader = Reader { source, bytes, at: 0, nodes: Vec::new() };
    reader.blanks();
    reader.value(0)?;
    reader.blanks();
    if reader.at != bytes.len() {
        return Err(reader.malformed());
    }
    Ok(Doc { source, nodes: reader.nodes })
}

struct Reader<'b> {
    source: &'b str,
    bytes: &'b [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<(), DocFault> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b't') => self.word(b"true", Kind::Bool),
            Some(b'f') => self.word(b"false", Kind::Bool),
            Some(b'n') => self.word(b"null", Kind::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) | None => Err(self.malformed()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), DocFault> {
        let own = self.open(Kind::Object, depth)?;
        let mut keys = Keys::default();
        if !self.ends(b'}') {
            loop {
                self.blanks();
                let key = self.at;
                if self.peek() != Some(b'"') {
                    return Err(self.malformed());
                }
                self.string()?;
                let inner = self.source.get(key + 1..self.at.saturating_sub(1)).unwrap_or_default();
                if !keys.is_new(text::decoded(inner).into_owned()) {
                    return Err(DocFault::KeyTwice(key));
                }
                self.blanks();
                self.expect(b':')?;
                self.blanks();
                self.value(depth + 1)?;
                self.blanks();
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.close(own);
        Ok(())
    }

    fn list(&mut self, depth: usize) -> Result<(), DocFault> {
        let own = self.open(Kind::List, depth)?;
        if !self.ends(b']') {
            loop {
                self.blanks();
                self.value(depth + 1)?;
                self.blanks();
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.close(own);
        Ok(())
    }

    fn string(&mut self) -> Result<(), DocFault> {
        let start = self.at;
        self.at += 1;
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
            self.at += stop.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) | None => return Err(self.malformed()),
            }
        }
        self.at += 1;
        self.push(Kind::Text, start)
    }

    fn escape(&mut self) -> Result<(), DocFault> {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        self.at += match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if rest.get(1..5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 6,
            Some(_) | None => return Err(self.malformed()),
        };
        Ok(())
    }

    fn number(&mut self) -> Result<(), DocFault> {
        let start = self.at;
        self.skip_if(b'-');
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            Some(_) | None => return Err(self.malformed()),
        }
        if self.skip_if(b'.') {
            self.digits()?;
        }
        if self.skip_if(b'e') || self.skip_if(b'E') {
            let _sign = self.skip_if(b'+') || self.skip_if(b'-');
            self.digits()?;
        }
        self.push(Kind::Number, start)
    }

    fn digits(&mut self) -> Result<(), DocFault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.malformed()) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), DocFault> {
        let start = self.at;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.malformed());
        }
        self.at += word.len();
        self.push(kind, start)
    }

    fn open(&mut self, kind: Kind, depth: usize) -> Result<usize, DocFault> {
        if depth >= MAX_DEPTH {
            return Err(DocFault::TooDeep(self.at));
        }
        let start = self.at;
        self.at += 1;
        self.push(kind, start)?;
        self.blanks();
        Ok(self.nodes.len() - 1)
    }

    /// Tells a container where it ends, and what comes after it.
    fn close(&mut self, own: usize) {
        let (end, after) = (offset(self.at), offset(self.nodes.len()));
        if let Some(node) = self.nodes.get_mut(own) {
            (node.end, node.after) = (end, after);
        }
    }

    fn push(&mut self, kind: Kind, start: usize) -> Result<(), DocFault> {
        if self.nodes.len() >= MAX_VALUES {
            return Err(DocFault::TooMany);
        }
        let after = offset(self.nodes.len() + 1);
        self.nodes.push(Node { kind, start: offset(start), end: offset(self.at), after });
        Ok(())
    }

    /// Whether the container ends here, at once.
    fn ends(&mut self, bracket: u8) -> bool {
        self.skip_if(bracket)
    }

    /// Whether another item follows; else the container has ended.
    fn goes_on(&mut self, bracket: u8) -> Result<bool, DocFault> {
        if self.skip_if(b',') {
            return Ok(true);
        }
        self.expect(bracket).map(|()| false)
    }

    fn expect(&mut self, byte: u8) -> Result<(), DocFault> {
        if self.skip_if(byte) { Ok(()) } else { Err(self.malformed()) }
    }

    fn skip_if(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    const fn malformed(&self) -> DocFault {
        DocFault::Malformed(self.at)
    }
}

/// The keys of one object so far.
#[derive(Default)]
struct Keys {
    few: Vec<String>,
    many: HashSet<String>,
}

impl Keys {
    fn is_new(&mut self, key: String) -> bool {
        if self.many.is_empty() && self.few.len() < FEW_KEYS {
            let new = !self.few.contains(&key);
            self.few.push(key);
            return new;
        }
        self.many.extend(self.few.drain(..));
        self.many.insert(key)
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
