//! The gateway's port for isolation, filled by the crate `sandbox`.

use std::sync::Arc;

use action::Action;
use gateway::ports::{Isolate, Isolated, Isolating, NotIsolated};
use sandbox::{Refused, Sandbox};
use tokio::sync::Semaphore;

use super::config::Config;

/// Adapters run on threads of their own, so many at once. Each run is bounded in time, so a place is
/// soon free again; whoever finds none does not wait for one but is held.
pub struct Isolation {
    sandbox: Arc<Sandbox>,
    places: Arc<Semaphore>,
}

impl Isolation {
    pub fn new(config: &Config) -> Arc<Self> {
        let isolated = &config.sandbox;
        Arc::new(Isolation {
            sandbox: Arc::clone(&isolated.sandbox),
            places: Arc::new(Semaphore::new(isolated.at_once)),
        })
    }
}

impl Isolate for Isolation {
    fn fits(&self, action: &Action) -> bool {
        self.sandbox.adapter(action).is_some()
    }

    fn run(&self, action: Action) -> Isolating {
        let adapter = self.sandbox.adapter(&action).map_or("none", sandbox::Adapter::word);
        let (sandbox, places) = (Arc::clone(&self.sandbox), Arc::clone(&self.places));
        Box::pin(async move {
            let Ok(place) = places.try_acquire_owned() else {
                return Err(NotIsolated { adapter, why: "busy" });
            };
            let run = tokio::task::spawn_blocking(move || {
                let _place = place;
                sandbox.run(&action)
            });
            match run.await {
                Ok(Ok(run)) => Ok(Isolated {
                    adapter,
                    result: run.result,
                    captured: run.captured,
                    outline: run.outline,
                    writes: run.writes,
                }),
                Ok(Err(refused)) => {
                    log(adapter, &refused);
                    Err(NotIsolated { adapter, why: refused.code() })
                }
                Err(_) => Err(NotIsolated { adapter, why: "faulty" }),
            }
        })
    }
}

/// Causes stay in the log: they name files and hosts.
fn log(adapter: &'static str, refused: &Refused) {
    let cause = std::error::Error::source(refused).map(ToString::to_string);
    tracing::warn!(adapter, %refused, cause, "an action was not isolated");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use action::{Json, Name};
    use sandbox::{Adapter, Bounds, Sqlite, Target};

    use super::*;

    fn statement(sql: &str) -> Action {
        let text = format!(
            r#"{{ "kind": "database", "operation": "read", "tool": "t", "agent": {{ "name": "a" }},
                  "resource": {{ "type": "x", "name": "db" }}, "environment": "production",
                  "time": "2026-03-02T14:05:00Z", "payload": {{ "statement": "{sql}" }} }}"#
        );
        Json::parse_as(text.as_bytes()).unwrap()
    }

    #[tokio::test]
    async fn whoever_finds_no_place_does_not_wait_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("db");
        rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let adapter = Adapter::Sqlite(Sqlite::new(Name::new("db").unwrap(), &file));
        let bounds = Bounds { time: Duration::from_millis(500), ..Bounds::default() };
        let sandbox = Sandbox::new(vec![Target { adapter, agents: Vec::new() }], bounds);
        let isolation = Isolation { sandbox: Arc::new(sandbox), places: Arc::new(Semaphore::new(1)) };
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        let (first, second) =
            tokio::join!(isolation.run(statement(endless)), isolation.run(statement("SELECT 1")));
        assert_eq!((first.unwrap_err().why, second.unwrap_err().why), ("too_long", "busy"));
        assert_eq!(isolation.run(statement("SELECT 1")).await.unwrap().adapter, "sqlite");
    }
}
