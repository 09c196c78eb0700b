//! Providers of models and their money: put together from the settings, kept over restarts, shown to
//! operators.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use action::{Name, Severity};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use control::money::{Amounts, BudgetStanding, KeyError, ProviderStanding, SpendRow, Sums};
use gateway::Guard;
use gateway::money::{At, Charged, Money, Prices, Reached, SpendPart, Tell};
use gateway::ports::{Dice, SpendStore, Unavailable};
use gateway::route::{Routes, Secret, Upstream};
use ledger::{Clock, FindingPart, Promise, Record, RecordKind};
use zeroize::Zeroizing;

use super::config::Config;
use super::meter::Metrics;
use super::provider_keys::{ProviderKeys, replace};

/// Thresholds that wait for their record; further ones are counted and logged.
const MAX_ALARMS: usize = 1_000;
const MAX_KEY: usize = 4_096;

/// All of it. The request path takes [`Treasury::routes`] and [`Treasury::money`].
pub struct Treasury {
    config: Arc<Config>,
    keys: Mutex<ProviderKeys>,
    pub routes: Arc<ArcSwap<Routes>>,
    pub money: Arc<Money>,
    alarms: Arc<Alarms>,
    clock: Arc<dyn Clock>,
}

impl Treasury {
    pub fn open(
        config: &Arc<Config>,
        metrics: &Arc<Metrics>,
        clock: &Arc<dyn Clock>,
        dice: &dyn Dice,
    ) -> Result<Arc<Self>> {
        let data = config.data.as_path();
        let keys = ProviderKeys::open(data, &data.join("keys"), dice)?;
        let prices = Prices::shipped(config.prices.clone()).context("cannot read prices")?;
        let alarms = Arc::new(Alarms { waiting: Mutex::default(), metrics: Arc::clone(metrics) });
        let store = Arc::new(Files(data.to_owned()));
        let tell = Arc::clone(&alarms) as Arc<dyn Tell>;
        let money = Money::open(prices, config.budgets.clone(), tell, store).with_context(|| {
            let files = [SpendPart::Budgets, SpendPart::Spend].map(file);
            format!("cannot read what was spent; put back `{}` and `{}`, or remove both", files[0], files[1])
        })?;
        let upstreams = upstreams(config, &keys)?.into_iter().map(Arc::new).collect();
        let routes = Routes { upstreams, routes: config.routes.clone() };
        Ok(Arc::new(Treasury {
            config: Arc::clone(config),
            keys: Mutex::new(keys),
            routes: Arc::new(ArcSwap::from_pointee(routes)),
            money: Arc::new(money),
            alarms,
            clock: Arc::clone(clock),
        }))
    }

    /// Saves what was spent since the last time.
    pub async fn save(self: &Arc<Self>) {
        let money = Arc::clone(&self.money);
        let saved = tokio::task::spawn_blocking(move || money.save()).await;
        if !matches!(saved, Ok(Ok(()))) {
            tracing::error!("what was spent could not be saved; it is tried again");
        }
    }

    /// Tells the ledger which budgets reached a threshold.
    pub async fn tell(&self, guard: &Guard) {
        let mut waiting = self.alarms.take().into_iter();
        while let Some(reached) = waiting.next() {
            if guard.note(finding(&reached, guard.clock.now()), Promise::Synced).await.is_err() {
                [reached].iter().chain(waiting.as_slice()).for_each(|reached| self.alarms.put(reached));
                return;
            }
        }
    }
}

/// The upstreams of the settings, with their secrets and with the keys that operators put.
fn upstreams(config: &Config, keys: &ProviderKeys) -> Result<Vec<Upstream>> {
    let mut all = Vec::with_capacity(config.providers.len());
    for provider in &config.providers {
        let name = &provider.upstream.name;
        let mut upstream = provider.upstream().with_context(|| format!("provider `{name}`"))?;
        if let Some(key) = keys.get(name) {
            upstream.key = Some(key.clone());
        }
        all.push(upstream);
    }
    Ok(all)
}

/// What was spent, in two files of the data folder.
struct Files(PathBuf);

const fn file(part: SpendPart) -> &'static str {
    match part {
        SpendPart::Budgets => "budgets.json",
        SpendPart::Spend => "spend.json",
    }
}

impl SpendStore for Files {
    fn load(&self, part: SpendPart) -> Result<Option<Vec<u8>>, Unavailable> {
        let path: &Path = &self.0.join(file(part));
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "cannot be read");
                Err(Unavailable { what: "what was spent" })
            }
        }
    }

    fn save(&self, part: SpendPart, bytes: &[u8]) -> Result<(), Unavailable> {
        let path = self.0.join(file(part));
        replace(&path, bytes).map_err(|error| {
            tracing::error!(path = %path.display(), %error, "cannot be written");
            Unavailable { what: "what was spent" }
        })
    }
}

/// Thresholds that were reached and have no record yet.
struct Alarms {
    waiting: Mutex<Vec<Reached>>,
    metrics: Arc<Metrics>,
}

impl Alarms {
    fn take(&self) -> Vec<Reached> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, reached: &Reached) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_ALARMS {
            waiting.push(reached.clone());
        } else {
            tracing::error!(budget = %reached.budget, share = reached.share, "a budget's alert has no record: too many wait");
        }
    }
}

impl Tell for Alarms {
    fn reached(&self, reached: &Reached) {
        self.metrics.budget_reached();
        self.put(reached);
    }

    fn charged(&self, at: &At, charged: &Charged) {
        self.metrics.spent(at.kind, charged);
    }
}

/// A finding, so that somebody looks and webhooks tell of it.
fn finding(reached: &Reached, now: ledger::Nanos) -> Record {
    let mut record = Record::new(RecordKind::Finding, now);
    let severity = if reached.share >= 100 { Severity::High } else { Severity::Medium };
    let rule = if reached.share >= 100 { "budget.spent" } else { "budget.threshold" };
    record.finding = Name::new(rule).ok().map(|rule| FindingPart { of: None, rule, severity });
    let mut note = |key: &str, value: Option<Name>| {
        if let (Ok(key), Some(value)) = (Name::new(key), value) {
            record.notes.insert(key, value);
        }
    };
    note("budget", Some(reached.budget.clone()));
    note("whose", reached.whose.clone());
    note("per_cent", Name::new(&reached.share.to_string()).ok());
    record
}

impl control::money::Money for Treasury {
    fn providers(&self) -> Vec<ProviderStanding> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let routes = self.routes.load();
        let standing = |upstream: &Arc<Upstream>| ProviderStanding {
            name: upstream.name.clone(),
            kind: upstream.provider.name,
            at: upstream.base.to_string(),
            region: upstream.region.clone(),
            level: upstream.provider.level().as_str(),
            formats: upstream.speaks.iter().map(|speaks| speaks.dialect).collect(),
            key: match (keys.get(&upstream.name), &upstream.key) {
                (Some(_), _) => "operator",
                (None, Some(_)) => "settings",
                (None, None) => "none",
            },
            able: upstream.standing.look(Instant::now()).back.is_none(),
        };
        routes.upstreams.iter().map(standing).collect()
    }

    fn put_key(&self, provider: &Name, key: Option<Zeroizing<String>>) -> Result<(), KeyError> {
        if key.as_ref().is_some_and(|key| {
            key.is_empty() || key.len() > MAX_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic())
        }) {
            return Err(KeyError::Form);
        }
        // Held to the end, so that of two changes the later one is in force and on the disk.
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.routes.load_full();
        let Some(at) = self.config.providers.iter().find(|it| it.upstream.name == *provider) else {
            return Err(KeyError::Unknown);
        };
        let failed = |error: anyhow::Error| {
            tracing::error!(%provider, error = format!("{error:#}"), "the key of a provider was not put");
            KeyError::Kept
        };
        let secret = key.map(|key| Secret::new(key.to_string()));
        let in_force = match &secret {
            Some(secret) => Some(secret.clone()),
            None => at.upstream().map_err(failed)?.key,
        };
        keys.put(provider, secret).map_err(failed)?;
        let upstreams = before.upstreams.iter().map(|upstream| {
            if upstream.name != *provider {
                return Arc::clone(upstream);
            }
            Arc::new(Upstream { key: in_force.clone(), ..(**upstream).clone() })
        });
        self.routes.store(Arc::new(Routes { upstreams: upstreams.collect(), routes: before.routes.clone() }));
        Ok(())
    }

    fn spend(&self) -> Vec<SpendRow> {
        let row = |row: gateway::money::Row| SpendRow {
            month: row.month(),
            user: row.spender.user,
            team: row.spender.team,
            agent: Some(row.spender.agent),
            model: Some(row.spender.model),
            provider: Some(row.spender.provider),
            sums: Sums {
                calls: row.totals.calls,
                input_tokens: row.totals.input,
                output_tokens: row.totals.output,
                cached_tokens: row.totals.cached,
                reasoning_tokens: row.totals.reasoning,
                micro_dollars: row.totals.micros,
                estimated: row.totals.estimated,
                unpriced: row.totals.unpriced,
            },
        };
        self.money.spend.rows().into_iter().map(row).collect()
    }

    fn budgets(&self) -> Vec<BudgetStanding> {
        let standing = self.money.budgets.standing(self.clock.now().timestamp());
        let mut all = Vec::new();
        for budget in self.money.budgets.all() {
            let of: Vec<_> = standing.iter().filter(|(name, _, _)| *name == budget.name).collect();
            let limit = || Amounts {
                micro_dollars: budget.limits.micros,
                tokens: budget.limits.tokens,
                requests: budget.limits.requests,
            };
            let used = |used: gateway::money::Measure| Amounts {
                micro_dollars: Some(used.micros),
                tokens: Some(used.tokens),
                requests: Some(used.requests),
            };
            let one = |whose: Option<Name>, measure| BudgetStanding {
                name: budget.name.clone(),
                whose,
                per: budget.per.as_str(),
                used: used(measure),
                limit: limit(),
            };
            if of.is_empty() {
                all.push(one(None, gateway::money::Measure::default()));
            }
            all.extend(of.into_iter().map(|(_, whose, measure)| one(whose.clone(), *measure)));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_becomes_a_finding_that_the_ledger_takes() {
        let name = |text: &str| Name::new(text).unwrap();
        let reached = Reached { budget: name("b"), whose: Some(name("agent-a")), share: 80 };
        let record = finding(&reached, ledger::Nanos(1));
        assert_eq!(record.check_from_caller(), Ok(()));
        let found = record.finding.unwrap();
        assert_eq!((found.rule.as_str(), found.severity), ("budget.threshold", Severity::Medium));
        let spent = finding(&Reached { share: 100, whose: None, ..reached }, ledger::Nanos(1));
        assert_eq!(spent.finding.unwrap().rule.as_str(), "budget.spent");
    }

    #[test]
    fn what_was_spent_is_on_the_disk_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files(folder.path().to_owned());
        assert_eq!(files.load(SpendPart::Budgets).unwrap(), None);
        files.save(SpendPart::Budgets, b"[1]").unwrap();
        files.save(SpendPart::Spend, b"[2]").unwrap();
        files.save(SpendPart::Budgets, b"[3]").unwrap();
        assert_eq!(files.load(SpendPart::Budgets).unwrap(), Some(b"[3]".to_vec()));
        assert_eq!(files.load(SpendPart::Spend).unwrap(), Some(b"[2]".to_vec()));
        std::fs::create_dir(folder.path().join("budgets.json.new")).unwrap();
        assert!(files.save(SpendPart::Budgets, b"[4]").is_err());
        assert_eq!(files.load(SpendPart::Budgets).unwrap(), Some(b"[3]".to_vec()));
    }
}
