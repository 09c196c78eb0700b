//! Name patterns: a name, or a name with `*` for any run of characters.

/// A name with `*` for any run of characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    Exact(Box<str>),
    /// The texts between the stars; the first and the last are anchored.
    Stars(Vec<Box<str>>),
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        if text.contains('*') {
            Pattern::Stars(text.split('*').map(Into::into).collect())
        } else {
            Pattern::Exact(text.into())
        }
    }

    /// Leftmost matches in order are enough: a later match of a middle part never helps.
    pub fn matches(&self, text: &str) -> bool {
        let parts = match self {
            Pattern::Exact(name) => return &**name == text,
            Pattern::Stars(parts) => parts,
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

    pub fn exact(&self) -> Option<&str> {
        match self {
            Pattern::Exact(name) => Some(name),
            Pattern::Stars(_) => None,
        }
    }

    /// Whether everything that `other` matches is matched by this pattern. May say no wrongly.
    pub fn covers(&self, other: &Pattern) -> bool {
        match other {
            Pattern::Exact(name) => self.matches(name),
            Pattern::Stars(_) => self == other || *self == Pattern::new("*"),
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pattern::Exact(name) => f.write_str(name),
            Pattern::Stars(parts) => f.write_str(&parts.join("*")),
        }
    }
}

/// Several patterns, one of which must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patterns(pub Vec<Pattern>);

impl Patterns {
    pub fn matches(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }

    /// The names, if all patterns are plain names: what an index can be made of.
    pub fn exact(&self) -> Option<Vec<&str>> {
        self.0.iter().map(Pattern::exact).collect()
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
}
