//! The kinds of conditions, and when each holds.

use std::sync::Arc;

use action::{
    ActionKind, Channel, Confidence, Decimal, Dimension, Environment, Mode, Operation, SensitiveClass,
    Sensitivity, Severity, Vector,
};

use super::{Check, FieldTest, Moment, Range, Sure, View, payload};
use crate::facts::Network;
use crate::policy::names::Names;
use crate::policy::pattern::Patterns;
use crate::topic::{Standing, Topics};

/// One condition. The nine dimensions and what goes with them, closed and matched in full.
#[derive(Debug, Clone)]
pub enum Kind {
    Agent(Patterns),
    AgentVersion(Patterns),
    Role(Patterns),
    WithoutRole(Patterns),
    Registered(bool),
    Elevated(bool),
    Principal(Patterns),
    Team(Patterns),
    Application(Patterns),
    BusinessUnit(Patterns),
    Mode(Vec<Mode>),
    Environment(Vec<Environment>),
    Network(Vec<Network>),
    ActionKind(Vec<ActionKind>),
    Operation(Vec<Operation>),
    Tool(Patterns),
    ResourceType(Patterns),
    ResourceName(Patterns),
    Destination(Patterns),
    External(bool),
    Tainted(bool),
    Channel(Vec<Channel>),
    Amount(AmountTest),
    Count(Range),
    Payload(FieldTest),
    Text(Vec<Check>),
    Classes(ClassTest),
    Sensitivity(Sensitivity),
    Vector(Vec<VectorTest>),
    Score(Range),
    Part(Dimension, Range),
    Deviation(Range),
    Baseline(bool),
    Time(Box<Moment>),
    Topic(TopicTest),
}

/// Money in a range of one currency.
#[derive(Debug, Clone)]
pub struct AmountTest {
    pub range: Range,
    pub currency: Option<String>,
}

/// How the newest message of a user stands to the subjects of the document.
#[derive(Debug, Clone)]
pub struct TopicTest {
    pub topics: Arc<Topics>,
    pub wanted: TopicWanted,
}

#[derive(Debug, Clone)]
pub enum TopicWanted {
    /// On one of these subjects, by name.
    Named(Patterns),
    Standing(Standing),
}

/// Sensitive classes that were found.
#[derive(Debug, Clone, Default)]
pub struct ClassTest {
    pub any: Vec<SensitiveClass>,
    pub all: Vec<SensitiveClass>,
}

/// A hit of one vector.
#[derive(Debug, Clone)]
pub struct VectorTest {
    pub vector: Vector,
    pub confidence: Confidence,
    pub severity: Severity,
    pub rules: Option<Patterns>,
}

impl Kind {
    pub fn holds(&self, view: &View<'_>, sure: Sure) -> bool {
        let case = view.case;
        let (action, facts, names) = (case.action, case.facts, view.names);
        // As written for sure, in the form of look-alikes possibly.
        let named = |patterns: &Patterns, name: &str, form: &str| match sure {
            Sure::Possibly => patterns.resembles(form),
            Sure::Certainly => patterns.matches(name),
        };
        let optional = |patterns: &Patterns, name: Option<&action::Name>| {
            name.is_some_and(|name| named(patterns, name.as_str(), &Names::form(name)))
        };
        // The record is the operator's own writing.
        let recorded = |patterns: &Patterns, name: Option<&action::Name>| {
            name.is_some_and(|name| patterns.matches(name.as_str()))
        };
        match self {
            Kind::Agent(patterns) => named(patterns, action.agent.name.as_str(), &names.agent),
            Kind::AgentVersion(versions) => optional(versions, action.agent.version.as_ref()),
            Kind::Role(roles) => view.has_role(roles),
            Kind::WithoutRole(roles) => !view.has_role(roles),
            Kind::Registered(wanted) => facts.agent.registered == *wanted,
            Kind::Elevated(wanted) => facts.agent.elevated == *wanted,
            Kind::Principal(ids) => optional(ids, action.principal.as_ref().map(|p| &p.id)),
            Kind::Team(teams) => optional(teams, action.principal.as_ref().and_then(|p| p.team.as_ref())),
            Kind::Application(patterns) => recorded(patterns, facts.scope.application.as_ref()),
            Kind::BusinessUnit(patterns) => recorded(patterns, facts.scope.business_unit.as_ref()),
            Kind::Mode(modes) => modes.contains(&facts.scope.mode),
            Kind::Environment(places) => places.contains(&action.environment),
            Kind::Network(networks) => networks.contains(&facts.place.network),
            Kind::ActionKind(kinds) => kinds.contains(&action.kind),
            Kind::Operation(operations) => operations.contains(&action.operation),
            Kind::Tool(tools) => named(tools, action.tool.as_str(), &names.tool),
            Kind::ResourceType(types) => named(types, action.resource.kind.as_str(), &names.resource),
            Kind::ResourceName(patterns) => optional(patterns, action.resource.name.as_ref()),
            Kind::Destination(patterns) => destination(patterns, view, sure),
            Kind::External(wanted) => case.external == *wanted,
            Kind::Tainted(wanted) => case.tainted == *wanted,
            Kind::Channel(channels) => action.context.iter().any(|text| channels.contains(&text.channel)),
            Kind::Amount(test) => test.holds(view, sure),
            Kind::Count(range) => view.count.is_some_and(|count| range.contains(Decimal::from_u64(count))),
            Kind::Payload(test) => test.holds(&action.payload, sure),
            Kind::Text(checks) => payload::any_text(&action.payload, checks, sure),
            Kind::Classes(test) => test.holds(case.classes),
            Kind::Sensitivity(least) => case.sensitivity >= *least,
            Kind::Vector(tests) => tests.iter().any(|test| test.holds(view)),
            Kind::Score(range) => range.contains(Decimal::from_u64(view.score.into())),
            Kind::Part(dimension, range) => {
                range.contains(Decimal::from_u64(case.score.part(*dimension).into()))
            }
            Kind::Deviation(range) => {
                case.deviation.is_some_and(|part| range.contains(Decimal::from_u64(part.into())))
            }
            Kind::Baseline(wanted) => case.deviation.is_some() == *wanted,
            Kind::Time(moment) => moment.holds(case.now),
            Kind::Topic(test) => test.holds(view),
        }
    }

    /// What would have to be different for this condition not to hold, where an agent's owner can
    /// do something with the answer. Who the agent is and which tool it called are not of that
    /// kind.
    pub fn way_out(&self) -> Option<String> {
        match self {
            Kind::WithoutRole(roles) => Some(format!("role {roles}")),
            Kind::Amount(test) => {
                let (bound, words) = test.range.way_out()?;
                let currency = test.currency.as_deref().map(|c| format!(" {c}")).unwrap_or_default();
                Some(format!("amount {words} {}{currency}", bound.at))
            }
            Kind::Count(range) => {
                let (bound, words) = range.way_out()?;
                Some(format!("count {words} {}", bound.at))
            }
            Kind::Score(range) => {
                let (bound, words) = range.way_out()?;
                Some(format!("risk score {words} {}", bound.at))
            }
            Kind::Time(moment) => moment.way_out(),
            Kind::External(true) => Some("no destination outside the estate".into()),
            Kind::Tainted(true) => Some("a session free of untrusted content".into()),
            Kind::Environment(places) => {
                let places: Vec<&str> = places.iter().map(|place| place.as_str()).collect();
                Some(format!("another environment than {}", places.join(" or ")))
            }
            Kind::Classes(test) => {
                let classes: Vec<&str> = test.any.iter().chain(&test.all).map(|c| c.as_str()).collect();
                Some(format!("a payload without {}", classes.join(" and ")))
            }
            Kind::Payload(test) => Some(format!("another value of payload field {}", test.path)),
            Kind::Baseline(false) => Some("a baseline for the agent".into()),
            Kind::Registered(false) => Some("a registered agent".into()),
            Kind::Agent(_)
            | Kind::AgentVersion(_)
            | Kind::Role(_)
            | Kind::Registered(true)
            | Kind::Elevated(_)
            | Kind::Principal(_)
            | Kind::Team(_)
            | Kind::Application(_)
            | Kind::BusinessUnit(_)
            | Kind::Mode(_)
            | Kind::Network(_)
            | Kind::ActionKind(_)
            | Kind::Operation(_)
            | Kind::Tool(_)
            | Kind::ResourceType(_)
            | Kind::ResourceName(_)
            | Kind::Destination(_)
            | Kind::External(false)
            | Kind::Tainted(false)
            | Kind::Channel(_)
            | Kind::Text(_)
            | Kind::Sensitivity(_)
            | Kind::Vector(_)
            | Kind::Part(..)
            | Kind::Deviation(_)
            | Kind::Topic(_)
            | Kind::Baseline(true) => None,
        }
    }
}

/// Possibly, when one destination is known by a spelling that fits; for sure, when all of them fit
/// as written: a second recipient must not ride on the permission of the first.
fn destination(patterns: &Patterns, view: &View<'_>, sure: Sure) -> bool {
    let sent = &view.case.action.resource.destinations;
    match sure {
        Sure::Possibly => view.names.destinations().iter().any(|form| patterns.resembles(form)),
        Sure::Certainly => !sent.is_empty() && sent.iter().all(|name| patterns.matches(name.as_str())),
    }
}

impl AmountTest {
    /// Amounts that cannot be compared, because the currency is another one or a payment names no
    /// amount, fit possibly: leaving the amount out never helps.
    fn holds(&self, view: &View<'_>, sure: Sure) -> bool {
        let unknown = sure == Sure::Possibly;
        let Some(money) = view.amount else {
            return unknown && view.case.action.operation == Operation::Pay;
        };
        let same = match (&self.currency, money.currency) {
            (None, _) => true,
            (Some(wanted), Some(currency)) => wanted.eq_ignore_ascii_case(currency),
            (Some(_), None) => false,
        };
        match same {
            true => self.range.contains(money.value) && (money.stated || unknown),
            false => unknown,
        }
    }
}

impl TopicTest {
    /// Only of what is sent to a model. The reading says itself where it is unsure, so both ways of
    /// taking an action are the same here.
    fn holds(&self, view: &View<'_>) -> bool {
        let action = view.case.action;
        if action.kind != ActionKind::LlmCall || action.operation != Operation::Send {
            return false;
        }
        let reading = view.names.topic(&self.topics);
        match &self.wanted {
            TopicWanted::Standing(wanted) => reading.standing == *wanted,
            TopicWanted::Named(names) => {
                reading.standing == Standing::On
                    && self.topics.names().get(reading.topic).is_some_and(|name| names.matches(name))
            }
        }
    }
}

impl ClassTest {
    fn holds(&self, found: &[SensitiveClass]) -> bool {
        (self.any.is_empty() || self.any.iter().any(|class| found.contains(class)))
            && self.all.iter().all(|class| found.contains(class))
    }
}

impl VectorTest {
    fn holds(&self, view: &View<'_>) -> bool {
        view.case.detections.iter().any(|hit| {
            hit.vector == self.vector
                && hit.confidence >= self.confidence
                && hit.severity >= self.severity
                && self.rules.as_ref().is_none_or(|rules| rules.matches(&hit.rule))
        })
    }
}
