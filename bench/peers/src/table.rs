//! What is printed.

use std::time::Duration;

use crate::Result;
use crate::alone::ARRANGEMENTS;
use crate::calls::Call;
use crate::engines::{ENGINES, Engine};
use crate::measure::Times;
use crate::policies::Set;

/// One engine on one set.
pub struct Line {
    pub engine: &'static Engine,
    pub times: Times,
    pub load: Duration,
}

/// What Checkrein's policy alone is meant to reach, p50 and p99 in microseconds.
const AIMS: &[(Set, u64, u64)] =
    &[(Set::Roles, 3, 6), (Set::Tools(10), 10, 30), (Set::Tools(100), 10, 30), (Set::Tools(1_000), 30, 100)];
/// How much a thousand rules may cost, in times of ten.
const MAX_GROWTH: f64 = 1.5;

/// The report, which remembers what it printed for its conclusion.
pub struct Report {
    seen: Vec<(Set, Vec<Line>)>,
}

impl Report {
    pub fn begin(clock: u64) -> Report {
        println!("One thread, in process, another input on each call, engines in turns; microseconds.");
        println!("Reading the clock is in every figure: {}.\n", micros(clock));
        Report { seen: Vec::new() }
    }

    pub fn print(&mut self, set: Set, calls: &[Call], lines: Vec<Line>) {
        let blocked = calls.iter().filter(|call| call.is_blocked(set)).count();
        let timed = lines.first().map_or(0, |line| line.times.len());
        println!("{set}: {blocked} of {} calls blocked, all engines agree; {timed} timed", calls.len());
        println!(
            "  {:<26}{:>9}{:>9}{:>9}{:>9}{:>11}{:>11}{:>17}",
            "", "p50", "p90", "p99", "p99.9", "p50 / ours", "p99 / ours", "load + first, ms"
        );
        for line in &lines {
            let ratio = |share| {
                let ours = lines.first().map_or(1, |first| first.times.per_mille(share)).max(1);
                line.times.per_mille(share) as f64 / ours as f64
            };
            print!("  {:<26}", line.engine.name);
            for share in [500, 900, 990, 999] {
                print!("{:>9}", micros(line.times.per_mille(share)));
            }
            print!("{:>11.2}{:>11.2}", ratio(500), ratio(990));
            println!("{:>17.2}", line.load.as_secs_f64() * 1_000.0);
        }
        println!();
        self.seen.push((set, lines));
    }

    /// The aims, and what each engine was helped with.
    pub fn conclude(&self) {
        println!("Aims of policy alone, p50 / p99:");
        for engine in &ENGINES[..2] {
            for (set, median, tail) in AIMS {
                let Some(times) = self.times(*set, engine) else { continue };
                let (p50, p99) = (times.per_mille(500), times.per_mille(990));
                let met = if p50 <= median * 1_000 && p99 <= tail * 1_000 { "met" } else { "MISSED" };
                println!(
                    "  {}, {set}: {} / {}, aim {median} / {tail}: {met}",
                    engine.name,
                    micros(p50),
                    micros(p99)
                );
            }
            let median =
                |rules| self.times(Set::Tools(rules), engine).map(|times| times.per_mille(500) as f64);
            if let (Some(few), Some(many)) = (median(10), median(1_000)) {
                let met = if many <= few * MAX_GROWTH { "met" } else { "MISSED" };
                println!(
                    "  {}, 1,000 rules cost {:.2} times 10, aim {MAX_GROWTH}: {met}",
                    engine.name,
                    many / few
                );
            }
        }
        println!("\nRemarks:");
        ENGINES.iter().for_each(|engine| println!("  {}: {}", engine.name, engine.remark));
    }

    fn times(&self, set: Set, engine: &Engine) -> Option<&Times> {
        let (_, lines) = self.seen.iter().find(|(seen, _)| *seen == set)?;
        lines.iter().find(|line| line.engine.name == engine.name).map(|line| &line.times)
    }
}

/// What the others have nothing like.
pub fn alone() -> Result<()> {
    println!("Checkrein alone, about the called tool:");
    for arrangement in ARRANGEMENTS {
        let times = arrangement.measure()?;
        print!("  {:<34}", arrangement.name);
        for share in [500, 990] {
            print!("{:>9}", micros(times.per_mille(share)));
        }
        println!("  (p50, p99)");
    }
    println!();
    Ok(())
}

fn micros(nanos: u64) -> String {
    format!("{}.{:02}", nanos / 1_000, nanos % 1_000 / 10)
}
