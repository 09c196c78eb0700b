//! The table: medians over the rounds, and each figure beside that of the proxy that does nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::gateways::Gateway;
use super::{LOOPS, Loop};
use crate::figures::{median, millis, ratio};

/// By gateway, loop, connections and whether it went through the gateway.
type Key = (&'static str, &'static str, usize, &'static str);

#[derive(Default)]
pub struct Results {
    lines: BTreeMap<Key, Vec<Value>>,
    started: Vec<(&'static str, &'static str, Value)>,
    missing: Vec<(&'static str, String)>,
}

/// One row's medians, in nanoseconds.
struct Row {
    per_second: i64,
    whole: [i64; 3],
    first: [i64; 2],
    added: [i64; 2],
    first_added: [i64; 2],
    cpu: i64,
    memory: i64,
    n: i64,
    errors: i64,
    /// Streams with an event that waited: through the gateway, and straight to the mock.
    late: [i64; 2],
    wrong: Option<String>,
}

impl Results {
    pub fn add(&mut self, gateway: &Gateway, each: &Loop, how: &'static str, line: &Value) {
        let key = (gateway.name, each.name, each.connections, how);
        self.lines.entry(key).or_default().push(line.clone());
    }

    pub fn started(&mut self, gateway: &Gateway, told: Value) {
        self.started.push((gateway.name, gateway.about, told));
    }

    pub fn missing(&mut self, gateway: &Gateway, why: &str) {
        self.missing.push((gateway.name, why.split_whitespace().collect::<Vec<_>>().join(" ")));
    }

    fn of(&self, key: Key, field: &str) -> i64 {
        let values = self.lines.get(&key).into_iter().flatten().filter_map(|line| line[field].as_i64());
        median(values.collect()).unwrap_or(0)
    }

    fn sum(&self, key: Key, field: &str) -> i64 {
        self.lines.get(&key).into_iter().flatten().filter_map(|line| line[field].as_i64()).sum()
    }

    fn row(&self, gateway: &'static str, each: &Loop) -> Option<Row> {
        let through = (gateway, each.name, each.connections, "through");
        let direct = (gateway, each.name, each.connections, "direct");
        let lines = self.lines.get(&through)?;
        let added = |field| self.of(through, field) - self.of(direct, field);
        Some(Row {
            per_second: self.of(through, "per_second"),
            whole: ["p50", "p95", "p99"].map(|field| self.of(through, field)),
            first: ["first_p50", "first_p99"].map(|field| self.of(through, field)),
            added: ["p50", "p99"].map(added),
            first_added: ["first_p50", "first_p99"].map(added),
            cpu: self.of(through, "cpu_ns"),
            memory: self.of(through, "memory"),
            n: self.sum(through, "n"),
            errors: self.sum(through, "errors") + self.sum(direct, "errors"),
            late: [through, direct].map(|how| self.sum(how, "late")),
            wrong: lines.iter().find_map(|line| line["wrong"].as_str().map(str::to_owned)),
        })
    }

    pub fn print(&self) {
        println!("\nStart and idle memory");
        println!("  {:<12}{:>16}{:>14}  ", "", "first answer ms", "idle MB");
        for (name, about, told) in &self.started {
            let start = millis(told["start_us"].as_i64().unwrap_or(0) * 1_000);
            println!(
                "  {name:<12}{start:>16}{:>14}  {about}",
                megabytes(told["idle_bytes"].as_i64().unwrap_or(0))
            );
        }
        for (name, why) in &self.missing {
            println!("  {name:<12}not measured: {why}");
        }
        for each in LOOPS {
            self.one_loop(each);
        }
    }

    fn one_loop(&self, each: &Loop) {
        let floor = self.row("floor", each);
        let streams = each.shape == crate::load::Shape::ChatStream;
        let rows = self.started.iter().filter_map(|(name, _, _)| Some((*name, self.row(name, each)?)));
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return;
        }
        let many = if each.connections == 1 { "connection" } else { "connections" };
        let each_is = if streams { "; the first word" } else { "" };
        println!("\n{}, {} {many}{each_is} (ms; × is the ratio to the floor)", each.name, each.connections);
        println!(
            "  {:<12}{:>8}{:>8}{:>8}{:>8}{:>8}{:>10}{:>7}{:>10}{:>7}{:>9}{:>8}{:>10}",
            "",
            "per s",
            "×",
            "p50",
            "p95",
            "p99",
            "added p50",
            "×",
            "added p99",
            "×",
            "CPU µs",
            "MB",
            "answers"
        );
        for (name, row) in rows {
            if row.errors > 0 {
                let why = row.wrong.unwrap_or_default();
                println!("  {name:<12}void: {} errors, the first: {why}", row.errors);
                continue;
            }
            let (shown, added) = if streams {
                ([row.first[0], 0, row.first[1]], row.first_added)
            } else {
                (row.whole, row.added)
            };
            let floors = floor.as_ref().map(|floor| if streams { floor.first_added } else { floor.added });
            let by = |at: usize| floors.map_or("–".to_owned(), |floors| ratio(added[at], floors[at]));
            let speed =
                floor.as_ref().map_or("–".to_owned(), |floor| ratio(row.per_second, floor.per_second));
            let middle = if streams { "–".to_owned() } else { millis(shown[1]) };
            print!(
                "  {name:<12}{:>8}{speed:>8}{:>8}{middle:>8}{:>8}{:>10}{:>7}{:>10}{:>7}{:>9}{:>8}{:>10}",
                row.per_second,
                millis(shown[0]),
                millis(shown[2]),
                millis(added[0]),
                by(0),
                millis(added[1]),
                by(1),
                row.cpu / 1_000,
                megabytes(row.memory),
                row.n
            );
            if row.late[0] > 0 {
                print!("  an event waited in {} streams ({} without a gateway)", row.late[0], row.late[1]);
            }
            println!();
        }
    }
}

fn megabytes(bytes: i64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}
