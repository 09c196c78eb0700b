//! The part of structured fields (RFC 9651) that signatures are written in: dictionaries of inner
//! lists and of byte sequences. Strict: what is not in the grammar is refused, and no key may stand
//! twice, because readers differ in which of the two they take.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A bare item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Whole(i64),
    Token(String),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// Parameters in their order, which is signed.
pub(super) type Parameters = Vec<(String, Item)>;

/// An inner list of texts with their parameters, and the parameters of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List {
    pub items: Vec<(String, Parameters)>,
    pub parameters: Parameters,
}

/// Not in the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadField;

/// A dictionary whose members are inner lists.
pub(super) fn lists(text: &str) -> Result<Vec<(String, List)>, BadField> {
    Reader::of(text).dictionary(Reader::list)
}

/// A dictionary whose members are byte sequences.
pub(super) fn byte_sequences(text: &str) -> Result<Vec<(String, Vec<u8>)>, BadField> {
    Reader::of(text).dictionary(|reader| {
        let bytes = reader.bytes()?;
        reader.parameters()?;
        Ok(bytes)
    })
}

impl List {
    /// The one spelling of it, which is what is signed.
    pub fn written(&self) -> String {
        let mut text = String::from("(");
        for (place, (item, parameters)) in self.items.iter().enumerate() {
            if place > 0 {
                text.push(' ');
            }
            write_text(&mut text, item);
            write_parameters(&mut text, parameters);
        }
        text.push(')');
        write_parameters(&mut text, &self.parameters);
        text
    }
}

fn write_parameters(text: &mut String, parameters: &Parameters) {
    for (key, item) in parameters {
        // Writing to a string cannot fail.
        let _ = write!(text, ";{key}");
        match item {
            Item::Flag(true) => {}
            Item::Flag(false) => text.push_str("=?0"),
            Item::Whole(number) => drop(write!(text, "={number}")),
            Item::Token(token) => drop(write!(text, "={token}")),
            Item::Bytes(bytes) => drop(write!(text, "=:{}:", STANDARD.encode(bytes))),
            Item::Text(value) => {
                text.push('=');
                write_text(text, value);
            }
        }
    }
}

fn write_text(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn of(text: &'t str) -> Self {
        Reader { rest: text.as_bytes() }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        if there {
            self.next();
        }
        there
    }

    fn need(&mut self, byte: u8) -> Result<(), BadField> {
        if self.eat(byte) { Ok(()) } else { Err(BadField) }
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'t [u8] {
        let length = self.rest.iter().position(|byte| !keep(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn text_of(bytes: &[u8]) -> Result<String, BadField> {
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| BadField)
    }

    fn dictionary<T>(
        &mut self,
        member: impl Fn(&mut Self) -> Result<T, BadField>,
    ) -> Result<Vec<(String, T)>, BadField> {
        let mut members: Vec<(String, T)> = Vec::new();
        self.take_while(|byte| byte == b' ');
        loop {
            let key = self.key()?;
            self.need(b'=')?;
            if members.iter().any(|(known, _)| *known == key) {
                return Err(BadField);
            }
            members.push((key, member(self)?));
            self.take_while(|byte| matches!(byte, b' ' | b'\t'));
            if self.rest.is_empty() {
                return Ok(members);
            }
            self.need(b',')?;
            self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        }
    }

    fn list(&mut self) -> Result<List, BadField> {
        self.need(b'(')?;
        let mut items = Vec::new();
        loop {
            self.take_while(|byte| byte == b' ');
            if self.eat(b')') {
                return Ok(List { items, parameters: self.parameters()? });
            }
            let item = self.text()?;
            items.push((item, self.parameters()?));
            if !matches!(self.peek(), Some(b' ' | b')')) {
                return Err(BadField);
            }
        }
    }

    fn parameters(&mut self) -> Result<Parameters, BadField> {
        let mut parameters = Parameters::new();
        while self.eat(b';') {
            self.take_while(|byte| byte == b' ');
            let key = self.key()?;
            if parameters.iter().any(|(known, _)| *known == key) {
                return Err(BadField);
            }
            let item = if self.eat(b'=') { self.item()? } else { Item::Flag(true) };
            parameters.push((key, item));
        }
        Ok(parameters)
    }

    fn key(&mut self) -> Result<String, BadField> {
        if !matches!(self.peek(), Some(b'a'..=b'z' | b'*')) {
            return Err(BadField);
        }
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
        Self::text_of(self.take_while(allowed))
    }

    fn item(&mut self) -> Result<Item, BadField> {
        match self.peek() {
            Some(b'"') => self.text().map(Item::Text),
            Some(b':') => self.bytes().map(Item::Bytes),
            Some(b'?') => {
                self.next();
                match self.next() {
                    Some(b'0') => Ok(Item::Flag(false)),
                    Some(b'1') => Ok(Item::Flag(true)),
                    _ => Err(BadField),
                }
            }
            Some(b'-' | b'0'..=b'9') => self.whole().map(Item::Whole),
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'*') => {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
                Self::text_of(self.take_while(allowed)).map(Item::Token)
            }
            _ => Err(BadField),
        }
    }

    /// Decimals are in the grammar, but nothing that is signed here holds one.
    fn whole(&mut self) -> Result<i64, BadField> {
        let negative = self.eat(b'-');
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() || digits.len() > 15 || self.peek() == Some(b'.') {
            return Err(BadField);
        }
        let number: i64 = Self::text_of(digits)?.parse().map_err(|_| BadField)?;
        Ok(if negative { -number } else { number })
    }

    fn text(&mut self) -> Result<String, BadField> {
        self.need(b'"')?;
        let mut text = String::new();
        loop {
            match self.next().ok_or(BadField)? {
                b'"' => return Ok(text),
                b'\\' => match self.next() {
                    Some(byte @ (b'"' | b'\\')) => text.push(char::from(byte)),
                    _ => return Err(BadField),
                },
                byte @ 0x20..=0x7e => text.push(char::from(byte)),
                _ => return Err(BadField),
            }
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, BadField> {
        self.need(b':')?;
        let encoded = self.take_while(|byte| byte != b':');
        self.need(b':')?;
        STANDARD.decode(encoded).map_err(|_| BadField)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_in_one_spelling() {
        let loose = r#"sig=(  "@method"   "a\"b";x );created=7;keyid="k\\";t=tok;b=:AQI=:;f=?0;g"#;
        let lists = lists(loose).unwrap();
        let list = &lists[0].1;
        assert_eq!(list.written(), r#"("@method" "a\"b";x);created=7;keyid="k\\";t=tok;b=:AQI=:;f=?0;g"#);
        let again = super::lists(&format!("sig={}", list.written())).unwrap();
        assert_eq!(&again[0].1, list);
    }

    #[test]
    fn what_is_not_in_the_grammar_is_refused() {
        for text in [
            "",
            "sig",
            "sig=",
            "sig=1",
            "Sig=()",
            "sig=(",
            "sig=(a)",
            "sig=(\"a\"\"b\")",
            "sig=(\"a)",
            "sig=();a=1.5",
            "sig=();a=1;a=2",
            "sig=(), sig=()",
            "sig=(),",
            "sig=();a=\"\u{7f}\"",
            "sig=();a=1234567890123456",
            "sig=();a=-",
            "sig=();a=?2",
            "sig=() x",
            "sig=();a=:x:",
        ] {
            assert_eq!(lists(text), Err(BadField), "{text}");
        }
        for text in ["a=:AQ==", "a=AQ==", "a=:AQ==:, a=:AQ==:", "a=:AQ:x"] {
            assert_eq!(byte_sequences(text), Err(BadField), "{text}");
        }
        assert_eq!(
            byte_sequences("a=:AQ==:;p, b=:Ag==:"),
            Ok(vec![("a".into(), vec![1]), ("b".into(), vec![2])])
        );
    }
}
