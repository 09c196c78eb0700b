//! The settings of traces.

use std::path::{Path, PathBuf};

use engine::yaml::{Faults, Fields, Value};
use http::HeaderName;

use super::outward::{destination, secret};
use crate::serve::outward::{Destination, Secret};

/// More than any collector asks for.
const MAX_HEADERS: usize = 16;

/// A collector that takes OTLP over HTTP. Without these settings nothing is traced.
#[derive(Debug, Clone)]
pub struct Telemetry {
    /// As OpenTelemetry names it: `/v1/traces` is put behind it.
    pub to: Destination,
    pub ca: Option<PathBuf>,
    /// For example `authorization`; the values are secrets.
    pub headers: Vec<(HeaderName, Secret)>,
}

pub fn telemetry(fields: Option<Fields<'_>>, folder: &Path, faults: &mut Faults) -> Option<Telemetry> {
    let mut fields = fields?;
    let to = destination(&mut fields, faults);
    let ca = fields.text("ca", faults).map(|path| folder.join(path));
    let headers = headers(&mut fields, folder, faults);
    fields.finish(faults);
    Some(Telemetry { to: to?, ca, headers })
}

fn headers(fields: &mut Fields<'_>, folder: &Path, faults: &mut Faults) -> Vec<(HeaderName, Secret)> {
    let file = fields.file();
    let Some(node) = fields.get("headers") else { return Vec::new() };
    let Value::Map(entries) = &node.value else {
        fields.fault(faults, "wrong_type", "`headers` must be a mapping".to_owned(), None);
        return Vec::new();
    };
    if entries.len() > MAX_HEADERS {
        fields.fault(faults, "too_many", format!("`headers` has at most {MAX_HEADERS} entries"), None);
    }
    let mut all = Vec::new();
    for (key, value) in entries.iter().take(MAX_HEADERS) {
        let name: Option<HeaderName> = key.text.parse().ok();
        if name.is_none() {
            let message = format!("`{}` is no name of a header", engine::yaml::shown(&key.text));
            fields.fault(faults, "bad_header", message, None);
        }
        all.extend(name.zip(secret(file, value, folder, faults)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_read_and_faults_are_told() {
        let read = |text: &str| {
            let root = engine::yaml::parse("t.yaml", text).unwrap();
            let mut faults = Faults::default();
            let fields = Fields::of("t.yaml", &root, &mut faults);
            let telemetry = telemetry(fields, Path::new("/etc"), &mut faults);
            (telemetry, faults.0.iter().map(|fault| fault.code).collect::<Vec<_>>())
        };
        let (telemetry, faults) = read(
            "{ url: 'http://127.0.0.1:4318', private: true, headers: { authorization: { file: token } } }",
        );
        assert_eq!(faults, [] as [&str; 0]);
        let (name, secret) = &telemetry.unwrap().headers[0];
        assert_eq!((name.as_str(), secret), ("authorization", &Secret::File("/etc/token".into())));
        let (_, faults) =
            read("{ url: 'http://otel.example', headers: { 'a b': { file: token }, c: plain } }");
        assert_eq!(faults, ["bad_url", "bad_header", "not_a_mapping"]);
    }
}
