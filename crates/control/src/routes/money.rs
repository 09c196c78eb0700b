//! Providers, their keys, what was spent and what may be.

use std::collections::BTreeMap;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Rows;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::money::{KeyError, SpendRow, Sums};

/// A key of a provider. It is never shown again.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    key: String,
}

pub fn providers(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&Rows { items: office.money.providers(), next: None })
}

pub fn put_key(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let new: NewKey = call.take()?;
    put(office, call, Some(Zeroizing::new(new.key)))
}

pub fn drop_key(office: &Office, call: &Call) -> Result<Reply, Fault> {
    put(office, call, None)
}

fn put(office: &Office, call: &Call, key: Option<Zeroizing<String>>) -> Result<Reply, Fault> {
    #[derive(Serialize)]
    struct Done {
        key: &'static str,
    }
    let done = Done { key: if key.is_some() { "operator" } else { "settings" } };
    office.money.put_key(&call.name("name")?, key).map_err(|error| match error {
        KeyError::Unknown => Fault::missing("provider"),
        KeyError::Form => Fault::bad("bad_key", error.to_string()),
        KeyError::Kept => Fault::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()),
    })?;
    Reply::of(&done)
}

/// What rows of spend can be summed by.
const BY: &[&str] = &["user", "team", "agent", "model", "provider"];

/// Sums by month and by the parts that `by` names, all of them when it is absent.
pub fn spend(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let by = call.asked("by", |text| {
        let parts: Vec<String> = text.split(',').map(str::to_owned).collect();
        parts.iter().all(|part| BY.contains(&part.as_str())).then_some(parts)
    })?;
    let month = call.asked("month", |text| (text.len() == 7).then(|| text.to_owned()))?;
    let by = |part: &str| by.as_ref().is_none_or(|by| by.iter().any(|it| it == part));
    let mut sums: BTreeMap<(std::cmp::Reverse<String>, [Option<action::Name>; 5]), Sums> = BTreeMap::new();
    let rows = office.money.spend().into_iter();
    for row in rows.filter(|row| month.as_ref().is_none_or(|month| *month == row.month)) {
        let keep = |part, name: Option<action::Name>| name.filter(|_| by(part));
        let parts = [
            keep("user", row.user),
            keep("team", row.team),
            keep("agent", row.agent),
            keep("model", row.model),
            keep("provider", row.provider),
        ];
        sums.entry((std::cmp::Reverse(row.month), parts)).or_default().add(&row.sums);
    }
    let rows = sums.into_iter().map(|((month, [user, team, agent, model, provider]), sums)| SpendRow {
        month: month.0,
        user,
        team,
        agent,
        model,
        provider,
        sums,
    });
    let mut rows: Vec<SpendRow> = rows.collect();
    rows.sort_by(|a, b| (&b.month, b.sums.micro_dollars).cmp(&(&a.month, a.sums.micro_dollars)));
    rows.truncate(usize::from(call.limit()?.rows()));
    Reply::of(&Rows { items: rows, next: None })
}

pub fn budgets(office: &Office, _: &Call) -> Result<Reply, Fault> {
    Reply::of(&Rows { items: office.money.budgets(), next: None })
}
