//! Which upstream a call goes to.
//!
//! Everything here decides from what it is given; nothing reads a clock, draws a number or opens a
//! connection. [`Routes`] is what operators set up, as one immutable value.

mod base;
mod pattern;
mod pick;
mod plan;
mod retry;
mod secret;
mod sigv4;
mod standing;
mod upstream;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use action::{Name, SensitiveClass};

use crate::money::Micros;

pub use base::{Base, BaseError};
pub use pattern::Pattern;
pub use plan::{Candidate, Given, NoRoute, Plan, Wanted};
pub use retry::Tried;
pub use secret::Secret;
pub use standing::{Ended, Flight, Look, Standing};
pub use upstream::{HeadError, Upstream};

/// Upstreams and the routes to them. Replaced as a whole when a key changes; a call finishes on the one
/// that it began with.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// In the order of the settings.
    pub upstreams: Vec<Arc<Upstream>>,
    pub routes: Vec<Route>,
}

/// Where calls of some models go.
#[derive(Debug, Clone)]
pub struct Route {
    pub models: Vec<Pattern>,
    /// Names of upstreams.
    pub to: Vec<Name>,
    pub by: Strategy,
    pub never: Vec<Never>,
    /// Upstreams that one call is tried at, the first one included.
    pub attempts: u8,
    /// Statuses after which the next one is tried.
    pub retry_on: Vec<u16>,
    pub turn: Turn,
    /// Where some of its calls are made once more, for comparison.
    pub shadow: Option<Shadow>,
}

/// A second model that nobody is given the answers of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// The name of an upstream.
    pub to: Name,
    /// The model as agents would call it; the one that was asked for where absent.
    pub model: Option<String>,
    /// Of the route's calls, in per cent.
    pub share: u8,
    /// What mirrored calls may cost in a day (UTC).
    pub per_day: Option<Micros>,
}

/// Counts the calls of a route. Copies share it.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicU64>);

impl Turn {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// How the first of several is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// As they are listed; the next one when the one before cannot be used.
    Order,
    /// The quicker of two that are drawn.
    Latency,
    /// The cheapest.
    Cost,
    /// One after the other.
    RoundRobin,
}

impl Strategy {
    pub const ALL: &'static [Strategy] =
        &[Strategy::Order, Strategy::Latency, Strategy::Cost, Strategy::RoundRobin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Strategy::Order => "order",
            Strategy::Latency => "latency",
            Strategy::Cost => "cost",
            Strategy::RoundRobin => "round_robin",
        }
    }
}

/// Data of one of the classes never goes to one of the upstreams, whatever fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Never {
    pub classes: Vec<SensitiveClass>,
    /// Names of upstreams, or of kinds of provider.
    pub providers: Vec<Name>,
    pub regions: Vec<Pattern>,
}

impl Never {
    /// Whether it keeps this data from that upstream. An upstream of an unknown region is not known to
    /// be outside of a forbidden one.
    pub fn forbids(&self, upstream: &Upstream, classes: &[SensitiveClass]) -> bool {
        let is = |name: &Name| *name == upstream.name || name.as_str() == upstream.provider.name;
        let lies = |pattern: &Pattern| match &upstream.region {
            Some(region) => pattern.matches(region.as_str()),
            None => true,
        };
        classes.iter().any(|class| self.classes.contains(class))
            && (self.providers.iter().any(is) || self.regions.iter().any(lies))
    }
}

impl Routes {
    pub fn named(&self, name: &str) -> Option<&Arc<Upstream>> {
        self.upstreams.iter().find(|upstream| upstream.name.as_str() == name)
    }

    /// The first route whose models match.
    pub fn of_model(&self, model: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.models.iter().any(|pattern| pattern.matches(model)))
    }
}
