//! Runs cases of Open Policy Agent's conformance suite, one JSON object a line on standard input.
//!
//! ```text
//! zcat opa_conformance.jsonl.gz | cargo run --release -p engine --example opa_conformance
//! ```
//!
//! A case is `{"id", "action": {note, query, modules, data, input | input_term, want_result |
//! want_error, strict_error, sort_bindings}}`. Printed are the pass rate with its Wilson interval,
//! cases apart that need a builtin which is not offered or syntax newer than the library, and the
//! builtins that were asked for. `--failures` lists what failed.

#![allow(clippy::float_arithmetic, clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::BufRead;
use std::panic::{AssertUnwindSafe, catch_unwind};

use engine::policy::rego::{Clock, NOT_OFFERED, interpreter};
use regorus::{Engine, Value};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Group {
    Offered,
    NotOffered,
    NewerSyntax,
}

#[derive(Default)]
struct Tally {
    passed: usize,
    all: usize,
}

fn main() {
    let list = std::env::args().any(|argument| argument == "--failures");
    std::panic::set_hook(Box::new(|_| {}));
    let mut tallies: BTreeMap<Group, Tally> = BTreeMap::new();
    let mut needed: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut whole, mut panics, mut failures) = (Tally::default(), Vec::new(), Vec::new());
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input is text");
        let row = Value::from_json_str(&line).expect("each line is a JSON object");
        let case = &row["action"];
        let ran = catch_unwind(AssertUnwindSafe(|| run(case)));
        let outcome = match ran {
            Ok(outcome) => outcome,
            Err(_) => {
                panics.push(text(&row["id"]));
                Err("panic".into())
            }
        };
        let group = group(case, &mut needed);
        let tally = tallies.entry(group).or_default();
        whole.all += 1;
        tally.all += 1;
        match outcome {
            Ok(()) => {
                whole.passed += 1;
                tally.passed += 1;
            }
            Err(why) => {
                failures.push(format!("{group:?}\t{}\t{}\t{why}", text(&row["id"]), text(&case["note"])));
            }
        }
    }
    println!("all cases: {}", whole.shown());
    for (group, tally) in &tallies {
        println!("{group:?}: {}", tally.shown());
    }
    println!("panics (caught): {} {panics:?}", panics.len());
    println!("cases that need a builtin which is not offered:");
    for (name, count) in needed {
        println!("  {name} {count}");
    }
    if list {
        failures.iter().for_each(|failure| println!("{failure}"));
    }
}

impl Tally {
    fn shown(&self) -> String {
        let (low, high) = wilson(self.passed, self.all);
        let rate = self.passed as f64 / self.all.max(1) as f64;
        format!("{}/{} = {rate:.3} [{low:.3}, {high:.3}]", self.passed, self.all)
    }
}

fn wilson(k: usize, n: usize) -> (f64, f64) {
    let (k, n, z) = (k as f64, n as f64, 1.96f64);
    if n == 0.0 {
        return (0.0, 1.0);
    }
    let (p, zz) = (k / n, z * z);
    let middle = p + zz / (2.0 * n);
    let spread = z * ((p * (1.0 - p) + zz / (4.0 * n)) / n).sqrt();
    ((middle - spread) / (1.0 + zz / n), (middle + spread) / (1.0 + zz / n))
}

fn text(value: &Value) -> String {
    value.as_string().map(|text| text.to_string()).unwrap_or_default()
}

/// Whether the case needs something that is published as not offered, or newer syntax.
fn group(case: &Value, needed: &mut BTreeMap<&'static str, usize>) -> Group {
    let mut source = text(&case["query"]);
    if let Ok(modules) = case["modules"].as_array() {
        modules.iter().for_each(|module| source.push_str(&format!("\n{}", text(module))));
    }
    let word = |c: char| c == '_' || c.is_alphanumeric();
    let called = |name: &str| {
        let (name, open) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
        source.match_indices(name).any(|(at, _)| {
            let ends = open || !source[at + name.len()..].starts_with(word);
            let before = source[..at].chars().next_back();
            ends && !before.is_some_and(|c| c == '.' || c == '"' || word(c))
        })
    };
    if let Some((name, _)) = NOT_OFFERED.iter().find(|(name, _)| called(name)) {
        *needed.entry(name).or_default() += 1;
        return Group::NotOffered;
    }
    let note = text(&case["note"]);
    let interpolates = source.contains("$\"") || source.contains("$`");
    if interpolates || note.contains("keyword") {
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
        engine.set_input(term.result[0].expressions[0].value.clone());
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
