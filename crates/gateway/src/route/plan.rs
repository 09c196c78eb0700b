//! From what a call wants to the upstreams that it is tried at.

use std::sync::Arc;
use std::time::Instant;

use action::{Name, SensitiveClass};

use super::pick::{Seen, order};
use super::{Flight, Never, Route, Routes, Shadow, Strategy, Upstream};
use crate::provider::{Speaks, kin};

/// Upstreams that a call without a route is tried at.
const ATTEMPTS_WITHOUT_ROUTE: usize = 1;

/// What a call wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The format that the agent speaks.
    pub dialect: &'w str,
    /// Empty for a call that is about no model, such as a list of them.
    pub model: &'w str,
    /// Sensitive classes of what it sends.
    pub classes: &'w [SensitiveClass],
    /// The upstream that the agent named.
    pub via: Option<&'w str>,
}

/// What the choice takes from outside.
pub struct Given<'g> {
    pub now: Instant,
    /// Random.
    pub draw: [u64; 2],
    /// Whether a call of the first format can be sent in the second one.
    pub translates: &'g dyn Fn(&str, &str) -> bool,
    /// What the call would cost at an upstream under this name of the model.
    pub price: &'g dyn Fn(&Upstream, &str) -> Option<u64>,
}

/// Where a call is tried, in this order and no further.
#[derive(Debug)]
pub struct Plan<'r> {
    pub candidates: Vec<Candidate>,
    /// Statuses after which the next one is tried.
    pub retry_on: &'r [u16],
}

#[derive(Debug)]
pub struct Candidate {
    pub upstream: Arc<Upstream>,
    pub speaks: Speaks,
    /// What the model is called there.
    pub model: String,
    /// It should be left alone, and is called because nobody else is left.
    last_resort: bool,
}

impl Candidate {
    /// Begins a try; none when it is to be left alone by now.
    pub fn begin(&self, now: Instant) -> Option<Flight> {
        self.upstream.standing.begin(now, self.last_resort)
    }
}

/// Why a call goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    #[error("there is no provider of that name; ask without `/via/` or with one that is set up")]
    UnknownUpstream,
    #[error("no route leads to this model; `routes` in the settings says which models there are")]
    UnknownModel,
    #[error("no provider of this model takes this format")]
    Format,
    /// Some could be called, and none of them with this data.
    #[error("no provider of this model may be sent this data: {}", listed(.0))]
    Forbidden(Vec<SensitiveClass>),
}

impl NoRoute {
    pub const fn code(&self) -> &'static str {
        match self {
            NoRoute::UnknownUpstream => "unknown_provider",
            NoRoute::UnknownModel => "unknown_model",
            NoRoute::Format => "format_not_spoken",
            NoRoute::Forbidden(_) => "provider_forbidden",
        }
    }
}

fn listed(classes: &[SensitiveClass]) -> String {
    classes.iter().map(|class| class.as_str()).collect::<Vec<_>>().join(", ")
}

impl Routes {
    /// The upstreams for one call. Which of them are forbidden is decided before which of them is best:
    /// what is forbidden is no choice of last resort either.
    pub fn plan(&self, wanted: &Wanted<'_>, given: &Given<'_>) -> Result<Plan<'_>, NoRoute> {
        let route = self.of_model(wanted.model);
        let named = self.asked(wanted.dialect, wanted.model, wanted.via)?;
        let speaking: Vec<(&Arc<Upstream>, &Speaks)> = named
            .into_iter()
            .filter_map(|upstream| Some((upstream, spoken(upstream, wanted.dialect, given.translates)?)))
            .collect();
        if speaking.is_empty() {
            return Err(NoRoute::Format);
        }
        let nevers = self.nevers(wanted.model);
        let may = |(upstream, _): &(&Arc<Upstream>, &Speaks)| {
            let forbidden = nevers.iter().any(|never| never.forbids(upstream, wanted.classes));
            upstream.takes(wanted.classes) && !forbidden
        };
        let allowed: Vec<_> = speaking.into_iter().filter(may).collect();
        if allowed.is_empty() {
            return Err(NoRoute::Forbidden(wanted.classes.to_vec()));
        }
        let (by, turn, attempts) = match route {
            Some(route) if wanted.via.is_none() => {
                (route.by, route.turn.next(), usize::from(route.attempts).max(1))
            }
            Some(_) | None => (Strategy::Order, 0, ATTEMPTS_WITHOUT_ROUTE),
        };
        let seen: Vec<Seen> = allowed
            .iter()
            .map(|(upstream, _)| {
                let look = upstream.standing.look(given.now);
                let price = match by {
                    Strategy::Cost => (given.price)(upstream, upstream.model(wanted.model)),
                    Strategy::Order | Strategy::Latency | Strategy::RoundRobin => None,
                };
                Seen { back: look.back, load: look.load, price }
            })
            .collect();
        let ordered = order(by, &seen, turn, given.draw);
        let candidates = ordered.into_iter().take(attempts).filter_map(|place| {
            let ((upstream, speaks), seen) = allowed.get(place).zip(seen.get(place))?;
            Some(Candidate {
                upstream: Arc::clone(upstream),
                speaks: (*speaks).clone(),
                model: upstream.model(wanted.model).to_owned(),
                last_resort: seen.back.is_some(),
            })
        });
        let retry_on = route.map_or(&[][..], |route| route.retry_on.as_slice());
        Ok(Plan { candidates: candidates.collect(), retry_on })
    }

    /// Where a call is made once more. What must not happen to calls of either model must not happen here: the
    /// data is that of the live call.
    pub fn shadowed(
        &self,
        wanted: &Wanted<'_>,
        shadow: &Shadow,
        translates: &dyn Fn(&str, &str) -> bool,
    ) -> Result<Candidate, NoRoute> {
        let upstream = self.named(shadow.to.as_str()).ok_or(NoRoute::UnknownUpstream)?;
        let speaks = spoken(upstream, wanted.dialect, translates).ok_or(NoRoute::Format)?;
        let model = shadow.model.as_deref().unwrap_or(wanted.model);
        let mut nevers = self.nevers(wanted.model).into_iter().chain(self.nevers(model));
        if !upstream.takes(wanted.classes) || nevers.any(|never| never.forbids(upstream, wanted.classes)) {
            return Err(NoRoute::Forbidden(wanted.classes.to_vec()));
        }
        Ok(Candidate {
            upstream: Arc::clone(upstream),
            speaks: speaks.clone(),
            model: upstream.model(model).to_owned(),
            last_resort: false,
        })
    }

    /// The upstreams that a call names: by their name, its model or its format alone, in the order of the
    /// settings.
    pub fn asked(
        &self,
        dialect: &str,
        model: &str,
        via: Option<&str>,
    ) -> Result<Vec<&Arc<Upstream>>, NoRoute> {
        match (via, self.of_model(model)) {
            (Some(via), _) => Ok(vec![self.named(via).ok_or(NoRoute::UnknownUpstream)?]),
            (None, Some(route)) => Ok(route.to.iter().filter_map(|name| self.named(name.as_str())).collect()),
            // Without any route there is nothing to choose by but the format.
            (None, None) if self.routes.is_empty() || model.is_empty() => {
                let speaks = |upstream: &&Arc<Upstream>| upstream.speaks(kin(dialect)).is_some();
                Ok(self.upstreams.iter().filter(speaks).take(ATTEMPTS_WITHOUT_ROUTE).collect())
            }
            (None, None) => Err(NoRoute::UnknownModel),
        }
    }

    /// What must not happen to calls of this model, whichever way they go: an agent that names an
    /// upstream gets around no rule. A model that no route knows meets the rules of all of them.
    fn nevers(&self, model: &str) -> Vec<&Never> {
        let of_model = |route: &&Route| route.models.iter().any(|pattern| pattern.matches(model));
        let known = self.routes.iter().any(|route| of_model(&route));
        let routes = self.routes.iter().filter(|route| !known || of_model(route));
        routes.flat_map(|route| &route.never).collect()
    }

    /// The names, for a list of what there is.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.upstreams.iter().map(|upstream| &upstream.name)
    }
}

/// The format a call is sent in: the agent's own where it can be, else the first that it can be put in. A
/// form without a path of its own is sent as it is to whoever speaks its [`kin`].
fn spoken<'u>(
    upstream: &'u Upstream,
    dialect: &str,
    translates: &dyn Fn(&str, &str) -> bool,
) -> Option<&'u Speaks> {
    let other = || upstream.speaks.iter().find(|speaks| translates(dialect, speaks.dialect));
    upstream.speaks(kin(dialect)).or_else(other)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::upstream::tests::upstream;
    use super::super::{Ended, Pattern, Turn};
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn route(models: &str, to: &[&str], by: Strategy) -> Route {
        Route {
            models: vec![Pattern::new(models)],
            to: to.iter().map(|to| name(to)).collect(),
            by,
            never: Vec::new(),
            attempts: 3,
            retry_on: vec![503],
            turn: Turn::default(),
            shadow: None,
        }
    }

    fn routes(routes: Vec<Route>) -> Routes {
        let at = |name: &str, kind: &str| Arc::new(upstream(name, kind, "https://u.example"));
        Routes { upstreams: vec![at("a", "openai"), at("b", "groq"), at("c", "anthropic")], routes }
    }

    fn plan(routes: &Routes, wanted: &Wanted<'_>, translates: bool) -> Result<Vec<String>, NoRoute> {
        let given = Given {
            now: Instant::now(),
            draw: [0, 0],
            translates: &|_, _| translates,
            price: &|upstream, _| (upstream.name.as_str() == "b").then_some(1),
        };
        let plan = routes.plan(wanted, &given)?;
        Ok(plan.candidates.iter().map(|it| format!("{} {}", it.upstream.name, it.speaks.dialect)).collect())
    }

    const CHAT: Wanted<'_> = Wanted { dialect: "openai_chat", model: "m", classes: &[], via: None };

    #[test]
    fn without_routes_the_first_that_speaks_the_format_is_called() {
        let routes = routes(Vec::new());
        assert_eq!(plan(&routes, &CHAT, false).unwrap(), ["a openai_chat"]);
        let messages = Wanted { dialect: "anthropic_messages", ..CHAT };
        assert_eq!(plan(&routes, &messages, false).unwrap(), ["c anthropic_messages"]);
        let first = |dialect| routes.asked(dialect, "m", None).unwrap().first().map(|it| it.name.to_string());
        assert_eq!(
            first("openai_completions").as_deref(),
            Some("a"),
            "a form without a path has a place, too"
        );
        assert_eq!(first("gemini"), None);
        let embed = Wanted { dialect: "openai_embeddings", ..CHAT };
        assert_eq!(plan(&routes, &embed, false).unwrap(), ["a openai_chat"]);
        assert_eq!(plan(&routes, &Wanted { via: Some("b"), ..CHAT }, false).unwrap(), ["b openai_chat"]);
        assert_eq!(plan(&routes, &Wanted { via: Some("x"), ..CHAT }, false), Err(NoRoute::UnknownUpstream));
        assert_eq!(plan(&routes, &Wanted { via: Some("c"), ..CHAT }, false), Err(NoRoute::Format));
    }

    #[test]
    fn a_route_leads_to_its_own_and_translates_where_it_must() {
        let routes = routes(vec![route("m*", &["c", "a", "b"], Strategy::Order)]);
        assert_eq!(plan(&routes, &CHAT, false).unwrap(), ["a openai_chat", "b openai_chat"]);
        let all = ["c anthropic_messages", "a openai_chat", "b openai_chat"];
        assert_eq!(plan(&routes, &CHAT, true).unwrap(), all);
        assert_eq!(plan(&routes, &Wanted { model: "x", ..CHAT }, true), Err(NoRoute::UnknownModel));
        assert_eq!(plan(&routes, &Wanted { model: "", ..CHAT }, false).unwrap(), ["a openai_chat"]);
        assert_eq!(
            routes.asked("openai_models", "", None).unwrap().len(),
            0,
            "a list is asked of its own format"
        );
        let cheap = self::routes(vec![route("*", &["a", "b"], Strategy::Cost)]);
        assert_eq!(plan(&cheap, &CHAT, false).unwrap(), ["b openai_chat", "a openai_chat"]);
    }

    #[test]
    fn what_is_forbidden_for_the_data_is_never_tried_whatever_fails() {
        let health: &[SensitiveClass] = &[SensitiveClass::Health];
        let mut one = route("*", &["a", "b"], Strategy::Order);
        one.never.push(Never {
            classes: health.to_vec(),
            providers: vec![name("groq")],
            regions: Vec::new(),
        });
        let mut routes = routes(vec![one]);
        let with_health = Wanted { classes: health, ..CHAT };
        assert_eq!(plan(&routes, &CHAT, false).unwrap(), ["a openai_chat", "b openai_chat"]);
        assert_eq!(plan(&routes, &with_health, false).unwrap(), ["a openai_chat"]);
        let now = Instant::now();
        for _ in 0..10 {
            routes.upstreams[0].standing.begin(now, true).unwrap().end(Ended::Failed, now);
        }
        assert_eq!(plan(&routes, &CHAT, false).unwrap(), ["b openai_chat", "a openai_chat"]);
        assert_eq!(plan(&routes, &with_health, false).unwrap(), ["a openai_chat"], "also when it is ill");
        let via = Wanted { via: Some("b"), ..with_health };
        assert_eq!(plan(&routes, &via, false), Err(NoRoute::Forbidden(health.to_vec())));
        let closed = Upstream { accepts: Some(Vec::new()), ..(*routes.upstreams[0]).clone() };
        routes.upstreams[0] = Arc::new(closed);
        assert_eq!(plan(&routes, &with_health, false), Err(NoRoute::Forbidden(health.to_vec())));
        assert_eq!(plan(&routes, &CHAT, false).unwrap().len(), 2, "without such data it is open");
    }

    #[test]
    fn a_shadow_is_sent_what_the_rules_of_either_model_let_it_have() {
        let health: &[SensitiveClass] = &[SensitiveClass::Health];
        let never = |provider: &str| Never {
            classes: health.to_vec(),
            providers: vec![name(provider)],
            regions: Vec::new(),
        };
        let (mut live, mut second) =
            (route("m*", &["a"], Strategy::Order), route("new", &["b"], Strategy::Order));
        live.never.push(never("c"));
        second.never.push(never("groq"));
        let routes = routes(vec![live, second]);
        let to = |to: &str, classes, model: Option<&str>| {
            let shadow = Shadow { to: name(to), model: model.map(str::to_owned), share: 1, per_day: None };
            let found = routes.shadowed(&Wanted { classes, ..CHAT }, &shadow, &|_, _| true);
            found.map(|it| format!("{} {}", it.upstream.name, it.model))
        };
        assert_eq!(to("b", &[], None).unwrap(), "b m");
        assert_eq!(to("b", &[], Some("new")).unwrap(), "b new");
        assert_eq!(to("b", health, None).unwrap(), "b m");
        assert_eq!(to("b", health, Some("new")), Err(NoRoute::Forbidden(health.to_vec())));
        assert_eq!(to("c", health, None), Err(NoRoute::Forbidden(health.to_vec())));
        assert_eq!(to("x", &[], None), Err(NoRoute::UnknownUpstream));
    }

    #[test]
    fn a_region_that_is_not_known_counts_as_forbidden() {
        let never = Never {
            classes: vec![SensitiveClass::Health],
            providers: Vec::new(),
            regions: vec![Pattern::new("us-*")],
        };
        let at = |region: Option<&str>| {
            let region = region.map(name);
            never.forbids(&Upstream { region, ..upstream("a", "openai", "https://a") }, &never.classes)
        };
        assert!(at(Some("us-east-1")) && at(None) && !at(Some("eu-west-1")));
        assert!(!never.forbids(&upstream("a", "openai", "https://a"), &[SensitiveClass::Email]));
    }

    #[test]
    fn one_that_is_left_alone_is_begun_only_as_the_last_resort() {
        let routes = routes(vec![route("*", &["a"], Strategy::Order)]);
        let now = Instant::now();
        let given = Given { now, draw: [0, 0], translates: &|_, _| false, price: &|_, _| None };
        let before = routes.plan(&CHAT, &given).unwrap();
        for _ in 0..10 {
            routes.upstreams[0].standing.begin(now, true).unwrap().end(Ended::Failed, now);
        }
        assert!(before.candidates[0].begin(now).is_none());
        let after = routes.plan(&CHAT, &given).unwrap();
        let flight = after.candidates[0].begin(now).expect("nobody else is left");
        flight.end(Ended::Answered(Duration::from_millis(1)), now);
        assert!(before.candidates[0].begin(now).is_some());
    }
}
