//! `sandbox`: where actions run so that nothing of them stays.
//!
//! ```yaml
//! sandbox:
//!   sql:
//!     - { resource: orders-db, sqlite: /srv/shop/orders.db }
//!     - { resource: ledger-db, postgres: { env: LEDGER_SANDBOX, ca: db-ca.pem }, agents: [finance-bot] }
//!   http:
//!     - host: api.example.org
//!       answers: [ { method: POST, path: /v1/orders, status: 201, body: '{"id": "${id}"}' } ]
//!   files:
//!     - { root: /srv/shared, seen_as: /data }
//!   bounds: { rows: 1000, bytes: 1048576, millis: 2000, at_once: 4 }
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use action::{Json, Name};
use engine::yaml::{Faults, Fields};
use sandbox::{
    Adapter, Authorities, Bounds, Files, Http, Method, Mock, Postgres, Sandbox, Secret, Sqlite, Target,
};

use super::name;

/// Runs at once, where no other number is given.
const AT_ONCE: usize = 4;

/// The adapters, and how many of them run at once.
#[derive(Debug)]
pub struct Isolated {
    pub sandbox: Arc<Sandbox>,
    pub at_once: usize,
}

/// Reads the section. Without one nothing can be isolated.
pub fn sandbox(fields: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Isolated {
    let Some(mut fields) = fields.fields("sandbox", faults) else {
        return Isolated { sandbox: Arc::default(), at_once: AT_ONCE };
    };
    let mut targets = Vec::new();
    targets.extend(each(&mut fields, "sql", faults, |one, faults| sql(one, folder, faults)));
    targets.extend(each(&mut fields, "http", faults, http));
    targets.extend(each(&mut fields, "files", faults, |one, faults| files(one, folder, faults)));
    let (bounds, at_once) = bounds(&mut fields, faults);
    fields.finish(faults);
    Isolated { sandbox: Arc::new(Sandbox::new(targets, bounds)), at_once }
}

/// The targets of one kind, each with its agents.
fn each(
    fields: &mut Fields<'_>,
    key: &'static str,
    faults: &mut Faults,
    read: impl Fn(&mut Fields<'_>, &mut Faults) -> Option<Adapter>,
) -> Vec<Target> {
    let file = fields.file();
    let nodes = fields.list(key, faults).unwrap_or_default();
    let mut targets = Vec::new();
    for node in nodes {
        let Some(mut one) = Fields::of(file, node, faults) else { continue };
        let agents = one.texts("agents", faults).unwrap_or_default();
        let agents: Vec<Name> =
            agents.into_iter().filter_map(|text| name(Some(text), "agents", &one, faults)).collect();
        targets.extend(read(&mut one, faults).map(|adapter| Target { adapter, agents }));
        one.finish(faults);
    }
    targets
}

fn sql(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Adapter> {
    let resource = name(one.need_text("resource", faults), "resource", one, faults);
    let sqlite = one.text("sqlite", faults).map(|file| folder.join(file));
    let postgres = one.fields("postgres", faults).map(|fields| postgres(fields, folder, faults));
    match (sqlite, postgres) {
        (Some(file), None) => Some(Adapter::Sqlite(Sqlite::new(resource?, &file))),
        (None, Some(read)) => {
            let (secret, authorities) = read?;
            Some(Adapter::Postgres(Postgres::new(resource?, secret, authorities)))
        }
        (None, None) | (Some(_), Some(_)) => {
            let hint =
                "`sqlite: FILE`, or `postgres: { env: NAME }`, or `postgres: { file: PATH }`".to_owned();
            one.fault(faults, "bad_database", "a database is one of two kinds".to_owned(), Some(hint));
            None
        }
    }
}

/// Where a connection string lies, and who vouches for the server. The string itself has no place in
/// the settings.
fn postgres(
    mut fields: Fields<'_>,
    folder: &Path,
    faults: &mut Faults,
) -> Option<(Secret, Option<Authorities>)> {
    let env = fields.text("env", faults).map(|name| Secret::Env(name.to_owned()));
    let file = fields.text("file", faults).map(|path| Secret::File(folder.join(path)));
    let secret = match (env, file) {
        (Some(only), None) | (None, Some(only)) => Some(only),
        (None, None) | (Some(_), Some(_)) => {
            let hint = Some("`env`, the name of a variable, or `file`, the path of a file".to_owned());
            fields.fault(faults, "bad_secret", "a connection string lies in one place".to_owned(), hint);
            None
        }
    };
    let authorities = fields.text("ca", faults).map(|path| Authorities::File(folder.join(path)));
    if let Some(Err(wrong)) = authorities.as_ref().map(Authorities::check) {
        let hint = Some("a file with one or more parts `-----BEGIN CERTIFICATE-----`".to_owned());
        fields.fault(faults, "bad_ca", wrong, hint);
    }
    fields.finish(faults);
    Some((secret?, authorities))
}

fn http(one: &mut Fields<'_>, faults: &mut Faults) -> Option<Adapter> {
    let host = one.need_text("host", faults).map(str::to_owned);
    let file = one.file();
    let mut answers = Vec::new();
    for node in one.list("answers", faults).unwrap_or_default() {
        let Some(mut fields) = Fields::of(file, node, faults) else { continue };
        answers.extend(mock(&mut fields, faults));
        fields.finish(faults);
    }
    let http = Http::new(host.as_deref()?, answers);
    if http.is_none() {
        let hint = Some("as it stands in an address: `api.example.org` or `api.example.org:8443`".to_owned());
        one.fault(faults, "bad_host", "`host` is no name of a host".to_owned(), hint);
    }
    http.map(Adapter::Http)
}

fn mock(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Mock> {
    let method = fields.choice("method", &Method::ALL, Method::word, faults);
    let path = fields.text("path", faults).unwrap_or("/");
    let status = fields.whole("status", faults).unwrap_or(200);
    let headers = fields.texts("headers", faults).unwrap_or_default();
    let headers: Option<Vec<(String, String)>> = headers
        .into_iter()
        .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect();
    if headers.is_none() {
        let hint = Some("for example `headers: [\"x-request: 7\"]`".to_owned());
        fields.fault(faults, "bad_header", "a header is `NAME: VALUE`".to_owned(), hint);
    }
    let body = fields.text("body", faults).unwrap_or("null");
    // A body that is no JSON is sent as the text that it is.
    let body = Json::parse(body.as_bytes()).unwrap_or_else(|_| Json::Text(body.to_owned()));
    let status = u16::try_from(status).unwrap_or(0);
    Mock::new(method, path, status, headers?, body)
        .map_err(|fault| fields.fault(faults, "bad_answer", fault.to_string(), None))
        .ok()
}

fn files(one: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Adapter> {
    let root = folder.join(one.need_text("root", faults)?);
    let seen_as = one.text("seen_as", faults).map_or_else(|| root.clone(), |path| Path::new(path).to_owned());
    let files = Files::new(&root, &seen_as);
    if files.is_none() {
        let hint = Some("give `seen_as`, the absolute path by which agents name the folder".to_owned());
        one.fault(faults, "bad_folder", "agents name a folder by a plain absolute path".to_owned(), hint);
    }
    files.map(Adapter::Files)
}

fn bounds(fields: &mut Fields<'_>, faults: &mut Faults) -> (Bounds, usize) {
    let usual = Bounds::default();
    let Some(mut fields) = fields.fields("bounds", faults) else { return (usual, AT_ONCE) };
    let mut within = |key: &'static str, most: i64| {
        let number = fields.whole(key, faults)?;
        if !(1..=most).contains(&number) {
            fields.fault(faults, "out_of_range", format!("`{key}` is a number from 1 to {most}"), None);
        }
        usize::try_from(number).ok()
    };
    let rows = within("rows", 100_000);
    let bytes = within("bytes", 16 << 20);
    let millis = within("millis", 60_000).and_then(|millis| u64::try_from(millis).ok());
    let overlays = within("overlays", 10_000);
    let overlay_bytes = within("overlay_bytes", 1 << 30);
    let idle = within("overlay_idle_seconds", 30 * 86_400).and_then(|seconds| u64::try_from(seconds).ok());
    let at_once = within("at_once", 256);
    fields.finish(faults);
    let bounds = Bounds {
        rows: rows.unwrap_or(usual.rows),
        bytes: bytes.unwrap_or(usual.bytes),
        time: millis.map_or(usual.time, Duration::from_millis),
        overlays: overlays.unwrap_or(usual.overlays),
        overlay_bytes: overlay_bytes.unwrap_or(usual.overlay_bytes),
        overlay_idle: idle.map_or(usual.overlay_idle, Duration::from_secs),
    };
    (bounds, at_once.unwrap_or(AT_ONCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Isolated, Vec<&'static str>) {
        let mut faults = Faults::default();
        let root = engine::yaml::parse("checkrein.yaml", text).unwrap();
        let mut fields = Fields::of("checkrein.yaml", &root, &mut faults).unwrap();
        let isolated = sandbox(&mut fields, Path::new("/etc/checkrein"), &mut faults);
        (isolated, faults.0.iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn every_kind_of_target_is_read_and_paths_are_beside_the_file() {
        let (isolated, faults) = read(
            "
sandbox:
  sql:
    - { resource: orders-db, sqlite: orders.db, agents: [shop-helper] }
    - { resource: ledger-db, postgres: { env: LEDGER_SANDBOX } }
  http:
    - host: api.example.org
      answers: [ { method: POST, path: /v1, status: 201, headers: ['x-run: 1'], body: '{\"id\": \"${id}\"}' } ]
  files: [ { root: shared } ]
  bounds: { rows: 7, at_once: 2 }
",
        );
        assert_eq!(faults, Vec::<&str>::new());
        assert_eq!((isolated.sandbox.bounds().rows, isolated.at_once), (7, 2));
        let shown = format!("{:?}", isolated.sandbox);
        for part in ["/etc/checkrein/orders.db", "LEDGER_SANDBOX", "api.example.org", "/etc/checkrein/shared"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let (_, faults) = read(
            "
sandbox:
  sql: [ { resource: a }, { resource: b, postgres: { ca: none.pem } }, { resource: c, sqlite: f, postgres: { env: X } } ]
  http:
    - { host: 'https://api.example.org' }
    - host: api.example.org
      answers: [ { status: 99 }, { headers: [x] }, { body: 'hello ${name}' }, { method: BREW } ]
  files: [ { root: shared, seen_as: ../up } ]
  bounds: { rows: 0 }
  mail: []
",
        );
        for code in [
            "bad_database",
            "bad_secret",
            "bad_ca",
            "bad_host",
            "bad_answer",
            "bad_header",
            "bad_folder",
            "out_of_range",
            "unknown_value",
            "unknown_key",
        ] {
            assert!(faults.contains(&code), "{code} is missing in {faults:?}");
        }
        assert_eq!(faults.iter().filter(|code| **code == "bad_database").count(), 2);
    }
}
