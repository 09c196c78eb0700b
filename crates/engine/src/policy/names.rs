//! The names of an action in the form in which look-alikes are equal, made once for all rules.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};

use action::{Action, Name};

use crate::detect::scene::spellings;
use crate::text::alike;
use crate::topic::{Reading, Standing, Topics, newest};

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
    /// How the newest message stands to the subjects of each document, as far as rules have asked.
    topics: RefCell<Vec<(usize, Reading)>>,
}

impl<'a> Names<'a> {
    pub fn of(action: &'a Action) -> Self {
        Names {
            action,
            agent: alike(action.agent.name.as_str()),
            tool: alike(action.tool.as_str()),
            resource: alike(action.resource.kind.as_str()),
            destinations: OnceCell::new(),
            topics: RefCell::default(),
        }
    }

    pub fn destinations(&self) -> &[String] {
        self.destinations.get_or_init(|| {
            self.action.resource.destinations.iter().flat_map(|name| spellings(name.as_str())).collect()
        })
    }

    /// How the newest message of a user stands to these subjects. Where there is none to be found, nothing
    /// is claimed.
    pub fn topic(&self, topics: &Topics) -> Reading {
        let known =
            self.topics.borrow().iter().find(|(of, _)| *of == topics.document).map(|(_, reading)| *reading);
        known.unwrap_or_else(|| {
            let unsure = Reading { standing: Standing::Unsure, topic: 0, score: 0 };
            let reading = newest(self.action).map_or(unsure, |message| topics.read(&message));
            self.topics.borrow_mut().push((topics.document, reading));
            reading
        })
    }

    /// The form of a name that few rules ask about.
    pub fn form(name: &Name) -> Cow<'_, str> {
        alike(name.as_str())
    }
}
