//! Any payload for an isolated run: the database and the folder are afterwards as they were, and the
//! answer fits its bounds.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use action::{Action, Json, Name, Operation};
use checkrein_fuzz::PLAIN;
use libfuzzer_sys::fuzz_target;
use sandbox::{Adapter, Bounds, Files, Http, Sandbox, Sqlite, Target};

struct Place {
    sandbox: Sandbox,
    database: PathBuf,
    bytes: Vec<u8>,
    file: PathBuf,
    resource: Name,
}

/// A database with a table and a trigger, a host, and a folder with a file and a link out of it.
static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("checkrein-fuzz-{}", std::process::id()));
    let root = folder.join("root");
    std::fs::create_dir_all(&root).unwrap();
    let file = root.join("a");
    std::fs::write(&file, "first").unwrap();
    let _ = std::os::unix::fs::symlink("/", root.join("out"));
    let database = folder.join("db");
    let made = rusqlite::Connection::open(&database).unwrap();
    let tables = "CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b TEXT UNIQUE);
                  CREATE TABLE IF NOT EXISTS u (c);
                  CREATE TRIGGER IF NOT EXISTS g AFTER DELETE ON t BEGIN INSERT INTO u VALUES (old.b); END;
                  INSERT OR IGNORE INTO t VALUES (1, 'x'), (2, 'y');";
    made.execute_batch(tables).unwrap();
    made.close().unwrap();
    let resource = Name::new("db").unwrap();
    let adapters = [
        Adapter::Http(Http::new("h.example", Vec::new()).unwrap()),
        Adapter::Files(Files::new(&root, std::path::Path::new("/data")).unwrap()),
        Adapter::Sqlite(Sqlite::new(resource.clone(), &database)),
    ];
    let targets = adapters.into_iter().map(|adapter| Target { adapter, agents: Vec::new() }).collect();
    let bounds =
        Bounds { rows: 50, bytes: 1 << 14, time: Duration::from_millis(500), ..Bounds::default() };
    let bytes = std::fs::read(&database).unwrap();
    Place { sandbox: Sandbox::new(targets, bounds), database, bytes, file, resource }
});

fuzz_target!(|text: &str| {
    let place = &*PLACE;
    // What is no JSON is tried as a statement.
    let payload = Json::parse(text.as_bytes())
        .unwrap_or_else(|_| Json::Object(vec![("statement".to_owned(), Json::Text(text.to_owned()))]));
    for operation in [Operation::Read, Operation::Write, Operation::Delete] {
        let mut action: Action = PLAIN.clone();
        action.operation = operation;
        action.payload = payload.clone();
        action.resource.name = Some(place.resource.clone());
        if let Ok(run) = place.sandbox.run(&action) {
            assert!(run.writes <= 1_000);
            if let Some(Json::List(rows)) = run.result.get("rows") {
                assert!(rows.len() <= 50);
            }
        }
    }
    assert_eq!(std::fs::read(&place.database).unwrap(), place.bytes, "the database was written to");
    assert_eq!(std::fs::read(&place.file).unwrap(), b"first", "the file was written to");
});
