//! Weighing: everything that speaks about an action, and the strictest of it.
//!
//! Each voice contributes a verdict: in each layer the first rule that matches, every rule that
//! always counts, every module that failed, the floors, the score band. The answer is the
//! greatest of them.
//!
//! INVARIANT (law 4): adding a rule whose verdict is at least as strict as the present answer
//! never makes the answer milder. Why it holds: let A be the answer and r the new rule with its
//! verdict v >= A.
//! 1. If r does not speak (it does not match, or an earlier rule of its layer decides), all
//!    voices are as before.
//! 2. If r speaks unexcepted, v is among the contributions, so the answer is at least v >= A,
//!    whatever r took the place of: a milder rule, or the bands if r stands in for them.
//! 3. If an exception softens r, or r matches possibly and not for sure, r neither ends the search
//!    in its layer nor stands in for the bands. The rule that decided before still decides; one
//!    more voice cannot lower a maximum.
//!    The same holds where r asked a person who said yes to what this is the result of.
//! 4. A rule that r displaced may have stood in for the bands; they speak again, which adds a
//!    voice. Exceptions belong to one rule, band or floor by name and soften nothing else.
//!
//! The same makes the second reading of names and values safe ([`Sure`]): a look-alike of a name
//! adds the voices of the rules about that name, and takes none away, the bands' included. Whatever
//! an action is renamed to that looks like its name, it is answered at least as strictly.

use std::borrow::Cow;

use action::{Fault, Layer, Severity, Vector, Verdict};

use super::bands::{self, Bands};
use super::condition::{Sure, View};
use super::load::Policies;
use super::rego;
use super::rule::{Exception, Rule};

/// All voices about one action.
pub struct Weighed<'p> {
    pub verdict: Verdict,
    pub decided: Voice,
    pub matched: Vec<Matched<'p>>,
    /// Rules on trial that matched, and those that could not be evaluated.
    pub shadows: Vec<Matched<'p>>,
    pub failed_shadows: Vec<(Layer, Fault)>,
    pub faults: Vec<Fault>,
    pub floors: Vec<Floored<'p>>,
    pub band: Banded<'p>,
}

/// A rule that matched.
#[derive(Clone)]
pub struct Matched<'p> {
    pub at: usize,
    pub rule: &'p Rule,
    /// The rule's id, with the module's own name for what it decided after it.
    pub id: Cow<'p, str>,
    pub reason: Option<String>,
    /// What the rule says, before an exception.
    pub stated: Verdict,
    pub exception: Option<&'p Exception>,
    /// It asks for a person, and one has answered it for the action of which this is the result.
    pub answered: bool,
    /// Whether it matches in every way of taking the action. One that only may match speaks, and
    /// that is all it does.
    pub surely: bool,
    /// Whether it is one of the voices, rather than hidden by an earlier rule.
    pub speaks: bool,
}

/// A floor that a critical hit has set.
#[derive(Clone)]
pub struct Floored<'p> {
    pub vector: Vector,
    pub stated: Verdict,
    pub exception: Option<&'p Exception>,
}

/// The band of the score.
#[derive(Clone, Copy)]
pub struct Banded<'p> {
    pub band: Severity,
    pub bounds: Bands,
    pub exception: Option<&'p Exception>,
    /// A rule stands in for it.
    pub replaced: bool,
}

/// The voice that decided, by its place in [`Weighed`].
#[derive(Clone, Copy)]
pub enum Voice {
    Rule(usize),
    Fault(usize),
    Floor(usize),
    Band,
}

/// What the Rego modules said, so that a varied case does not run them again.
pub type Spoken = Vec<(usize, rego::Outcome)>;

impl Matched<'_> {
    pub fn verdict(&self) -> Verdict {
        if self.answered { Verdict::Allow } else { softened(self.stated, self.exception) }
    }

    /// Whether it says what is written in it.
    pub fn is_plain(&self) -> bool {
        self.exception.is_none() && !self.answered
    }

    /// Whether it may take the place of others: of later rules, of the bands.
    fn displaces(&self) -> bool {
        self.surely && self.is_plain()
    }
}

impl Floored<'_> {
    pub fn verdict(&self) -> Verdict {
        softened(self.stated, self.exception)
    }
}

impl Banded<'_> {
    /// Nothing stands in for the top band.
    fn is_replaced(&self, by_a_rule: bool) -> bool {
        by_a_rule && self.band != Severity::Critical
    }

    pub fn verdict(&self) -> Verdict {
        softened(bands::verdict(self.band), self.exception)
    }
}

fn softened(stated: Verdict, exception: Option<&Exception>) -> Verdict {
    exception.map_or(stated, |exception| stated.min(exception.verdict))
}

/// Weighs all voices; `without` leaves out one rule, to find out what it changed.
pub fn weigh<'p>(
    view: &View<'_>,
    policies: &'p Policies,
    spoken: &Spoken,
    without: Option<usize>,
) -> Weighed<'p> {
    let Found { mut matched, shadows, failed_shadows, faults } = matches(view, policies, spoken, without);
    let replaced = speak(&mut matched);
    let floors = floors(view, policies);
    let band = band(view, policies, replaced);
    let (decided, verdict) = strictest(&matched, &faults, &floors, &band);
    Weighed { verdict, decided, matched, shadows, failed_shadows, faults, floors, band }
}

impl<'p> Weighed<'p> {
    /// The answer if a rule on trial were in force beside all the others.
    pub fn with(&self, trial: &Matched<'p>) -> Verdict {
        let mut matched = self.matched.clone();
        matched.push(trial.clone());
        order(&mut matched);
        let replaced = speak(&mut matched);
        let band = Banded { replaced: self.band.is_replaced(replaced), ..self.band };
        strictest(&matched, &self.faults, &self.floors, &band).1
    }
}

/// Runs the modules that may have something to say about the case.
pub fn run_modules(view: &View<'_>, policies: &Policies, candidates: &[usize]) -> Spoken {
    let mut input = None;
    let mut spoken = Vec::new();
    for at in candidates {
        let Some(rule) = policies.rules.get(*at) else { continue };
        let Some(module) = &rule.module else { continue };
        if applies(view, policies, rule, Sure::Possibly) {
            let input = input.get_or_insert_with(|| rego::input(view, &policies.needs));
            spoken.push((*at, module.run(input, view.case)));
        }
    }
    spoken
}

fn applies(view: &View<'_>, policies: &Policies, rule: &Rule, sure: Sure) -> bool {
    rule.when.holds(view, sure)
        && policies.documents.get(rule.document).is_some_and(|d| d.applies(view, sure))
}

#[derive(Default)]
struct Found<'p> {
    matched: Vec<Matched<'p>>,
    shadows: Vec<Matched<'p>>,
    failed_shadows: Vec<(Layer, Fault)>,
    faults: Vec<Fault>,
}

fn matches<'p>(
    view: &View<'_>,
    policies: &'p Policies,
    spoken: &Spoken,
    without: Option<usize>,
) -> Found<'p> {
    let mut all = Found::default();
    for at in policies.index.candidates(view.case.action, view.names) {
        let Some(rule) = policies.rules.get(at).filter(|_| without != Some(at)) else { continue };
        if !applies(view, policies, rule, Sure::Possibly) {
            continue;
        }
        let mut found = Matched {
            at,
            rule,
            id: Cow::Borrowed(rule.id.as_str()),
            reason: rule.note.clone(),
            stated: rule.verdict,
            exception: None,
            answered: false,
            surely: applies(view, policies, rule, Sure::Certainly),
            speaks: false,
        };
        if let Some(module) = &rule.module {
            match spoken.iter().find(|(module, _)| *module == at).map(|(_, outcome)| outcome) {
                Some(rego::Outcome::Decided(decision)) => {
                    found.stated = decision.verdict;
                    found.id = Cow::Owned(format!("{}.{}", rule.id, decision.rule));
                    found.reason = decision.reason.clone().or(found.reason);
                }
                Some(rego::Outcome::Failed(code)) => {
                    let counted_as = module.counted_as(view.case.action);
                    let fault = Fault { rule: rule.id.clone(), code: Cow::Borrowed(*code), counted_as };
                    match rule.shadow {
                        true => all.failed_shadows.push((rule.layer, fault)),
                        false => all.faults.push(fault),
                    }
                    continue;
                }
                Some(rego::Outcome::Silent) | None => continue,
            }
        }
        found.exception = mildest(&rule.exceptions, view, policies);
        found.answered = matches!(found.stated, Verdict::Sandbox | Verdict::Approve)
            && view.case.facts.answered.iter().any(|id| *id == found.id);
        match rule.shadow {
            true => all.shadows.push(found),
            false => all.matched.push(found),
        }
    }
    order(&mut all.matched);
    all
}

/// Modules say how strict they are only when they run; at equal priority the stricter comes first.
fn order(matched: &mut [Matched<'_>]) {
    matched.sort_by_key(|m| (m.rule.layer, m.rule.priority, std::cmp::Reverse(m.stated), m.at));
}

/// Marks the rules that speak, in each layer: those that always count, the first other rule that
/// matches for sure, and on the way to it each that only may match or that an exception softens.
/// Tells whether one of them stands in for the bands. One that only may match and would leave the
/// bands alone holds that back: if it does match, the later rule is never asked.
fn speak(matched: &mut [Matched<'_>]) -> bool {
    let mut replaced = false;
    for layer in Layer::ALL {
        let (mut decided, mut open) = (false, true);
        for found in matched.iter_mut().filter(|m| m.rule.layer == *layer) {
            found.speaks = found.rule.always || !decided;
            let stands_in = found.speaks && found.displaces() && found.rule.instead_of_bands;
            if found.rule.always {
                replaced |= stands_in;
            } else if !decided {
                replaced |= stands_in && open;
                open &= found.surely || found.rule.instead_of_bands;
                decided = found.displaces();
            }
        }
    }
    replaced
}

/// The unexpired exception with the mildest verdict whose conditions hold for sure.
fn mildest<'p>(exceptions: &'p [Exception], view: &View<'_>, policies: &Policies) -> Option<&'p Exception> {
    exceptions
        .iter()
        .filter(|exception| view.case.now < exception.until)
        .filter(|exception| {
            policies.documents.get(exception.document).is_some_and(|d| d.applies(view, Sure::Certainly))
        })
        .filter(|exception| exception.when.holds(view, Sure::Certainly))
        .min_by_key(|exception| exception.verdict)
}

fn named<'p>(name: &str, view: &View<'_>, policies: &'p Policies) -> Option<&'p Exception> {
    mildest(policies.exceptions.get(name)?, view, policies)
}

fn floors<'p>(view: &View<'_>, policies: &'p Policies) -> Vec<Floored<'p>> {
    let mut found: Vec<Floored<'p>> = Vec::new();
    if view.case.detections.is_empty() {
        return found;
    }
    for document in policies.documents.iter().filter(|document| !document.floors.is_empty()) {
        if !document.applies(view, Sure::Possibly) {
            continue;
        }
        for floor in &document.floors {
            let hit =
                |hit: &action::Detection| hit.vector == floor.vector && hit.confidence >= floor.confidence;
            if view.case.detections.iter().any(hit) {
                let exception = named(bands::floor_name(floor.vector), view, policies);
                found.push(Floored { vector: floor.vector, stated: floor.verdict, exception });
            }
        }
    }
    found
}

/// The band of the score. The organisation sets the bounds; applications and agents, and documents
/// that only may be about this action, can only tighten them. Nothing stands in for the top band.
fn band<'p>(view: &View<'_>, policies: &'p Policies, replaced: bool) -> Banded<'p> {
    let environment = view.case.action.environment;
    let mut set: Option<Bands> = None;
    let mut tightened: Option<Bands> = None;
    for document in &policies.documents {
        let applies = |sure| document.applies(view, sure);
        let Some(bounds) = document.bands.get(&environment).filter(|_| applies(Sure::Possibly)) else {
            continue;
        };
        let slot = match document.layer {
            Layer::Organisation if applies(Sure::Certainly) => &mut set,
            Layer::Organisation | Layer::Application | Layer::Agent => &mut tightened,
        };
        *slot = Some(slot.map_or(*bounds, |before| before.stricter(*bounds)));
    }
    let bounds = set.unwrap_or_default();
    let bounds = tightened.map_or(bounds, |tighter| bounds.stricter(tighter));
    let band = bounds.band(view.score);
    let exception = named(bands::name(band), view, policies);
    let banded = Banded { band, bounds, exception, replaced: false };
    Banded { replaced: banded.is_replaced(replaced), ..banded }
}

/// The strictest voice. Of equally strict ones the most telling: a rule, then a fault, a floor,
/// the band.
fn strictest<'p>(
    matched: &[Matched<'p>],
    faults: &[Fault],
    floors: &[Floored<'p>],
    band: &Banded<'p>,
) -> (Voice, Verdict) {
    let rules = matched.iter().enumerate().filter(|(_, m)| m.speaks);
    let rules = rules.map(|(at, m)| (Voice::Rule(at), m.verdict()));
    let faults = faults.iter().enumerate().map(|(at, fault)| (Voice::Fault(at), fault.counted_as));
    let floors = floors.iter().enumerate().map(|(at, floor)| (Voice::Floor(at), floor.verdict()));
    let band = (!band.replaced).then(|| (Voice::Band, band.verdict()));
    let mut best: Option<(Voice, Verdict)> = None;
    for voice in rules.chain(faults).chain(floors).chain(band) {
        if best.as_ref().is_none_or(|(_, verdict)| voice.1 > *verdict) {
            best = Some(voice);
        }
    }
    // A band is left out only where a rule stands in for it, so somebody always speaks.
    best.unwrap_or((Voice::Band, Verdict::Block))
}
