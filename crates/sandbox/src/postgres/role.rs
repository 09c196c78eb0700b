//! What a role may do that a rollback does not undo.

use tokio_postgres::Client;

use super::unavailable;
use crate::Refused;

/// One way out of a transaction, and the question to the catalogue whether it is open.
#[derive(Debug)]
pub struct Door {
    /// What is told to an operator.
    pub word: &'static str,
    /// An expression that is true when it is open.
    pub open: &'static str,
}

/// The ways out. Where a function counts only if the role may call it, triggers count as well: they
/// call it without asking.
pub const DOORS: &[Door] = &[
    Door { word: "superuser", open: "(SELECT rolsuper FROM pg_roles WHERE rolname = session_user)" },
    Door {
        word: "replication",
        open: "(SELECT rolreplication FROM pg_roles WHERE rolname = session_user)",
    },
    Door {
        word: "roles that reach the server's files, programs or processes",
        open: "EXISTS (SELECT FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') AND rolname IN
               ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files',
                'pg_signal_backend', 'pg_signal_autovacuum_worker', 'pg_checkpoint', 'pg_maintain',
                'pg_create_subscription', 'pg_use_reserved_connections'))",
    },
    Door {
        // Such a role's running statements may be cancelled by its members.
        word: "membership in a role that logs in",
        open: "EXISTS (SELECT FROM pg_roles WHERE rolcanlogin AND rolname <> session_user
               AND pg_has_role(session_user, oid, 'MEMBER'))",
    },
    Door {
        // `dblink`, untrusted languages, whatever sends a request. A function of a trusted language or of
        // an extension that only computes is none.
        word: "functions in C or an untrusted language",
        open: "EXISTS (SELECT FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
               WHERE NOT l.lanpltrusted AND p.provolatile = 'v' AND p.pronamespace <> 'pg_catalog'::regnamespace
               AND p.prorettype NOT IN ('language_handler'::regtype, 'event_trigger'::regtype)
               AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                   WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                   AND d.refclassid = 'pg_extension'::regclass AND e.extname IN
                   ('btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore',
                    'intarray', 'isn', 'ltree', 'pg_stat_statements', 'pg_trgm', 'pgcrypto', 'seg',
                    'tablefunc', 'unaccent', 'uuid-ossp', 'vector')))",
    },
    Door {
        word: "functions that run as a superuser",
        open: "EXISTS (SELECT FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
               WHERE p.prosecdef AND p.pronamespace <> 'pg_catalog'::regnamespace
               AND (r.rolsuper OR EXISTS (SELECT FROM pg_roles s
                   WHERE s.rolname IN ('pg_execute_server_program', 'pg_write_server_files')
                   AND pg_has_role(r.oid, s.oid, 'MEMBER')))
               AND (has_function_privilege(session_user, p.oid, 'EXECUTE')
                   OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid AND NOT t.tgisinternal)))",
    },
    Door {
        // What a foreign table is behind, only its wrapper knows.
        word: "foreign tables",
        open: "EXISTS (SELECT FROM pg_foreign_table)",
    },
    Door {
        // Written at once, and read by whoever follows the log.
        word: "messages in the logical log",
        open: "current_setting('wal_level') = 'logical' AND EXISTS (SELECT FROM pg_proc
               WHERE proname = 'pg_logical_emit_message' AND pronamespace = 'pg_catalog'::regnamespace
               AND has_function_privilege(session_user, oid, 'EXECUTE'))",
    },
    Door {
        word: "functions of the server's administration",
        open: "EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
               AND has_function_privilege(session_user, oid, 'EXECUTE') AND proname IN
               ('lo_export', 'lo_import', 'pg_backup_start', 'pg_create_restore_point', 'pg_promote',
                'pg_read_binary_file', 'pg_read_file', 'pg_reload_conf', 'pg_replication_origin_advance',
                'pg_replication_origin_create', 'pg_replication_origin_drop', 'pg_rotate_logfile',
                'pg_stat_reset', 'pg_stat_reset_shared', 'pg_stat_reset_single_table_counters',
                'pg_switch_wal', 'pg_wal_replay_pause'))",
    },
];

/// Refuses a role with an open door, naming each.
pub async fn check(client: &Client) -> Result<(), Refused> {
    let questions: Vec<&str> = DOORS.iter().map(|door| door.open).collect();
    let row = client.query_one(&format!("SELECT {}", questions.join(",\n")), &[]).await;
    let row = row.map_err(unavailable)?;
    // What the catalogue does not know is no reason to trust it.
    let open = |index| row.get::<_, Option<bool>>(index).unwrap_or(true);
    let open: Vec<&'static str> =
        DOORS.iter().enumerate().filter(|(index, _)| open(*index)).map(|(_, door)| door.word).collect();
    if open.is_empty() { Ok(()) } else { Err(Refused::OpenDoors(open)) }
}
