//! A tolerant tokenizer for tags.
//!
//! The standard tokenizer follows one page from its beginning. A value may be put anywhere in a
//! page: into text, an attribute, a comment, a script. So each `<` is tried as the start of a tag,
//! those inside quoted values too, and names end where any browser ever let them end.

use std::ops::Range;

use super::fold;

/// One tag as some browser would read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag<'a> {
    pub name: &'a str,
    /// The name with the letters behind a NUL byte, which old browsers dropped: `scr\0ipt`.
    pub glued: Option<String>,
    /// `</name`.
    pub closing: bool,
    pub attributes: Vec<Attribute<'a>>,
    pub span: Range<usize>,
    /// It has its `>`.
    pub closed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub name: &'a str,
    pub value: Option<&'a str>,
    pub span: Range<usize>,
}

/// Longest tag whose attributes are read.
const LONGEST_TAG: usize = 16 * 1024;
/// Most attributes of one tag; a tag with more is read up to here.
const MOST_ATTRIBUTES: usize = 256;

/// All tags of a text, in order; nested ones too. Reads at most a fixed multiple of its length.
pub fn tags(text: &str) -> Tags<'_> {
    Tags { text, at: 0, budget: 8 * text.len() + LONGEST_TAG }
}

pub struct Tags<'a> {
    text: &'a str,
    at: usize,
    /// Bytes of attributes that may still be read. Tags inside quoted values are read again, so
    /// without it a text of nothing but `<a "` would cost its square.
    budget: usize,
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            let (start, length) = self.find_opening()?;
            self.at = start + length;
            if let Some(tag) = self.tag(start) {
                return Some(tag);
            }
        }
    }
}

impl<'a> Tags<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes().get(at).copied().unwrap_or(0)
    }

    /// The next `<`, written plainly or escaped.
    fn find_opening(&self) -> Option<(usize, usize)> {
        let mut at = self.at;
        loop {
            at += memchr::memchr3(b'<', b'%', b'\\', self.bytes().get(at..)?)?;
            if self.byte(at) == b'<' {
                return Some((at, 1));
            }
            if let Some((Some('<'), length)) = fold::escape(self.text.get(at..)?) {
                return Some((at, length));
            }
            at += 1;
        }
    }

    /// Bytes to skip at `at`: a blank, a control byte or a slash, written plainly or escaped.
    fn gap(&self, at: usize) -> usize {
        match self.byte(at) {
            b'%' | b'\\' | b'&' => match self.text.get(at..).and_then(fold::escape) {
                Some((Some(seen), length)) if seen.is_whitespace() || seen.is_control() || seen == '/' => {
                    length
                }
                _ => 0,
            },
            b'/' => 1,
            _ if at >= self.bytes().len() => 0,
            byte => usize::from(byte <= b' ' || byte == 0x7f),
        }
    }

    fn tag(&mut self, start: usize) -> Option<Tag<'a>> {
        let mut at = self.at;
        let mut closing = false;
        // NUL bytes and slashes before a name were once ignored.
        for _ in 0..8 {
            let gap = self.gap(at);
            closing |= self.byte(at) == b'/';
            if gap == 0 || self.byte(at) == b' ' || self.byte(at) == b'\n' {
                break;
            }
            at += gap;
        }
        // `<%script`: a percent sign that begins no escape.
        if self.byte(at) == b'%' && self.byte(at + 1).is_ascii_alphabetic() {
            at += 1;
        }
        let from = at;
        while matches!(self.byte(at), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'-' | b'_' | b'?' | b'!')
        {
            at += 1;
        }
        let name = self.text.get(from..at)?;
        if !name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '?' | '!')) {
            return None;
        }
        self.at = at;
        let nul = if self.byte(at) == 0 {
            1
        } else if self.text.get(at..).is_some_and(|t| t.starts_with("%00")) {
            3
        } else {
            0
        };
        let glued = (nul > 0 && at < self.bytes().len()).then(|| {
            let rest = self.text.get(at + nul..).unwrap_or_default();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).take(16).count();
            format!("{name}{}", rest.get(..letters).unwrap_or_default()).to_ascii_lowercase()
        });
        let mut tag = Tag { name, glued, closing, attributes: Vec::new(), span: start..at, closed: false };
        let end = at.saturating_add(LONGEST_TAG.min(self.budget)).min(self.bytes().len());
        self.attributes(&mut tag, at, end);
        self.budget = self.budget.saturating_sub(tag.span.end.saturating_sub(at));
        Some(tag)
    }

    fn attributes(&self, tag: &mut Tag<'a>, mut at: usize, end: usize) {
        while at < end && tag.attributes.len() < MOST_ATTRIBUTES {
            let gap = self.gap(at);
            if gap > 0 || matches!(self.byte(at), b'"' | b'\'' | b'`' | b'=' | b',' | b';') {
                at += gap.max(1);
                continue;
            }
            match self.byte(at) {
                b'>' => {
                    tag.closed = true;
                    tag.span.end = at + 1;
                    return;
                }
                // Another tag begins; this one was never finished.
                b'<' => break,
                _ => {}
            }
            let from = at;
            while at < end
                && !matches!(self.byte(at), b'=' | b'>' | b'<' | b'"' | b'\'' | b'`')
                && self.gap(at) == 0
                && !self.is_escaped_equals(at)
            {
                at += 1;
            }
            let name = self.text.get(from..at).unwrap_or_default();
            let name_end = at;
            let mut ahead = at;
            while ahead < end && self.gap(ahead) > 0 && self.byte(ahead) != b'/' {
                ahead += self.gap(ahead);
            }
            let equals = if self.byte(ahead) == b'=' {
                1
            } else if self.is_escaped_equals(ahead) {
                if self.byte(ahead) == b'%' { 3 } else { 4 }
            } else {
                0
            };
            let mut value = None;
            if equals > 0 && ahead < end {
                at = ahead + equals;
                while at < end && self.gap(at) > 0 && self.byte(at) != b'/' {
                    at += self.gap(at);
                }
                let (range, next) = self.value(at, end);
                value = self.text.get(range);
                at = next;
            }
            if from == at {
                at += 1;
            }
            let span = from..at.max(name_end).min(self.bytes().len());
            tag.attributes.push(Attribute { name, value, span });
        }
        tag.span.end = at.min(self.bytes().len()).max(tag.span.start);
    }

    fn is_escaped_equals(&self, at: usize) -> bool {
        let rest = self.bytes().get(at..at + 3);
        matches!(rest, Some([b'%', b'3', b'D' | b'd']))
            || matches!(self.bytes().get(at..at + 4), Some(b"\\x3d" | b"\\x3D"))
    }

    /// The range of a value, and where reading goes on.
    fn value(&self, at: usize, end: usize) -> (Range<usize>, usize) {
        let quote = self.byte(at);
        if matches!(quote, b'"' | b'\'' | b'`') {
            let rest = self.bytes().get(at + 1..end).unwrap_or_default();
            return match memchr::memchr(quote, rest) {
                Some(length) => (at + 1..at + 1 + length, at + 2 + length),
                None => (at + 1..end, end),
            };
        }
        let mut to = at;
        while to < end && !matches!(self.byte(to), b'>' | b' ' | b'\t' | b'\n' | b'\r' | 0x0c) {
            if matches!(self.byte(to), b'%' | b'\\') && to > at && self.gap(to) > 2 {
                break;
            }
            to += 1;
        }
        (at..to, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_attributes_and_values_are_read() {
        let got: Vec<_> = tags(r#"a <img src="a>b" alt=x onload = 'f()'> b"#).collect();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].name, "img");
        assert!(got[0].closed);
        let pairs: Vec<_> = got[0].attributes.iter().map(|a| (a.name, a.value)).collect();
        assert_eq!(pairs, [("src", Some("a>b")), ("alt", Some("x")), ("onload", Some("f()"))]);
    }

    #[test]
    fn tags_inside_values_and_without_an_end_are_read() {
        let names: Vec<_> = tags(r#"<a title="<b x=1>" <i"#).map(|t| t.name.to_owned()).collect();
        assert_eq!(names, ["a", "b", "i"]);
    }

    #[test]
    fn a_less_than_sign_is_not_a_tag() {
        assert_eq!(tags("1 < 2, a <3 b, <- c, < d").count(), 0);
    }

    #[test]
    fn spans_are_on_characters() {
        for text in ["<é ü=ß", "<a ü='é", "<a é", "%3Cü", "<a\u{a0}b=é>"] {
            for tag in tags(text) {
                assert!(text.get(tag.span.clone()).is_some(), "{text:?} {tag:?}");
                assert!(tag.attributes.iter().all(|a| text.get(a.span.clone()).is_some()), "{text:?}");
            }
        }
    }
}
