//! What a statement may ask for while it is compiled. SQLite itself says what that is; no text is
//! looked at.

use std::sync::{Arc, Mutex, PoisonError};

use action::Json;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Pragmas that only tell of the schema. Every other one is refused: many of them change the file or
/// the connection outside of any transaction.
const TELLING: [&str; 7] = [
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Functions with an effect outside of the database.
const FUNCTIONS: [&str; 2] = ["load_extension", "fts3_tokenizer"];

/// Tables in which SQLite keeps the schema.
const SCHEMA: [&str; 4] = ["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema"];

/// Remembers what was refused and how the schema would have changed.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    refused: Option<&'static str>,
    schema: Vec<String>,
    drops: bool,
}

impl Door {
    pub fn new() -> Self {
        Door::default()
    }

    /// The callback for SQLite.
    pub fn guard(&self) -> impl FnMut(AuthContext<'_>) -> Authorization + Send + 'static + use<> {
        let door = self.clone();
        move |context| door.look(context.action)
    }

    /// What the statement asked for and did not get.
    pub fn refused(&self) -> Option<&'static str> {
        self.with(|seen| seen.refused)
    }

    /// How the schema would have changed.
    pub fn schema(&self) -> Json {
        self.with(|seen| Json::List(seen.schema.iter().cloned().map(Json::Text).collect()))
    }

    pub fn changes(&self) -> u64 {
        self.with(|seen| u64::try_from(seen.schema.len()).unwrap_or(u64::MAX))
    }

    fn look(&self, asked: AuthAction<'_>) -> Authorization {
        use AuthAction as A;
        let deny = |what| self.deny(what);
        match asked {
            A::Select | A::Read { .. } | A::Insert { .. } | A::Update { .. } | A::Recursive => {
                Authorization::Allow
            }
            A::Delete { table_name } => self.delete(table_name),
            A::Function { function_name } if FUNCTIONS.contains(&function_name) => {
                deny("a function with an effect outside of the database")
            }
            A::Function { .. } => Authorization::Allow,
            A::Pragma { pragma_name, .. } if TELLING.contains(&pragma_name) => Authorization::Allow,
            A::Pragma { .. } => deny("a pragma"),
            A::Transaction { .. } => deny("the control of a transaction"),
            A::Savepoint { .. } => deny("a savepoint"),
            A::Attach { .. } | A::Detach { .. } => deny("another database file"),
            A::CreateVtable { .. } | A::DropVtable { .. } => deny("a virtual table"),
            A::CreateIndex { index_name, .. } => self.note("create index", index_name),
            A::CreateTable { table_name } => self.note("create table", table_name),
            A::CreateTrigger { trigger_name, .. } => self.note("create trigger", trigger_name),
            A::CreateView { view_name } => self.note("create view", view_name),
            A::DropIndex { index_name, .. } => self.drop("drop index", index_name),
            A::DropTable { table_name } => self.drop("drop table", table_name),
            A::DropTrigger { trigger_name, .. } => self.drop("drop trigger", trigger_name),
            A::DropView { view_name } => self.drop("drop view", view_name),
            A::AlterTable { table_name, .. } => self.note("alter table", table_name),
            A::Reindex { .. } | A::Analyze { .. } => Authorization::Allow,
            // Temporary things outlive a statement for a real caller, and with the connection nothing of
            // them would be left here: what later statements would see cannot be told.
            A::CreateTempIndex { .. }
            | A::CreateTempTable { .. }
            | A::CreateTempTrigger { .. }
            | A::CreateTempView { .. }
            | A::DropTempIndex { .. }
            | A::DropTempTable { .. }
            | A::DropTempTrigger { .. }
            | A::DropTempView { .. } => deny("a temporary object"),
            // The list of SQLite is open; what is new to us is refused.
            A::Unknown { .. } | _ => deny("something that this program does not know"),
        }
    }

    /// `Ignore` deletes row by row instead of all at once, so that each row is seen. Inside of a drop
    /// it would make the drop do nothing.
    fn delete(&self, table: &str) -> Authorization {
        let drops = self.with(|seen| seen.drops);
        if drops || SCHEMA.contains(&table) { Authorization::Allow } else { Authorization::Ignore }
    }

    fn drop(&self, what: &str, name: &str) -> Authorization {
        self.with(|seen| seen.drops = true);
        self.note(what, name)
    }

    fn note(&self, what: &str, name: &str) -> Authorization {
        self.with(|seen| seen.schema.push(format!("{what} {name}")));
        Authorization::Allow
    }

    fn deny(&self, what: &'static str) -> Authorization {
        self.with(|seen| seen.refused = seen.refused.or(Some(what)));
        Authorization::Deny
    }

    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
