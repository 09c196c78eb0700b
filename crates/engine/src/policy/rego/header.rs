//! Reading a Rego file: its metadata, then its code.

use std::collections::BTreeMap;
use std::sync::Arc;

use action::{Containment, Layer, Verdict};

use super::super::condition::{Reader, When};
use super::super::document::{self, Document, Parts};
use super::super::read_rule::{DEFAULT_PRIORITY, notice};
use super::super::rule::{Place, Rule};
use super::module::Module;
use crate::yaml::{Fault, Faults, Fields, Node, Value, parse};

/// Packages of modules begin with this.
const PREFIX: &str = "checkrein.";

/// Keys of the annotation that Open Policy Agent knows and we leave to it.
const FOREIGN: [&str; 7] =
    ["scope", "authors", "organizations", "related_resources", "entrypoint", "schemas", "compile"];

/// Reads one Rego file. Faults of the annotation and of the code are told together.
pub fn read(file: &str, index: usize, text: &str, faults: &mut Faults) -> Option<Parts> {
    let before = faults.0.len();
    let package = package(text);
    let name = package.as_deref().and_then(|package| package.strip_prefix(PREFIX));
    if name.is_none_or(|name| name.is_empty() || name.contains('.')) {
        faults.0.push(Fault {
            file: file.into(),
            line: 1,
            column: 1,
            code: "rego_package",
            message: "a module has one package of its own".into(),
            hint: Some(format!("write `package {PREFIX}name`")),
        });
    }
    let module = Module::compile(file, text, package.as_deref().unwrap_or("checkrein.unnamed"));
    if let Err(refused) = &module {
        faults.0.push(Fault {
            file: file.into(),
            line: refused.line,
            column: refused.column,
            code: refused.code,
            message: refused.message.clone(),
            hint: None,
        });
    }
    let head = annotation(file, text, faults);
    let parts = head.and_then(|node| read_head(file, index, name?, &node, (module.ok()?, text), faults));
    parts.filter(|_| faults.0.len() == before)
}

/// The name after `package`; the compiler checks the rest.
fn package(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim).find_map(|line| line.strip_prefix("package "))?;
    Some(line.split('#').next().unwrap_or("").trim().to_owned())
}

/// The annotation before the package, as YAML that knows the file's lines.
fn annotation(file: &str, text: &str, faults: &mut Faults) -> Option<Node> {
    let mut yaml = String::new();
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with("package ") {
            break;
        }
        match line.strip_prefix('#') {
            Some(comment) if inside => {
                // The blank after the sign stays, as column 1 of every line.
                yaml.push_str(comment);
            }
            Some(comment) if comment.trim() == "METADATA" => inside = true,
            _ => inside = false,
        }
        yaml.push('\n');
    }
    if yaml.trim().is_empty() {
        return Some(Node { line: 1, column: 1, value: Value::Map(Vec::new()) });
    }
    parse(file, &yaml).map_err(|fault| faults.0.push(fault)).ok()
}

fn read_head(
    file: &str,
    index: usize,
    name: &str,
    node: &Node,
    (mut module, text): (Module, &str),
    faults: &mut Faults,
) -> Option<Parts> {
    let mut fields = Fields::of(file, node, faults)?;
    let title = fields.text("title", faults).map(str::to_owned);
    let note = fields.text("description", faults).map(str::to_owned).or(title);
    for key in FOREIGN {
        fields.get(key);
    }
    let empty = Node { line: 1, column: 1, value: Value::Map(Vec::new()) };
    let custom = fields.get("custom").unwrap_or(&empty);
    fields.finish(faults);

    let mut fields = Fields::of(file, custom, faults)?;
    let version = fields.whole("version", faults).unwrap_or(1);
    let layer = fields.choice("layer", Layer::ALL, Layer::as_str, faults).unwrap_or(Layer::Organisation);
    let priority = fields.whole("priority", faults).unwrap_or(DEFAULT_PRIORITY);
    let hours = fields.get("hours").map(|n| document::calendars(file, n, faults)).unwrap_or_default();
    let scope = fields.get("scope").map(|node| document::scope(file, node, faults));
    document::needs_its_layers_scope(&fields, layer, scope.as_ref(), faults);
    let when = fields.get("when").map(|node| Reader { file, hours: &hours, topics: None, faults }.when(node));
    let on_fault = fields.choice("on_fault", Verdict::ALL, Verdict::as_str, faults);
    if on_fault == Some(Verdict::Allow) {
        let hint = Some("leave it out: approve for effects, alert for reads".into());
        fields.fault(faults, "fault_allows", "a failure never counts as allow".into(), hint);
    }
    let alert = fields.get("alert").and_then(|node| notice(file, node, faults));
    let containment =
        fields.choices("containment", Containment::ALL, Containment::as_str, faults).unwrap_or_default();
    let instead_of_bands = fields.flag("instead_of_bands", faults).unwrap_or(false);
    let always = fields.flag("always", faults).unwrap_or(false);
    let state = fields.choice("state", &["active", "shadow"], |name| name, faults);
    fields.finish(faults);

    module.on_fault = on_fault;
    let rule = Rule {
        id: name.into(),
        document: index,
        layer,
        priority,
        note: note.clone(),
        when: when.unwrap_or(When::All(Vec::new())),
        verdict: on_fault.unwrap_or(Verdict::Approve),
        changes: Vec::new(),
        alert,
        containment,
        instead_of_bands,
        always,
        shadow: state == Some("shadow"),
        exceptions: Vec::new(),
        module: Some(Arc::new(module)),
        place: Place { file: file.into(), line: 1 },
        written: action::digest("checkrein.module.v1", &[text.as_bytes()]),
    };
    let document = Document {
        name: name.into(),
        version,
        note,
        layer,
        scope: scope.unwrap_or(When::All(Vec::new())),
        bands: BTreeMap::new(),
        floors: Vec::new(),
        file: file.into(),
    };
    Some(Parts { document, rules: vec![rule], exceptions: Vec::new(), cases: Vec::new() })
}
