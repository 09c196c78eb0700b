//! Tokens: what a provider counted, and what a call may come to before it is made.

/// Bytes that are counted as one token before the call. Text in English has about four, code and other
/// scripts fewer; the difference is given back when the call is settled.
const BYTES_PER_TOKEN: u64 = 3;
/// Tokens of an answer to a call that names no bound of its own.
pub const USUAL_OUTPUT: u64 = 4_096;

/// What one call used, whichever way the provider wrote it down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// All tokens of the input, those from a cache included.
    pub input: u64,
    /// All tokens of the answer, those of its reasoning included.
    pub output: u64,
    /// Of the input.
    pub cached: u64,
    /// Of the output.
    pub reasoning: u64,
}

impl Usage {
    pub const fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

/// What is known of a call before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// Bytes of the text that is sent: messages, tools and instructions.
    pub input_bytes: u64,
    /// The bound that it names for one answer.
    pub max_tokens: Option<u64>,
    /// Answers that it asks for; 0 counts as 1.
    pub choices: u64,
}

/// What it is taken to use. `usual` is for a call that names no bound.
pub fn estimate(ask: &Ask, usual: u64) -> Usage {
    Usage {
        input: ask.input_bytes.div_ceil(BYTES_PER_TOKEN),
        output: ask.max_tokens.unwrap_or(usual).saturating_mul(ask.choices.max(1)),
        cached: 0,
        reasoning: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_by_bytes_and_the_bound_of_the_answer() {
        let ask = Ask { input_bytes: 1_000, max_tokens: Some(50), choices: 3 };
        assert_eq!(estimate(&ask, 7), Usage { input: 334, output: 150, ..Usage::default() });
        let open = Ask { max_tokens: None, choices: 0, ..ask };
        assert_eq!(estimate(&open, 7).output, 7);
        let huge = Ask { input_bytes: u64::MAX, max_tokens: Some(u64::MAX), choices: u64::MAX };
        assert_eq!(estimate(&huge, 7).tokens(), u64::MAX);
    }
}
