//! The price table: a file that ships, and what an operator says instead.

use engine::yaml::{Fault, Faults, Fields, Node};

use super::usage::Usage;
use super::{Micros, dollars};
use crate::provider::{self, Cover};
use crate::route::Pattern;

const SHIPPED: &str = include_str!("../../prices.yaml");
/// Rows of one table; further ones are refused.
const MAX_PRICES: usize = 4_096;
const MILLION: u128 = 1_000_000;

/// Makers by what the name of a model begins with, where one provider passes on the models of many.
const MAKERS: &[(&str, &str)] = &[
    ("openai/", "openai"),
    ("anthropic/", "anthropic"),
    ("google/", "gemini"),
    ("mistralai/", "mistral"),
    ("cohere/", "cohere"),
];

/// Micro-dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    pub input: Micros,
    pub output: Micros,
    pub cached: Micros,
    pub reasoning: Micros,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Kinds of provider, or names of upstreams.
    pub providers: Vec<String>,
    /// Empty for every model that has no row of its own.
    pub models: Vec<Pattern>,
    pub rates: Rates,
    /// When it was looked up, and where.
    pub date: String,
    pub source: String,
}

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cost {
    pub micros: Micros,
    /// By a row that is not of this very model.
    pub guessed: bool,
    /// There is no price: it counts as nothing.
    pub unpriced: bool,
}

/// The table. Rows of an operator come before those that ship.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    pub rows: Vec<Price>,
    /// How many of them are an operator's.
    own: usize,
}

#[derive(Debug, thiserror::Error)]
#[error("the price table that ships cannot be read: {0}")]
pub struct PriceError(String);

impl Prices {
    /// The table that ships, behind the rows of an operator.
    pub fn shipped(own: Vec<Price>) -> Result<Prices, PriceError> {
        let mut faults = Faults::default();
        let root =
            engine::yaml::parse("prices.yaml", SHIPPED).map_err(|fault| PriceError(fault.to_string()))?;
        let mut rows = Vec::new();
        if let Some(mut fields) = Fields::of("prices.yaml", &root, &mut faults) {
            rows = prices(&mut fields, true, &mut faults);
            fields.finish(&mut faults);
        }
        match faults.0.first() {
            None => Ok(Prices { own: own.len(), rows: own.into_iter().chain(rows).collect() }),
            Some(fault) => Err(PriceError(Fault::to_string(fault))),
        }
    }

    /// What a million tokens cost at an upstream, and whether that is the price of this very model.
    pub fn rates(&self, upstream: &str, kind: &str, model: &str) -> Option<(Rates, bool)> {
        let direct = self.best(&[upstream, kind], model);
        let made_by = || {
            let (start, maker) = MAKERS.iter().find(|(start, _)| model.starts_with(start))?;
            let passes_on = provider::named(kind).is_some_and(|row| row.covers.contains(&Cover::Cost));
            passes_on.then(|| self.best(&[*maker], model.strip_prefix(start).unwrap_or(model)))?
        };
        match direct {
            Some((rates, true)) => Some((rates, true)),
            Some((rates, false)) => Some(made_by().filter(|(_, exact)| *exact).unwrap_or((rates, false))),
            None => made_by(),
        }
    }

    /// The row whose pattern says most of the name: an operator's own before those that ship.
    fn best(&self, providers: &[&str], model: &str) -> Option<(Rates, bool)> {
        let (own, shipped) = self.rows.split_at_checked(self.own)?;
        let of = |rows: &[Price]| {
            let rows =
                rows.iter().filter(|row| row.providers.iter().any(|it| providers.contains(&it.as_str())));
            let said = |row: &Price| {
                let matching = row.models.iter().filter(|pattern| pattern.matches(model));
                matching.map(|pattern| pattern.says() + 1).max()
            };
            let weighed = rows.filter_map(|row| {
                let says = if row.models.is_empty() { Some(0) } else { said(row) };
                Some((says?, row.rates))
            });
            weighed.max_by_key(|(says, _)| *says).map(|(says, rates)| (rates, says > 0))
        };
        let (own, shipped) = (of(own), of(shipped));
        match (own, shipped) {
            (Some((rates, true)), _) => Some((rates, true)),
            (_, Some((rates, true))) => Some((rates, true)),
            (own, shipped) => own.or(shipped),
        }
    }

    /// What so many tokens cost. A part of a micro-dollar counts as one.
    pub fn cost(&self, upstream: &str, kind: &str, model: &str, usage: &Usage) -> Cost {
        match self.rates(upstream, kind, model) {
            None => Cost { unpriced: true, ..Cost::default() },
            Some((rates, exact)) => Cost { micros: rates.cost(usage), guessed: !exact, unpriced: false },
        }
    }
}

impl Rates {
    pub fn cost(&self, usage: &Usage) -> Micros {
        let cached = usage.cached.min(usage.input);
        let reasoning = usage.reasoning.min(usage.output);
        let parts = [
            (usage.input - cached, self.input),
            (cached, self.cached),
            (usage.output - reasoning, self.output),
            (reasoning, self.reasoning),
        ];
        let sum = parts
            .iter()
            .fold(0u128, |sum, (tokens, rate)| sum.saturating_add(u128::from(*tokens) * u128::from(*rate)));
        u64::try_from(sum.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}

/// Reads the key `prices`: sections of providers, each with its rows. Those that ship must say when and
/// where they were looked up.
pub fn prices(fields: &mut Fields<'_>, dated: bool, faults: &mut Faults) -> Vec<Price> {
    let file = fields.file();
    let mut rows = Vec::new();
    for node in fields.list("prices", faults).unwrap_or_default() {
        let Some(mut section) = Fields::of(file, node, faults) else { continue };
        let providers = section.texts("provider", faults).unwrap_or_default();
        let providers: Vec<String> = providers.into_iter().map(str::to_owned).collect();
        if providers.is_empty() {
            section.fault(faults, "missing_key", "`provider` is missing".to_owned(), None);
        }
        let mut said = |key| {
            let text = if dated { section.need_text(key, faults) } else { section.text(key, faults) };
            text.unwrap_or_default().to_owned()
        };
        let (date, source) = (said("date"), said("source"));
        let list = section.list("rows", faults).unwrap_or_default();
        for (models, node) in
            list.iter().map(|node| (true, node)).chain(section.get("otherwise").map(|it| (false, it)))
        {
            let Some((models, rates)) = row(file, node, models, faults) else { continue };
            rows.push(Price {
                providers: providers.clone(),
                models,
                rates,
                date: date.clone(),
                source: source.clone(),
            });
        }
        if rows.len() > MAX_PRICES {
            section.fault(faults, "too_many", format!("`prices` has at most {MAX_PRICES} rows"), None);
            rows.truncate(MAX_PRICES);
        }
        section.finish(faults);
    }
    rows
}

/// Dollars for a million tokens. What is not said: cached input costs as other input, reasoning as other
/// output.
fn row(file: &str, node: &Node, named: bool, faults: &mut Faults) -> Option<(Vec<Pattern>, Rates)> {
    let mut fields = Fields::of(file, node, faults)?;
    let models = if named { fields.texts("models", faults).unwrap_or_default() } else { Vec::new() };
    if named && models.is_empty() {
        fields.fault(faults, "missing_key", "`models` names none".to_owned(), None);
    }
    let mut rate = |key: &'static str, must: bool| {
        let node = if must { fields.need(key, faults) } else { fields.get(key) }?;
        let read = node.as_text().and_then(|text| dollars(text.trim()));
        if read.is_none() {
            let message = format!("`{key}` is no price; write dollars for a million tokens, like `2.50`");
            faults.add(file, node, "bad_price", message, None);
        }
        read
    };
    let (input, output) = (rate("input", true), rate("output", true));
    let (cached, reasoning) = (rate("cached", false), rate("reasoning", false));
    fields.finish(faults);
    let (input, output) = (input?, output?);
    let rates =
        Rates { input, output, cached: cached.unwrap_or(input), reasoning: reasoning.unwrap_or(output) };
    Some((models.into_iter().map(Pattern::new).collect(), rates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::PROVIDERS;

    fn table(own: &str) -> Prices {
        let root = engine::yaml::parse("t.yaml", own).unwrap();
        let mut faults = Faults::default();
        let mut fields = Fields::of("t.yaml", &root, &mut faults).unwrap();
        let own = prices(&mut fields, false, &mut faults);
        fields.finish(&mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        Prices::shipped(own).unwrap()
    }

    fn cost(prices: &Prices, kind: &str, model: &str) -> Cost {
        let million = Usage { input: 1_000_000, output: 1_000_000, cached: 0, reasoning: 0 };
        prices.cost("main", kind, model, &million)
    }

    #[test]
    fn the_table_that_ships_prices_what_the_providers_claim() {
        let prices = table("prices: []");
        for provider in PROVIDERS {
            let priced = prices.rates("x", provider.name, "some-new-model").is_some();
            assert_eq!(priced, provider.covers.contains(&Cover::Cost), "{}", provider.name);
        }
        for row in &prices.rows {
            assert!(row.date.len() == 10 && !row.source.is_empty(), "{row:?}");
            assert!(row.rates.cached <= row.rates.input && row.rates.input <= row.rates.output, "{row:?}");
            for name in &row.providers {
                assert!(provider::named(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn the_row_that_says_most_of_a_name_counts() {
        let prices = table("prices: []");
        let sum = |kind: &str, model: &str| cost(&prices, kind, model).micros;
        assert_eq!(sum("openai", "gpt-4o"), 12_500_000);
        assert_eq!(sum("openai", "gpt-4o-2024-08-06"), 12_500_000);
        assert_eq!(sum("openai", "gpt-4o-mini"), 750_000);
        assert_eq!(sum("azure", "gpt-4o-mini"), 750_000);
        assert_eq!(sum("openrouter", "openai/gpt-4o-mini"), 750_000);
        assert!(
            cost(&prices, "openai", "gpt-99").guessed,
            "a model that nobody knows costs as the dear ones"
        );
        assert!(cost(&prices, "ollama", "llama3").unpriced);
        assert!(cost(&prices, "ollama", "openai/gpt-4o").unpriced, "a name makes no price of its own");
    }

    #[test]
    fn what_an_operator_says_counts_first() {
        let prices = table(
            "
prices:
  - provider: [main, ollama]
    rows:
      - { models: ['gpt-4o*'], input: 1, output: 2 }
      - { models: ['llama*'], input: 0.10, output: 0.20, cached: 0.05, reasoning: 0.40 }
  - { provider: vllm, otherwise: { input: 0, output: 0 } }
",
        );
        assert_eq!(cost(&prices, "openai", "gpt-4o-mini").micros, 3_000_000);
        assert_eq!(cost(&prices, "openai", "gpt-4.1").micros, 10_000_000, "the rest is as it ships");
        assert_eq!(cost(&prices, "vllm", "x"), Cost { micros: 0, guessed: true, unpriced: false });
        let usage = Usage { input: 1_000_000, output: 1_000_000, cached: 400_000, reasoning: 500_000 };
        assert_eq!(prices.cost("x", "ollama", "llama3", &usage).micros, 60_000 + 20_000 + 100_000 + 200_000);
    }

    #[test]
    fn a_part_of_a_micro_dollar_counts_as_one_and_nonsense_saturates() {
        let rates = Rates { input: 1, output: u64::MAX, cached: 0, reasoning: 0 };
        let usage = |input, output| Usage { input, output, cached: u64::MAX, reasoning: 0 };
        assert_eq!(rates.cost(&Usage { input: 1, ..Usage::default() }), 1);
        assert_eq!(rates.cost(&usage(5, 0)), 0, "no more is cached than was sent");
        assert_eq!(rates.cost(&usage(0, u64::MAX)), u64::MAX);
    }
}
