//! The limits of the stateful detectors: configuration, with its defaults in one table.

use action::{Digest, Name, digest};
use std::collections::BTreeMap;

use crate::facts::{ColdStart, Rate};
use crate::yaml::{Faults, Fields, Node, Value};

/// Declares the limits: field, default, what it bounds.
macro_rules! limits {
    ($($name:ident = $default:literal, $about:literal;)+) => {
        /// The limits that hold for one agent.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Limits { $(#[doc = $about] pub $name: u64,)+ }

        impl Default for Limits {
            fn default() -> Self { Limits { $($name: $default,)+ } }
        }

        impl Limits {
            /// Every limit: name, default, what it bounds.
            pub const TABLE: &'static [(&'static str, u64, &'static str)] =
                &[$((stringify!($name), $default, $about),)+];

            /// The values in the order of the table.
            pub fn values(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)+]
            }

            fn read(&mut self, fields: &mut Fields<'_>, faults: &mut Faults) {
                $(if let Some(value) = whole(fields, stringify!($name), faults) { self.$name = value; })+
            }
        }
    };
}

limits! {
    calls_per_minute = 600, "Calls of one agent in a minute.";
    calls_burst = 120, "Calls of one agent at once.";
    session_calls_per_minute = 240, "Calls of one session in a minute.";
    session_calls_burst = 60, "Calls of one session at once.";
    tool_calls_per_minute = 300, "Calls of one agent to one tool in a minute.";
    tool_calls_burst = 60, "Calls of one agent to one tool at once.";
    session_calls = 2_000, "Calls of one session altogether.";
    session_tokens = 4_000_000, "Model tokens of one session altogether.";
    records_out = 10_000, "Records that one action sends out of the estate.";
    bytes_out = 16_777_216, "Bytes that one action sends out of the estate.";
    records_out_per_hour = 20_000, "Records sent out in an hour, to one destination or to all.";
    bytes_out_per_hour = 67_108_864, "Bytes sent out in an hour, to one destination or to all.";
    records_out_per_day = 50_000, "Records sent out in a day, to one destination or to all.";
    bytes_out_per_day = 268_435_456, "Bytes sent out in a day, to one destination or to all.";
    sensitive_records_out_per_day = 500, "Records with sensitive classes sent out in a day.";
    records_read = 50_000, "Records that one action reads.";
    payload_bytes = 1_048_576, "Bytes of one payload.";
    payload_values = 20_000, "Values of one payload.";
    payload_depth = 32, "Nesting of one payload.";
    identical_calls = 6, "Times that a session repeats one call among its newest steps.";
    failures_per_hour = 60, "Failed or refused calls of one agent in an hour.";
    delegation_depth = 6, "Agents that one call may pass through.";
    session_hours = 24, "Hours that one session may last.";
    clock_skew_seconds = 300, "Seconds that an action's time may lie ahead of ours.";
    stale_seconds = 86_400, "Seconds that an action's time may lie behind ours.";
    deviation = 70, "Behaviour grade from which on it is an anomaly.";
    baseline_min_decisions = 50, "Decisions before a baseline is used at all.";
    baseline_min_days = 3, "Days before a baseline is used at all.";
    baseline_full_decisions = 500, "Decisions from which on a baseline is trusted fully.";
    baseline_full_days = 14, "Days from which on a baseline is trusted fully.";
    sequence_minutes = 60, "Minutes within which steps count as one sequence.";
    bulk = 1_000, "Records from which on an action counts as bulk.";
}

impl Limits {
    pub fn agent_rate(&self) -> Rate {
        Rate { per_minute: self.calls_per_minute, burst: self.calls_burst }
    }

    pub fn session_rate(&self) -> Rate {
        Rate { per_minute: self.session_calls_per_minute, burst: self.session_calls_burst }
    }

    pub fn tool_rate(&self) -> Rate {
        Rate { per_minute: self.tool_calls_per_minute, burst: self.tool_calls_burst }
    }

    pub fn cold_start(&self) -> ColdStart {
        ColdStart {
            min_decisions: self.baseline_min_decisions,
            min_days: self.baseline_min_days,
            full_decisions: self.baseline_full_decisions,
            full_days: self.baseline_full_days,
        }
    }
}

/// The limits of an estate: common ones, and agents with their own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitSet {
    pub common: Limits,
    pub agents: BTreeMap<String, Limits>,
}

impl LimitSet {
    pub fn of(&self, agent: &Name) -> &Limits {
        self.agents.get(agent.as_str()).unwrap_or(&self.common)
    }

    /// The version hash that a record carries.
    pub fn hash(&self) -> Digest {
        let line = |limits: &Limits| {
            limits.values().iter().map(|(name, value)| format!("{name}={value};")).collect::<String>()
        };
        let mut text = line(&self.common);
        for (agent, limits) in &self.agents {
            text.push_str(&format!("\n{agent}:{}", line(limits)));
        }
        digest("checkrein.limits.v1", &[text.as_bytes()])
    }

    /// Reads a mapping of limits; under `agents`, each agent's own on top of the common ones.
    pub fn read(file: &str, node: &Node, faults: &mut Faults) -> Self {
        let mut set = LimitSet::default();
        let Some(mut fields) = Fields::of(file, node, faults) else { return set };
        set.common.read(&mut fields, faults);
        if let Some(agents) = fields.get("agents") {
            match &agents.value {
                Value::Map(entries) => {
                    for (key, node) in entries {
                        let mut own = set.common.clone();
                        if let Some(mut fields) = Fields::of(file, node, faults) {
                            own.read(&mut fields, faults);
                            fields.finish(faults);
                        }
                        set.agents.insert(key.text.clone(), own);
                    }
                }
                Value::Scalar { .. } | Value::List(_) => {
                    let hint = Some("write `agents: { name: { calls_per_minute: 60 } }`".into());
                    faults.add(file, agents, "wrong_type", "`agents` must be a mapping".into(), hint);
                }
            }
        }
        fields.finish(faults);
        set
    }
}

fn whole(fields: &mut Fields<'_>, key: &'static str, faults: &mut Faults) -> Option<u64> {
    let value = fields.whole(key, faults)?;
    let whole = u64::try_from(value).ok();
    if whole.is_none() {
        fields.fault(faults, "out_of_range", format!("`{key}` cannot be negative"), None);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (LimitSet, Faults) {
        let mut faults = Faults::default();
        let node = crate::yaml::parse("limits.yaml", text).unwrap();
        (LimitSet::read("limits.yaml", &node, &mut faults), faults)
    }

    #[test]
    fn an_agent_may_have_its_own_limits_on_top_of_the_common_ones() {
        let (set, faults) = read("bulk: 10\nagents:\n  ci-bot: { calls_per_minute: 5 }\n");
        assert!(faults.is_empty(), "{faults:?}");
        let own = set.of(&Name::new("ci-bot").unwrap());
        assert_eq!((own.calls_per_minute, own.bulk), (5, 10));
        assert_eq!(set.of(&Name::new("other").unwrap()).calls_per_minute, 600);
        assert_ne!(set.hash(), LimitSet::default().hash());
    }

    #[test]
    fn unknown_and_impossible_limits_are_faults_with_their_line() {
        let (_, faults) = read("calls_per_minut: 5\nbulk: -1\nagents:\n  a: { x: 1 }\n");
        let codes: Vec<_> = faults.0.iter().map(|fault| (fault.line, fault.code)).collect();
        assert!(codes.contains(&(1, "unknown_key")) && codes.contains(&(4, "unknown_key")), "{codes:?}");
        assert!(codes.iter().any(|(_, code)| *code == "out_of_range"));
    }
}
