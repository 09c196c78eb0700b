//! Name patterns: a name, or a name with `*` for any run of characters.

use crate::text::alike;

/// A name with `*` for any run of characters, as written and in the form in which look-alikes are
/// equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    written: Shape,
    alike: Shape,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Exact(Box<str>),
    /// The texts between the stars; the first and the last are anchored.
    Stars(Vec<Box<str>>),
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        // A character that only looks like a star is none, so the parts are cut out before.
        let alike = text.split('*').map(|part| alike(part).as_ref().into()).collect::<Vec<Box<str>>>();
        Pattern { written: Shape::of(text.split('*').map(Into::into).collect()), alike: Shape::of(alike) }
    }

    /// Whether the name is one of these, as written.
    pub fn matches(&self, name: &str) -> bool {
        self.written.matches(name)
    }

    /// Whether a name of this form looks like one of these. Holds wherever [`Pattern::matches`]
    /// does for the name itself.
    pub fn resembles(&self, form: &str) -> bool {
        self.alike.matches(form)
    }

    pub fn exact(&self) -> Option<&str> {
        self.written.exact()
    }

    /// Whether everything that `other` matches is matched by this pattern. May say no wrongly.
    pub fn covers(&self, other: &Pattern) -> bool {
        match &other.written {
            Shape::Exact(name) => self.matches(name),
            Shape::Stars(_) => self == other || *self == Pattern::new("*"),
        }
    }
}

impl Shape {
    fn of(mut parts: Vec<Box<str>>) -> Self {
        match parts.len() {
            1 => Shape::Exact(parts.pop().unwrap_or_default()),
            _ => Shape::Stars(parts),
        }
    }

    /// Leftmost matches in order are enough: a later match of a middle part never helps.
    fn matches(&self, text: &str) -> bool {
        let parts = match self {
            Shape::Exact(name) => return &**name == text,
            Shape::Stars(parts) => parts,
        };
        let [first, middle @ .., last] = parts.as_slice() else { return false };
        let Some(mut rest) = text.strip_prefix(&**first) else { return false };
        for part in middle {
            match rest.find(&**part).and_then(|at| rest.get(at + part.len()..)) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(&**last)
    }

    fn exact(&self) -> Option<&str> {
        match self {
            Shape::Exact(name) => Some(name),
            Shape::Stars(_) => None,
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.written {
            Shape::Exact(name) => f.write_str(name),
            Shape::Stars(parts) => f.write_str(&parts.join("*")),
        }
    }
}

/// Several patterns, one of which must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns(pub Vec<Pattern>);

impl Patterns {
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(name))
    }

    pub fn resembles(&self, form: &str) -> bool {
        self.0.iter().any(|pattern| pattern.resembles(form))
    }

    /// The names, if all patterns are plain names.
    pub fn exact(&self) -> Option<Vec<&str>> {
        self.0.iter().map(Pattern::exact).collect()
    }

    /// The forms of the names, if all patterns are plain names: what an index can be made of.
    pub fn forms(&self) -> Option<Vec<&str>> {
        self.0.iter().map(|pattern| pattern.alike.exact()).collect()
    }

    pub fn covers(&self, other: &Patterns) -> bool {
        other.0.iter().all(|theirs| self.0.iter().any(|ours| ours.covers(theirs)))
    }
}

impl std::fmt::Display for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, pattern) in self.0.iter().enumerate() {
            write!(f, "{}{pattern}", if i == 0 { "" } else { " or " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text, expected) in [
            ("refund", "refund", true),
            ("refund", "refund_all", false),
            ("refund*", "refund", true),
            ("*.example", "mail.example", true),
            ("*.example", "example", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*", "", true),
            ("ab*ba", "aba", false),
            ("a*b*b", "ab", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn covering_is_never_claimed_wrongly() {
        let covers = |a: &str, b: &str| Pattern::new(a).covers(&Pattern::new(b));
        assert!(covers("*", "a*") && covers("a*", "abc") && covers("a*b", "a*b"));
        assert!(!covers("a*", "*a") && !covers("abc", "a*"));
    }

    #[test]
    fn a_look_alike_resembles_and_does_not_match() {
        for (pattern, name) in [
            ("send_email", "Send_Email"),
            ("send_*", "ѕend_file"),
            ("*＿email", "send_email"),
            ("*.partner.example", "api.Partner.example"),
        ] {
            let pattern = Pattern::new(pattern);
            assert!(pattern.resembles(&alike(name)) && !pattern.matches(name), "{pattern} {name}");
        }
        assert!(!Pattern::new("send∗").resembles("sender"), "what looks like a star is none");
    }

    proptest! {
        /// What the record, the index and law 4 rely on: the wider reading only adds.
        #[test]
        fn whatever_matches_also_resembles(pattern in "[a-bA-Bаё\u{200B}*]{0,6}", name in "[a-bA-Bаё\u{200B}]{0,6}") {
            let pattern = Pattern::new(&pattern);
            prop_assert!(!pattern.matches(&name) || pattern.resembles(&alike(&name)));
        }
    }
}
