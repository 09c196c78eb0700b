//! PostgreSQL: a real server.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use action::Name;
use sandbox::{Adapter, Authorities, Bounds, DOORS, Postgres, Refused, Run, Sandbox, Secret};

use crate::cluster::{Cluster, path};
use crate::{Show as _, action, bounded, ran, refused, sandbox, statement};

/// Who owns the tables, and who is asked by the adapter.
const SCHEMA: &str = "
CREATE ROLE shop LOGIN; CREATE ROLE sandbox LOGIN PASSWORD 'hunter2';
CREATE TYPE state AS ENUM ('open', 'paid');
CREATE TABLE orders (id serial PRIMARY KEY, customer text NOT NULL, total numeric(10,2), state state,
  at timestamptz, extra jsonb, tags text[]);
CREATE TABLE audit (what text);
CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO audit VALUES (old.customer); RETURN old; END $$;
CREATE TRIGGER told AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION told();
CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM orders; COMMIT; END $$;
CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN 1; END $$;
INSERT INTO orders (customer, total, state, at, extra, tags) VALUES
  ('ana', 10.5, 'open', '2026-03-02T14:05:00Z', '{\"a\": [1, null]}', '{x}'), ('tom', 20, 'paid', NULL, NULL, NULL),
  ('eva', NULL, NULL, NULL, NULL, NULL);
GRANT SELECT, INSERT, UPDATE, DELETE ON orders, audit TO sandbox; GRANT USAGE ON SEQUENCE orders_id_seq TO sandbox;
";

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let server = Server { cluster: Cluster::start() };
    server.sql(SCHEMA);
    server
});

struct Server {
    cluster: Cluster,
}

impl Server {
    fn sql(&self, sql: &str) -> String {
        self.on("postgres", sql)
    }

    fn on(&self, database: &str, sql: &str) -> String {
        self.cluster.sql(database, sql)
    }

    /// Over the socket.
    fn adapter(&self, user: &str, database: &str) -> Adapter {
        let (folder, port) = (path(&self.cluster.folder), self.cluster.port);
        let text = format!("host={folder} port={port} user={user} dbname={database}\n");
        self.with(&format!("{user}-{database}"), &text, None)
    }

    /// With this connection string.
    fn with(&self, name: &str, text: &str, authorities: Option<Authorities>) -> Adapter {
        let secret = self.cluster.folder.join(format!("{name}.secret"));
        std::fs::write(&secret, text).unwrap();
        Adapter::Postgres(Postgres::new(Name::new("orders-db").unwrap(), Secret::File(secret), authorities))
    }

    fn sandbox(&self) -> Sandbox {
        sandbox(self.adapter("sandbox", "postgres"))
    }

    /// Every row that the tests know of.
    fn rows(&self) -> String {
        self.sql(
            "SELECT * FROM orders ORDER BY id; SELECT * FROM audit; SELECT count(*) FROM pg_prepared_xacts",
        )
    }

    fn run(&self, sql: &str) -> Result<Run, Refused> {
        self.sandbox().run(&statement(sql))
    }
}

#[test]
fn a_delete_answers_as_for_real_and_every_row_stays() {
    let before = SERVER.rows();
    let run = ran(SERVER.run("DELETE FROM orders"));
    assert_eq!(run.result.show(), r#"{"affected":3}"#);
    assert_eq!(
        run.outline.show(),
        r#"{"tables":{"public.audit":{"inserted":3},"public.orders":{"deleted":3}}}"#
    );
    assert_eq!(run.writes, 6);
    assert_eq!(SERVER.rows(), before);
}

#[test]
fn results_look_like_those_of_a_driver() {
    let before = SERVER.rows();
    let run = |sql: &str, parameters: &str| {
        let payload = format!(r#"{{"statement": "{sql}", "parameters": {parameters}}}"#);
        ran(SERVER.sandbox().run(&action("write", "orders-db", &payload)))
    };
    let found =
        run("SELECT id, customer, total, state, at, extra FROM orders WHERE id < $1 ORDER BY id", "[3]");
    assert_eq!(
        found.result.show(),
        r#"{"columns":["id","customer","total","state","at","extra"],"rows":[[1,"ana",10.5,"open","2026-03-02T14:05:00Z",{"a":[1,null]}],[2,"tom",20,"paid",null,null]],"affected":2}"#
    );
    let made = run(
        "INSERT INTO orders (customer, total, extra) VALUES ($1, $2, $3) RETURNING customer, total, extra",
        r#"["lee", 7.25, {"k": true}]"#,
    );
    assert!(
        made.result.show().contains(r#""rows":[["lee",7.25,{"k":true}]],"affected":1"#),
        "{:?}",
        made.result
    );
    assert!(made.captured.show().contains("lee"));
    let failed = run("INSERT INTO orders (id, customer) VALUES (1, 'x')", "[]");
    assert!(failed.result.show().contains(r#""code":"23505""#), "{:?}", failed.result);
    assert_eq!(SERVER.rows(), before);
}

#[test]
fn what_would_leave_the_transaction_is_refused() {
    let before = SERVER.rows();
    for sql in [
        "COMMIT",
        "ROLLBACK",
        "PREPARE TRANSACTION 'x'",
        "DELETE FROM orders; COMMIT",
        "DELETE FROM orders; DELETE FROM audit",
        "COPY orders TO PROGRAM 'touch /tmp/out'",
        "COPY orders FROM '/etc/passwd'",
        "CALL ends()",
        "DO $$ BEGIN DELETE FROM orders; COMMIT; END $$",
        "SET SESSION AUTHORIZATION root",
        "DROP TABLE orders",
        "TRUNCATE orders",
        "CREATE TABLE more (x int)",
        "VACUUM",
        "NOTIFY told",
    ] {
        let code = refused(SERVER.run(sql));
        assert!(["leaves", "not_understood"].contains(&code), "{sql}: {code}");
    }
    // A type that is not read, and a statement that is none.
    assert_eq!(refused(SERVER.run("SELECT tags FROM orders")), "unknowable");
    assert_eq!(refused(SERVER.run("SELECT nothing FROM nowhere")), "unknowable");
    assert_eq!(SERVER.rows(), before);
}

#[test]
fn a_role_that_may_do_what_a_rollback_does_not_undo_is_refused() {
    SERVER.sql("CREATE DATABASE doors");
    SERVER.on("doors", "CREATE TABLE orders (id int); GRANT ALL ON orders TO PUBLIC");
    let on = |user: &str| sandbox(SERVER.adapter(user, "doors")).run(&statement("DELETE FROM orders"));
    assert_eq!(ran(on("sandbox")).result.show(), r#"{"affected":0}"#, "a plain role has no open door");
    // Each way in turn: opened, told by its name, closed again.
    let ways = [
        ("superuser", "CREATE ROLE w1 LOGIN SUPERUSER", "w1"),
        ("replication", "CREATE ROLE w2 LOGIN REPLICATION", "w2"),
        (
            "roles that reach the server's files, programs or processes",
            "CREATE ROLE w3 LOGIN; GRANT pg_execute_server_program TO w3",
            "w3",
        ),
        ("membership in a role that logs in", "CREATE ROLE w4 LOGIN; GRANT shop TO w4", "w4"),
        (
            "functions of the server's administration",
            "CREATE ROLE w5 LOGIN; GRANT EXECUTE ON FUNCTION pg_reload_conf() TO w5",
            "w5",
        ),
    ];
    for (word, open, user) in ways {
        SERVER.on("doors", open);
        told(on(user), word);
    }
    for (word, open, shut) in [
        (
            "functions in C or an untrusted language",
            "CREATE FUNCTION away() RETURNS int LANGUAGE internal AS 'pg_backend_pid'",
            "DROP FUNCTION away()",
        ),
        (
            "functions that run as a superuser",
            "CREATE FUNCTION up() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
            "DROP FUNCTION up()",
        ),
        (
            "foreign tables",
            "CREATE FOREIGN DATA WRAPPER f; CREATE SERVER s FOREIGN DATA WRAPPER f;
             CREATE FOREIGN TABLE far (x int) SERVER s",
            "DROP FOREIGN DATA WRAPPER f CASCADE",
        ),
    ] {
        SERVER.on("doors", open);
        told(on("sandbox"), word);
        SERVER.on("doors", shut);
        ran(on("sandbox"));
    }
    let tried = ways.iter().map(|(word, _, _)| *word).collect::<Vec<_>>();
    let untried: Vec<_> = DOORS.iter().map(|door| door.word).filter(|word| !tried.contains(word)).collect();
    // The log of this server is not the logical one; the others were opened above.
    assert_eq!(untried.len(), 4, "{untried:?}");
}

#[track_caller]
fn told(run: Result<Run, Refused>, word: &str) {
    match run {
        Err(Refused::OpenDoors(doors)) => assert!(doors.contains(&word), "{doors:?}"),
        other => panic!("{word}: {other:?}"),
    }
}

#[test]
fn runs_are_bounded_in_time_rows_and_bytes() {
    let before = SERVER.rows();
    let bounds = Bounds { rows: 2, bytes: 4_096, time: Duration::from_millis(600), ..Bounds::default() };
    let tight = bounded(SERVER.adapter("sandbox", "postgres"), bounds);
    let start = Instant::now();
    assert_eq!(refused(tight.run(&statement("SELECT slow()"))), "too_long");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(refused(tight.run(&statement("SELECT * FROM generate_series(1, 100)"))), "too_much");
    assert_eq!(refused(tight.run(&statement("SELECT repeat('x', 100000)"))), "too_much");
    // A row of any size is cut off at the socket, before the driver holds it.
    let longer = Bounds { time: Duration::from_secs(20), ..bounds };
    let longer = bounded(SERVER.adapter("sandbox", "postgres"), longer);
    assert_eq!(refused(longer.run(&statement("SELECT repeat('x', 100000000)"))), "unavailable");
    assert_eq!(SERVER.rows(), before);
}

#[test]
fn over_tls_the_server_must_be_the_one_that_was_named() {
    let before = SERVER.rows();
    let port = SERVER.cluster.port;
    let over = |host: &str, more: &str, authority: Option<std::path::PathBuf>| {
        let text = format!("host={host} port={port} user=sandbox password=hunter2 dbname=postgres {more}");
        let adapter = SERVER.with(&format!("tls-{host}"), &text, authority.map(Authorities::File));
        let run = sandbox(adapter).run(&statement("DELETE FROM orders"));
        assert!(!format!("{run:?}").contains("hunter2"), "{run:?}");
        run
    };
    let known = || Some(SERVER.cluster.authority());
    // The password is bound to the certificate; a man in the middle could not pass it on.
    for more in ["", "channel_binding=require", "sslmode=disable"] {
        assert_eq!(ran(over("localhost", more, known())).result.show(), r#"{"affected":3}"#, "{more}");
    }
    for (host, more, authority, why) in [
        ("127.0.0.1", "", known(), "the certificate names another host"),
        ("localhost", "", Some(SERVER.cluster.stranger()), "another authority vouches"),
        ("localhost", "sslmode=require", None, "no public authority vouches"),
        ("localhost", "", Some(SERVER.cluster.folder.join("none.pem")), "there is no such file"),
        ("localhost", "", Some(SERVER.cluster.folder.join("log")), "the file holds no certificate"),
        ("localhost", "", None, "without TLS the server lets nobody in"),
    ] {
        assert_eq!(refused(over(host, more, authority)), "unavailable", "{why}");
    }
    assert_eq!(SERVER.rows(), before);
}

#[test]
fn a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for() {
    use std::io::{Read as _, Write as _};
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = plain.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).unwrap();
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        rest
    });
    let text = format!("host=localhost port={port} user=sandbox password=hunter2");
    let authority = Authorities::File(SERVER.cluster.authority());
    let adapter = SERVER.with("plain", &text, Some(authority));
    assert_eq!(refused(sandbox(adapter).run(&statement("DELETE FROM orders"))), "unavailable");
    assert_eq!(heard.join().unwrap(), b"", "nothing was said in the clear");
}

#[test]
fn a_missing_secret_or_host_is_unavailable() {
    let secret = |text: &str| sandbox(SERVER.with("other", text, None)).run(&statement("DELETE FROM orders"));
    for text in ["hunter2", "user=x", "host=/nowhere user=x", "host=127.0.0.1 port=9 user=x password=hunter2"]
    {
        let refused = secret(text).unwrap_err();
        assert_eq!(refused.code(), "unavailable", "{text}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
    }
    let env = Secret::Env("CHECKREIN_TEST_NOT_SET".to_owned());
    let adapter = Adapter::Postgres(Postgres::new(Name::new("orders-db").unwrap(), env, None));
    assert_eq!(refused(sandbox(adapter).run(&statement("DELETE FROM orders"))), "unavailable");
}
