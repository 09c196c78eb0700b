//! The real ledger on a real disk, followed.

use std::sync::Arc;

use action::Verdict;
use ledger::note::{KeyKind, SigningKey};
use ledger::{Disk, Ledger, Promise, Report, Settings, SystemClock};
use store::Source;

use crate::place::{Place, Sqlite, name};
use crate::records::{decision, dump, outcome};

const LOG: &str = "example.org/acme/node-a";

fn open(place: &Sqlite) -> Ledger {
    let key = SigningKey::from_seed(LOG, KeyKind::Log, [7; 32]).unwrap();
    let settings = Settings::new(place.0.path().join("ledger"), LOG);
    Ledger::open(settings, key, Arc::new(Disk), Arc::new(SystemClock::default())).unwrap().0
}

fn follow(index: &store::Index, ledger: &Ledger) {
    while index.next().unwrap() < ledger.head().durable {
        index.step(ledger, 3).unwrap();
    }
}

#[test]
fn its_records_become_rows_and_become_the_same_rows_again() {
    let place = Sqlite::new();
    let index = place.index();
    for round in 0..2 {
        let ledger = open(&place);
        for n in 0..10 {
            let id = format!("d-{round}-{n}");
            let verdict = Verdict::ALL[n % Verdict::ALL.len()];
            ledger.append_wait(decision(&id, verdict, 1_772_000_000_000), Promise::Synced).unwrap();
            ledger.append_wait(outcome(&id, Report::Executed, 1_772_000_000_001), Promise::Synced).unwrap();
        }
        follow(&index, &ledger);
        ledger.close().unwrap();
    }
    assert_eq!(index.decision(&name("d-1-0")).unwrap().unwrap().outcomes.len(), 1);

    let ledger = open(&place);
    follow(&index, &ledger);
    assert_eq!(index.next().unwrap(), Source::wait_beyond(&ledger, 0, std::time::Duration::ZERO));
    let again = Sqlite::new();
    let rebuilt = again.index();
    follow(&rebuilt, &ledger);
    let (followed, rebuilt) = (dump(&index), dump(&rebuilt));
    assert!(
        followed == rebuilt && followed.lines().filter(|line| line.starts_with("decisions ")).count() == 20
    );
    ledger.close().unwrap();
}
