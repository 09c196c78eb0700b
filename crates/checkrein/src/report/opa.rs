//! Cases of Open Policy Agent's public conformance suite through the interpreter that policies use.
//!
//! A case is `{note, query, modules, data, input | input_term, want_result | want_error,
//! strict_error, sort_bindings}`. Cases that need a builtin which is not offered, or syntax newer
//! than the library, are counted apart.
#![allow(
    clippy::indexing_slicing,
    reason = "indexing a Rego value never panics: what is not there is undefined"
)]

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::{Result, anyhow};
use engine::policy::rego::{Clock, NOT_OFFERED, interpreter};
use regorus::{Engine, Value};

use super::corpus;
use super::wilson::{Share, percent};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    Offered,
    NotOffered,
    NewerSyntax,
}

impl Group {
    const fn about(self) -> &'static str {
        match self {
            Group::Offered => "outside both lists below",
            Group::NotOffered => "need a builtin that is not offered",
            Group::NewerSyntax => "need syntax newer than the library",
        }
    }
}

/// Topics of the suite about syntax that is newer than the library.
const NEWER: [&str; 2] = ["/keywordrefs/", "/stringinterpolation/"];

pub fn print(out: &mut impl Write, dir: &Path) -> Result<()> {
    let path = dir.join("opa_conformance.jsonl.gz");
    if !path.exists() {
        writeln!(out, "unavailable: no file `opa_conformance.jsonl.gz`")?;
        return Ok(());
    }
    // A panic of the library is counted below; its own report would drown the table.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let counted = count(&path);
    std::panic::set_hook(hook);
    let Counted { groups, needed, panics, failures } = counted?;
    let mut all = Share::default();
    for share in groups.values() {
        all.k += share.k;
        all.n += share.n;
    }
    writeln!(out, "{:<44} {}", "all cases", percent(all))?;
    for (group, share) in &groups {
        writeln!(out, "{:<44} {}", group.about(), percent(*share))?;
    }
    writeln!(out, "panics: {}", panics.len())?;
    writeln!(out, "cases by builtin that is not offered:")?;
    for (name, count) in needed {
        writeln!(out, "  {name} {count}")?;
    }
    writeln!(out, "failures outside both lists: {}", failures.len())?;
    for failure in failures {
        writeln!(out, "  {failure}")?;
    }
    Ok(())
}

#[derive(Default)]
struct Counted {
    groups: BTreeMap<Group, Share>,
    needed: BTreeMap<&'static str, usize>,
    panics: Vec<String>,
    failures: Vec<String>,
}

fn count(path: &Path) -> Result<Counted> {
    let mut counted = Counted::default();
    let text = String::from_utf8(corpus::bytes_of(path)?)?;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let row =
            Value::from_json_str(line).map_err(|_| anyhow!("a line of `{}` is no case", path.display()))?;
        let case = &row["action"];
        let outcome = catch_unwind(AssertUnwindSafe(|| run(case))).unwrap_or_else(|_| {
            counted.panics.push(self::text(&row["id"]));
            Err("panic".into())
        });
        let group = group(&self::text(&row["id"]), case, &mut counted.needed);
        counted.groups.entry(group).or_default().add(outcome.is_ok());
        if outcome.is_err() && group == Group::Offered {
            counted.failures.push(format!("{} ({})", self::text(&case["note"]), self::text(&row["id"])));
        }
    }
    Ok(counted)
}

fn text(value: &Value) -> String {
    value.as_string().map(|text| text.to_string()).unwrap_or_default()
}

/// Whether the case needs something that is published as not offered, or newer syntax.
fn group(id: &str, case: &Value, needed: &mut BTreeMap<&'static str, usize>) -> Group {
    let mut source = text(&case["query"]);
    if let Ok(modules) = case["modules"].as_array() {
        modules.iter().for_each(|module| source.push_str(&format!("\n{}", text(module))));
    }
    let word = |c: char| c == '_' || c.is_alphanumeric();
    let called = |name: &str| {
        let (name, open) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
        source.match_indices(name).any(|(at, _)| {
            let ends = open || !source.get(at + name.len()..).is_some_and(|rest| rest.starts_with(word));
            let before = source.get(..at).and_then(|before| before.chars().next_back());
            ends && !before.is_some_and(|c| c == '.' || c == '"' || word(c))
        })
    };
    if let Some((name, _)) = NOT_OFFERED.iter().find(|(name, _)| called(name)) {
        *needed.entry(name).or_default() += 1;
        return Group::NotOffered;
    }
    if NEWER.iter().any(|topic| id.contains(topic)) {
        return Group::NewerSyntax;
    }
    Group::Offered
}

fn run(case: &Value) -> Result<(), String> {
    let strict = case["strict_error"].as_bool().is_ok_and(|flag| *flag);
    let fails = case["want_error"] != Value::Undefined || case["want_error_code"] != Value::Undefined;
    match evaluate(case, strict) {
        Ok(_) if fails => Err("no error".into()),
        Err(_) if fails => Ok(()),
        Err(error) => Err(error.replace('\n', " ")),
        Ok(got) => {
            let sort = case["sort_bindings"].as_bool().is_ok_and(|flag| *flag);
            let wanted = results(&case["want_result"], sort);
            let got = results(&Value::from(got), sort);
            (wanted == got).then_some(()).ok_or_else(|| format!("wanted {wanted:?} got {got:?}"))
        }
    }
}

fn evaluate(case: &Value, strict: bool) -> Result<Vec<Value>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let mut engine: Engine = interpreter(Clock { now_ns: 1_700_000_000_000_000_000 }, strict);
    if case["data"] != Value::Undefined {
        engine.add_data(case["data"].clone()).map_err(|e| said(&e))?;
    }
    if let Ok(modules) = case["modules"].as_array() {
        for (at, module) in modules.iter().enumerate() {
            engine.add_policy(format!("m{at}.rego"), text(module)).map_err(|e| said(&e))?;
        }
    }
    if case["input"] != Value::Undefined {
        engine.set_input(case["input"].clone());
    } else if case["input_term"] != Value::Undefined {
        let term = Engine::new().eval_query(text(&case["input_term"]), false).map_err(|e| said(&e))?;
        let value = term.result.first().and_then(|result| result.expressions.first());
        engine.set_input(value.map(|expression| expression.value.clone()).ok_or("no input")?);
    }
    let found = engine.eval_query(text(&case["query"]), false).map_err(|e| said(&e))?;
    let mut results = Vec::new();
    for result in found.result {
        if result.bindings.as_object().is_ok_and(|bindings| !bindings.is_empty()) {
            results.push(result.bindings);
        } else if let Some(last) = result.expressions.last() {
            results.push(last.value.clone());
        }
    }
    Ok(results)
}

/// Results without an order of their own; sets as lists, because JSON has no sets.
fn results(value: &Value, sort: bool) -> Vec<Value> {
    let items = value.as_array().map(|items| items.to_vec()).unwrap_or_default();
    let mut list: Vec<Value> = items.iter().map(|item| plain(item, sort)).collect();
    list.sort();
    list
}

fn plain(value: &Value, sort: bool) -> Value {
    if let Ok(set) = value.as_set() {
        let mut items: Vec<Value> = set.iter().map(|item| plain(item, sort)).collect();
        items.sort();
        return items.into();
    }
    if let Ok(items) = value.as_array() {
        let mut items: Vec<Value> = items.iter().map(|item| plain(item, sort)).collect();
        if sort {
            items.sort();
        }
        return items.into();
    }
    if let Ok(entries) = value.as_object() {
        // JSON has no other keys than texts.
        let key = |key: &Value| match plain(key, sort) {
            key @ Value::String(_) => key,
            other => other.to_json_str().unwrap_or_default().into(),
        };
        let entry = |(name, entry): (&Value, &Value)| (key(name), plain(entry, sort));
        return entries.iter().map(entry).collect::<BTreeMap<Value, Value>>().into();
    }
    value.clone()
}
