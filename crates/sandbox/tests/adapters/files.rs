//! Files, in a real folder.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use action::Json;
use sandbox::{Adapter, Bounds, Files, Refused, Run, Sandbox};

use crate::{Show as _, bounded, in_session, ran, refused};

struct Folder {
    all: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Folder {
    fn new() -> Self {
        Self::with(Bounds::default())
    }

    fn with(bounds: Bounds) -> Self {
        let all = tempfile::tempdir().unwrap();
        let root = all.path().join("root");
        std::fs::create_dir_all(root.join("notes")).unwrap();
        std::fs::write(root.join("notes/a.txt"), "first").unwrap();
        std::fs::write(all.path().join("outside.txt"), "secret").unwrap();
        symlink(all.path(), root.join("out")).unwrap();
        symlink(all.path().join("outside.txt"), root.join("link.txt")).unwrap();
        let files = Files::new(&root, Path::new("/shared")).unwrap();
        Folder { sandbox: bounded(Adapter::Files(files), bounds), all }
    }

    fn ask(&self, session: &str, operation: &str, payload: &str) -> Result<Run, Refused> {
        self.sandbox.run(&in_session(session, operation, "x", payload))
    }

    fn write(&self, session: &str, path: &str, content: &str) -> Result<Run, Refused> {
        let content = Json::Text(content.to_owned()).show();
        self.ask(session, "write", &format!(r#"{{"path":"{path}","content":{content}}}"#))
    }

    fn read(&self, session: &str, path: &str) -> String {
        ran(self.ask(session, "read", &format!(r#"{{"path":"{path}"}}"#))).result.show()
    }

    /// Every file below, links as what they point to.
    fn picture(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut open = vec![self.all.path().to_owned()];
        let mut seen = BTreeMap::new();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let kind = entry.file_type().unwrap();
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_symlink() {
                    let to = std::fs::read_link(entry.path()).unwrap();
                    seen.insert(entry.path(), to.into_os_string().into_encoded_bytes());
                } else {
                    seen.insert(entry.path(), std::fs::read(entry.path()).unwrap());
                }
            }
        }
        seen
    }
}

#[test]
fn a_session_sees_what_it_wrote_and_the_folder_stays() {
    let folder = Folder::new();
    let before = folder.picture();
    let made = ran(folder.write("s", "/shared/notes/b.txt", "new"));
    assert_eq!(made.result.show(), r#"{"path":"/shared/notes/b.txt","bytes":3,"created":true}"#);
    assert!(
        made.captured.show().contains(r#""existed":false,"bytes":3,"sha256":"11507a0e"#),
        "{:?}",
        made.captured
    );
    assert!(!made.outline.show().contains("new"));
    assert_eq!(
        ran(folder.write("s", "/shared/notes/a.txt", "second")).result.show(),
        r#"{"path":"/shared/notes/a.txt","bytes":6,"created":false}"#
    );
    assert_eq!(
        folder.read("s", "/shared/notes/a.txt"),
        r#"{"path":"/shared/notes/a.txt","content":"second"}"#
    );
    assert!(folder.read("other", "/shared/notes/a.txt").contains("first"), "sessions do not see each other");
    assert!(folder.read("other", "/shared/notes/b.txt").contains("not found"));

    ran(folder.ask("s", "write", r#"{"path":"/shared/notes/a.txt","to":"/shared/notes/c.txt"}"#));
    assert!(folder.read("s", "/shared/notes/a.txt").contains("not found"));
    assert!(folder.read("s", "/shared/notes/c.txt").contains("second"));
    let gone = ran(folder.ask("s", "delete", r#"{"path":"/shared/notes/c.txt"}"#));
    assert_eq!(gone.result.show(), r#"{"path":"/shared/notes/c.txt","deleted":true}"#);
    assert!(folder.read("s", "/shared/notes/c.txt").contains("not found"));
    let again = ran(folder.ask("s", "delete", r#"{"path":"/shared/notes/c.txt"}"#));
    assert!(again.result.show().contains("not found") && again.writes == 0);
    assert_eq!(folder.picture(), before);
}

#[test]
fn no_path_leads_out() {
    let folder = Folder::new();
    let before = folder.picture();
    for path in [
        "/shared/../outside.txt",
        "/shared/notes/../../outside.txt",
        "/shared/./notes/a.txt",
        "/shared//notes/a.txt",
        "/shared/out/outside.txt",
        "/shared/out/root/notes/a.txt",
        "/shared/link.txt",
        "/shared/notes/a.txt/more",
        "/shared/notes/",
        "/shared",
        "/shared/notes/a\\u0000.txt",
    ] {
        for (operation, rest) in [("read", ""), ("delete", ""), ("write", r#","content":"x""#)] {
            let run = folder.ask("s", operation, &format!(r#"{{"path":"{path}"{rest}}}"#));
            assert_eq!(refused(run), "leaves", "{operation} {path}");
        }
        let to = folder.ask("s", "write", &format!(r#"{{"path":"/shared/notes/a.txt","to":"{path}"}}"#));
        assert_eq!(refused(to), "leaves", "rename to {path}");
    }
    for path in ["/etc/passwd", "shared/notes/a.txt", "/sharednotes/a.txt"] {
        assert_eq!(refused(folder.write("s", path, "x")), "no_adapter", "{path}");
    }
    let away = folder.ask("s", "write", r#"{"path":"/shared/notes/a.txt","to":"/etc/cron.d/x"}"#);
    assert_eq!(refused(away), "leaves");
    assert_eq!(folder.picture(), before);
}

#[test]
fn what_cannot_be_told_or_is_not_understood_waits() {
    let folder = Folder::new();
    assert_eq!(refused(folder.write("s", "/shared/nowhere/a.txt", "x")), "unknowable");
    let read = |path: &str| folder.ask("s", "read", &format!(r#"{{"path":"{path}"}}"#));
    assert_eq!(refused(read("/shared/notes")), "unknowable", "a folder");
    let pipe = folder.all.path().join("root/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(refused(read("/shared/pipe")), "unknowable", "a pipe, and nobody waits for it");
    std::fs::write(folder.all.path().join("root/bytes"), [0xff, 0xfe]).unwrap();
    assert_eq!(refused(read("/shared/bytes")), "unknowable");
    for (operation, payload) in [
        ("write", r#"{"path":"/shared/notes/a.txt"}"#),
        ("read", r#"{"path":"/shared/notes/a.txt","content":"x"}"#),
        ("send", r#"{"path":"/shared/notes/a.txt"}"#),
        ("write", r#"{"path":"/shared/notes/a.txt","content":"x","mode":511}"#),
        ("write", r#"{"path":"/shared/notes/a.txt","content":{"x":1}}"#),
    ] {
        assert_eq!(refused(folder.ask("s", operation, payload)), "not_understood", "{payload}");
    }
    assert!(Files::new(folder.all.path(), Path::new("shared")).is_none());
    assert!(Files::new(folder.all.path(), Path::new("/shared/../etc")).is_none());
}

#[test]
fn overlays_are_bounded_and_end_with_their_session() {
    let bounds = Bounds { bytes: 4, overlays: 2, overlay_bytes: 4_000, ..Bounds::default() };
    let folder = Folder::with(bounds);
    assert_eq!(refused(folder.ask("s", "read", r#"{"path":"/shared/notes/a.txt"}"#)), "too_much");
    assert_eq!(refused(folder.write("s", "/shared/notes/b.txt", &"x".repeat(4_000))), "too_much");
    assert!(folder.read("s", "/shared/notes/b.txt").contains("not found"), "nothing of it is there");
    let many = (0..40).map(|n| folder.write("s", &format!("/shared/notes/{n}"), "").is_ok());
    assert!(many.filter(|fits| *fits).count() < 16, "empty files count as well");

    ran(folder.write("one", "/shared/notes/b", "1"));
    ran(folder.write("two", "/shared/notes/b", "2"));
    assert!(folder.read("one", "/shared/notes/b").contains('1'), "used again, so it is not the oldest");
    ran(folder.write("three", "/shared/notes/b", "3"));
    assert!(folder.read("one", "/shared/notes/b").contains("\"1\""));
    assert!(folder.read("two", "/shared/notes/b").contains("not found"), "the oldest made room");

    let brief = Folder::with(Bounds { overlay_idle: Duration::ZERO, ..Bounds::default() });
    ran(brief.write("s", "/shared/notes/b", "1"));
    assert!(brief.read("s", "/shared/notes/b").contains("not found"), "its session is over");
}
