//! Questions that the operators' API asks.

use action::{ActionKind, ApprovalState, Environment, Mode, Operation, Severity, TraceId, Vector, Verdict};
use ledger::{AgentPart, ApprovalStep, Record, Report};
use store::{CountBy, DecisionFilter, EventFilter, Index, Limit, Total};

use crate::place::{Place, at, name};
use crate::records::{
    Log, approval, decision, detection, dump, erasure, fill, finding, gap, operator, outcome, policy,
};

fn ids(index: &Index, filter: &DecisionFilter) -> Vec<String> {
    let page = index.decisions(filter, None, Limit::MOST).unwrap();
    assert_eq!(index.count_decisions(filter).unwrap(), Total::Exactly(page.items.len() as u64));
    page.items.iter().map(|row| row.id.to_string()).collect()
}

pub fn decisions_are_found_by_each_part_of_a_filter(place: &dyn Place) {
    let trace = TraceId::from_hex(&"1".repeat(32)).unwrap();
    let mut special = Record {
        session: Some(name("s-1")),
        trace: Some(trace),
        principal: Some(name("psn:1")),
        detections: vec![detection(Vector::Pii), detection(Vector::Pii), detection(Vector::Xss)],
        agent: Some(AgentPart { name: name("special"), version: None }),
        ..decision("special", Verdict::Approve, 2_000)
    };
    if let (Some(part), Some(act), Some(risk)) =
        (&mut special.decision, &mut special.action, &mut special.risk)
    {
        part.rule = name("floor.pii");
        part.effective = Verdict::Alert;
        part.mode = Mode::Monitor;
        (act.kind, act.operation, act.environment) =
            (ActionKind::File, Operation::Read, Environment::Staging);
        act.tool = name("Read_File%");
        risk.value = 90;
    }
    let log = Log::of([
        decision("before", Verdict::Allow, 1_000),
        special,
        decision("after", Verdict::Block, 3_000),
        approval("special", ApprovalStep::Requested, 3_001),
        outcome("special", Report::Executed, 3_002),
    ]);
    let index = place.index();
    fill(&index, &log, 10);
    let none = DecisionFilter::default();
    assert_eq!(ids(&index, &none), ["after", "special", "before"]);
    let each = [
        DecisionFilter { agent: Some(name("special")), ..none.clone() },
        DecisionFilter { principal: Some(name("psn:1")), ..none.clone() },
        DecisionFilter { session: Some(name("s-1")), ..none.clone() },
        DecisionFilter { trace: Some(trace), ..none.clone() },
        DecisionFilter { verdict: Some(Verdict::Approve), ..none.clone() },
        DecisionFilter { effective: Some(Verdict::Alert), ..none.clone() },
        DecisionFilter { vector: Some(Vector::Pii), ..none.clone() },
        DecisionFilter { rule: Some(name("floor.pii")), ..none.clone() },
        DecisionFilter { kind: Some(ActionKind::File), ..none.clone() },
        DecisionFilter { operation: Some(Operation::Read), ..none.clone() },
        DecisionFilter { environment: Some(Environment::Staging), ..none.clone() },
        DecisionFilter { hold: Some(ApprovalState::Pending), ..none.clone() },
        DecisionFilter { outcome: Some(Report::Executed), ..none.clone() },
        DecisionFilter { score_from: Some(90), ..none.clone() },
        DecisionFilter { from: Some(at(2_000)), before: Some(at(3_000)), ..none.clone() },
        DecisionFilter { tool: Some(name("d_file%")), ..none.clone() },
        DecisionFilter {
            vector: Some(Vector::Xss),
            verdict: Some(Verdict::Approve),
            score_to: Some(90),
            ..none.clone()
        },
    ];
    for filter in &each {
        assert_eq!(ids(&index, filter), ["special"], "{filter:?}");
    }
    let neither = DecisionFilter { vector: Some(Vector::Pii), agent: Some(name("bot")), ..none.clone() };
    assert_eq!(ids(&index, &neither), [""; 0]);
    assert_eq!(ids(&index, &DecisionFilter { score_to: Some(89), ..none.clone() }), ["after", "before"]);
    assert_eq!(ids(&index, &DecisionFilter { before: Some(at(1)), ..none }), [""; 0]);
}

pub fn pages_meet_without_overlap(place: &dyn Place) {
    let log = Log::of((0..95).map(|n| Record {
        detections: if n % 2 == 0 { vec![detection(Vector::Pii)] } else { Vec::new() },
        ..decision(&format!("d-{n}"), Verdict::ALL[n % 6], n as i64)
    }));
    let index = place.index();
    fill(&index, &log, 10);
    let filter = DecisionFilter { vector: Some(Vector::Pii), ..DecisionFilter::default() };
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = index.decisions(&filter, before, Limit::new(10)).unwrap();
        seen.extend(page.items.iter().map(|row| row.sequence));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..95).rev().filter(|n| n % 2 == 0).collect::<Vec<u64>>());
}

pub fn a_decision_comes_with_its_history(place: &dyn Place) {
    let log = Log::of([
        decision("d-0", Verdict::Allow, 1),
        Record { detections: vec![detection(Vector::Pii)], ..decision("d-1", Verdict::Approve, 2) },
    ]);
    let leaf = log.leaf(1);
    log.push(approval("d-1", ApprovalStep::Requested, 3));
    log.push(Record { cause: Some(leaf), ..approval("d-1", ApprovalStep::Approved, 4) });
    log.push(approval("d-1", ApprovalStep::Released, 5));
    log.push(outcome("d-1", Report::Executed, 6));
    log.push(finding("late", Severity::Low, Some(leaf), 7));
    let mut named = finding("named", Severity::Low, None, 8);
    if let Some(part) = &mut named.finding {
        part.of = Some(name("d-1"));
    }
    log.push(named);
    let index = place.index();
    fill(&index, &log, 3);

    let history = index.decision(&name("d-1")).unwrap().unwrap();
    let row = &history.decision;
    assert_eq!((row.sequence, history.leaf, row.vectors.as_slice()), (1, leaf, &[Vector::Pii][..]));
    assert_eq!((row.hold, row.outcome), (Some(ApprovalState::Approved), Some(Report::Executed)));
    assert_eq!(row.risk.as_ref().map(|risk| (risk.value, risk.parts)), Some((42, [1, 2, 3, 4, 5, 6, 7])));
    assert_eq!(row.act.as_ref().map(|act| act.tool.clone()), Some(name("refund")));
    assert_eq!(row.latency.get(&name("policy")), Some(&12));
    assert_eq!(history.detections.len(), 1);
    assert_eq!(
        history.hold.as_ref().map(|hold| (hold.released, hold.needed, hold.votes)),
        Some((true, 2, 1))
    );
    let steps: Vec<_> = history.approvals.iter().map(|row| row.step).collect();
    assert_eq!(steps, [ApprovalStep::Requested, ApprovalStep::Approved, ApprovalStep::Released]);
    assert_eq!(history.outcomes.len(), 1);
    let findings: Vec<_> = history.findings.iter().map(|row| (row.rule.as_str(), row.derived)).collect();
    assert_eq!(findings, [("late", false), ("named", false)], "a released action may be executed");
    assert_eq!(history.caused.iter().map(|row| row.sequence).collect::<Vec<_>>(), [3, 6]);
    assert_eq!(index.decision(&name("nobody")).unwrap(), None);
}

/// What was carried out, what happened to the hold, what was reported, and what follows.
type Case = (Verdict, &'static [ApprovalStep], &'static [Report], &'static [(&'static str, Severity)]);

const CONTRADICTS: &str = "outcome.contradicts";

pub fn what_contradicts_a_decision_is_a_finding(place: &dyn Place) {
    use ApprovalStep::{Approved, Denied, Released, Requested};
    use Report::{Executed, Failed, Isolated, Missing, NotExecuted};
    let cases: &[Case] = &[
        (Verdict::Allow, &[], &[Executed], &[]),
        (Verdict::Constrain, &[], &[Failed], &[]),
        (Verdict::Block, &[], &[NotExecuted], &[]),
        (Verdict::Block, &[], &[Missing], &[]),
        (Verdict::Block, &[], &[Executed], &[(CONTRADICTS, Severity::Critical)]),
        (Verdict::Block, &[], &[Failed], &[(CONTRADICTS, Severity::High)]),
        (Verdict::Block, &[], &[Isolated], &[(CONTRADICTS, Severity::Medium)]),
        (Verdict::Sandbox, &[], &[Isolated], &[]),
        (Verdict::Sandbox, &[], &[Executed], &[(CONTRADICTS, Severity::Critical)]),
        (Verdict::Approve, &[Requested], &[Executed], &[(CONTRADICTS, Severity::Critical)]),
        (Verdict::Approve, &[Requested, Approved], &[Executed], &[(CONTRADICTS, Severity::Critical)]),
        (Verdict::Approve, &[Requested, Denied, Released], &[Executed], &[(CONTRADICTS, Severity::Critical)]),
        (Verdict::Approve, &[Requested, Approved, Released], &[Executed], &[]),
        (Verdict::Allow, &[], &[Missing, Executed], &[]),
        (Verdict::Allow, &[], &[Executed, Executed], &[]),
        (Verdict::Allow, &[], &[Executed, Missing], &[]),
        (Verdict::Allow, &[], &[Executed, NotExecuted], &[("outcome.disagrees", Severity::Medium)]),
    ];
    let log = Log::default();
    for (n, (verdict, steps, reports, _)) in (0i64..).zip(cases) {
        let id = format!("d-{n}");
        log.push(decision(&id, *verdict, n));
        steps.iter().for_each(|step| log.push(approval(&id, *step, n)));
        reports.iter().for_each(|report| log.push(outcome(&id, *report, n)));
    }
    // Nothing is concluded from a report about nothing.
    log.push(outcome("unknown", Executed, 100));
    log.push(decision("d-0", Verdict::Allow, 101));
    let index = place.index();
    fill(&index, &log, 4);
    for (n, (verdict, steps, reports, want)) in cases.iter().enumerate() {
        let history = index.decision(&name(&format!("d-{n}"))).unwrap().unwrap();
        let mut found: Vec<_> =
            history.findings.iter().map(|row| (row.rule.as_str(), row.severity)).collect();
        assert!(history.findings.iter().all(|row| row.derived));
        found.retain(|(rule, _)| *rule != "decision.repeated");
        assert_eq!(found, *want, "{n}: {verdict} {steps:?} {reports:?}");
        let last = reports.iter().rev().find(|report| **report != Missing).or(reports.last());
        assert_eq!(history.decision.outcome.as_ref(), last);
    }
    let repeated = EventFilter { name: Some(name("decision.repeated")), ..EventFilter::default() };
    assert_eq!(index.findings(&repeated, None, Limit::MOST).unwrap().items.len(), 1);
    let bad = EventFilter { severity_from: Some(Severity::High), ..EventFilter::default() };
    let worst = index.findings(&bad, None, Limit::MOST).unwrap();
    assert_eq!(worst.items.len(), 7, "six contradictions and the repeated id");
}

pub fn holds_move_as_they_were_recorded(place: &dyn Place) {
    let steps = |id: &'static str, steps: &'static [ApprovalStep]| {
        steps.iter().map(move |step| approval(id, *step, 1))
    };
    use ApprovalStep::{Approved, Cancelled, Denied, Expired, Released, Requested, Voted};
    let log = Log::of(
        steps("a", &[Requested, Voted])
            .chain(steps("b", &[Requested, Voted, Approved, Released, Denied]))
            .chain(steps("c", &[Requested, Denied, Approved]))
            .chain(steps("d", &[Requested, Expired]))
            .chain(steps("e", &[Requested, Cancelled, Released]))
            .chain(steps("f", &[Approved])),
    );
    let index = place.index();
    fill(&index, &log, 2);
    let held = index.holds(None, None, Limit::MOST).unwrap().items;
    let found: Vec<_> =
        held.iter().map(|row| (row.of.as_str(), row.state, row.votes, row.released)).collect();
    assert_eq!(
        found,
        [
            ("e", ApprovalState::Cancelled, 0, false),
            ("d", ApprovalState::Expired, 0, false),
            ("c", ApprovalState::Denied, 0, false),
            ("b", ApprovalState::Approved, 2, true),
            ("a", ApprovalState::Pending, 1, false),
        ]
    );
    let pending = index.holds(Some(ApprovalState::Pending), None, Limit::MOST).unwrap().items;
    assert_eq!(pending.len(), 1);
    let first = index.holds(None, None, Limit::new(2)).unwrap();
    assert_eq!(index.holds(None, first.next, Limit::MOST).unwrap().items, held[2..]);
}

pub fn events_are_found_by_what_they_have(place: &dyn Place) {
    let log =
        Log::of([operator("agent.create", "ada", 1), policy(2), erasure(3), gap(4), operator("x", "bob", 5)]);
    let index = place.index();
    fill(&index, &log, 10);
    let all = EventFilter::default();
    let by_ada = EventFilter { by: Some(name("ada")), ..all.clone() };
    assert_eq!(index.operator_acts(&all, None, Limit::MOST).unwrap().items.len(), 2);
    let acts = index.operator_acts(&by_ada, None, Limit::MOST).unwrap().items;
    assert_eq!((acts.len(), acts[0].act.as_str()), (1, "agent.create"));
    let policies = index.policies(&by_ada, None, Limit::MOST).unwrap().items;
    assert_eq!(policies[0].notes.get(&name("digest")), Some(&name("abc")));
    let person = EventFilter { of: Some(name("psn:1")), ..all.clone() };
    assert_eq!(index.erasures(&person, None, Limit::MOST).unwrap().items[0].pieces, 3);
    let torn = EventFilter { name: Some(name("torn_tail")), ..all.clone() };
    assert_eq!(index.gaps(&torn, None, Limit::MOST).unwrap().items[0].bytes, 7);
    assert!(index.gaps(&by_ada, None, Limit::MOST).unwrap().items.is_empty(), "a gap has no author");
    let gaps = EventFilter { name: Some(name("gap")), ..all.clone() };
    assert_eq!(index.records(&gaps, None, Limit::MOST).unwrap().items[0].sequence, 3);
    let late = EventFilter { from: Some(at(5)), ..all.clone() };
    assert_eq!(index.operator_acts(&late, None, Limit::MOST).unwrap().items[0].by, name("bob"));
    let first = index.records(&all, None, Limit::new(2)).unwrap();
    assert_eq!(first.next, Some(3));
    assert_eq!(index.records(&all, first.next, Limit::MOST).unwrap().items.len(), 3);
}

pub fn hours_count_what_was_decided(place: &dyn Place) {
    const HOUR: i64 = 3_600_000;
    let log = Log::of([
        decision("a", Verdict::Block, 0),
        decision("b", Verdict::Block, HOUR - 1),
        Record {
            detections: vec![detection(Vector::Pii), detection(Vector::Pii)],
            ..decision("c", Verdict::Allow, HOUR)
        },
        decision("d", Verdict::Block, 5 * HOUR),
    ]);
    let index = place.index();
    fill(&index, &log, 2);
    let count = |by, from, before| -> Vec<(i64, String, u64)> {
        let rows = index.hours(by, at(from), at(before)).unwrap();
        rows.into_iter().map(|row| (row.hour.millis() / HOUR, row.key.to_string(), row.count)).collect()
    };
    assert_eq!(count(CountBy::Verdict, 0, 5 * HOUR), [(0, "block".into(), 2), (1, "allow".into(), 1)]);
    assert_eq!(count(CountBy::Vector, 0, 9 * HOUR), [(1, "pii".into(), 1)]);
    assert_eq!(count(CountBy::Agent, HOUR, 9 * HOUR), [(1, "bot".into(), 1), (5, "bot".into(), 1)]);
    for by in CountBy::ALL {
        let total: u64 = count(by, 0, 9 * HOUR).iter().map(|row| row.2).sum();
        assert_eq!(total, if by == CountBy::Vector { 1 } else { 4 }, "{by:?}");
    }
}

pub fn a_range_of_time_is_right_even_when_the_clock_went_back(place: &dyn Place) {
    let times = [10, 20, 30, 5, 25, 40];
    let log = Log::of(times.iter().map(|time| decision(&format!("d-{time}"), Verdict::Allow, *time)));
    let index = place.index();
    // Before the third record the clock never went back; after it, it did.
    for size in [3, 6] {
        while index.next().unwrap() < size {
            index.step(&log, 1).unwrap();
        }
        for from in 0..45 {
            for before in from..45 {
                let filter = DecisionFilter {
                    from: Some(at(from)),
                    before: Some(at(before)),
                    ..DecisionFilter::default()
                };
                let mut want: Vec<String> = times[..size as usize]
                    .iter()
                    .filter(|time| (from..before).contains(*time))
                    .map(|time| format!("d-{time}"))
                    .collect();
                want.reverse();
                assert_eq!(ids(&index, &filter), want, "{from}..{before} of {size}");
            }
        }
    }
    assert!(dump(&index).contains("monotone=0"));
}
