use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[derive(Default)]
struct Heard(Mutex<Vec<(String, Option<String>, u8)>>);

impl Tell for Heard {
    fn reached(&self, reached: &Reached) {
        let whose = reached.whose.as_ref().map(|whose| whose.to_string());
        self.0.lock().unwrap().push((reached.budget.to_string(), whose, reached.share));
    }
    fn charged(&self, _: &At, _: &Charged) {}
}

impl Heard {
    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap().drain(..).map(|(_, _, share)| share).collect()
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn budget(title: &str, whom: Whom, per: Per, limits: Limits) -> Budget {
    Budget { name: name(title), whom, per, limits, alert_at: vec![50, 80], on_limit: OnLimit::Block }
}

fn requests(most: u64) -> Limits {
    Limits { requests: Some(most), ..Limits::default() }
}

fn money(micros: u64) -> Limits {
    Limits { micros: Some(micros), ..Limits::default() }
}

fn open(budgets: Vec<Budget>) -> (Budgets, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    (Budgets::new(budgets, heard.clone()), heard)
}

struct Caller {
    team: Name,
    agent: Name,
    key: Name,
}

impl Caller {
    fn new(agent: &str) -> Self {
        Caller { team: name("team"), agent: name(agent), key: name(&format!("key-{agent}")) }
    }

    fn who(&self) -> Who<'_> {
        Who { team: Some(&self.team), application: None, agent: &self.agent, key: Some(&self.key) }
    }
}

const NOW: &str = "2026-03-02T10:00:00Z";

#[test]
fn callers_at_once_get_exactly_what_there_is_room_for() {
    let limits = Limits { micros: Some(1_000), tokens: Some(10_000), requests: None };
    let (budgets, _) = open(vec![
        budget("wide", Whom::Everybody, Per::Month, limits),
        budget("of-each", Whom::Each(Key::Agent), Per::Day, requests(1_000)),
    ]);
    for round in 0..20 {
        let (passed, start) = (AtomicU64::new(0), Barrier::new(64));
        std::thread::scope(|scope| {
            for caller in 0..64 {
                let (budgets, passed, start) = (&budgets, &passed, &start);
                scope.spawn(move || {
                    let caller = Caller::new(&format!("a{}", caller % 5));
                    start.wait();
                    let day = at(NOW).plus_millis(round * 40 * 86_400_000);
                    if let Ok(held) = budgets.reserve(&caller.who(), Measure::call(100, 7), day) {
                        passed.fetch_add(1, Ordering::Relaxed);
                        held.settle(Measure::call(100, 9));
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 10, "room for ten");
    }
}

#[test]
fn what_was_not_used_is_given_back_and_what_was_dropped_is_spent() {
    let (budgets, _) = open(vec![budget("b", Whom::Everybody, Per::Day, money(100))]);
    let caller = Caller::new("a");
    let reserve = || budgets.reserve(&caller.who(), Measure::call(60, 0), at(NOW));
    let first = reserve().unwrap();
    assert!(reserve().is_err(), "two may come to 120");
    first.settle(Measure::call(10, 0));
    drop(reserve().expect("10 are spent and 60 fit"));
    assert!(reserve().is_err(), "70 are spent");
    let (budgets, _) = open(vec![budget("b", Whom::Everybody, Per::Day, money(100))]);
    let reserve = || budgets.reserve(&caller.who(), Measure::call(60, 0), at(NOW));
    reserve().unwrap().give_back();
    reserve().unwrap().give_back();
    assert_eq!(budgets.standing(at(NOW))[0].2, Measure::default());
}

#[test]
fn a_call_counts_in_all_of_its_budgets_or_in_none() {
    let (budgets, _) = open(vec![
        budget("each", Whom::Each(Key::Agent), Per::Day, requests(10)),
        budget("team", Whom::One(Key::Team, name("team")), Per::Day, requests(2)),
        budget("other", Whom::One(Key::Team, name("elsewhere")), Per::Day, requests(0)),
        budget("key", Whom::One(Key::Key, name("key-a")), Per::Month, requests(1)),
    ]);
    let (a, b) = (Caller::new("a"), Caller::new("b"));
    let call = |caller: &Caller| {
        budgets
            .reserve(&caller.who(), Measure::call(0, 0), at(NOW))
            .map(drop)
            .map_err(|spent| spent.budget.to_string())
    };
    assert_eq!(call(&a), Ok(()));
    assert_eq!(call(&a), Err("key".into()), "a key has its own limit");
    assert_eq!(call(&b), Ok(()));
    assert_eq!(call(&b), Err("team".into()));
    let standing = budgets.standing(at(NOW));
    let requests = |budget: &str, whose: Option<&str>| {
        let found =
            standing.iter().find(|it| it.0.as_str() == budget && it.1.as_ref().map(Name::as_str) == whose);
        found.unwrap().2.requests
    };
    assert_eq!(
        (requests("each", Some("a")), requests("each", Some("b"))),
        (1, 1),
        "what was refused is not counted"
    );
    assert_eq!((requests("team", None), requests("key", None)), (2, 1));
}

#[test]
fn an_alert_comes_once_in_a_period_and_before_the_limit() {
    let (budgets, heard) = open(vec![budget("b", Whom::Everybody, Per::Month, money(100))]);
    let caller = Caller::new("a");
    let spend = |micros, now| {
        let held = budgets.reserve(&caller.who(), Measure::call(micros, 0), at(now));
        held.map(|held| held.settle(Measure::call(micros, 0))).is_ok()
    };
    assert!(spend(49, NOW) && heard.take().is_empty());
    assert!(spend(1, NOW));
    assert_eq!(heard.take(), [50]);
    assert!(spend(29, NOW) && heard.take().is_empty(), "not again");
    assert!(spend(2, NOW));
    assert_eq!(heard.take(), [80]);
    assert!(!spend(20, NOW));
    assert_eq!(heard.take(), [100], "a refusal is told as the limit, once");
    assert!(!spend(20, NOW) && heard.take().is_empty());
    assert!(spend(19, NOW) && heard.take().is_empty());
    assert!(spend(90, "2026-04-01T00:00:00Z"), "a new month");
    assert_eq!(heard.take(), [50, 80], "both, when one call passes both");
    let (budgets, heard) = open(vec![budget("b", Whom::Everybody, Per::Month, requests(1))]);
    let call = || budgets.reserve(&caller.who(), Measure::call(0, 0), at(NOW)).map(drop).is_ok();
    assert!(call());
    assert_eq!(heard.take(), [50, 80, 100], "the alert goes before the limit, also in one step");
    assert!(!call() && heard.take().is_empty());
}

#[test]
fn a_throttle_lets_so_many_a_minute_pass_beyond_the_limit() {
    let mut one = budget("b", Whom::Everybody, Per::Day, requests(3));
    one.on_limit = OnLimit::Throttle(2);
    let (budgets, _) = open(vec![one]);
    let caller = Caller::new("a");
    let passed = |now: Timestamp| {
        let pass = || budgets.reserve(&caller.who(), Measure::call(0, 0), now).map(drop);
        (0..20).filter(|_| pass().is_ok()).count()
    };
    let start = at("2026-03-02T10:00:30Z");
    assert_eq!(passed(start), 3 + 2);
    let refused = budgets.reserve(&caller.who(), Measure::call(0, 0), start).map(drop).unwrap_err();
    assert_eq!(refused.again, Some(at("2026-03-02T10:01:00Z")));
    assert_eq!(passed(start.plus_millis(30_000)), 2, "the next minute");
    assert_eq!(passed(start), 0, "a clock that goes back opens nothing");
    assert_eq!(passed(at("2026-03-03T00:00:00Z")), 5, "a new day");
}

#[test]
fn no_jump_of_the_clock_refills_a_budget_but_the_next_period() {
    let (budgets, _) = open(vec![
        budget("day", Whom::Everybody, Per::Day, requests(2)),
        budget("month", Whom::Everybody, Per::Month, requests(3)),
    ]);
    let caller = Caller::new("a");
    let pass = |now: &str| budgets.reserve(&caller.who(), Measure::call(0, 0), at(now)).map(drop).is_ok();
    assert!(
        pass("2026-03-02T10:00:00Z") && pass("2026-03-02T11:00:00Z") && !pass("2026-03-02T23:59:59.999Z")
    );
    assert!(!pass("2026-03-01T10:00:00Z") && !pass("2020-01-01T00:00:00Z") && !pass("1970-01-01T00:00:00Z"));
    assert!(pass("2026-03-03T00:00:00Z"), "a day later");
    assert!(!pass("2026-03-04T00:00:00Z") && !pass("2026-02-01T00:00:00Z"), "the month is used up");
    assert!(pass("2026-04-01T00:00:00Z"));
}

#[test]
fn a_call_that_ends_in_the_next_period_belongs_to_the_one_it_began_in() {
    let (budgets, _) = open(vec![budget("b", Whom::Everybody, Per::Day, money(100))]);
    let caller = Caller::new("a");
    let late = budgets.reserve(&caller.who(), Measure::call(60, 0), at("2026-03-02T23:59:00Z")).unwrap();
    let next = at("2026-03-03T00:01:00Z");
    let fresh = budgets.reserve(&caller.who(), Measure::call(50, 0), next).unwrap();
    late.settle(Measure::call(90, 0));
    assert_eq!(budgets.standing(next)[0].2.micros, 50);
    fresh.settle(Measure::call(1, 0));
    assert_eq!(budgets.standing(next)[0].2.micros, 1);
    assert_eq!(budgets.standing(at("2026-03-04T00:00:00Z"))[0].2.micros, 0);
}

#[test]
fn what_was_spent_and_reserved_is_spent_after_a_restart() {
    let make = || {
        let limits = Limits { micros: Some(100), tokens: Some(100), requests: Some(100) };
        open(vec![budget("b", Whom::Each(Key::Agent), Per::Month, limits)])
    };
    let (caller, other) = (Caller::new("a"), Caller::new("b"));
    let (before, heard) = make();
    assert_eq!(before.changed(), None);
    before.reserve(&caller.who(), Measure::call(50, 5), at(NOW)).unwrap().settle(Measure::call(50, 7));
    let _under_way = before.reserve(&caller.who(), Measure::call(30, 1), at(NOW)).unwrap();
    drop(before.reserve(&other.who(), Measure::call(3, 3), at(NOW)).unwrap());
    assert_eq!(heard.take(), [50]);
    let kept = before.changed().unwrap();
    assert_eq!(before.changed(), None, "nothing new");
    before.not_kept();
    assert_eq!(before.changed().as_ref(), Some(&kept));

    let (after, heard) = make();
    after.restore(&kept).unwrap();
    let standing = after.standing(at(NOW));
    assert_eq!(standing[0].2, Measure { micros: 80, tokens: 8, requests: 2 });
    assert_eq!(standing[1].2, Measure { micros: 3, tokens: 3, requests: 1 });
    assert!(after.reserve(&caller.who(), Measure::call(21, 0), at(NOW)).is_err());
    assert_eq!(heard.take(), [80, 100]);
    drop(after.reserve(&caller.who(), Measure::call(1, 0), at(NOW)).unwrap());
    assert_eq!(heard.take(), [] as [u8; 0], "all of them were told already");
    assert!(after.restore(b"{").is_err());

    let (changed, _) = open(vec![budget("b", Whom::Each(Key::Agent), Per::Day, requests(1))]);
    changed.restore(&kept).unwrap();
    assert!(changed.standing(at(NOW)).is_empty(), "another period has other counters");
}

#[test]
fn at_the_bound_of_counters_past_ones_make_room_and_no_caller_goes_uncounted() {
    let (budgets, _) = open(vec![budget("b", Whom::Each(Key::Agent), Per::Day, requests(1))]);
    let call = |n: usize, now: &str| {
        let caller = Caller::new(&format!("a{n}"));
        budgets.reserve(&caller.who(), Measure::call(0, 0), at(now)).map(drop).is_ok()
    };
    assert!((0..MAX_COUNTERS).all(|n| call(n, NOW)));
    assert!(!call(MAX_COUNTERS, NOW), "nobody passes without a counter");
    assert!(!call(0, NOW));
    assert!(call(MAX_COUNTERS, "2026-03-03T00:00:00Z"));
    assert_eq!(budgets.standing(at("2026-03-03T00:00:00Z")).len(), 1);
}
