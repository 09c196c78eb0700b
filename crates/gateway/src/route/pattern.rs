//! Patterns over names of models and hosts: `*` stands for any text, letters of either case are alike.

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Pattern(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.split('*').map(str::as_bytes);
        let first = pieces.next().unwrap_or_default();
        let Some(rest) = after(text.as_bytes(), first) else { return false };
        let Some(last) = pieces.next_back() else { return rest.is_empty() };
        let Some(mut rest) = before(rest, last) else { return false };
        // Each piece where it comes first leaves the most for those behind it.
        pieces.all(|piece| match behind_first(rest, piece) {
            Some(behind) => {
                rest = behind;
                true
            }
            None => false,
        })
    }

    /// How much of a name it says, for the choice between two that match.
    pub fn says(&self) -> usize {
        self.0.bytes().filter(|byte| *byte != b'*').count()
    }
}

fn after<'t>(text: &'t [u8], start: &[u8]) -> Option<&'t [u8]> {
    let (head, rest) = text.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

fn before<'t>(text: &'t [u8], end: &[u8]) -> Option<&'t [u8]> {
    let (rest, tail) = text.split_at_checked(text.len().checked_sub(end.len())?)?;
    tail.eq_ignore_ascii_case(end).then_some(rest)
}

fn behind_first<'t>(text: &'t [u8], piece: &[u8]) -> Option<&'t [u8]> {
    if piece.is_empty() {
        return Some(text);
    }
    let at = text.windows(piece.len()).position(|window| window.eq_ignore_ascii_case(piece))?;
    text.get(at + piece.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_does() {
        for (pattern, text, matches) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "GPT-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*-mini", "gpt-4o-mini", true),
            ("a*a", "a", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("*b*", "abc", true),
            ("**", "abc", true),
            ("claude-*-4*", "claude-sonnet-4-20250514", true),
            ("g.t", "gpt", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text), matches, "{pattern} over {text}");
        }
        assert!(Pattern::new("gpt-4o-*").says() > Pattern::new("gpt-*").says());
    }
}
