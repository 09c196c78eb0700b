//! PostgreSQL: a server of the tests' own, on a socket in a folder of their own.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use action::Name;
use sandbox::{Adapter, Bounds, DOORS, Postgres, Refused, Run, Sandbox, Secret};

use crate::{Show as _, action, bounded, ran, refused, sandbox, statement};

/// Who owns the tables, and who is asked by the adapter.
const SCHEMA: &str = "
CREATE ROLE shop LOGIN; CREATE ROLE sandbox LOGIN;
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

/// Ends with the tests: a child of theirs that the system ends with them.
struct Server {
    folder: PathBuf,
    bin: PathBuf,
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

impl Server {
    #[expect(clippy::zombie_processes, reason = "it outlives the tests, to end the server after them")]
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap().keep();
        let server = Server { bin: installed(), folder };
        if is_root() {
            let user = std::fs::read_to_string("/etc/passwd").unwrap();
            let postgres =
                user.lines().find(|line| line.starts_with("postgres:")).expect("a user `postgres`");
            let ids: Vec<u32> = postgres.split(':').skip(2).take(2).map(|id| id.parse().unwrap()).collect();
            chown(&server.folder, Some(ids[0]), Some(ids[1])).unwrap();
            std::fs::set_permissions(&server.folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let data = server.folder.join("data");
        server.tool(
            "initdb",
            &["-D", path(&data), "-U", "root", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"],
        );
        let socket = format!(
            "-k {} -c listen_addresses= -c fsync=off -c shared_buffers=16MB -c max_connections=40",
            path(&server.folder)
        );
        let log = server.folder.join("log");
        server.tool("pg_ctl", &["-D", path(&data), "-o", &socket, "-l", path(&log), "-w", "start"]);
        server.sql(SCHEMA);
        // Without this the server would stay: nothing of these tests runs after the last one.
        let (pid, folder) = (std::process::id(), server.folder.clone());
        let stop = format!(
            "while kill -0 {pid} 2>/dev/null; do sleep 0.2; done; kill -INT $(head -n 1 {data}/postmaster.pid); \
             while [ -e {data}/postmaster.pid ]; do sleep 0.1; done; rm -rf {folder}",
            data = path(&data),
            folder = path(&folder)
        );
        let null = std::process::Stdio::null;
        let watch = Command::new("setsid")
            .args(["sh", "-c", &stop])
            .stdin(null())
            .stdout(null())
            .stderr(null())
            .spawn();
        watch.unwrap();
        server
    }

    /// Runs a program of the server as a user that is not root: the server refuses to run as root.
    fn tool(&self, name: &str, arguments: &[&str]) -> Output {
        let program = self.bin.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let output = command.args(arguments).current_dir(&self.folder).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name} {arguments:?}: {told}");
        output
    }

    /// As the superuser of the cluster, beside the adapter.
    fn sql(&self, sql: &str) -> String {
        self.on("postgres", sql)
    }

    fn on(&self, database: &str, sql: &str) -> String {
        let host = path(&self.folder);
        let arguments = [
            "-h",
            host,
            "-U",
            "root",
            "-d",
            database,
            "-v",
            "ON_ERROR_STOP=1",
            "-X",
            "-q",
            "-A",
            "-t",
            "-c",
            sql,
        ];
        String::from_utf8(self.tool("psql", &arguments).stdout).unwrap()
    }

    fn adapter(&self, user: &str, database: &str) -> Adapter {
        let secret = self.folder.join(format!("{user}-{database}.secret"));
        std::fs::write(&secret, format!("host={} user={user} dbname={database}\n", path(&self.folder)))
            .unwrap();
        Adapter::Postgres(Postgres::new(Name::new("orders-db").unwrap(), Secret::File(secret)))
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

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").map(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0).unwrap()
}

fn installed() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").map(|all| all.flatten().map(|it| it.path().join("bin")));
    let mut found: Vec<PathBuf> =
        versions.into_iter().flatten().filter(|bin| bin.join("initdb").exists()).collect();
    found.sort();
    found.pop().expect("PostgreSQL is needed: run `scripts/tools.sh`, or install the package `postgresql`")
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
fn a_missing_secret_or_another_machine_is_unavailable() {
    let secret = |text: &str| {
        let file = SERVER.folder.join("other.secret");
        std::fs::write(&file, text).unwrap();
        let adapter = Adapter::Postgres(Postgres::new(Name::new("orders-db").unwrap(), Secret::File(file)));
        sandbox(adapter).run(&statement("DELETE FROM orders"))
    };
    for text in ["host=192.0.2.1 user=x password=hunter2", "hunter2", "user=x", "host=/nowhere user=x"] {
        let refused = secret(text).unwrap_err();
        assert_eq!(refused.code(), "unavailable", "{text}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused:?}");
    }
    let adapter = Adapter::Postgres(Postgres::new(
        Name::new("orders-db").unwrap(),
        Secret::Env("CHECKREIN_TEST_NOT_SET".to_owned()),
    ));
    assert_eq!(refused(sandbox(adapter).run(&statement("DELETE FROM orders"))), "unavailable");
}
