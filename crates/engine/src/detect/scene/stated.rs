//! The amount that an action states, held against its own payload.
//!
//! Whoever asks states the amount beside a payload that says what is really carried out. Where the
//! two differ the greater counts, for rules and score alike, and the difference is a finding. The
//! count is treated the same in `Shape`.

use action::{Action, ActionKind, Decimal, Json, Operation};

use super::words;
use crate::detect::walk::{MAX_EMBEDDED, embedded_json};
use crate::text::alike;
use crate::text::number::{Reading, reading};

/// Money that would move: the greater of what was stated and what the payload says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money<'a> {
    /// However it is signed: a limit is no limit below zero.
    pub value: Decimal,
    /// Absent where nobody said, or two said different things.
    pub currency: Option<&'a str>,
    /// Whether the caller stated an amount.
    pub stated: bool,
    /// Whether the payload moves more than was stated, or another currency.
    pub contradicted: bool,
}

impl<'a> Money<'a> {
    /// The money of an action; `None` where neither it nor its payload speaks of any.
    pub fn of(action: &'a Action) -> Option<Self> {
        let stated = action.amount.as_ref();
        if stated.is_none() && !moves_money(action) {
            return None;
        }
        let mut said = Said {
            known: stated.map(|amount| alike(amount.currency.as_str()).into_owned()),
            ..Said::default()
        };
        said.walk("", &action.payload);
        let value = stated.map(|amount| amount.value.abs());
        Some(Money {
            value: value.max(said.greatest)?,
            currency: match stated {
                Some(amount) => Some(amount.currency.as_str()).filter(|_| !said.differs()),
                None => said.currency.filter(|_| !said.unsure),
            },
            stated: stated.is_some(),
            contradicted: stated.is_some() && (said.greatest > value || said.differs()),
        })
    }
}

/// What the payload says about money.
#[derive(Default)]
struct Said<'a> {
    /// The stated currency, in the form of look-alikes.
    known: Option<String>,
    greatest: Option<Decimal>,
    /// A currency that is not the stated one.
    currency: Option<&'a str>,
    /// Such a currency stood in a document within a text.
    unsure: bool,
    /// In how many texts we are.
    embedded: usize,
}

impl<'a> Said<'a> {
    fn differs(&self) -> bool {
        self.unsure || self.currency.is_some()
    }

    /// Arguments that were sent as the text of a document.
    fn document(&mut self, key: &str, document: &Json) {
        let mut inner = Said { known: self.known.clone(), embedded: self.embedded + 1, ..Said::default() };
        inner.walk(key, document);
        self.greatest = self.greatest.max(inner.greatest);
        self.unsure |= inner.differs();
    }

    fn walk(&mut self, key: &str, value: &'a Json) {
        match value {
            Json::Null | Json::Bool(_) => {}
            Json::Number(number) => self.number(key, *number),
            Json::Text(text) if names_currency(key) => {
                if self.known.as_deref() != Some(&*alike(text.trim())) {
                    self.currency = Some(text.trim());
                }
            }
            Json::Text(text) => match reading(text) {
                Reading::Between { least, greatest } => {
                    self.number(key, least);
                    self.number(key, greatest);
                }
                Reading::Words | Reading::Unsure if self.embedded < MAX_EMBEDDED => {
                    if let Some(document) = embedded_json(text) {
                        self.document(key, &document);
                    }
                }
                Reading::Words | Reading::Unsure => {}
            },
            Json::List(items) => items.iter().for_each(|item| self.walk(key, item)),
            Json::Object(entries) => entries.iter().for_each(|(key, item)| self.walk(key, item)),
        }
    }

    fn number(&mut self, key: &str, number: Decimal) {
        if let Some(minor) = names_amount(key) {
            let value = if minor { number.abs().hundredth() } else { number.abs() };
            self.greatest = self.greatest.max(Some(value));
        }
    }
}

fn moves_money(action: &Action) -> bool {
    action.operation == Operation::Pay
        || (action.kind == ActionKind::Payment && action.operation != Operation::Read)
}

/// Last words of keys under which stands how much money is meant.
const AMOUNTS: [&str; 12] = [
    "amount", "amt", "total", "sum", "value", "price", "cost", "payment", "payout", "refund", "subtotal",
    "money",
];
/// Words beside them with which it is another number: a bound, a share, what was before.
const BESIDE_AMOUNTS: [&str; 12] = [
    "max",
    "min",
    "limit",
    "tax",
    "vat",
    "discount",
    "original",
    "previous",
    "old",
    "remaining",
    "count",
    "id",
];
/// Words that say the amount is in hundredths.
const HUNDREDTHS: [&str; 4] = ["cents", "minor", "pence", "centimes"];

/// Whether the number under a key is money that the action moves, and whether in hundredths.
fn names_amount(key: &str) -> Option<bool> {
    let words: Vec<String> = words(key).collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let minor = has(&HUNDREDTHS);
    let last = words.iter().rev().find(|word| {
        !matches!(word.as_str(), "in" | "units" | "usd" | "eur" | "gbp")
            && !HUNDREDTHS.contains(&word.as_str())
    });
    let named = last.is_some_and(|word| AMOUNTS.contains(&word.as_str()));
    (named && !has(&BESIDE_AMOUNTS)).then_some(minor)
}

fn names_currency(key: &str) -> bool {
    words(key).last().is_some_and(|word| word == "currency")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::state::testing::action;

    fn money(amount: &str, payload: &str) -> Option<(String, Option<String>, bool)> {
        let action =
            action(&format!(r#"{{ "kind": "payment", "operation": "pay", {amount} "payload": {payload} }}"#));
        Money::of(&action)
            .map(|money| (money.value.to_string(), money.currency.map(str::to_owned), money.contradicted))
    }

    const STATED: &str = r#""amount": { "value": 99, "currency": "USD" },"#;

    #[test]
    fn the_greater_of_what_was_said_and_what_is_done_counts() {
        let usd = |value: &str, contradicted| Some((value.to_owned(), Some("USD".to_owned()), contradicted));
        for (payload, expected) in [
            (r#"{ "amount": 99 }"#, usd("99", false)),
            (r#"{ "order": 17 }"#, usd("99", false)),
            (r#"{ "amount": 5, "fee": 1 }"#, usd("99", false)),
            (r#"{ "amount": 500000 }"#, usd("500000", true)),
            (r#"{ "amount": "500,000.00" }"#, usd("500000", true)),
            (r#"{ "amount": "５０００００" }"#, usd("500000", true)),
            (r#"{ "amount": -500000 }"#, usd("500000", true)),
            (r#"{ "amount": ["500000"] }"#, usd("500000", true)),
            (r#"{ "amount": { "value": 5e5, "currency": "usd" } }"#, usd("500000", true)),
            (r#"{ "Amount": 500000, "amount": 99 }"#, usd("500000", true)),
            (r#"{ "arguments": "{\"amount\": 500000}" }"#, usd("500000", true)),
            (r#"{ "lines": [ { "total_price": 120 } ] }"#, usd("120", true)),
            (r#"{ "amount_cents": 9900, "max_amount": 5000, "tax_total": 200 }"#, usd("99", false)),
            (r#"{ "amount": 99, "currency": "KWD" }"#, Some(("99".into(), None, true))),
        ] {
            assert_eq!(money(STATED, payload), expected, "{payload}");
        }
    }

    #[test]
    fn what_nobody_stated_is_read_off_the_payload() {
        assert_eq!(
            money("", r#"{ "amount": 70, "currency": "EUR" }"#),
            Some(("70".into(), Some("EUR".into()), false))
        );
        assert_eq!(money("", r#"{ "order": 17 }"#), None);
        let read = action(r#"{ "kind": "database", "operation": "read", "payload": { "price": 70 } }"#);
        assert_eq!(Money::of(&read), None, "a price that is looked up moves nothing");
    }
}
