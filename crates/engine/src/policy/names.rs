//! The names of an action in the form in which look-alikes are equal, made once for all rules.

use std::borrow::Cow;
use std::cell::OnceCell;

use action::{Action, Name};

use crate::detect::scene::spellings;
use crate::text::alike;

/// Forms of the names that an action carries. What comes from the record (roles, application,
/// business unit) is the operator's own writing and is compared as written.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    action: &'a Action,
    pub agent: Cow<'a, str>,
    pub tool: Cow<'a, str>,
    pub resource: Cow<'a, str>,
    /// Every spelling of every destination; made when the first rule asks.
    destinations: OnceCell<Vec<String>>,
}

impl<'a> Names<'a> {
    pub fn of(action: &'a Action) -> Self {
        Names {
            action,
            agent: alike(action.agent.name.as_str()),
            tool: alike(action.tool.as_str()),
            resource: alike(action.resource.kind.as_str()),
            destinations: OnceCell::new(),
        }
    }

    pub fn destinations(&self) -> &[String] {
        self.destinations.get_or_init(|| {
            self.action.resource.destinations.iter().flat_map(|name| spellings(name.as_str())).collect()
        })
    }

    /// The form of a name that few rules ask about.
    pub fn form(name: &Name) -> Cow<'_, str> {
        alike(name.as_str())
    }
}
