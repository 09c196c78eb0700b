//! One call and its money, from before it is made until its tokens are known.

use std::sync::Arc;

use action::{Name, Timestamp};

use super::budget::{Budget, Budgets, Measure, Reservation, Spent, Tell, Who};
use super::price::{Cost, Prices};
use super::spend::{Spend, Spender};
use super::usage::{Ask, USUAL_OUTPUT, Usage, estimate};
use crate::ports::{SpendStore, Unavailable};
use crate::route::Upstream;

/// What is kept over a restart, each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpendPart {
    Budgets,
    Spend,
}

/// Prices, budgets and sums of one server.
pub struct Money {
    pub prices: Prices,
    pub budgets: Budgets,
    pub spend: Spend,
    tell: Arc<dyn Tell>,
    store: Arc<dyn SpendStore>,
}

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// By the pseudonym.
    pub user: Option<Name>,
    pub team: Option<Name>,
    pub application: Option<Name>,
    pub agent: Name,
    /// The public part of the key that it showed.
    pub key: Option<Name>,
}

/// A model at an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    pub upstream: Name,
    /// The kind of provider.
    pub kind: &'static str,
    /// What the model is called there.
    pub model: Name,
}

impl At {
    /// None when the name of the model is no name.
    pub fn of(upstream: &Upstream, model: &str) -> Option<Self> {
        let model = Name::new(model).ok()?;
        Some(At { upstream: upstream.name.clone(), kind: upstream.provider.name, model })
    }
}

impl Money {
    /// Takes up what an earlier process kept. What cannot be read is no reason to begin with full purses.
    pub fn open(
        prices: Prices,
        budgets: Vec<Budget>,
        tell: Arc<dyn Tell>,
        store: Arc<dyn SpendStore>,
    ) -> Result<Self, Unavailable> {
        let budgets = Budgets::new(budgets, Arc::clone(&tell));
        let money = Money { prices, budgets, spend: Spend::default(), tell, store };
        if let Some(bytes) = money.store.load(SpendPart::Budgets)? {
            money.budgets.restore(&bytes)?;
        }
        if let Some(bytes) = money.store.load(SpendPart::Spend)? {
            money.spend.restore(&bytes)?;
        }
        Ok(money)
    }

    /// Saves what has changed. Waits for the disk.
    pub fn save(&self) -> Result<(), Unavailable> {
        if let Some(bytes) = self.budgets.changed() {
            self.store.save(SpendPart::Budgets, &bytes).inspect_err(|_| self.budgets.not_kept())?;
        }
        if let Some(bytes) = self.spend.changed() {
            self.store.save(SpendPart::Spend, &bytes).inspect_err(|_| self.spend.not_kept())?;
        }
        Ok(())
    }

    /// Admits a call that may go to one of these, and reserves what the dearest of them would ask.
    pub fn admit(
        self: &Arc<Self>,
        caller: Caller,
        places: &[At],
        ask: &Ask,
        now: Timestamp,
    ) -> Result<Charge, Spent> {
        let usage = estimate(ask, USUAL_OUTPUT);
        let costs = places.iter().map(|at| self.cost(at, &usage).micros);
        let held = Measure::call(costs.max().unwrap_or(0), usage.tokens());
        let who = Who {
            team: caller.team.as_ref(),
            application: caller.application.as_ref(),
            agent: &caller.agent,
            key: caller.key.as_ref(),
        };
        let reservation = self.budgets.reserve(&who, held, now)?;
        let at = places.first().cloned();
        Ok(Charge {
            money: Arc::clone(self),
            caller,
            at,
            usage,
            admitted: now,
            reservation: Some(reservation),
        })
    }

    /// What a call is taken to come to, before anything of it is counted.
    pub fn estimated(&self, at: &At, ask: &Ask) -> Charged {
        Charged { estimated: true, ..self.priced(at, estimate(ask, USUAL_OUTPUT)) }
    }

    pub fn priced(&self, at: &At, usage: Usage) -> Charged {
        Charged { usage, cost: self.cost(at, &usage), estimated: false }
    }

    /// Counts a call that falls under no budget.
    pub fn apart(&self, at: &At, spender: Spender, charged: &Charged, now: Timestamp) {
        self.tell.charged(at, charged);
        self.spend.count(spender, &charged.usage, charged.cost, charged.estimated, now);
    }

    fn cost(&self, at: &At, usage: &Usage) -> Cost {
        self.prices.cost(at.upstream.as_str(), at.kind, at.model.as_str(), usage)
    }
}

/// The money of a call under way. Dropped without being settled it is charged what it was estimated at: a
/// caller that went away may have been answered.
#[must_use]
pub struct Charge {
    money: Arc<Money>,
    caller: Caller,
    at: Option<At>,
    usage: Usage,
    admitted: Timestamp,
    reservation: Option<Reservation>,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charged {
    pub usage: Usage,
    pub cost: Cost,
    /// The tokens are those of the estimate.
    pub estimated: bool,
}

impl Charge {
    /// What it is taken to use.
    pub fn estimate(&self) -> Usage {
        self.usage
    }

    /// Says where it goes.
    pub fn goes_to(&mut self, at: At) {
        self.at = Some(at);
    }

    /// Charges what the provider counted; without a count, the estimate.
    pub fn settle(mut self, counted: Option<Usage>) -> Charged {
        self.charge(counted)
    }

    /// The call was not made: nothing is charged.
    pub fn give_back(mut self) {
        if let Some(reservation) = self.reservation.take() {
            reservation.give_back();
        }
    }

    fn charge(&mut self, counted: Option<Usage>) -> Charged {
        let (usage, estimated) = (counted.unwrap_or(self.usage), counted.is_none());
        let cost = self.at.as_ref().map_or(Cost::default(), |at| self.money.cost(at, &usage));
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(Measure::call(cost.micros, usage.tokens()));
        }
        let charged = Charged { usage, cost, estimated };
        if let Some(at) = self.at.take() {
            self.money.tell.charged(&at, &charged);
            let spender = Spender {
                user: self.caller.user.clone(),
                team: self.caller.team.clone(),
                agent: self.caller.agent.clone(),
                model: at.model,
                provider: at.upstream,
            };
            self.money.spend.count(spender, &usage, cost, estimated, self.admitted);
        }
        charged
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if self.reservation.is_some() {
            self.charge(None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::{Key, Limits, OnLimit, Per, Reached, Whom};
    use super::*;

    #[derive(Default)]
    struct Stored(Mutex<[Option<Vec<u8>>; 2]>);

    impl SpendStore for Stored {
        fn load(&self, what: SpendPart) -> Result<Option<Vec<u8>>, Unavailable> {
            Ok(self.0.lock().unwrap()[what as usize].clone())
        }
        fn save(&self, what: SpendPart, bytes: &[u8]) -> Result<(), Unavailable> {
            self.0.lock().unwrap()[what as usize] = Some(bytes.to_vec());
            Ok(())
        }
    }

    struct Nobody;
    impl Tell for Nobody {
        fn reached(&self, _: &Reached) {}
        fn charged(&self, _: &At, _: &Charged) {}
    }

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn open(store: &Arc<Stored>) -> Arc<Money> {
        let budget = Budget {
            name: name("b"),
            whom: Whom::Each(Key::Agent),
            per: Per::Day,
            limits: Limits { micros: Some(100_000), ..Limits::default() },
            alert_at: Vec::new(),
            on_limit: OnLimit::Block,
        };
        let prices = Prices::shipped(Vec::new()).unwrap();
        Arc::new(Money::open(prices, vec![budget], Arc::new(Nobody), Arc::clone(store) as _).unwrap())
    }

    fn at(upstream: &str, kind: &'static str, model: &str) -> At {
        At { upstream: name(upstream), kind, model: name(model) }
    }

    fn caller() -> Caller {
        let none = || None;
        Caller { user: Some(name("p-1")), team: none(), application: none(), agent: name("a"), key: none() }
    }

    // 1,000 tokens in and 1,000 out.
    const ASK: Ask = Ask { input_bytes: 3_000, max_tokens: Some(1_000), choices: 1 };

    #[test]
    fn the_dearest_is_reserved_and_what_was_used_is_charged() {
        let money = open(&Arc::default());
        let now = Timestamp::parse("2026-03-02T10:00:00Z").unwrap();
        let spent = || money.budgets.standing(now)[0].2.micros;
        let places = [at("mini", "openai", "gpt-4o-mini"), at("main", "openai", "gpt-4o")];
        let mut charge = money.admit(caller(), &places, &ASK, now).unwrap();
        assert_eq!(spent(), 12_500);
        charge.goes_to(places[0].clone());
        let counted = Usage { input: 900, output: 10, cached: 0, reasoning: 0 };
        let charged = charge.settle(Some(counted));
        assert_eq!((charged.cost.micros, charged.estimated, spent()), (141, false, 141));

        drop(money.admit(caller(), &places[1..], &ASK, now).unwrap());
        assert_eq!(spent(), 141 + 12_500, "a caller that went away is charged the estimate");
        let charged = money.admit(caller(), &places[1..], &ASK, now).unwrap().settle(None);
        assert!(charged.estimated, "an answer without a count too");
        money.admit(caller(), &places[1..], &ASK, now).unwrap().give_back();
        assert_eq!(spent(), 141 + 25_000);
        let rows = money.spend.rows();
        let sums: Vec<_> = rows
            .iter()
            .map(|row| {
                (row.spender.model.as_str(), row.totals.calls, row.totals.micros, row.totals.estimated)
            })
            .collect();
        assert_eq!(sums, [("gpt-4o", 2, 25_000, 2), ("gpt-4o-mini", 1, 141, 0)]);
    }

    #[test]
    fn a_restart_forgets_nothing_and_refuses_what_it_cannot_read() {
        let store = Arc::<Stored>::default();
        let money = open(&store);
        let now = Timestamp::parse("2026-03-02T10:00:00Z").unwrap();
        let places = [at("main", "openai", "gpt-4o")];
        let _under_way = money.admit(caller(), &places, &ASK, now).unwrap();
        drop(money.admit(caller(), &places, &ASK, now).unwrap());
        money.save().unwrap();
        let again = open(&store);
        assert_eq!(again.budgets.standing(now)[0].2.micros, 25_000);
        assert_eq!(again.spend.rows(), money.spend.rows());
        let admitted =
            (0..20).filter(|_| again.admit(caller(), &places, &ASK, now).map(drop).is_ok()).count();
        assert_eq!(admitted, 6, "eight fit, and two were used up before");
        store.0.lock().unwrap()[0] = Some(b"[".to_vec());
        let prices = Prices::default();
        assert!(Money::open(prices, Vec::new(), Arc::new(Nobody), store).is_err());
    }
}
