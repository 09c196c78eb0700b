//! A statement on a PostgreSQL database, inside a transaction that is always rolled back.
//!
//! A rollback undoes rows, not everything: a role may start a program on the server, write a file or
//! reach another database. So the catalogue is asked first what the role may do ([`DOORS`]), and only
//! queries, inserts, updates, deletes and merges run, one each, under time limits of the server itself.
//! What stays all the same: sequences that were advanced do not go back.

mod link;
mod role;
mod tls;
mod values;

use std::path::PathBuf;
use std::pin::pin;

use action::{Action, Json, Name};
use futures_util::TryStreamExt as _;
use sqlparser::ast::Statement as Parsed;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use tokio_postgres::{Client, Config, Error};

use self::values::Given;
use crate::statement::{Parameters, Statement, names};
use crate::{Bounds, Refused, Run, count, object, text, whole};

pub use role::DOORS;
pub use tls::Authorities;

/// One PostgreSQL database that statements name as their resource.
#[derive(Debug, Clone)]
pub struct Postgres {
    resource: Name,
    secret: Secret,
    authorities: Option<Authorities>,
}

/// Where the connection string lies. It is read for each run, so it can be changed, and never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    Env(String),
    File(PathBuf),
}

impl Postgres {
    /// A host on another machine is spoken to over TLS in any case. With `authorities` every host is,
    /// and they are who may vouch for it.
    pub const fn new(resource: Name, secret: Secret, authorities: Option<Authorities>) -> Self {
        Postgres { resource, secret, authorities }
    }

    pub(crate) fn fits(&self, action: &Action) -> bool {
        names(action, &self.resource)
    }

    pub(crate) fn run(&self, action: &Action, bounds: &Bounds) -> Result<Run, Refused> {
        let statement = Statement::of(action)?;
        let Parameters::InOrder(parameters) = statement.parameters else {
            return Err(Refused::NotUnderstood("`parameters` of this database are a list".to_owned()));
        };
        only_rows(statement.sql)?;
        let config = self.secret.config()?;
        // A runtime of its own: with its end every socket and task of the run is gone, whatever happened.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Refused::unavailable("a thread for the database", error))?;
        let mark = action.payload_hash().to_string();
        runtime.block_on(async {
            let run = async {
                let client = link::connect(&config, self.authorities.as_ref(), bounds).await?;
                isolated(&client, statement.sql, parameters, &mark, bounds).await
            };
            tokio::time::timeout(bounds.time, run).await.unwrap_or(Err(Refused::TooLong))
        })
    }
}

impl Secret {
    fn config(&self) -> Result<Config, Refused> {
        let missing = || Refused::Unavailable { what: "its connection string", source: None };
        let text = match self {
            Secret::Env(name) => std::env::var(name).map_err(|_| missing())?,
            Secret::File(path) => std::fs::read_to_string(path).map_err(|_| missing())?,
        };
        // The cause could repeat a part of the string.
        text.trim().parse().map_err(|_| missing())
    }
}

/// Refuses everything but one statement about rows. The server takes one statement only as well, and
/// none of the others could commit what this one did: that is the wall, this is the fence before it.
fn only_rows(sql: &str) -> Result<(), Refused> {
    let parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql)
        .map_err(|_| Refused::NotUnderstood("`statement` cannot be read".to_owned()))?;
    match parsed.as_slice() {
        [Parsed::Query(_) | Parsed::Insert(_) | Parsed::Update(_) | Parsed::Delete(_) | Parsed::Merge(_)] => {
            Ok(())
        }
        [_] => Err(Refused::Leaves("the statement is more than a change of rows".to_owned())),
        _ => Err(Refused::Leaves("there is more than one statement".to_owned())),
    }
}

async fn isolated(
    client: &Client,
    sql: &str,
    parameters: &[Json],
    mark: &str,
    bounds: &Bounds,
) -> Result<Run, Refused> {
    let millis = bounds.time.as_millis();
    // `mark` is hexadecimal. It is set for this transaction alone, so whether it is still there tells
    // whether the statement left the transaction.
    let begin = format!(
        "BEGIN; SET LOCAL statement_timeout = {millis}; SET LOCAL lock_timeout = {millis};
         SET LOCAL idle_in_transaction_session_timeout = {millis}; SET LOCAL checkrein.run = '{mark}'"
    );
    client.batch_execute(&begin).await.map_err(unavailable)?;
    role::check(client).await?;
    let run = match execute(client, sql, parameters, bounds).await {
        Ok(result) => Ok(told(result, tables(client).await?)),
        Err(Stop::Refused(refused)) => Err(refused),
        Err(Stop::Postgres(error)) => failed(error),
    };
    if run.as_ref().is_ok_and(|run| run.writes > 0) && !still_inside(client, mark).await? {
        return Err(Refused::Leaves("the statement ended its transaction".to_owned()));
    }
    client.batch_execute("ROLLBACK").await.map_err(unavailable)?;
    run
}

/// What the statement answered.
struct Done {
    columns: Vec<String>,
    rows: Vec<Json>,
    affected: u64,
}

enum Stop {
    Postgres(Error),
    Refused(Refused),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Postgres(error)
    }
}

async fn execute(client: &Client, sql: &str, parameters: &[Json], bounds: &Bounds) -> Result<Done, Stop> {
    let prepared = client.prepare(sql).await?;
    if prepared.params().len() != parameters.len() {
        let misfit = "the statement has another number of parameters".to_owned();
        return Err(Stop::Refused(Refused::NotUnderstood(misfit)));
    }
    let columns: Vec<String> = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    let mut stream = pin!(client.query_raw(&prepared, parameters.iter().map(Given)).await?);
    let mut rows = Vec::new();
    let mut left = bounds.bytes;
    while let Some(row) = stream.try_next().await? {
        if rows.len() == bounds.rows {
            return Err(Stop::Refused(Refused::TooMuch("its result has too many rows")));
        }
        rows.push(values::row(&row, &mut left).map_err(Stop::Refused)?);
    }
    let affected = stream.rows_affected().unwrap_or(0);
    Ok(Done { columns, rows, affected })
}

/// What this transaction changed, table by table, as the server itself counts it: what triggers changed
/// is in it.
async fn tables(client: &Client) -> Result<(Json, u64), Refused> {
    let sql = "SELECT schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del
               FROM pg_stat_xact_user_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY 1";
    let rows = client.query(sql, &[]).await.map_err(unavailable)?;
    let mut writes = 0u64;
    let tables = rows.iter().map(|row| {
        let acts = ["inserted", "updated", "deleted"].into_iter().zip(1..);
        let counts = acts.filter_map(|(act, column)| {
            let number = u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
            writes = writes.saturating_add(number);
            (number > 0).then(|| (act.to_owned(), whole(number)))
        });
        (row.get::<_, String>(0), Json::Object(counts.collect()))
    });
    let tables = Json::Object(tables.collect());
    Ok((tables, writes))
}

async fn still_inside(client: &Client, mark: &str) -> Result<bool, Refused> {
    let row = client.query_one("SELECT current_setting('checkrein.run', true)", &[]).await;
    Ok(row.map_err(unavailable)?.get::<_, Option<String>>(0).as_deref() == Some(mark))
}

fn told(done: Done, (tables, writes): (Json, u64)) -> Run {
    let affected = whole(done.affected);
    let result = if done.columns.is_empty() {
        object([("affected", affected)])
    } else {
        let columns = Json::List(done.columns.into_iter().map(Json::Text).collect());
        object([("columns", columns), ("rows", Json::List(done.rows)), ("affected", affected)])
    };
    // Rows that a statement returns are what it wrote, as far as it was asked to return them.
    let returned = if writes > 0 { result.clone() } else { Json::Null };
    let captured = object([("tables", tables.clone()), ("returned", returned)]);
    Run { result, captured, outline: object([("tables", tables)]), writes }
}

/// A failure that comes from the data comes for real as well; any other may come from the isolation.
fn failed(error: Error) -> Result<Run, Refused> {
    let Some(database) = error.as_db_error() else { return Err(unavailable(error)) };
    match database.code().code() {
        code if code.starts_with("22") || code.starts_with("23") => {
            let nothing = object([("failed", count(1))]);
            let result = object([("error", text(database.message())), ("code", text(code))]);
            Ok(Run { result, captured: nothing.clone(), outline: nothing, writes: 0 })
        }
        "57014" => Err(Refused::TooLong),
        "55P03" => Err(unavailable(error)),
        _ => Err(Refused::Unknowable("the database does not accept the statement".to_owned())),
    }
}

fn unavailable(error: Error) -> Refused {
    Refused::unavailable("the PostgreSQL database", error)
}
