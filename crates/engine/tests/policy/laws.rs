//! Laws of policy: total, deterministic, and no stricter rule makes an answer milder.

use action::{Action, Json, Verdict};
use engine::facts::Facts;
use engine::policy::cases::{Given, PLAIN_ACTION};
use engine::policy::{Judged, judge};
use proptest::prelude::*;

use crate::ask::{judged, load};

/// One rule of a random set, in words that random cases often match.
#[derive(Debug, Clone)]
struct Written {
    priority: u8,
    tool: Option<u8>,
    over: Option<u8>,
    verdict: Verdict,
    instead: bool,
    always: bool,
    excepted: Option<Verdict>,
}

fn rule() -> impl Strategy<Value = Written> {
    (
        0u8..4,
        proptest::option::of(0u8..3),
        proptest::option::of(0u8..6),
        proptest::sample::select(Verdict::ALL.to_vec()),
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::option::weighted(0.3, proptest::sample::select(Verdict::ALL.to_vec())),
    )
        .prop_map(|(priority, tool, over, verdict, instead, always, excepted)| Written {
            priority,
            tool,
            over,
            verdict,
            instead,
            always,
            excepted,
        })
}

fn text(name: &str, layer: &str, rules: &[Written]) -> String {
    let scope = match layer {
        "organisation" => "{}",
        "application" => "{ application: \"*\" }",
        _ => "{ agent: \"*\" }",
    };
    let mut text = format!("policy: {name}\nlayer: {layer}\nscope: {scope}\nrules:\n");
    for (at, rule) in rules.iter().enumerate() {
        let tool = rule.tool.map(|tool| format!("tool: tool_{tool}")).unwrap_or_default();
        let over = rule.over.map(|over| format!("count: {{ over: {over} }}")).unwrap_or_default();
        let comma = if tool.is_empty() || over.is_empty() { "" } else { ", " };
        let then = match rule.verdict {
            Verdict::Constrain => "{ constrain: [ { redact: [card] } ] }".to_owned(),
            verdict => verdict.to_string(),
        };
        text.push_str(&format!(
            "  - id: {name}-{at}\n    priority: {}\n    when: {{ {tool}{comma}{over} }}\n    then: {then}\n    instead_of_bands: {}\n    always: {}\n",
            rule.priority, rule.instead, rule.always
        ));
        if let Some(verdict) = rule.excepted {
            text.push_str(&format!(
                "    exceptions: [ {{ id: e{at}, owner: o, reason: r, until: 2030-01-01, verdict: {verdict}, when: {{ tool: tool_1 }} }} ]\n"
            ));
        }
    }
    text
}

fn case(tool: u8, count: u64, score: u8) -> (Action, Facts, Given) {
    let mut action: Action = Json::parse_as(PLAIN_ACTION.as_bytes()).unwrap();
    action.tool = action::Name::new(&format!("tool_{tool}")).unwrap();
    action.count = Some(count);
    let mut facts = Facts::default();
    facts.scope.application = Some(action::Name::new("shop").unwrap());
    let mut given = Given::default();
    given.score.value = score;
    (action, facts, given)
}

fn layers() -> impl Strategy<Value = [Vec<Written>; 3]> {
    let rules = || proptest::collection::vec(rule(), 1..5);
    [rules(), rules(), rules()]
}

const NAMES: [&str; 3] = ["organisation", "application", "agent"];

fn texts(layers: &[Vec<Written>; 3]) -> Vec<String> {
    NAMES.iter().zip(layers).map(|(layer, rules)| text(layer, layer, rules)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Law 4, in full: the new rule may stand anywhere in the order, displace others, stand in
    /// for the bands and carry exceptions of its own.
    #[test]
    fn a_rule_at_least_as_strict_as_the_answer_never_makes_it_milder(
        layers in layers(),
        new in rule(),
        to in 0usize..3,
        tool in 0u8..3,
        count in 0u64..8,
        score in 0u8..=100,
    ) {
        let before = load(&texts(&layers));
        let (action, facts, given) = case(tool, count, score);
        let judged = judged(&action, &facts, &given);
        let old = judge(&judged, &before).ruling.verdict;
        let mut wider = layers.clone();
        // Only a rule at least as strict as the present answer is promised anything.
        let strict = Written { verdict: new.verdict.max(old), ..new };
        wider[to].push(strict);
        let new = judge(&judged, &load(&texts(&wider))).ruling;
        prop_assert!(new.verdict >= old, "{old} became {} by {}", new.verdict, new.decided_by);
    }

    /// Whatever a tool is renamed to that looks like it, it is answered at least as strictly, and
    /// an exception for the tool as written does nothing for it.
    #[test]
    fn a_look_alike_is_answered_at_least_as_strictly(
        layers in layers(),
        tool in 0u8..3,
        count in 0u64..8,
        score in 0u8..=100,
    ) {
        let bare = layers.clone().map(|rules| {
            rules.into_iter().map(|rule| Written { excepted: None, ..rule }).collect::<Vec<_>>()
        });
        let (excepted, policies) = (load(&texts(&layers)), load(&texts(&bare)));
        let (plain, facts, given) = case(tool, count, score);
        let name = action::Name::new(&format!("Тооl_{tool}")).unwrap();
        let disguised = Action { tool: name, ..plain.clone() };
        let as_written = judge(&judged(&plain, &facts, &given), &policies).ruling;
        let ruling = judge(&judged(&disguised, &facts, &given), &policies).ruling;
        let names = |ruling: &action::Ruling| -> std::collections::BTreeSet<String> {
            ruling.matched.iter().map(|found| found.rule.clone()).collect()
        };
        prop_assert_eq!(names(&ruling), names(&as_written));
        prop_assert!(ruling.verdict >= as_written.verdict, "{} became {}", as_written.verdict, ruling.verdict);
        prop_assert_eq!(judge(&judged(&disguised, &facts, &given), &excepted).ruling.verdict, ruling.verdict);
    }

    /// The dispatch index is an optimisation: a rule whose tool is given as a pattern is not
    /// filed under the tool, and must be answered the same.
    #[test]
    fn the_index_never_changes_an_answer(
        layers in layers(),
        tool in 0u8..3,
        count in 0u64..8,
        score in 0u8..=100,
    ) {
        let plain = texts(&layers);
        let unfiled: Vec<String> = plain.iter().map(|text| text.replace("tool: tool_", "tool: tool*_")).collect();
        let (action, facts, given) = case(tool, count, score);
        let judged = judged(&action, &facts, &given);
        let indexed = judge(&judged, &load(&plain));
        prop_assert_eq!(&indexed, &judge(&judged, &load(&unfiled)));
        prop_assert_eq!(&indexed, &judge(&judged, &load(&plain)), "the same inputs give the same judgement");
    }
}

#[test]
fn nothing_but_a_recorded_exception_softens_the_top_band_or_a_floor() {
    let rules = "policy: t\nfloors: { prompt_injection: approve }\nrules:\n  - { id: free, when: {}, then: allow, instead_of_bands: true }\n";
    let excepted = format!(
        "{rules}exceptions:\n  - {{ id: drill, of: [band.critical, floor.prompt_injection], agent: case-agent, owner: ana, reason: exercise, until: 2026-03-02 }}\n"
    );
    let (action, facts, mut given) = case(0, 1, 90);
    let answer = |policies: &str, given: &Given, day: &str| {
        let policies = load(&[policies.to_owned()]);
        let now = action::Timestamp::parse(day).unwrap();
        judge(&Judged { now, ..judged(&action, &facts, given) }, &policies).ruling
    };
    let (today, tomorrow) = ("2026-03-02T23:59:59Z", "2026-03-03T00:00:00Z");
    assert_eq!(answer(rules, &given, today).decided_by, "band.critical");
    let ruling = answer(&excepted, &given, today);
    assert_eq!((ruling.verdict, ruling.exception.as_deref()), (Verdict::Allow, Some("drill")));
    assert_eq!(answer(&excepted, &given, tomorrow).verdict, Verdict::Block, "it has expired");
    given.score.value = 10;
    given.detections = vec![action::Detection {
        vector: action::Vector::PromptInjection,
        rule: "t".into(),
        severity: action::Severity::High,
        confidence: action::Confidence::CRITICAL,
        class: None,
        evidence: None,
    }];
    assert_eq!(answer(rules, &given, today).decided_by, "floor.prompt_injection");
    assert_eq!(answer(&excepted, &given, today).verdict, Verdict::Allow);
}

#[test]
fn an_agents_bands_may_only_be_stricter() {
    let organisation = "policy: o\nbands: { production: [50, 70, 95] }\n".to_owned();
    let milder =
        "policy: a\nlayer: agent\nscope: { agent: case-agent }\nbands: { production: [90, 95, 99] }\n";
    let stricter = milder.replace("[90, 95, 99]", "[20, 95, 99]");
    let (action, facts, given) = case(0, 1, 40);
    let judged = judged(&action, &facts, &given);
    let verdict = |texts: &[String]| judge(&judged, &load(texts)).ruling.verdict;
    assert_eq!(verdict(&[]), Verdict::Sandbox, "the default bands");
    assert_eq!(verdict(std::slice::from_ref(&organisation)), Verdict::Allow, "the organisation's own");
    assert_eq!(verdict(&[organisation.clone(), stricter]), Verdict::Sandbox);
    assert_eq!(verdict(&[milder.to_owned()]), Verdict::Sandbox, "no agent is milder than the organisation");
}

fn judgement(policies: &str) -> engine::policy::Judgement {
    let (action, facts, given) = case(0, 1, 20);
    judge(&judged(&action, &facts, &given), &load(&[policies.to_owned()]))
}

#[test]
fn at_equal_priority_the_stricter_rule_decides_and_otherwise_the_first() {
    let two = |first: u8, second: u8| {
        judgement(&format!(
            "policy: t\nrules:\n  - {{ id: mild, priority: {first}, when: {{}}, then: alert }}\n  - {{ id: hard, priority: {second}, when: {{}}, then: block }}\n"
        ))
        .ruling
    };
    assert_eq!(two(5, 5).decided_by, "hard");
    assert_eq!(two(4, 5).decided_by, "mild");
    assert_eq!(two(4, 5).matched.len(), 2, "the record names every rule that matched");
}

#[test]
fn over_layers_the_stricter_wins_in_either_direction() {
    let agent = "policy: a\nlayer: agent\nscope: { agent: case-agent }\nrules: [ { id: a, when: {}, then: VERDICT } ]\n";
    let organisation = "policy: o\nrules: [ { id: o, when: {}, then: approve } ]\n".to_owned();
    let (action, facts, given) = case(0, 1, 20);
    let judged = judged(&action, &facts, &given);
    for (verdict, decided) in [("allow", "o"), ("block", "a")] {
        let policies = load(&[organisation.clone(), agent.replace("VERDICT", verdict)]);
        assert_eq!(judge(&judged, &policies).ruling.decided_by, decided);
    }
}

#[test]
fn a_shadow_rule_is_recorded_and_not_carried_out() {
    let shadow = judgement(
        "policy: t\nrules: [ { id: s, when: {}, then: block, state: shadow, containment: freeze_agent, alert: security } ]\n",
    );
    let told = &shadow.shadows[0];
    assert_eq!((shadow.ruling.verdict, shadow.shadows.len()), (Verdict::Allow, 1));
    assert_eq!((told.rule.as_str(), told.verdict, told.would), ("s", Verdict::Block, Verdict::Block));
    assert!(shadow.containment.is_empty() && shadow.alerts.is_empty() && shadow.ruling.matched.is_empty());
}

#[test]
fn a_shadow_rule_tells_what_the_answer_would_be_with_it() {
    let would = |rules: &str| -> Vec<(String, Verdict, Verdict)> {
        let judgement = judgement(&format!("policy: t\nrules:\n{rules}"));
        judgement.shadows.into_iter().map(|s| (s.rule, s.verdict, s.would)).collect()
    };
    let hidden = "  - { id: first, priority: 1, when: {}, then: alert }\n  - { id: s, priority: 2, when: {}, then: block, state: shadow }\n";
    assert_eq!(
        would(hidden),
        [("s".into(), Verdict::Block, Verdict::Alert)],
        "an earlier rule would hide it"
    );
    let milder = "  - { id: s, priority: 1, when: {}, then: alert, state: shadow }\n  - { id: last, priority: 2, when: {}, then: approve }\n";
    assert_eq!(would(milder), [("s".into(), Verdict::Alert, Verdict::Alert)], "it would hide a later one");
    let two = "  - { id: a, when: {}, then: sandbox, state: shadow }\n  - { id: b, when: {}, then: block, state: shadow }\n";
    let told = would(two);
    assert_eq!((told.len(), told.iter().map(|(.., would)| *would).max()), (2, Some(Verdict::Block)));
}

#[test]
fn what_is_released_later_is_the_changed_action_and_what_is_blocked_is_not_changed() {
    let with = |verdict: &str| {
        judgement(&format!(
            "policy: t\nrules:\n  - {{ id: c, when: {{}}, always: true, then: {{ constrain: [ {{ redact: [card] }}, {{ throttle: 5/min }} ] }} }}\n  - {{ id: v, when: {{}}, then: {verdict} }}\n"
        ))
    };
    assert_eq!((with("approve").ruling.verdict, with("approve").constraints.len()), (Verdict::Approve, 2));
    assert_eq!((with("block").ruling.verdict, with("block").constraints.len()), (Verdict::Block, 0));
}

#[test]
fn an_excepted_rule_neither_acts_nor_hides_the_next() {
    let text = "policy: t\nrules:\n  - id: first\n    priority: 1\n    when: {}\n    then: block\n    containment: freeze_agent\n    exceptions: [ { id: e, agent: case-agent, owner: o, reason: r, until: 2030-01-01 } ]\n  - { id: second, priority: 2, when: {}, then: sandbox }\n";
    let judgement = judgement(text);
    assert_eq!(
        (judgement.ruling.verdict, judgement.ruling.decided_by.as_ref()),
        (Verdict::Sandbox, "second")
    );
    assert_eq!(judgement.ruling.exception.as_deref(), Some("e"));
    assert!(judgement.containment.is_empty());
}

#[test]
fn a_rule_that_a_person_answered_does_not_ask_about_the_result_and_every_other_voice_stands() {
    let asks =
        "  - { id: asks, priority: 1, when: {}, then: approve, containment: freeze_agent, alert: finance }\n";
    let result = |rules: &str, score: u8| {
        let (action, mut facts, given) = case(0, 1, score);
        facts.answered = vec!["asks".to_owned()];
        let policies = load(&[format!("policy: t\nrules:\n{asks}{rules}")]);
        judge(&judged(&action, &facts, &given), &policies)
    };
    let plain = result("", 20);
    assert_eq!(plain.ruling.verdict, Verdict::Allow);
    assert!(plain.containment.is_empty() && plain.alerts.is_empty(), "both happened with the call");
    assert_eq!(result("", 60).ruling.decided_by, "band.high");
    for (id, then) in [("other", "approve"), ("other", "block")] {
        let rule = format!("  - {{ id: {id}, priority: 2, when: {{}}, then: {then} }}\n");
        assert_eq!(result(&rule, 20).ruling.decided_by, "other", "{then}");
    }
}
