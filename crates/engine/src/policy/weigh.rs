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
//! 3. If an exception softens r, r neither ends the search in its layer nor stands in for the
//!    bands. The rule that decided before still decides; one more voice cannot lower a maximum.
//! 4. A rule that r displaced may have stood in for the bands; they speak again, which adds a
//!    voice. Exceptions belong to one rule, band or floor by name and soften nothing else.

use std::borrow::Cow;

use action::{Fault, Layer, Severity, Vector, Verdict};

use super::bands::{self, Bands};
use super::condition::View;
use super::load::Policies;
use super::rego;
use super::rule::{Exception, Rule};

/// All voices about one action.
pub struct Weighed<'p> {
    pub verdict: Verdict,
    pub decided: Voice,
    pub matched: Vec<Matched<'p>>,
    pub shadows: Vec<Matched<'p>>,
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
    /// Whether it is one of the voices, rather than hidden by an earlier rule.
    pub speaks: bool,
}

/// A floor that a critical hit has set.
pub struct Floored<'p> {
    pub vector: Vector,
    pub stated: Verdict,
    pub exception: Option<&'p Exception>,
}

/// The band of the score.
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
        softened(self.stated, self.exception)
    }
}

impl Floored<'_> {
    pub fn verdict(&self) -> Verdict {
        softened(self.stated, self.exception)
    }
}

impl Banded<'_> {
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
    let (mut matched, shadows, faults) = matches(view, policies, spoken, without);
    for layer in Layer::ALL {
        speak(&mut matched, *layer);
    }
    let replaced = matched.iter().any(|m| m.speaks && m.exception.is_none() && m.rule.instead_of_bands);
    let floors = floors(view, policies);
    let band = band(view, policies, replaced);
    let (decided, verdict) = strictest(&matched, &faults, &floors, &band);
    Weighed { verdict, decided, matched, shadows, faults, floors, band }
}

/// Runs the modules that may have something to say about the case.
pub fn run_modules(view: &View<'_>, policies: &Policies, candidates: &[usize]) -> Spoken {
    let mut input = None;
    let mut spoken = Vec::new();
    for at in candidates {
        let Some(rule) = policies.rules.get(*at) else { continue };
        let Some(module) = &rule.module else { continue };
        if applies(view, policies, rule) {
            let input = input.get_or_insert_with(|| rego::input(view.case));
            spoken.push((*at, module.run(input, view.case)));
        }
    }
    spoken
}

fn applies(view: &View<'_>, policies: &Policies, rule: &Rule) -> bool {
    rule.when.holds(view) && policies.documents.get(rule.document).is_some_and(|d| d.applies(view))
}

type Found<'p> = (Vec<Matched<'p>>, Vec<Matched<'p>>, Vec<Fault>);

fn matches<'p>(
    view: &View<'_>,
    policies: &'p Policies,
    spoken: &Spoken,
    without: Option<usize>,
) -> Found<'p> {
    let (mut matched, mut shadows, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for at in policies.index.candidates(view.case.action) {
        let Some(rule) = policies.rules.get(at).filter(|_| without != Some(at)) else { continue };
        if !applies(view, policies, rule) {
            continue;
        }
        let mut found = Matched {
            at,
            rule,
            id: Cow::Borrowed(rule.id.as_str()),
            reason: rule.note.clone(),
            stated: rule.verdict,
            exception: None,
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
                    if !rule.shadow {
                        let code = Cow::Borrowed(*code);
                        let counted_as = module.counted_as(view.case.action);
                        faults.push(Fault { rule: rule.id.clone(), code, counted_as });
                    }
                    continue;
                }
                Some(rego::Outcome::Silent) | None => continue,
            }
        }
        if rule.shadow {
            shadows.push(found);
            continue;
        }
        found.exception = mildest(&rule.exceptions, view, policies);
        matched.push(found);
    }
    // Modules say how strict they are only now; at equal priority the stricter comes first.
    matched.sort_by_key(|m| (m.rule.layer, m.rule.priority, std::cmp::Reverse(m.stated), m.at));
    (matched, shadows, faults)
}

/// Marks the rules of a layer that speak: those that always count, the first other rule, and on
/// the way to it each rule that an exception softens.
fn speak(matched: &mut [Matched<'_>], layer: Layer) {
    let mut decided = false;
    for found in matched.iter_mut().filter(|m| m.rule.layer == layer) {
        if found.rule.always {
            found.speaks = true;
        } else if !decided {
            found.speaks = true;
            decided = found.exception.is_none();
        }
    }
}

/// The unexpired exception with the mildest verdict whose conditions hold.
fn mildest<'p>(exceptions: &'p [Exception], view: &View<'_>, policies: &Policies) -> Option<&'p Exception> {
    exceptions
        .iter()
        .filter(|exception| view.case.now < exception.until)
        .filter(|exception| policies.documents.get(exception.document).is_some_and(|d| d.applies(view)))
        .filter(|exception| exception.when.holds(view))
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
        if !document.applies(view) {
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

/// The band of the score. The organisation sets the bounds, applications and agents may only
/// tighten them. Nothing stands in for the top band.
fn band<'p>(view: &View<'_>, policies: &'p Policies, replaced: bool) -> Banded<'p> {
    let environment = view.case.action.environment;
    let mut set: Option<Bands> = None;
    let mut tightened: Option<Bands> = None;
    for document in &policies.documents {
        let Some(bounds) = document.bands.get(&environment).filter(|_| document.applies(view)) else {
            continue;
        };
        let slot = match document.layer {
            Layer::Organisation => &mut set,
            Layer::Application | Layer::Agent => &mut tightened,
        };
        *slot = Some(slot.map_or(*bounds, |before| before.stricter(*bounds)));
    }
    let bounds = set.unwrap_or_default();
    let bounds = tightened.map_or(bounds, |tighter| bounds.stricter(tighter));
    let band = bounds.band(view.score);
    let exception = named(bands::name(band), view, policies);
    Banded { band, bounds, exception, replaced: replaced && band != Severity::Critical }
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
