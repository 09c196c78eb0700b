//! Roll-outs that go back by themselves: a version that fares worse than it may returns to shadow.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use action::{Name, Severity};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use gateway::Book;
use gateway::rollout::{Both, Tally};
use ledger::{Clock, FindingPart, Ledger, OperatorPart, Promise, Record, RecordKind};
use store::{ReturnWhen, RuleState, RuleVersion, Snapshot, State, WriteError};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// Moments that one window keeps.
const MOMENTS: u32 = 60;

/// What the watch needs.
pub struct Watch {
    pub state: Arc<State>,
    pub book: Arc<ArcSwap<Book>>,
    pub kept: Arc<ArcSwap<Snapshot>>,
    pub ledger: Ledger,
    pub clock: Arc<dyn Clock>,
}

/// A version as it was rolled out: its set, number and the state of the set. Moved once, it is
/// another one.
type Rollout = (Name, u32, u64);

impl Watch {
    /// Works until it is told to stop, on a thread of its own.
    pub fn run(&self, stop: &AtomicBool) {
        let mut windows: HashMap<Rollout, Window> = HashMap::new();
        while !stop.load(Ordering::Acquire) {
            std::thread::sleep(LOOK);
            self.look(&mut windows, Instant::now());
        }
    }

    fn look(&self, windows: &mut HashMap<Rollout, Window>, now: Instant) {
        let kept = self.kept.load();
        let book = self.book.load();
        let Some(candidate) = &book.rules.candidate else { return windows.clear() };
        let mut seen = Vec::new();
        for (version, when) in watched(&kept) {
            let Some(set) = kept.rule_sets.iter().find(|set| set.name == version.set) else { continue };
            let key = (version.set.clone(), version.number, set.version);
            seen.push(key.clone());
            let window = windows.entry(key).or_insert_with(|| Window::new(when, &candidate.tally, now));
            let counted = window.look(&candidate.tally, now);
            let Some(why) = crossed(when, counted).filter(|_| !window.returned) else { continue };
            match self.go_back(window, version, set.version, why, counted) {
                Ok(()) => {
                    tracing::warn!(set = %version.set, number = version.number, why, "a roll-out went back");
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "a roll-out could not go back");
                }
            }
        }
        windows.retain(|key, _| seen.contains(key));
    }

    /// On the ledger before it happens, as every act, and once however often the move is tried. An
    /// operator who moved the version meanwhile was first: then nothing is moved.
    fn go_back(
        &self,
        window: &mut Window,
        version: &RuleVersion,
        seen: u64,
        why: &str,
        counted: Both,
    ) -> Result<()> {
        if !window.told {
            let mut act = Record::new(RecordKind::Operator, self.clock.now());
            let (what, by) = (name("rules.return")?, name("checkrein")?);
            act.operator = Some(OperatorPart { act: what, by, on: Some(version.set.clone()) });
            act.notes = notes(version, why, counted)?;
            self.ledger.append_wait(act, Promise::Synced).context("the record of the return")?;
            window.told = true;
        }
        match self.state.move_rules(&version.set, version.number, RuleState::Shadow, Some(seen)) {
            // The snapshot may show it as active for a moment longer.
            Ok(_) => window.returned = true,
            Err(error @ (WriteError::Stale { .. } | WriteError::Refused { .. })) => {
                window.returned = true;
                return Err(error).context("the version was moved meanwhile");
            }
            Err(error) => return Err(error).context("the move back to shadow; it is tried again"),
        }
        let mut finding = Record::new(RecordKind::Finding, self.clock.now());
        finding.finding =
            Some(FindingPart { of: None, rule: name("rules.returned")?, severity: Severity::High });
        finding.notes = notes(version, why, counted)?;
        finding.notes.insert(name("set")?, version.set.clone());
        self.ledger.append_wait(finding, Promise::Synced).context("the finding").map(|_| ())
    }
}

/// Why, in numbers.
fn notes(version: &RuleVersion, why: &str, counted: Both) -> Result<BTreeMap<Name, Name>> {
    let mut notes = BTreeMap::from([(name("why")?, name(why)?)]);
    for (key, value) in [
        ("number", u64::from(version.number)),
        ("decisions", counted.candidate.decisions),
        ("blocked", counted.candidate.blocked),
        ("faulty", counted.candidate.faulty),
        ("other_decisions", counted.others.decisions),
        ("other_blocked", counted.others.blocked),
    ] {
        notes.insert(name(key)?, name(&value.to_string())?);
    }
    Ok(notes)
}

fn name(text: &str) -> Result<Name> {
    Name::new(text).with_context(|| format!("`{text}` in the record"))
}

/// Versions that decide a share of the sessions under a condition.
fn watched(kept: &Snapshot) -> impl Iterator<Item = (&RuleVersion, ReturnWhen)> {
    kept.rules
        .iter()
        .filter(|version| version.state == RuleState::Active && version.percent < 100)
        .filter_map(|version| Some((version, version.return_when?)))
}

/// Which bound was crossed.
fn crossed(when: ReturnWhen, counted: Both) -> Option<&'static str> {
    if when.faults_above.is_some_and(|most| counted.candidate.faulty > u64::from(most)) {
        return Some("faults_above");
    }
    let enough = counted.candidate.decisions >= u64::from(when.least_decisions);
    let exceeds = |points| enough && counted.blocked_share_exceeds(points);
    when.blocked_share_above.is_some_and(exceeds).then_some("blocked_share_above")
}

/// The last seconds of a roll-out, as moments at which the counts were read.
struct Window {
    within: Duration,
    tally: Arc<Tally>,
    moments: VecDeque<(Instant, Both)>,
    /// The act is on the ledger.
    told: bool,
    returned: bool,
}

impl Window {
    fn new(when: ReturnWhen, tally: &Arc<Tally>, now: Instant) -> Self {
        // A fresh tally began at nothing; what it counted before the first look counts as well.
        let moments = VecDeque::from([(now, Both::default())]);
        let within = Duration::from_secs(u64::from(when.within_seconds));
        Window { within, tally: Arc::clone(tally), moments, told: false, returned: false }
    }

    /// What was counted within the window.
    fn look(&mut self, tally: &Arc<Tally>, now: Instant) -> Both {
        if !Arc::ptr_eq(tally, &self.tally) {
            self.tally = Arc::clone(tally);
            self.moments = VecDeque::from([(now, Both::default())]);
        }
        let counts = tally.read();
        let step = self.within / MOMENTS;
        if self.moments.back().is_none_or(|(last, _)| now.duration_since(*last) >= step) {
            self.moments.push_back((now, counts));
        }
        // The first moment is the last one at or before the start of the window.
        while self.moments.get(1).is_some_and(|(next, _)| now.duration_since(*next) >= self.within) {
            self.moments.pop_front();
        }
        self.moments.front().map_or(counts, |(_, first)| counts.since(*first))
    }
}

#[cfg(test)]
mod tests {
    use gateway::rollout::Counted;

    use super::*;

    fn when(within_seconds: u32) -> ReturnWhen {
        ReturnWhen {
            blocked_share_above: Some(10),
            faults_above: Some(2),
            within_seconds,
            least_decisions: 5,
        }
    }

    fn candidate(decisions: u64, blocked: u64, faulty: u64) -> Both {
        Both { candidate: Counted { decisions, blocked, faulty }, others: Counted::default() }
    }

    #[test]
    fn a_bound_is_crossed_by_more_than_it_and_by_enough_decisions() {
        assert_eq!(crossed(when(60), candidate(4, 4, 0)), None, "too few to say anything");
        assert_eq!(crossed(when(60), candidate(20, 2, 2)), None);
        assert_eq!(crossed(when(60), candidate(20, 3, 0)), Some("blocked_share_above"));
        assert_eq!(crossed(when(60), candidate(3, 0, 3)), Some("faults_above"));
    }

    #[test]
    fn a_window_forgets_what_is_older_and_begins_anew_with_other_rules() {
        let tally = Arc::new(Tally::default());
        let start = Instant::now();
        let mut window = Window::new(when(10), &tally, start);
        for (after, counts) in [(0, 1), (5, 3), (11, 4)] {
            window.moments.push_back((start + Duration::from_secs(after), candidate(counts, 0, 0)));
        }
        window.look(&tally, start + Duration::from_secs(16));
        assert_eq!(window.moments.front().map(|(_, both)| both.candidate.decisions), Some(3));
        assert!(window.moments.len() <= 4);
        let other = Arc::new(Tally::default());
        assert_eq!(window.look(&other, start + Duration::from_secs(17)), Both::default());
        assert_eq!(window.moments.front().map(|(_, both)| *both), Some(Both::default()));
    }
}
