//! Random histories of held actions against a model that is too simple to be wrong, over a journal
//! that fails, that fails after writing, and that ends with the process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::sync::{Arc, Mutex};

use action::{Digest, Name, Timestamp};
use hold::{Event, Hold, Holds, Journal, Outcome, Refusal, State};
use ledger::Record;
use proptest::prelude::*;

/// What the disk does with the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    Works,
    /// The record is not written, and its writer is told so.
    Fails,
    /// The record is written, and its writer is told that it is not.
    FailsWritten,
}

#[derive(Default)]
struct Paper {
    records: Vec<Record>,
    next: Option<Disk>,
}

struct Book(Mutex<Paper>);

impl Journal for Book {
    fn record(&self, record: Record, done: Box<dyn FnOnce(bool) + Send>) {
        let kept = {
            let mut paper = self.0.lock().unwrap();
            let disk = paper.next.take().unwrap_or(Disk::Works);
            if disk != Disk::Fails {
                let sequence = paper.records.len() as u64;
                paper.records.push(Record { sequence, ..record });
            }
            disk == Disk::Works
        };
        done(kept);
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// By one, perhaps in the place of another.
    Approve(u8, Option<u8>),
    Deny(u8),
    Cancel,
    Expire,
    Release {
        payload: bool,
        claim: u8,
    },
    Wait(i64),
    Restart,
}

/// The model: what a person would write down.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Simple {
    /// Who had a part in each.
    votes: Vec<Vec<u8>>,
    state: &'static str,
    until: i64,
    claim: u8,
}

const NEEDED: usize = 2;
const DEADLINE: i64 = 1_000;
const WITHIN: i64 = 500;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn approver(number: u8) -> Name {
    name(&format!("psn:{number}"))
}

fn hold() -> Hold {
    Hold {
        id: name("dec_1"),
        agent: name("bot"),
        // Whoever asked is approver 0.
        principal: Some(approver(0)),
        payload: action::digest("test", &[b"payload"]),
        requested: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(DEADLINE),
        release_within: WITHIN as u64,
        needed: NEEDED as u8,
        from: Vec::new(),
        state: State::Pending { votes: Vec::new() },
    }
}

fn claim(number: u8) -> Digest {
    action::digest("claim", &[&[number]])
}

/// What the model says to a step, and its state afterwards.
fn expected(it: &Simple, step: &Step, now: i64) -> (Result<bool, Refusal>, Simple) {
    let mut next = it.clone();
    let late = now > DEADLINE;
    let answer = match step {
        Step::Approve(by, in_place_of) => match it.state {
            "pending" if late => Err(Refusal::Expired),
            "pending" if *by == 0 || *in_place_of == Some(0) => Err(Refusal::OwnAction),
            "pending" if it.votes.iter().flatten().any(|who| who == by || Some(*who) == *in_place_of) => {
                Err(Refusal::VotedAlready)
            }
            "pending" => {
                next.votes.push(in_place_of.iter().copied().chain([*by]).collect());
                if next.votes.len() == NEEDED {
                    next.state = "approved";
                    next.until = now + WITHIN;
                }
                Ok(false)
            }
            "expired" => Err(Refusal::Expired),
            _ => Err(Refusal::NotPending),
        },
        Step::Deny(_) | Step::Cancel => match it.state {
            "pending" if late => Err(Refusal::Expired),
            "pending" => {
                next.state = if matches!(step, Step::Cancel) { "cancelled" } else { "denied" };
                Ok(false)
            }
            "expired" => Err(Refusal::Expired),
            _ => Err(Refusal::NotPending),
        },
        Step::Expire => match it.state {
            "pending" if late => {
                next.state = "expired";
                Ok(false)
            }
            "approved" if now > it.until => {
                next.state = "expired";
                Ok(false)
            }
            _ => Err(Refusal::NotDue),
        },
        Step::Release { payload: false, .. } => Err(Refusal::OtherPayload),
        Step::Release { claim, .. } => match it.state {
            "approved" if now > it.until => Err(Refusal::Expired),
            "approved" => {
                next.state = "released";
                next.claim = *claim;
                Ok(false)
            }
            "released" if it.claim == *claim => Ok(true),
            "released" => Err(Refusal::ReleasedAlready),
            "expired" => Err(Refusal::Expired),
            _ => Err(Refusal::NotApproved),
        },
        Step::Wait(_) | Step::Restart => Ok(false),
    };
    (answer, next)
}

fn event(step: &Step) -> Option<Event> {
    Some(match step {
        Step::Approve(by, in_place_of) => {
            Event::Approve { by: approver(*by), in_place_of: in_place_of.map(approver) }
        }
        Step::Deny(by) => Event::Deny { by: approver(*by), in_place_of: None },
        Step::Cancel => Event::Cancel,
        Step::Expire => Event::Expire,
        Step::Release { payload, claim: number } => Event::Release {
            payload: if *payload { hold().payload } else { Digest::default() },
            claim: claim(*number),
        },
        Step::Wait(_) | Step::Restart => return None,
    })
}

fn act(holds: &Holds, event: Event, now: i64) -> Result<Outcome, Refusal> {
    let (tell, told) = std::sync::mpsc::channel();
    holds.act(&name("dec_1"), event, None, Timestamp::from_millis(now), move |moved| {
        tell.send(moved).unwrap()
    });
    told.recv().unwrap()
}

fn word(hold: &Hold) -> &'static str {
    match hold.state {
        State::Pending { .. } => "pending",
        State::Approved { .. } => "approved",
        State::Released { .. } => "released",
        State::Denied { .. } => "denied",
        State::Expired { .. } => "expired",
        State::Cancelled { .. } => "cancelled",
    }
}

fn restarted(book: &Arc<Book>) -> Holds {
    let holds = Holds::new(Arc::clone(book) as Arc<dyn Journal>);
    holds.replay(&book.0.lock().unwrap().records).unwrap();
    holds
}

fn steps() -> impl Strategy<Value = Vec<(Step, Disk)>> {
    let step = prop_oneof![
        4 => (0u8..5, proptest::option::of(0u8..5)).prop_map(|(by, of)| Step::Approve(by, of)),
        1 => (0u8..4).prop_map(Step::Deny),
        1 => Just(Step::Cancel),
        2 => Just(Step::Expire),
        4 => (any::<bool>(), 0u8..3).prop_map(|(payload, claim)| Step::Release { payload, claim }),
        2 => (0i64..700).prop_map(Step::Wait),
        2 => Just(Step::Restart),
    ];
    let disk = prop_oneof![6 => Just(Disk::Works), 1 => Just(Disk::Fails), 1 => Just(Disk::FailsWritten)];
    proptest::collection::vec((step, disk), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn every_history_goes_as_the_model_says(history in steps()) {
        let book = Arc::new(Book(Mutex::default()));
        let mut holds = Holds::new(Arc::clone(&book) as Arc<dyn Journal>);
        holds.request(hold(), |requested| assert!(requested.is_ok()));
        let mut model = Simple { votes: Vec::new(), state: "pending", until: 0, claim: 0 };
        let (mut now, mut stuck, mut handed_out) = (0i64, false, 0);
        // After a failure nobody knows what is on the disk: both are possible until a restart.
        let mut after_restart = None;
        for (step, disk) in history {
            match &step {
                Step::Wait(millis) => now += millis,
                Step::Restart => {
                    holds = restarted(&book);
                    model = after_restart.take().unwrap_or(model);
                    stuck = false;
                }
                _ => {
                    let (want, next) = expected(&model, &step, now);
                    book.0.lock().unwrap().next = Some(disk);
                    let got = act(&holds, event(&step).unwrap(), now);
                    let wrote = matches!(want, Ok(false)) && !stuck;
                    if !wrote { book.0.lock().unwrap().next = None; }
                    if stuck {
                        prop_assert_eq!(got.unwrap_err(), Refusal::Busy);
                        continue;
                    }
                    match (want, disk) {
                        (Err(refusal), _) => prop_assert_eq!(got.unwrap_err(), refusal),
                        (Ok(true), _) => prop_assert!(got.unwrap().repeated),
                        (Ok(false), Disk::Works) => {
                            let moved = got.unwrap();
                            prop_assert!(!moved.repeated);
                            handed_out += i32::from(matches!(step, Step::Release { .. }));
                            model = next;
                        }
                        (Ok(false), Disk::Fails | Disk::FailsWritten) => {
                            prop_assert_eq!(got.unwrap_err(), Refusal::NotRecorded);
                            stuck = true;
                            after_restart = Some(if disk == Disk::FailsWritten { next } else { model.clone() });
                        }
                    }
                }
            }
            prop_assert_eq!(word(&holds.get(&name("dec_1")).unwrap()), model.state);
        }
        prop_assert!(handed_out <= 1, "an action was handed out {} times", handed_out);
        prop_assert_eq!(restarted(&book).get(&name("dec_1")).map(|it| word(&it)), Some(after_restart.unwrap_or(model).state));
    }
}

#[test]
fn two_operators_who_decide_at_once_make_one_decision() {
    let book = Arc::new(Book(Mutex::default()));
    for round in 0..200 {
        let holds = Holds::new(Arc::clone(&book) as Arc<dyn Journal>);
        let id = name(&format!("dec_{round}"));
        let held = Hold { id: id.clone(), needed: 1, ..hold() };
        holds.request(held, |_| {});
        let threads: Vec<_> = (1..5u8)
            .map(|by| {
                let (holds, id) = (holds.clone(), id.clone());
                std::thread::spawn(move || {
                    let event = if by % 2 == 0 {
                        Event::Approve { by: approver(by), in_place_of: None }
                    } else {
                        Event::Deny { by: approver(by), in_place_of: None }
                    };
                    let (tell, told) = std::sync::mpsc::channel();
                    holds.act(&id, event, None, Timestamp::from_millis(1), move |moved| {
                        tell.send(moved).unwrap()
                    });
                    told.recv().unwrap().is_ok()
                })
            })
            .collect();
        let decided = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|moved| *moved).count();
        assert_eq!(decided, 1);
    }
}

#[test]
fn a_flood_of_one_agent_leaves_room_for_the_others() {
    let book = Arc::new(Book(Mutex::default()));
    let holds = Holds::new(Arc::clone(&book) as Arc<dyn Journal>);
    let (tell, told) = std::sync::mpsc::channel();
    for number in 0..=hold::MAX_PER_AGENT {
        let (flood, tell) = (Hold { id: name(&format!("dec_{number}")), ..hold() }, tell.clone());
        holds.request(flood, move |requested| tell.send(requested.is_err()).unwrap());
    }
    drop(tell);
    assert_eq!(told.iter().filter(|refused| *refused).count(), 1);
    let other = Hold { id: name("dec_other"), agent: name("other"), ..hold() };
    holds.request(other, |requested| assert!(requested.is_ok()));
    assert_eq!(holds.waiting().len(), hold::MAX_PER_AGENT + 1);
}
