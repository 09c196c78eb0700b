//! Checkrein: policy alone, in both of its languages, and the whole decision.

use action::{Action, Json, Name, Sensitivity, Timestamp, Verdict};
use engine::facts::Facts;
use engine::policy::cases::Given;
use engine::policy::{Judged, Judgement, Policies, Source, judge};
use engine::{Rules, decide};
use serde_json::json;

use super::Peer;
use crate::Result;
use crate::calls::Call;
use crate::policies::{self, MAIL_TOOL, OWN_DOMAIN, Set};

/// What the server has of one call.
pub struct Asked {
    action: Action,
    facts: Facts,
}

pub fn asked(call: &Call) -> Result<Asked> {
    let mail = call.tool == MAIL_TOOL;
    let mut payload = json!({ "to": call.to, "body": call.body });
    if let Some(amount) = call.amount {
        payload["amount"] = amount.into();
    }
    let action = json!({
        "kind": if mail { "communication" } else { "mcp_tool" },
        "operation": if mail { "send" } else { call.operation },
        "tool": call.tool,
        "resource": { "type": call.resource },
        "agent": { "name": call.user },
        "environment": "production",
        "time": "2026-03-02T12:00:00Z",
        "payload": payload,
    });
    let mut facts = Facts::default();
    facts.agent.roles = names(call.roles.iter().map(String::as_str))?;
    facts.agent.registered = true;
    facts.scope.own_domains = names([OWN_DOMAIN.trim_start_matches('@')].into_iter())?;
    Ok(Asked { action: Json::parse_as(action.to_string().as_bytes())?, facts })
}

fn names<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<Name>> {
    names.map(|name| Ok(Name::new(name)?)).collect()
}

/// Policy alone: what detection and scoring would have found is given, and is nothing.
pub struct Policy {
    policies: Policies,
    given: Given,
    calls: i64,
}

impl Policy {
    pub fn load(files: &[(String, String)]) -> Result<Policy> {
        let sources: Vec<Source<'_>> = files.iter().map(|(file, text)| Source { file, text }).collect();
        let policies = Policies::load(&sources).map_err(|faults| format!("{faults:?}"))?;
        Ok(Policy { policies, given: Given::default(), calls: 0 })
    }

    pub fn judge(&mut self, asked: &Asked) -> Judgement {
        let case = Judged {
            action: &asked.action,
            facts: &asked.facts,
            now: later(&asked.action, &mut self.calls),
            detections: &self.given.detections,
            score: &self.given.score,
            classes: &self.given.classes,
            sensitivity: Sensitivity::None,
            records: None,
            external: false,
            tainted: false,
            deviation: None,
        };
        judge(&case, &self.policies)
    }

    fn blocks(&mut self, asked: &Asked) -> Result<bool> {
        let ruling = self.judge(asked).ruling;
        match ruling.faults.first() {
            Some(fault) => Err(format!("rule {}: {}", fault.rule, fault.code).into()),
            None => Ok(ruling.verdict == Verdict::Block),
        }
    }
}

/// Another time on each call.
fn later(action: &Action, calls: &mut i64) -> Timestamp {
    *calls += 1;
    action.time.plus_millis(*calls)
}

pub struct Native(Policy);

impl Peer for Native {
    type Input = Asked;

    fn policy(set: Set) -> String {
        policies::native(set)
    }

    fn load(_: Set, policy: &str) -> Result<Self> {
        Policy::load(&[("peers.yaml".into(), policy.into())]).map(Native)
    }

    fn input(_: Set, call: &Call) -> Result<Asked> {
        asked(call)
    }

    fn blocks(&mut self, asked: &Asked) -> Result<bool> {
        self.0.blocks(asked)
    }
}

pub struct Rego(Policy);

impl Peer for Rego {
    type Input = Asked;

    fn policy(set: Set) -> String {
        policies::rego(set, &policies::CHECKREIN)
    }

    fn load(_: Set, policy: &str) -> Result<Self> {
        Policy::load(&[("peers.rego".into(), policy.into())]).map(Rego)
    }

    fn input(_: Set, call: &Call) -> Result<Asked> {
        asked(call)
    }

    fn blocks(&mut self, asked: &Asked) -> Result<bool> {
        self.0.blocks(asked)
    }
}

/// `decide`, as the server calls it.
pub struct Whole {
    rules: Rules,
    calls: i64,
}

const DEFAULT_PACK: &str = include_str!("../../../../policies/default.yaml");

impl Peer for Whole {
    type Input = Asked;

    fn policy(set: Set) -> String {
        policies::native(set)
    }

    fn load(_: Set, policy: &str) -> Result<Self> {
        let sources = [
            Source { file: "default.yaml", text: DEFAULT_PACK },
            Source { file: "peers.yaml", text: policy },
        ];
        let rules = Rules::load(&sources).map_err(|faults| format!("{faults:?}"))?;
        Ok(Whole { rules, calls: 0 })
    }

    fn input(_: Set, call: &Call) -> Result<Asked> {
        asked(call)
    }

    fn blocks(&mut self, asked: &Asked) -> Result<bool> {
        let now = later(&asked.action, &mut self.calls);
        Ok(decide(&asked.action, &asked.facts, &self.rules, now).verdict == Verdict::Block)
    }
}
