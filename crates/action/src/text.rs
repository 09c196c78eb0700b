//! Names: short, visible, bounded text.

use std::fmt::{self, Display};

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;

/// A checked name: 1 to 256 bytes, no control or invisible characters, no blank at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Name(
    #[cfg_attr(feature = "schema", schemars(with = "String", length(min = 1, max = 256)))] SmolStr,
);

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("a name cannot be empty")]
    Empty,
    #[error("a name has at most 256 bytes")]
    TooLong,
    #[error("a name has no control characters and no blank at either end")]
    Unprintable,
    #[error("a name has no invisible characters; leave out U+{:04X}", u32::from(*.0))]
    Invisible(char),
}

impl Name {
    pub const MAX_BYTES: usize = 256;

    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong);
        }
        let blank = |edge: Option<&u8>| edge == Some(&b' ');
        let bytes = text.as_bytes();
        // Among plain ASCII, which nearly all names are, only the blank shows nothing.
        if bytes.iter().all(|b| matches!(b, b' '..=b'~')) {
            let ends_blank = blank(bytes.first()) || blank(bytes.last());
            return if ends_blank { Err(NameError::Unprintable) } else { Ok(Name(text.into())) };
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(NameError::Unprintable);
        }
        if let Some(hidden) = hidden(text) {
            return Err(NameError::Invisible(hidden));
        }
        Ok(Name(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first character that shows nothing. Two names that differ by one look the same in a rule, a
/// record and an approval. Joiners and variation signs stay where writing needs them.
fn hidden(text: &str) -> Option<char> {
    let mut before = None;
    text.chars().find(|c| {
        let needed = before.is_some_and(|before| joins(before, *c));
        before = Some(*c);
        is_invisible(*c) && !needed
    })
}

/// Whether `c` has something to do behind `before`: a joiner between letters of a script that joins
/// them or in an emoji, a variation sign behind a symbol.
fn joins(before: char, c: char) -> bool {
    let joining_script = matches!(before, '\u{0600}'..='\u{109F}') && before.is_alphanumeric();
    // Vowel signs of Indic scripts carry joiners, too.
    let sign = matches!(before, '\u{0900}'..='\u{0DFF}');
    let symbol = matches!(before, '\u{2190}'..='\u{2BFF}' | '\u{FE0F}' | '\u{1F000}'..='\u{1FAFF}');
    match c {
        '\u{200C}' => joining_script || sign,
        '\u{200D}' => joining_script || sign || symbol,
        '\u{FE0E}' | '\u{FE0F}' => symbol && before != '\u{FE0F}',
        _ => false,
    }
}

/// Characters that Unicode lets a program ignore when it shows a text, and blanks of no width.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read_text(deserializer, Name::new)
    }
}

/// Reads a text that something else is made of at once, without making a `String` of it first.
pub fn read_text<'de, D: Deserializer<'de>, T, E: Display>(
    deserializer: D,
    make: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Made(make))
}

struct Made<F>(F);

impl<T, E: Display, F: Fn(&str) -> Result<T, E>> Visitor<'_> for Made<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<X: serde::de::Error>(self, text: &str) -> Result<T, X> {
        (self.0)(text).map_err(X::custom)
    }
}

impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_something_hidden_in_it_is_refused_and_the_hint_names_it() {
        for hidden in
            ['\u{200B}', '\u{00AD}', '\u{202E}', '\u{2060}', '\u{FE0F}', '\u{E0041}', '\u{3164}', '\u{200D}']
        {
            let refused = Name::new(&format!("send{hidden}_email"));
            assert_eq!(refused, Err(NameError::Invisible(hidden)));
        }
        let told = Name::new("a\u{200B}b").map_err(|error| error.to_string());
        assert_eq!(told, Err("a name has no invisible characters; leave out U+200B".to_owned()));
    }

    #[test]
    fn plain_names_are_refused_for_the_same_reasons_as_others() {
        for (name, why) in [
            ("", NameError::Empty),
            (" a", NameError::Unprintable),
            ("a ", NameError::Unprintable),
            (" ", NameError::Unprintable),
            ("a\tb", NameError::Unprintable),
            ("a\u{7F}", NameError::Unprintable),
            ("ä ", NameError::Unprintable),
        ] {
            assert_eq!(Name::new(name), Err(why), "{name:?}");
        }
        assert_eq!(Name::new(&"a".repeat(Name::MAX_BYTES + 1)), Err(NameError::TooLong));
        assert!(Name::new("a b~!").is_ok());
    }

    #[test]
    fn a_name_is_read_out_of_json_with_and_without_escapes() {
        let read = |json: &str| serde_json::from_str::<Name>(json).map_err(|error| error.to_string());
        assert_eq!(read(r#""a\u0062c""#), Ok(Name("abc".into())));
        assert_eq!(read(r#""abc""#), Ok(Name("abc".into())));
        assert!(read("5").is_err_and(|error| error.contains("expected a string")));
        assert!(read(r#"" ""#).is_err_and(|error| error.contains("no blank at either end")));
    }

    #[test]
    fn what_writing_needs_is_kept() {
        for name in
            ["Überweisung", "送金", "می\u{200C}خواهم", "क्\u{200D}ष", "plan ❤\u{FE0F}.md", "👩\u{200D}💻"]
        {
            assert!(Name::new(name).is_ok(), "{name}");
        }
    }
}
