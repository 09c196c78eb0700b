//! Content under erasable keys: kept, proven, erased so that the files hold nothing of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use action::{Capture, Name, Timestamp};
use ledger::{Commitment, Committed};
use store::{Bounds, Content, Limit, OpenError, Piece, Put, Subject, commit};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::place::{at, name};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }
    fn key(&self) -> PathBuf {
        self.0.path().join("master.key")
    }
    fn try_open(&self) -> Result<Content, OpenError> {
        Content::open(self.0.path(), &self.key(), Bounds::default())
    }
    fn open(&self) -> Content {
        self.try_open().unwrap()
    }
    /// Whether any file of the folder has these bytes somewhere.
    fn holds(&self, bytes: &[u8]) -> bool {
        files(self.0.path())
            .iter()
            .any(|file| fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes))
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn person(identity: &str) -> Subject {
    Subject::Person(Zeroizing::new(identity.to_owned()))
}

fn piece(content: &Content, of: &str, text: &str) -> (Piece, Commitment) {
    let salt = content.salt().unwrap();
    let commitment = commit(&salt, text.as_bytes());
    let (role, level) = (Committed::Action, Capture::Full);
    let piece =
        Piece { of: name(of), role, level, salt, content: Zeroizing::new(text.into()), time: at(1_000) };
    (piece, commitment)
}

fn keep(content: &Content, subject: &Name, of: &str, text: &str) -> Commitment {
    let (piece, commitment) = piece(content, of, text);
    assert_eq!(content.put(subject, piece), Put::Queued);
    assert!(content.flush(Duration::from_secs(20)));
    commitment
}

#[test]
fn what_is_kept_comes_back_proven_also_after_a_restart() {
    let folder = Folder::new();
    let (subject, commitment) = {
        let content = folder.open();
        let subject = content.pseudonym(&person("ada@example.org"), at(1)).unwrap();
        let commitment = keep(&content, &subject, "d-1", "transfer 900 to Bob");
        (subject, commitment)
    };
    let content = folder.open();
    let opened = content.get(&name("d-1"), Committed::Action, &commitment).unwrap().unwrap();
    assert_eq!((opened.content.as_slice(), opened.proven), (&b"transfer 900 to Bob"[..], true));
    assert_eq!(commit(&opened.salt, &opened.content), commitment);
    assert_eq!((&opened.row.subject, opened.row.bytes), (&subject, 19));
    assert!(content.get(&name("d-1"), Committed::Result, &commitment).unwrap().is_none());
    assert_eq!(content.pseudonym(&person("ada@example.org"), at(9)).unwrap(), subject);
    assert_eq!(content.find(&person("bob@example.org")).unwrap(), None);
    assert_eq!(content.identity(&subject).unwrap().unwrap().as_str(), "ada@example.org");
    for plain in ["transfer 900 to Bob", "ada@example.org", "Bob"] {
        assert!(!folder.holds(plain.as_bytes()), "`{plain}` is readable in a file");
    }
    assert!(folder.holds(subject.as_str().as_bytes()), "the search finds what is there");
}

#[test]
fn subjects_of_different_kinds_are_different() {
    let folder = Folder::new();
    let content = folder.open();
    let session =
        |agent: &str, session: &str| Subject::Session { agent: name(agent), session: name(session) };
    let subjects = [
        person("bot"),
        Subject::Agent(name("bot")),
        session("bot", "s"),
        session("bots", "s"),
        person("agent:bot"),
    ];
    let names: std::collections::BTreeSet<Name> =
        subjects.iter().map(|subject| content.pseudonym(subject, at(1)).unwrap()).collect();
    assert_eq!(names.len(), subjects.len());
    assert!(names.iter().all(|name| name.as_str().starts_with("psn:") && name.as_str().len() == 36));
}

#[test]
fn altered_content_is_noticed_and_redacted_content_says_so() {
    let folder = Folder::new();
    let content = folder.open();
    let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
    let commitment = keep(&content, &subject, "d-1", "text");
    let other = commit(&content.salt().unwrap(), b"text");
    let error = content.get(&name("d-1"), Committed::Action, &other).map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "content.altered");

    let (full, about_the_original) = piece(&content, "d-2", "card 4111");
    let redacted = Piece { level: Capture::Redacted, content: Zeroizing::new(b"card ****".to_vec()), ..full };
    content.put(&subject, redacted);
    assert!(content.flush(Duration::from_secs(20)));
    let opened = content.get(&name("d-2"), Committed::Action, &about_the_original).unwrap().unwrap();
    assert_eq!((opened.content.as_slice(), opened.proven), (&b"card ****"[..], false));

    // Moved to another decision, and made full where it was redacted.
    drop(content);
    let raw = rusqlite::Connection::open(folder.0.path().join("content.db")).unwrap();
    raw.execute("UPDATE pieces SET of = 'd-9' WHERE of = 'd-1'", []).unwrap();
    raw.execute("UPDATE pieces SET level = 'full' WHERE of = 'd-2'", []).unwrap();
    drop(raw);
    let content = folder.open();
    for (of, commitment) in [("d-9", &commitment), ("d-2", &about_the_original)] {
        let error = content.get(&name(of), Committed::Action, commitment).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "content.altered", "{of}");
    }
}

#[test]
fn nothing_of_metadata_is_kept() {
    let folder = Folder::new();
    let content = folder.open();
    let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
    let (full, _) = piece(&content, "d-1", "secret");
    assert_eq!(content.put(&subject, Piece { level: Capture::Metadata, ..full }), Put::NotKept);
    assert!(content.flush(Duration::from_secs(20)));
    assert!(content.pieces(&subject, None, Limit::MOST).unwrap().items.is_empty());
    assert_eq!(content.health().shed, 0);
}

#[test]
fn an_erased_subject_leaves_nothing_in_the_files() {
    let folder = Folder::new();
    let content = folder.open();
    let ada = content.pseudonym(&person("ada@example.org"), at(1)).unwrap();
    let bob = content.pseudonym(&person("bob@example.org"), at(1)).unwrap();
    let long = "a long text of Ada ".repeat(2_000);
    let commitment = keep(&content, &ada, "d-1", "a short text of Ada");
    keep(&content, &ada, "d-2", &long);
    let of_bob = keep(&content, &bob, "d-3", "a text of Bob");
    let salt = content.get(&name("d-1"), Committed::Action, &commitment).unwrap().unwrap().salt;

    // What stands for her in the files: found before, so that not finding it afterwards means something.
    let raw = rusqlite::Connection::open(folder.0.path().join("content.db")).unwrap();
    let mut traces: Vec<Vec<u8>> = Vec::new();
    let columns = "SELECT data_key FROM subjects WHERE pseudonym = ?1
        UNION ALL SELECT identity FROM subjects WHERE pseudonym = ?1
        UNION ALL SELECT lookup FROM subjects WHERE pseudonym = ?1
        UNION ALL SELECT substr(sealed, 1, 40) FROM pieces WHERE subject = ?1
        UNION ALL SELECT substr(sealed, -40) FROM pieces WHERE subject = ?1
        UNION ALL SELECT substr(sealed, length(sealed) / 2, 40) FROM pieces WHERE subject = ?1";
    let mut statement = raw.prepare(columns).unwrap();
    let mut rows = statement.query([ada.as_str()]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        traces.push(row.get(0).unwrap());
    }
    drop(rows);
    drop(statement);
    drop(raw);
    traces.push(ada.as_str().into());
    assert_eq!(traces.len(), 10);
    for trace in &traces {
        assert!(folder.holds(trace));
    }

    let erased = content.erase(&ada).unwrap().unwrap();
    assert_eq!((erased.pieces, erased.log_cut, &erased.principal), (2, true, &ada));
    let check = || {
        for trace in traces.iter().map(Vec::as_slice).chain([
            &b"a short text of Ada"[..],
            b"a long text of Ada",
            b"ada@example.org",
            salt.as_bytes(),
        ]) {
            assert!(!folder.holds(trace), "{}", String::from_utf8_lossy(trace));
        }
    };
    check();
    assert!(content.get(&name("d-1"), Committed::Action, &commitment).unwrap().is_none());
    assert!(content.identity(&ada).unwrap().is_none());
    assert!(content.erase(&ada).unwrap().is_none(), "twice is once");
    assert!(content.get(&name("d-3"), Committed::Action, &of_bob).unwrap().unwrap().proven, "Bob's stays");

    // Whoever still holds the pseudonym writes into nothing.
    let (late, _) = piece(&content, "d-4", "too late");
    assert_eq!(content.put(&ada, late), Put::Queued);
    assert!(content.flush(Duration::from_secs(20)));
    assert_eq!((content.health().lost, content.not_kept()), (1, 1));
    drop(content);
    let content = folder.open();
    check();
    // She comes again, and is somebody new.
    assert_ne!(content.pseudonym(&person("ada@example.org"), at(2)).unwrap(), ada);
}

#[test]
fn age_purges_content_and_then_its_subjects() {
    let folder = Folder::new();
    let content = folder.open();
    let day = 86_400_000;
    let (old, busy) = (person("old"), person("busy"));
    let subject = content.pseudonym(&old, at(1)).unwrap();
    let other = content.pseudonym(&busy, at(1)).unwrap();
    for n in 0..1_200 {
        let (piece, _) = piece(&content, &format!("d-{n}"), "x");
        assert_eq!(content.put(&subject, piece), Put::Queued);
    }
    let (recent, _) = piece(&content, "new", "y");
    content.put(&other, Piece { time: at(5 * day), ..recent });
    content.pseudonym(&busy, at(5 * day)).unwrap();
    assert!(content.flush(Duration::from_secs(20)));
    assert_eq!(content.purge(at(3 * day)).unwrap(), 1_200);
    assert!(content.identity(&subject).unwrap().is_none());
    assert_eq!(content.pieces(&other, None, Limit::MOST).unwrap().items.len(), 1);
    assert_eq!(content.pseudonym(&busy, at(5 * day)).unwrap(), other);
    assert_ne!(content.pseudonym(&old, at(5 * day)).unwrap(), subject);
}

#[test]
fn pieces_are_listed_by_key() {
    let folder = Folder::new();
    let content = folder.open();
    let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
    for n in 0..7 {
        keep(&content, &subject, &format!("d-{n}"), "x");
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = content.pieces(&subject, after.as_ref(), Limit::new(3)).unwrap();
        seen.extend(page.items.into_iter().map(|row| row.of.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(|n| format!("d-{n}")).collect::<Vec<_>>());
}

#[test]
fn rotation_wraps_every_key_anew() {
    let folder = Folder::new();
    let content = folder.open();
    let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
    let commitment = keep(&content, &subject, "d-1", "text");
    let before = fs::read(folder.key()).unwrap();
    for _ in 0..2 {
        assert_eq!(content.rotate().unwrap(), 1);
        assert!(content.get(&name("d-1"), Committed::Action, &commitment).unwrap().unwrap().proven);
    }
    let after = fs::read(folder.key()).unwrap();
    assert!(before != after && after.iter().filter(|byte| **byte == b'\n').count() == 1);
    assert_eq!(content.pseudonym(&person("ada"), at(2)).unwrap(), subject);
    drop(content);
    let content = folder.open();
    assert!(content.get(&name("d-1"), Committed::Action, &commitment).unwrap().unwrap().proven);
    assert_eq!(content.pseudonym(&person("ada"), at(2)).unwrap(), subject);
    drop(content);

    // The key of before opens nothing any more.
    fs::write(folder.key(), before).unwrap();
    assert_eq!(folder.try_open().map(|_| ()).unwrap_err().code(), "store.master_key");
}

#[test]
fn a_rotation_that_was_cut_short_is_finished_at_the_start() {
    let folder = Folder::new();
    let (subject, commitment) = {
        let content = folder.open();
        let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
        let commitment = keep(&content, &subject, "d-1", "text");
        (subject, commitment)
    };
    // As after a crash: both keys in the file, nothing wrapped anew yet.
    let old = fs::read_to_string(folder.key()).unwrap();
    let new = format!("checkrein-master-1 {}\n", "5a".repeat(32));
    fs::write(folder.key(), format!("{new}{old}")).unwrap();
    drop(folder.open());
    assert_eq!(fs::read_to_string(folder.key()).unwrap(), new);
    let content = folder.open();
    assert!(content.get(&name("d-1"), Committed::Action, &commitment).unwrap().unwrap().proven);
    assert_eq!(content.find(&person("ada")).unwrap(), Some(subject));
}

#[test]
fn a_lost_key_is_never_replaced_by_a_new_one() {
    let folder = Folder::new();
    drop(folder.open());
    let key = fs::read(folder.key()).unwrap();
    fs::remove_file(folder.key()).unwrap();
    let error = folder.try_open().map(|_| ()).unwrap_err();
    assert_eq!(error.code(), "store.master_key");
    assert!(error.to_string().contains("restore it"), "{error}");
    assert!(!folder.key().exists());
    fs::write(folder.key(), key).unwrap();
    #[cfg(unix)]
    fs::set_permissions(folder.key(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    drop(folder.open());
}

#[test]
fn beyond_its_bounds_and_on_a_full_disk_the_queue_sheds() {
    let folder = Folder::new();
    let content = Content::open(folder.0.path(), &folder.key(), Bounds { pieces: 4, bytes: 10 }).unwrap();
    let subject = content.pseudonym(&person("ada"), at(1)).unwrap();
    let put = |of: &str, text: &str| content.put(&subject, piece(&content, of, text).0);
    assert_eq!(put("long", "eleven byte"), Put::Shed);
    assert_eq!(put("fits", "ten bytes!"), Put::Queued);
    assert!(content.flush(Duration::from_secs(20)));
    content.shed(true);
    assert_eq!(put("full", "x"), Put::Shed);
    assert!(content.health().shedding);
    content.shed(false);
    assert_eq!(put("back", "x"), Put::Queued);
    assert!(content.flush(Duration::from_secs(20)));
    let health = content.health();
    assert_eq!((health.shed, health.lost, health.waiting), (2, 0, 0));
    assert_eq!(content.pieces(&subject, None, Limit::MOST).unwrap().items.len(), 2);
}

#[test]
fn a_day_of_its_own_is_noted_once() {
    let folder = Folder::new();
    let content = folder.open();
    let seen = |time: i64| content.pseudonym(&person("ada"), Timestamp::from_millis(time)).unwrap();
    let day = 86_400_000;
    let subject = seen(1);
    assert_eq!((seen(2), seen(4 * day), seen(2 * day)), (subject.clone(), subject.clone(), subject.clone()));
    assert!(content.flush(Duration::from_secs(20)));
    assert_eq!(content.purge(at(4 * day)).unwrap(), 0);
    assert!(content.identity(&subject).unwrap().is_some(), "seen on that day");
    content.purge(at(4 * day + 1)).unwrap();
    assert!(content.identity(&subject).unwrap().is_none());
}
