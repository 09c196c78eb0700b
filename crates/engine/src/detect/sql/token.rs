//! A tokenizer that reads what any of five SQL dialects would accept.
//!
//! It never fails. Where dialects differ it takes the reading that helps an attacker: `#` and `--`
//! both open a comment, a backslash escapes inside a string, `/*!` opens code and not a comment.

use std::ops::Range;

use super::words::{self, Word};

/// One token, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The rest of the host's own string, up to the quote that breaks out of it.
    Tail,
    Text {
        /// It ran to the end, so that the host's quote would close it.
        open: bool,
        quote: u8,
    },
    Number,
    /// `@a`, `@@version`, `:name`, `$1`.
    Variable,
    /// A name in backticks or brackets.
    Name,
    Word(Word),
    Compare,
    Math,
    Logic,
    /// `!` and `~`: before an operand only.
    Prefix,
    Open,
    Close,
    Comma,
    Semicolon,
    Dot,
    /// A comment; `cut` when it hides everything up to the end, `hides` when that is not nothing.
    Comment {
        cut: bool,
        hides: bool,
    },
    Other,
}

/// Where the value would stand in the host's statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// As it is: after an operator, in place of a number or a name.
    Plain,
    /// Inside a string that this quote closes.
    Inside(u8),
    /// The same, in a dialect where a backslash is a letter like any other.
    Verbatim(u8),
}

impl Stand {
    /// The quote that closes the host's string.
    pub fn quote(self) -> Option<u8> {
        match self {
            Stand::Plain => None,
            Stand::Inside(quote) | Stand::Verbatim(quote) => Some(quote),
        }
    }
}

/// Reads a whole text. `None` when it would stay inside the host's string.
pub fn tokens(text: &str, stand: Stand) -> Option<Vec<Token>> {
    let mut reader = Reader { bytes: text.as_bytes(), text, at: 0, code_comment: 0 };
    let mut out = Vec::with_capacity(text.len() / 4 + 2);
    if let Some(quote) = stand.quote() {
        let (end, closed) = reader.string_end(0, quote, matches!(stand, Stand::Inside(_)));
        if !closed {
            return None;
        }
        reader.at = end;
        out.push(Token { kind: Kind::Tail, span: 0..end });
    }
    while let Some(token) = reader.next() {
        out.push(token);
    }
    Some(out)
}

/// Which bytes go on with a name.
static NAME: [bool; 256] = names();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn names() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | 0x80..);
        byte += 1;
    }
    table
}

/// No dialect allows a longer name. Without a bound, a text of nothing but `[` costs its square.
const LONGEST_NAME: usize = 130;

struct Reader<'a> {
    bytes: &'a [u8],
    text: &'a str,
    at: usize,
    /// How many `/*!` are open: their `*/` is a blank.
    code_comment: u32,
}

impl Reader<'_> {
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    /// The end of a string whose first byte is at `from`, after its closing quote when it has one.
    fn string_end(&self, from: usize, quote: u8, escapes: bool) -> (usize, bool) {
        let mut at = from;
        loop {
            match memchr::memchr2(quote, b'\\', self.rest(at)) {
                None => return (self.bytes.len(), false),
                Some(step) if self.byte(at + step) == b'\\' => at += step + if escapes { 2 } else { 1 },
                Some(step) if self.byte(at + step + 1) == quote => at += step + 2,
                Some(step) => return (at + step + 1, true),
            }
        }
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            if start >= self.bytes.len() {
                return None;
            }
            let byte = self.byte(start);
            // MySQL takes every control byte that is not printed for a blank in some place or other.
            if byte <= b' ' || byte == 0x7f {
                self.at += 1;
                continue;
            }
            if self.code_comment > 0 && byte == b'*' && self.byte(start + 1) == b'/' {
                self.code_comment -= 1;
                self.at += 2;
                continue;
            }
            let kind = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
                b'0'..=b'9' => self.number(),
                b'.' if self.byte(start + 1).is_ascii_digit() => self.number(),
                b'\'' | b'"' => self.string(byte),
                b'`' => self.name(b'`'),
                b'[' => self.name(b']'),
                b'/' if self.byte(start + 1) == b'*' => match self.block_comment() {
                    Some(kind) => kind,
                    None => continue,
                },
                b'#' => self.line_comment(1),
                b'-' if self.byte(start + 1) == b'-' => self.line_comment(2),
                // PostgreSQL: `data @> '{}'` compares, `1::int` converts and goes on as it was.
                b'@' if self.byte(start + 1) == b'>' => self.take(2, Kind::Compare),
                b':' if self.byte(start + 1) == b':' => self.take(2, Kind::Math),
                b'@' | b'$' => self.variable(),
                b':' if self.byte(start + 1) == b'=' => self.take(2, Kind::Compare),
                b'(' => self.take(1, Kind::Open),
                b')' => self.take(1, Kind::Close),
                b',' => self.take(1, Kind::Comma),
                b';' => self.take(1, Kind::Semicolon),
                b'.' => self.take(1, Kind::Dot),
                // MySQL's short NULL.
                b'\\' if self.byte(start + 1) == b'N' => self.take(2, Kind::Word(Word::Const)),
                0x80.. => self.beyond_ascii(),
                _ => self.operator(byte),
            };
            return Some(Token { kind, span: start..self.at });
        }
    }

    fn take(&mut self, length: usize, kind: Kind) -> Kind {
        self.at += length;
        kind
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        let rest = self.rest(start);
        let length = rest.iter().position(|b| NAME.get(usize::from(*b)) != Some(&true)).unwrap_or(rest.len());
        self.at += length;
        // N'text', x'6162', _utf8'text': a prefixed string is a string.
        let word = self.text.get(start..self.at).unwrap_or_default();
        if matches!(self.byte(self.at), b'\'')
            && (matches!(word, "n" | "N" | "x" | "X" | "b" | "B" | "e" | "E") || word.starts_with('_'))
        {
            return self.string(b'\'');
        }
        Kind::Word(words::class(word))
    }

    fn number(&mut self) -> Kind {
        let start = self.at;
        let rest = self.rest(start);
        if rest.len() > 2
            && rest.first() == Some(&b'0')
            && matches!(self.byte(start + 1), b'x' | b'X' | b'b' | b'B')
        {
            let digits = rest.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
            self.at += 2 + digits;
        } else {
            let whole = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            self.at += whole;
            if matches!(self.byte(self.at), b'e' | b'E') {
                let sign = usize::from(matches!(self.byte(self.at + 1), b'+' | b'-'));
                let digits = self.rest(self.at + 1 + sign).iter().take_while(|b| b.is_ascii_digit()).count();
                // `1e.table` is MySQL's way to hide a dot, so an exponent may be empty before one.
                if digits > 0 || self.byte(self.at + 1) == b'.' {
                    self.at += 1 + sign + digits;
                }
            }
        }
        // `70s` and `2ND` are words; `1or` and `5union` are a number and a word, as MySQL has it.
        let tail = self.rest(self.at).iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if tail > 0 {
            let word = self.text.get(self.at..self.at + tail).unwrap_or_default();
            // `1funion`: a suffix of the number's type, then the word.
            let suffixed = matches!(word.as_bytes().first(), Some(b'f' | b'F' | b'd' | b'D'))
                && words::class(word.get(1..).unwrap_or_default()) == Word::Union;
            if suffixed {
                self.at += 1;
            } else if words::class(word) == Word::Bare {
                self.at += tail;
                return Kind::Word(Word::Bare);
            }
        }
        Kind::Number
    }

    fn string(&mut self, quote: u8) -> Kind {
        let from = self.at + 1;
        let mut at = from;
        let open = loop {
            match memchr::memchr2(quote, b'\\', self.rest(at)) {
                None => {
                    at = self.bytes.len();
                    break true;
                }
                Some(step) if self.byte(at + step) == b'\\' => at += step + 2,
                Some(step) if self.byte(at + step + 1) == quote && at + step > from => at += step + 2,
                Some(step) => {
                    at += step + 1;
                    break false;
                }
            }
        };
        self.at = at.min(self.bytes.len());
        Kind::Text { open, quote }
    }

    fn name(&mut self, close: u8) -> Kind {
        let rest = self.rest(self.at + 1);
        match memchr::memchr(close, rest.get(..LONGEST_NAME).unwrap_or(rest)) {
            Some(step) => self.take(step + 2, Kind::Name),
            None => self.take(1, Kind::Other),
        }
    }

    /// `None` for a comment that the server executes, and for one that is closed: a blank.
    fn block_comment(&mut self) -> Option<Kind> {
        if self.byte(self.at + 2) == b'!' {
            let digits = self.rest(self.at + 3).iter().take(6).take_while(|b| b.is_ascii_digit()).count();
            self.at += 3 + digits;
            self.code_comment += 1;
            return None;
        }
        match memchr::memmem::find(self.rest(self.at + 2), b"*/") {
            Some(step) => {
                self.at += step + 4;
                None
            }
            None => {
                let hides = self.rest(self.at + 2).iter().any(|b| *b > b' ');
                self.at = self.bytes.len();
                Some(Kind::Comment { cut: true, hides })
            }
        }
    }

    fn line_comment(&mut self, mark: usize) -> Kind {
        let rest = self.rest(self.at + mark);
        match memchr::memchr2(b'\n', b'\r', rest) {
            Some(step) if rest.iter().skip(step).any(|b| *b > b' ') => {
                self.take(mark + step + 1, Kind::Comment { cut: false, hides: step > 0 })
            }
            _ => {
                let hides = rest.iter().any(|b| b.is_ascii_alphanumeric());
                self.at = self.bytes.len();
                Kind::Comment { cut: true, hides }
            }
        }
    }

    fn variable(&mut self) -> Kind {
        let marks = self.rest(self.at).iter().take(3).take_while(|b| matches!(b, b'@' | b'$' | b':')).count();
        if matches!(self.byte(self.at + marks), b'\'' | b'"' | b'`') {
            let quote = self.byte(self.at + marks);
            self.at += marks;
            return match self.string(quote) {
                Kind::Text { open: true, .. } => Kind::Other,
                _ => Kind::Variable,
            };
        }
        let rest = self.rest(self.at + marks);
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$') || **b >= 0x80)
            .count();
        let named = length > 0 || self.byte(self.at) == b'@';
        self.take(marks + length, if named { Kind::Variable } else { Kind::Other })
    }

    fn operator(&mut self, byte: u8) -> Kind {
        let next = self.byte(self.at + 1);
        let third = self.byte(self.at + 2);
        let (length, kind) = match (byte, next) {
            (b'<', b'=') if third == b'>' => (3, Kind::Compare),
            (b'<', b'=' | b'>') | (b'>' | b'!' | b'=', b'=') | (b'!', b'~' | b'<' | b'>') => {
                (2, Kind::Compare)
            }
            (b'<', b'<') | (b'>', b'>') => (2, Kind::Math),
            (b'~', b'*') => (2, Kind::Compare),
            (b'<' | b'>' | b'=', _) => (1, Kind::Compare),
            (b'|', b'|') | (b'&', b'&') => (2, Kind::Logic),
            (b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b'&' | b'|', _) => (1, Kind::Math),
            (b'!' | b'~', _) => (1, Kind::Prefix),
            _ => (1, Kind::Other),
        };
        self.take(length, kind)
    }

    fn beyond_ascii(&mut self) -> Kind {
        let Some(letter) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
            return self.take(1, Kind::Other);
        };
        self.at += letter.len_utf8();
        match letter {
            // A dash that a word processor made of `--`.
            '\u{2013}' | '\u{2014}' if self.rest(self.at).iter().all(|b| *b <= b' ') => {
                Kind::Comment { cut: true, hides: false }
            }
            _ if letter.is_alphanumeric() => Kind::Word(Word::Bare),
            _ => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, stand: Stand) -> Vec<Kind> {
        tokens(text, stand).unwrap_or_default().into_iter().map(|t| t.kind).collect()
    }

    #[test]
    fn a_value_inside_a_string_begins_after_its_break_out() {
        assert_eq!(tokens("no quote here", Stand::Inside(b'\'')), None);
        assert_eq!(tokens("it''s escaped", Stand::Inside(b'\'')), None);
        assert_eq!(tokens(r"it\'s escaped", Stand::Inside(b'\'')), None);
        let got = kinds("a' or 1", Stand::Inside(b'\''));
        assert_eq!(got, [Kind::Tail, Kind::Word(Word::Logic), Kind::Number]);
    }

    #[test]
    fn comments_of_all_dialects_are_read() {
        let cut = Kind::Comment { cut: true, hides: false };
        assert_eq!(kinds("1--", Stand::Plain), [Kind::Number, cut]);
        assert_eq!(kinds("1 #", Stand::Plain), [Kind::Number, cut]);
        assert_eq!(kinds("1/*", Stand::Plain), [Kind::Number, cut]);
        assert_eq!(kinds("1/**/or", Stand::Plain), [Kind::Number, Kind::Word(Word::Logic)]);
        assert_eq!(kinds("/*!50000or*/ 1", Stand::Plain), [Kind::Word(Word::Logic), Kind::Number]);
    }

    #[test]
    fn numbers_end_where_words_begin() {
        assert_eq!(kinds("1or", Stand::Plain), [Kind::Number, Kind::Word(Word::Logic)]);
        assert_eq!(kinds("70s", Stand::Plain), [Kind::Word(Word::Bare)]);
        assert_eq!(kinds("0x3a 1.5e3 .5", Stand::Plain), [Kind::Number; 3]);
    }

    #[test]
    fn every_byte_is_read_once_and_spans_are_on_characters() {
        for text in ["'".repeat(9), "/*".repeat(9), "é'ü--ß".to_owned(), "\\".repeat(7), "@@@@'".to_owned()]
        {
            for stand in [Stand::Plain, Stand::Inside(b'\''), Stand::Inside(b'"')] {
                let mut end = 0;
                for token in tokens(&text, stand).unwrap_or_default() {
                    assert!(token.span.start >= end && token.span.end > token.span.start);
                    assert!(text.get(token.span.clone()).is_some(), "{text} {token:?}");
                    end = token.span.end;
                }
            }
        }
    }
}
