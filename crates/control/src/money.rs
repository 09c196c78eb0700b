//! Providers of models and what they cost, as operators see them. The composition fills the port.

use action::Name;
use serde::Serialize;
use zeroize::Zeroizing;

/// Called on a thread that may wait.
pub trait Money: Send + Sync {
    fn providers(&self) -> Vec<ProviderStanding>;
    /// Puts a key in the place of the one of the settings, or takes it away again. Kept when it returns.
    fn put_key(&self, provider: &Name, key: Option<Zeroizing<String>>) -> Result<(), KeyError>;
    /// By month, newest first, and in it the dearest first.
    fn spend(&self) -> Vec<SpendRow>;
    fn budgets(&self) -> Vec<BudgetStanding>;
}

/// A provider's key was not put.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("there is no such provider")]
    Unknown,
    #[error("a key has 1 to 4096 visible characters of ASCII and no blank")]
    Form,
    /// The cause is in the log.
    #[error("the key could not be kept")]
    Kept,
}

/// An upstream. Never its key.
#[derive(Debug, Serialize)]
pub struct ProviderStanding {
    pub name: Name,
    pub kind: &'static str,
    /// Scheme and host.
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// `full`, `partial` or `limited`.
    pub level: &'static str,
    pub formats: Vec<&'static str>,
    /// `none`, `settings`, or `operator` for one that was put while the server ran.
    pub key: &'static str,
    /// Calls go there; otherwise it is left alone for a while.
    pub able: bool,
}

/// What was spent, by whom and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpendRow {
    /// As `2026-03`.
    pub month: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    #[serde(flatten)]
    pub sums: Sums,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sums {
    pub calls: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// Of the input.
    pub cached_tokens: u64,
    /// Of the output.
    pub reasoning_tokens: u64,
    pub micro_dollars: u64,
    /// Calls whose tokens or price are estimated.
    pub estimated: u64,
    /// Calls without a price.
    pub unpriced: u64,
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        for (sum, more) in [
            (&mut self.calls, other.calls),
            (&mut self.input_tokens, other.input_tokens),
            (&mut self.output_tokens, other.output_tokens),
            (&mut self.cached_tokens, other.cached_tokens),
            (&mut self.reasoning_tokens, other.reasoning_tokens),
            (&mut self.micro_dollars, other.micro_dollars),
            (&mut self.estimated, other.estimated),
            (&mut self.unpriced, other.unpriced),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// How a budget stands in this period. One of each has as many of these as there are callers.
#[derive(Debug, Serialize)]
pub struct BudgetStanding {
    pub name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whose: Option<Name>,
    pub per: &'static str,
    pub used: Amounts,
    pub limit: Amounts,
}

#[derive(Debug, Serialize)]
pub struct Amounts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micro_dollars: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}
