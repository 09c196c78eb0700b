//! SQLite, on real files.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use action::{Json, Name};
use rusqlite::Connection;
use sandbox::{Adapter, Bounds, Sandbox, Sqlite};

use crate::{Show as _, action, bounded, ran, refused, sandbox, statement};

struct Database {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Database {
    fn new(journal: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.db");
        let made = Connection::open(&file).unwrap();
        made.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
        made.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, total REAL, note BLOB);
             CREATE TABLE audit (what TEXT);
             CREATE TABLE kept (k TEXT PRIMARY KEY) WITHOUT ROWID;
             INSERT INTO kept VALUES ('a'), ('b');
             INSERT INTO orders VALUES (1, 'ana', 10.5, x'00ff'), (2, 'tom', 20, NULL), (3, 'eva', 30, NULL);
             CREATE TRIGGER told AFTER DELETE ON orders BEGIN INSERT INTO audit VALUES (old.customer); END;",
        )
        .unwrap();
        made.close().unwrap();
        Database { folder, file }
    }

    fn sandbox(&self) -> Sandbox {
        sandbox(self.adapter())
    }

    fn adapter(&self) -> Adapter {
        Adapter::Sqlite(Sqlite::new(Name::new("orders-db").unwrap(), &self.file))
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.file).unwrap()
    }
}

#[test]
fn a_delete_answers_as_for_real_and_the_file_stays_byte_for_byte() {
    for journal in ["DELETE", "WAL", "TRUNCATE"] {
        let database = Database::new(journal);
        let before = database.bytes();
        // The whole table without a condition, which SQLite would do at once without looking at rows.
        let run = ran(database.sandbox().run(&statement("DELETE FROM orders")));
        assert_eq!(run.result.show(), r#"{"affected":3}"#, "{journal}");
        assert_eq!(
            run.outline.show(),
            r#"{"tables":{"audit":{"inserted":3},"orders":{"deleted":3}},"schema":[]}"#
        );
        assert_eq!(run.writes, 6);
        let captured = run.captured.show();
        let row = r#"{"table":"orders","act":"deleted","before":{"id":1,"customer":"ana","total":10.5,"note":{"base64":"AP8="}}}"#;
        assert!(captured.contains(row), "{captured}");
        assert_eq!(database.bytes(), before, "{journal}");
        let kept: i64 = Connection::open(&database.file)
            .unwrap()
            .query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 3, "{journal}");
    }
}

#[test]
fn results_look_like_those_of_a_driver() {
    let database = Database::new("WAL");
    let run = |sql: &str, parameters: &str| {
        let payload = format!(r#"{{"statement": "{sql}", "parameters": {parameters}}}"#);
        ran(database.sandbox().run(&action("write", "orders-db", &payload)))
    };
    let found = run("SELECT id, customer, note FROM orders WHERE total < ?1 ORDER BY id", "[20.5]");
    assert_eq!(
        found.result.show(),
        r#"{"columns":["id","customer","note"],"rows":[[1,"ana",{"base64":"AP8="}],[2,"tom",null]],"affected":0}"#
    );
    assert_eq!(found.writes, 0);
    let made = run("INSERT INTO orders (customer, total) VALUES (:who, 7) RETURNING id", r#"{"who": "lee"}"#);
    assert_eq!(made.result.show(), r#"{"columns":["id"],"rows":[[4]],"affected":1}"#);
    let changed = run("UPDATE orders SET total = total + 1 WHERE id = ?", "[2]").captured.show();
    assert!(changed.contains(r#""before":{"id":2,"customer":"tom","total":20,"#), "{changed}");
    assert!(changed.contains(r#""after":{"id":2,"customer":"tom","total":21,"#), "{changed}");
    assert_eq!(run("DELETE FROM kept WHERE k = 'a'", "[]").writes, 1, "a table without row ids");
    // A failure that comes from the data is one for real as well.
    let failed = run("INSERT INTO orders (id, customer) VALUES (1, 'x')", "[]");
    assert!(failed.result.show().contains("UNIQUE constraint failed"), "{:?}", failed.result);
    assert_eq!(run("INSERT OR ROLLBACK INTO orders (id, customer) VALUES (1, 'x')", "[]").writes, 0);
}

#[test]
fn a_change_of_the_schema_is_undone_and_told() {
    let database = Database::new("WAL");
    let before = database.bytes();
    let run = ran(database.sandbox().run(&statement("DROP TABLE orders")));
    assert!(run.outline.show().contains("drop table orders"), "{:?}", run.outline);
    assert!(run.writes > 0);
    let run = ran(database.sandbox().run(&statement("ALTER TABLE orders ADD COLUMN paid INTEGER")));
    assert!(run.outline.show().contains("alter table orders"), "{:?}", run.outline);
    ran(database.sandbox().run(&statement("CREATE TABLE more (x)")));
    assert_eq!(database.bytes(), before);
}

#[test]
fn what_would_leave_the_transaction_is_refused() {
    let database = Database::new("WAL");
    let before = database.bytes();
    let other = database.folder.path().join("other.db");
    let attach = format!("ATTACH DATABASE '{}' AS other", other.display());
    let into = format!("VACUUM INTO '{}'", other.display());
    for sql in [
        "COMMIT",
        "END",
        "ROLLBACK",
        "BEGIN",
        "SAVEPOINT s",
        "RELEASE run",
        "ROLLBACK TO run",
        "DELETE FROM orders; COMMIT",
        "DELETE FROM orders; -- and\n DELETE FROM audit",
        &attach,
        "DETACH DATABASE main",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA user_version = 7",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA writable_schema = ON",
        "SELECT * FROM pragma_user_version",
        "SELECT load_extension('x')",
        "CREATE TEMP TABLE t (x)",
        "CREATE VIRTUAL TABLE v USING fts5(x)",
    ] {
        assert_eq!(refused(database.sandbox().run(&statement(sql))), "leaves", "{sql}");
    }
    // Refused by SQLite itself: not within a transaction, or not without leave.
    for sql in ["VACUUM", &into, "UPDATE sqlite_schema SET sql = ''", "SELECT FROM"] {
        assert_eq!(refused(database.sandbox().run(&statement(sql))), "unknowable", "{sql}");
    }
    assert!(!other.exists(), "a file was made");
    assert_eq!(database.bytes(), before);
    assert_eq!(
        ran(database.sandbox().run(&statement("SELECT name FROM pragma_table_info('audit')"))).result.show(),
        r#"{"columns":["name"],"rows":[["what"]],"affected":0}"#,
        "what only tells of the schema is no way out"
    );
}

#[test]
fn runs_are_bounded_in_time_rows_and_bytes() {
    let database = Database::new("WAL");
    let before = database.bytes();
    let tight = Bounds { rows: 2, bytes: 4_096, time: Duration::from_millis(300), ..Bounds::default() };
    let tight = bounded(database.adapter(), tight);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let start = Instant::now();
    assert_eq!(refused(tight.run(&statement(endless))), "too_long");
    assert!(start.elapsed() < Duration::from_secs(5));
    for sql in [
        "SELECT * FROM orders",
        "DELETE FROM orders",
        "SELECT randomblob(100000)",
        "INSERT INTO orders (customer) VALUES (randomblob(100000))",
    ] {
        assert_eq!(refused(tight.run(&statement(sql))), "too_much", "{sql}");
    }
    assert_eq!(database.bytes(), before);
}

#[test]
fn a_locked_or_missing_database_is_unavailable_and_none_is_made() {
    let database = Database::new("DELETE");
    let holder = Connection::open(&database.file).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let quick = Bounds { time: Duration::from_millis(200), ..Bounds::default() };
    let run = bounded(database.adapter(), quick).run(&statement("DELETE FROM orders"));
    assert_eq!(refused(run), "unavailable");
    let absent: &Path = &database.folder.path().join("absent.db");
    let adapter = Adapter::Sqlite(Sqlite::new(Name::new("orders-db").unwrap(), absent));
    assert_eq!(refused(sandbox(adapter).run(&statement("SELECT 1"))), "unavailable");
    assert!(!absent.exists());
}

#[test]
fn a_payload_that_says_more_than_is_known_is_not_understood() {
    let database = Database::new("WAL");
    for payload in [
        r#"{"statement": "DELETE FROM orders", "then": "COMMIT"}"#,
        r#"{"statement": 7}"#,
        r#"{"sql": "DELETE FROM orders"}"#,
        r#"{"statement": "DELETE FROM orders", "parameters": [1]}"#,
        r#"{"statement": "DELETE FROM orders WHERE id = ?", "parameters": []}"#,
        r#"{"statement": "DELETE FROM orders WHERE id = ?", "parameters": [[1]]}"#,
        r#"{"statement": "DELETE FROM orders WHERE id = :a", "parameters": {"b": 1}}"#,
        r#"["DELETE FROM orders"]"#,
    ] {
        let run = database.sandbox().run(&action("delete", "orders-db", payload));
        assert_eq!(refused(run), "not_understood", "{payload}");
    }
    assert!(matches!(statement("x").payload, Json::Object(_)));
}
