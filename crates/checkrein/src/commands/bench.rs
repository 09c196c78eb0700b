//! `checkrein bench`: latency of decisions on this machine, with a baseline of the same run.

use std::io::Write;

use action::{Action, Json};
use anyhow::{Result, bail};
use engine::Rules;
use engine::facts::Facts;
use engine::policy::Source;

use crate::bench::cases;
use crate::bench::clock::{Latency, shown, time};
use crate::cli::{Bench, Preset};
use crate::exit::Exit;
use crate::packs;

/// One line of the result.
struct Row {
    name: String,
    latency: Latency,
    /// Reading the same bytes as JSON, timed in the same run: the ratio carries to other machines.
    baseline: Latency,
}

pub fn run(args: &Bench) -> Result<Exit> {
    if let Some(name) = &args.count {
        return count(name, args.rounds);
    }
    let mut rows = Vec::new();
    let standard = rules(0)?;
    for case in cases::ROWS {
        let own = (case.rules > 0).then(|| rules(case.rules)).transpose()?;
        rows.push(row(case.name.into(), &(case.action)(), own.as_ref().unwrap_or(&standard), args.rounds)?);
    }
    for (name, text) in cases::hostile(65_536) {
        let action = cases::chat(0)
            .replace(r#""content":"""#, &format!(r#""content":{}"#, serde_json::Value::from(text)));
        rows.push(row(format!("hostile, 64 KiB: {name}"), &action, &standard, args.rounds.div_ceil(200))?);
    }
    print(&rows, args.json)?;
    Ok(Exit::Success)
}

/// The standard rules with a number of benchmark rules beside them.
fn rules(count: usize) -> Result<Rules> {
    let text = cases::rules(count);
    let own = [Source { file: "bench.yaml", text: &text }];
    packs::load_with(Preset::Standard, if count == 0 { &[] } else { &own })
}

/// One warm-up and then exactly `rounds` decisions. Two runs that differ in `rounds` alone differ
/// by those decisions alone: start-up cancels out.
fn count(name: &str, rounds: usize) -> Result<Exit> {
    let Some(case) = cases::ROWS.iter().find(|case| case.name == name) else {
        let names: Vec<&str> = cases::ROWS.iter().map(|case| case.name).collect();
        bail!("no row has this name\n  try one of: {}", names.join("; "));
    };
    let rules = rules(case.rules)?;
    let action: Action = Json::parse_as((case.action)().as_bytes())?;
    let facts = Facts::default();
    for _ in 0..=rounds {
        std::hint::black_box(engine::decide(&action, &facts, &rules, action.time));
    }
    Ok(Exit::Success)
}

fn row(name: String, text: &str, rules: &Rules, rounds: usize) -> Result<Row> {
    let action: Action = Json::parse_as(text.as_bytes())?;
    let facts = Facts::default();
    let latency = time(rounds, || engine::decide(&action, &facts, rules, action.time));
    let baseline = time(rounds, || Json::parse_as::<Action>(text.as_bytes()));
    Ok(Row { name, latency, baseline })
}

fn print(rows: &[Row], json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        for Row { name, latency, baseline } in rows {
            writeln!(
                out,
                "{}",
                serde_json::json!({ "name": name, "nanos": latency, "parse_nanos": baseline })
            )?;
        }
        return Ok(());
    }
    writeln!(out, "one decision: all vectors, all dimensions, standard rules; times of one thread")?;
    writeln!(out, "ratio: median over the median of reading the same bytes as JSON, in the same run\n")?;
    writeln!(out, "{:<36} {:>10} {:>10} {:>10} {:>10} {:>7}", "", "p50", "p90", "p99", "max", "ratio")?;
    for Row { name, latency, baseline } in rows {
        let tenths = latency.p50 * 10 / baseline.p50.max(1);
        let ratio = format!("{}.{}", tenths / 10, tenths % 10);
        let [p50, p90, p99, max] = [latency.p50, latency.p90, latency.p99, latency.max].map(shown);
        writeln!(out, "{name:<36} {p50:>10} {p90:>10} {p99:>10} {max:>10} {ratio:>7}")?;
    }
    Ok(())
}
