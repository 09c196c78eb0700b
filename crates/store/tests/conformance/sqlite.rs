//! Bad times of the embedded files: damaged, newer, foreign, locked, gone.

use std::fs;
use std::path::Path;

use action::Verdict;
use rusqlite::Connection;
use store::{Bounds, Content, Index, IndexStart, Limit, OpenError, State, Trouble, Which, WriteError};

use crate::place::{Place, Sqlite, at, name};
use crate::records::{Log, decision, dump, fill};
use crate::registry::profile;

fn open(which: Which, folder: &Path) -> Result<(), OpenError> {
    match which {
        Which::Index => Index::open(folder).map(|_| ()),
        Which::State => State::open(folder, &name("acme")).map(|_| ()),
        Which::Content => Content::open(folder, &folder.join("master.key"), Bounds::default()).map(|_| ()),
    }
}

fn raw(place: &Sqlite, which: Which) -> Connection {
    Connection::open(place.0.path().join(which.file_name())).unwrap()
}

fn some_log() -> Log {
    Log::of((0..2_000).map(|n| decision(&format!("d-{n}"), Verdict::Allow, n)))
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    for which in [Which::Index, Which::State, Which::Content] {
        let place = Sqlite::new();
        open(which, place.0.path()).unwrap();
        raw(&place, which).pragma_update(None, "user_version", 77).unwrap();
        let before = fs::read(place.0.path().join(which.file_name())).unwrap();
        let error = open(which, place.0.path()).unwrap_err();
        assert_eq!(error.code(), "store.newer_schema");
        assert!(error.to_string().contains("schema 77"), "{error}");
        assert!(fs::read(place.0.path().join(which.file_name())).unwrap() == before, "{which}");
    }
}

#[test]
fn another_schema_and_another_file_are_refused_where_they_cannot_be_rebuilt() {
    for which in [Which::State, Which::Content] {
        let place = Sqlite::new();
        open(which, place.0.path()).unwrap();
        raw(&place, which).execute("UPDATE schema_steps SET digest = 'x'", []).unwrap();
        assert_eq!(open(which, place.0.path()).unwrap_err().code(), "store.altered_schema");
        raw(&place, which).pragma_update(None, "application_id", 5).unwrap();
        assert_eq!(open(which, place.0.path()).unwrap_err().code(), "store.foreign_file");
    }
    let place = Sqlite::new();
    drop(place.index());
    raw(&place, Which::Index).pragma_update(None, "application_id", 5).unwrap();
    let (_, start) = Index::open(place.0.path()).unwrap();
    assert!(matches!(start, IndexStart::Rebuilt { .. }), "{start:?}");
}

/// What the first form of the schema had not: taken away again, the file is one of that form.
const BACK_TO_THE_FIRST: &str = "
DROP TABLE forgotten;
DROP TABLE delegations;
ALTER TABLE approval_policies DROP COLUMN more;
ALTER TABLE rule_versions DROP COLUMN return_when;
DELETE FROM schema_steps WHERE number > 1;
PRAGMA user_version = 1;
INSERT INTO agents VALUES ('old', '{\"environments\":[\"production\"],\"roles\":[]}', '{\"state\":\"active\"}', 1, 1, 1);
INSERT INTO approval_policies VALUES ('organisation', '', '', '[\"ada\"]', 1, 60, 1, 1);
";

#[test]
fn a_state_of_the_first_form_is_brought_up_to_date_with_everything_in_it() {
    let place = Sqlite::new();
    drop(place.state());
    raw(&place, Which::State).execute_batch(BACK_TO_THE_FIRST).unwrap();
    let snapshot = place.state().snapshot().unwrap();
    let agent = snapshot.agents.first().unwrap();
    assert!(!agent.profile.elevated && agent.profile.granted.is_unknown(), "{agent:?}");
    let policy = snapshot.approvals.first().unwrap();
    assert_eq!((policy.deadline_seconds, policy.more.len()), (60, 0));
    assert!(snapshot.delegations.is_empty());
    assert_eq!(place.state().snapshot().unwrap(), snapshot, "and once only");
}

#[test]
fn the_state_of_another_tenant_is_refused() {
    let place = Sqlite::new();
    drop(place.state());
    let error = State::open(place.0.path(), &name("other")).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "store.other_tenant");
}

#[test]
fn an_index_that_is_gone_or_damaged_is_rebuilt_to_the_same_rows() {
    let log = some_log();
    let place = Sqlite::new();
    let index = place.index();
    fill(&index, &log, 1_000);
    let whole = dump(&index);
    drop(index);
    let file = place.0.path().join("index.db");
    let sound = fs::read(&file).unwrap();
    let garbage = vec![0x5a; 8_192];
    // Gone, emptied, overwritten, cut, and with a page in the middle overwritten.
    let mut holed = sound.clone();
    let middle = holed.len() / 2 / 4_096 * 4_096;
    holed[middle..middle + 4_096].fill(0x5a);
    let damages: [(&str, Option<&[u8]>); 5] = [
        ("gone", None),
        ("empty", Some(&[])),
        ("garbage", Some(&garbage)),
        ("cut", Some(&sound[..sound.len() / 2])),
        ("holed", Some(&holed)),
    ];
    for (what, bytes) in damages {
        match bytes {
            Some(bytes) => fs::write(&file, bytes).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let (index, start) = Index::open(place.0.path()).unwrap();
        match (&start, what) {
            (IndexStart::Fresh, "gone" | "empty") => {}
            (IndexStart::Rebuilt { why }, "garbage" | "cut" | "holed") => {
                assert!(why.contains("damaged"), "{why}");
                assert!(place.0.path().join("index.db.broken").exists());
            }
            (start, what) => panic!("{what}: {start:?}"),
        }
        fill(&index, &log, 1_000);
        assert!(dump(&index) == whole, "{what}");
    }
}

#[test]
fn damage_that_is_met_while_following_rebuilds_the_index() {
    let log = some_log();
    let place = Sqlite::new();
    let index = place.index();
    fill(&index, &log, 1_000);
    let whole = dump(&index);
    drop(index);
    // Opened sound, damaged under its feet.
    let index = place.index();
    let file = place.0.path().join("index.db");
    let size = fs::metadata(&file).unwrap().len() as usize;
    let mut bytes = fs::read(&file).unwrap();
    bytes[4_096..].fill(0x5a);
    assert_eq!(bytes.len(), size);
    fs::write(&file, &bytes).unwrap();
    log.push(decision("d-new", Verdict::Block, 9_000));
    let step = index.step(&log, 1_000).unwrap();
    assert!(step.rebuilt.is_some(), "{step:?}");
    fill(&index, &log, 1_000);
    let dumped = dump(&index);
    assert_eq!(dumped.lines().count(), whole.lines().count() + 4, "a record, a decision, two counts");
}

#[test]
fn a_damaged_state_is_an_error_and_never_replaced() {
    let place = Sqlite::new();
    drop(place.state());
    let file = place.0.path().join("state.db");
    fs::write(&file, vec![0x5a; 8_192]).unwrap();
    let error = State::open(place.0.path(), &name("acme")).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "store.corrupt");
    assert!(error.to_string().contains("backup"), "{error}");
    assert!(fs::read(&file).unwrap().iter().all(|byte| *byte == 0x5a));
}

#[test]
fn a_state_that_another_process_holds_is_busy_and_loses_nothing() {
    let place = Sqlite::new();
    let state = place.state();
    state.add_agent(&name("kept"), &profile("r"), at(1)).unwrap();
    let other = raw(&place, Which::State);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = state.add_agent(&name("late"), &profile("r"), at(2)).unwrap_err();
    assert_eq!(error.code(), "store.busy");
    assert!(state.agent(&name("kept")).unwrap().is_some(), "reading goes on");
    let version = state.version();
    other.execute_batch("ROLLBACK").unwrap();
    assert!(state.agent(&name("late")).unwrap().is_none(), "what was refused is not there");
    assert!(state.add_agent(&name("late"), &profile("r"), at(2)).unwrap().changed);
    assert_eq!(state.version(), version + 1);
}

#[test]
fn a_folder_that_is_gone_is_an_error_of_the_disk() {
    let place = Sqlite::new();
    let gone = place.0.path().join("gone");
    for which in [Which::Index, Which::State, Which::Content] {
        assert_eq!(open(which, &gone).unwrap_err().code(), "store.disk", "{which}");
    }
}

#[cfg(unix)]
#[test]
fn files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Sqlite::new();
    let (_state, _index) = (place.state(), place.index());
    let content =
        Content::open(place.0.path(), &place.0.path().join("master.key"), Bounds::default()).unwrap();
    let mut files = 0;
    for entry in fs::read_dir(place.0.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.file_name());
        files += 1;
    }
    assert!(files >= 4);
    drop(content);
}

#[test]
fn errors_say_what_was_being_done_and_nothing_of_the_data() {
    let place = Sqlite::new();
    let state = place.state();
    let other = raw(&place, Which::State);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = state.add_agent(&name("very-secret-agent"), &profile("r"), at(2)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("agent.create") && text.contains("state.db"), "{text}");
    assert!(!text.contains("very-secret-agent"), "{text}");
    assert!(matches!(error, WriteError::Database(error) if error.trouble == Trouble::Busy));
    let _ = state.agents(None, Limit::MOST).unwrap();
}
