//! What a module looks at, so that only that much of the input is built.

use std::collections::BTreeSet;

/// The paths under `input` that occur in some modules; conservative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    paths: BTreeSet<String>,
    everything: bool,
}

impl Needs {
    /// Reads them off the text. A mention in a comment or a string only makes the input larger;
    /// `input` in any other form than a path needs everything.
    pub fn of(text: &str) -> Needs {
        let mut needs = Needs::default();
        for (at, word) in text.match_indices("input") {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            if before.is_some_and(|c| is_word(c) || c == '.') {
                continue;
            }
            let rest = text.get(at + word.len()..).unwrap_or("");
            let path: String = rest.chars().take_while(|c| is_word(*c) || *c == '.').collect();
            match path.strip_prefix('.') {
                Some(path) if !path.is_empty() => {
                    needs.paths.insert(path.trim_end_matches('.').to_owned());
                }
                _ if path.is_empty() || path == "." => needs.everything = true,
                _ => {}
            }
        }
        needs
    }

    pub fn add(&mut self, other: &Needs) {
        self.everything |= other.everything;
        self.paths.extend(other.paths.iter().cloned());
    }

    /// Whether something at this path, above it or below it is looked at.
    pub fn wants(&self, path: &str) -> bool {
        let under = |deep: &str, shallow: &str| {
            deep.strip_prefix(shallow).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.everything || self.paths.iter().any(|known| under(known, path) || under(path, known))
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_above_and_below_are_wanted_and_others_are_not() {
        let needs = Needs::of("x := input.action.resource\ny if input.agent.roles[_] == \"a\"\n");
        for wanted in ["action", "action.resource", "action.resource.type", "agent", "agent.roles"] {
            assert!(needs.wants(wanted), "{wanted}");
        }
        for other in ["action.payload", "actions", "agent.name", "score"] {
            assert!(!needs.wants(other), "{other}");
        }
    }

    #[test]
    fn an_input_that_is_handed_on_needs_everything() {
        for text in ["f(input)", "x := input[key]", "some k, v in input\n"] {
            assert!(Needs::of(text).wants("score"), "{text}");
        }
        assert!(!Needs::of("my_input := 1\nx := data.input.y").wants("score"));
    }
}
