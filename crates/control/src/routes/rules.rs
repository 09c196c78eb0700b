//! Rules: written, checked, approved, put in force, rolled back.

use action::{Layer, Name};
use serde::{Deserialize, Serialize};
use store::{Language, RuleState};

use super::page;
use crate::Office;
use crate::call::{Call, Reply};
use crate::fault::Fault;

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSet {
    layer: Layer,
    /// The application or agent whose layer it is.
    #[serde(default)]
    target: Option<Name>,
    language: Written,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Written {
    Yaml,
    Rego,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVersion {
    text: String,
    /// Why it was written.
    note: String,
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "to", deny_unknown_fields)]
pub enum Move {
    Shadow,
    Active {
        /// Sessions of a hundred that it decides.
        #[serde(default = "all")]
        percent: u8,
        /// When it goes back to shadow by itself.
        #[serde(default)]
        return_when: Option<ReturnWhen>,
    },
    Retired,
}

/// About the decisions of the last `within_seconds`; at least one of the bounds is given.
#[derive(Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReturnWhen {
    /// Points of a hundred by which its share of blocked actions may exceed that of the other sessions.
    #[serde(default)]
    blocked_share_above: Option<u8>,
    /// Decisions in which a rule could not be evaluated.
    #[serde(default)]
    faults_above: Option<u32>,
    within_seconds: u32,
    /// Decisions of its own before its share says anything.
    #[serde(default = "few")]
    least_decisions: u32,
}

const fn few() -> u32 {
    20
}

impl From<ReturnWhen> for store::ReturnWhen {
    fn from(when: ReturnWhen) -> Self {
        let ReturnWhen { blocked_share_above, faults_above, within_seconds, least_decisions } = when;
        store::ReturnWhen { blocked_share_above, faults_above, within_seconds, least_decisions }
    }
}

const fn all() -> u8 {
    100
}

#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    set: store::RuleSet,
    versions: Vec<store::RuleVersion>,
}

pub fn list(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let after = call.asked_name("after")?;
    page(office.state.rule_sets(after.as_ref(), call.limit()?)?, Name::to_string)
}

pub fn one(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let name = call.name("set")?;
    let set = office.state.rule_set(&name)?.ok_or_else(|| Fault::missing("rule set"))?;
    let versions = office.state.rule_versions(&name, None, call.limit()?)?.items;
    let version = set.version;
    Ok(Reply::of(&Whole { set, versions })?.at(version))
}

pub fn create(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, new): (Name, NewSet) = (call.name("set")?, call.take()?);
    let language = match new.language {
        Written::Yaml => Language::Yaml,
        Written::Rego => Language::Rego,
    };
    let written = office.state.add_rule_set(&name, new.layer, new.target.as_ref(), language, office.now())?;
    Ok(Reply::of(&written.value)?.at(written.value.version).created())
}

pub fn version(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let version = office.state.rule_version(&call.name("set")?, call.number("number")?)?;
    Reply::of(&version.ok_or_else(|| Fault::missing("version"))?)
}

/// A text with faults is not kept: nobody could put it in force.
pub fn draft(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, new): (Name, NewVersion) = (call.name("set")?, call.take()?);
    let set = office.state.rule_set(&name)?.ok_or_else(|| Fault::missing("rule set"))?;
    let faults = office.rules.faults(name.as_str(), set.language == Language::Rego, &new.text);
    if !faults.is_empty() {
        return Err(Fault::bad("faulty_rules", faults.join("\n")));
    }
    let written =
        office.state.draft_rules(&name, &new.text, &call.operator, &new.note, call.seen, office.now())?;
    Ok(Reply::of(&written.value)?.created())
}

pub fn approve(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, number) = (call.name("set")?, call.number("number")?);
    Reply::of(&office.state.approve_rules(&name, number, &call.operator, call.seen)?.value)
}

pub fn move_to(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, number) = (call.name("set")?, call.number("number")?);
    let written = match call.take()? {
        Move::Shadow => office.state.move_rules(&name, number, RuleState::Shadow, call.seen)?,
        Move::Retired => office.state.move_rules(&name, number, RuleState::Retired, call.seen)?,
        Move::Active { percent, return_when } => office.state.activate_rules(
            &name,
            number,
            percent,
            return_when.map(Into::into),
            office.four_eyes,
            call.seen,
            office.now(),
        )?,
    };
    Reply::of(&written.value)
}

#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// A version that was active before.
    to: u32,
    note: String,
}

pub fn roll_back(office: &Office, call: &Call) -> Result<Reply, Fault> {
    let (name, back): (Name, Back) = (call.name("set")?, call.take()?);
    let written =
        office.state.roll_back_rules(&name, back.to, &call.operator, &back.note, call.seen, office.now())?;
    Reply::of(&written.value)
}
