//! Freezes: everything in a scope stands still until the freeze ends or is lifted.

use std::collections::HashMap;

use action::{Environment, Name, Timestamp};

use crate::book::Registration;

/// What stands still.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Frozen {
    Organisation,
    Application(Name),
    Agent(Name),
}

/// All freezes, by what stands still where; an absent environment is every one.
#[derive(Debug, Clone, Default)]
pub struct Freezes(HashMap<(Frozen, Option<Environment>), Option<Timestamp>>);

impl Freezes {
    /// Adds a freeze; without `until` it stands until it is lifted.
    pub fn add(&mut self, what: Frozen, environment: Option<Environment>, until: Option<Timestamp>) {
        self.0.insert((what, environment), until);
    }

    /// Whether a freeze meets an agent in an environment. One that has had its time is over without
    /// anybody's doing.
    pub fn meet(&self, agent: &Registration, environment: Environment, now: Timestamp) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let application = agent.application.clone().map(Frozen::Application);
        let scopes = [Some(Frozen::Organisation), application, Some(Frozen::Agent(agent.name.clone()))];
        scopes.into_iter().flatten().any(|scope| {
            [None, Some(environment)].into_iter().any(|place| {
                let until = self.0.get(&(scope.clone(), place));
                until.is_some_and(|until| until.is_none_or(|until| now < until))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::facts::Allowed;

    use super::*;
    use crate::book::Standing;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn agent(called: &str, application: Option<&str>) -> Registration {
        Registration {
            name: name(called),
            roles: Vec::new(),
            application: application.map(name),
            business_unit: None,
            environments: vec![Environment::Production],
            versions: Vec::new(),
            elevated: false,
            signed: false,
            standing: Standing::Active,
            granted: Allowed::default(),
            certified: Allowed::default(),
        }
    }

    #[test]
    fn a_freeze_meets_what_is_in_its_scope_until_it_ends() {
        use Environment::{Production, Staging};
        let at = Timestamp::from_millis;
        let (bot, other) = (agent("bot", Some("billing")), agent("other", None));
        let met = |what: Frozen, place, who: &Registration, environment, now| {
            let mut freezes = Freezes::default();
            freezes.add(what, place, Some(at(50)));
            freezes.meet(who, environment, at(now))
        };
        let billing = || Frozen::Application(name("billing"));
        for (what, place, who, environment, now, want) in [
            (Frozen::Organisation, None, &other, Staging, 49, true),
            (Frozen::Organisation, None, &other, Staging, 50, false),
            (Frozen::Organisation, Some(Production), &other, Staging, 1, false),
            (billing(), Some(Production), &bot, Production, 1, true),
            (billing(), None, &other, Production, 1, false),
            (Frozen::Agent(name("bot")), None, &bot, Staging, 1, true),
            (Frozen::Agent(name("bot")), None, &other, Staging, 1, false),
            // An application is not an agent of the same name.
            (Frozen::Application(name("bot")), None, &bot, Staging, 1, false),
        ] {
            assert_eq!(met(what.clone(), place, who, environment, now), want, "{what:?} {place:?} {now}");
        }
        let mut until_lifted = Freezes::default();
        until_lifted.add(Frozen::Organisation, None, None);
        assert!(until_lifted.meet(&other, Staging, at(i64::MAX)));
    }
}
