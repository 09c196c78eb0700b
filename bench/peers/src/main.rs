//! Checkrein's policy beside other policy engines: the same rules, the same calls, one run.
//!
//! ```text
//! cargo run --locked --release --manifest-path bench/peers/Cargo.toml
//! ```
//!
//! Every engine first answers every call once, and each answer is compared with one worked out
//! from the call itself. No figure is printed unless all agree: the speed of an engine that decides
//! something else says nothing. Then the engines take turns, round by round, on one thread, so that
//! whatever else the machine does disturbs all alike. The input is another one on each call.
//!
//! The inputs of the others are made before the clock starts, in each engine's own type. Checkrein
//! reads its action and facts as the server has them; what it makes of them for a Rego module is
//! made while the clock runs.

mod alone;
mod calls;
mod engines;
mod measure;
mod policies;
mod table;

use std::error::Error;
use std::process::ExitCode;

use calls::{Call, SEED, calls};
use engines::{ENGINES, Engine};
use policies::{SETS, Set};
use table::{Line, Report};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut report = Report::begin(measure::clock_cost());
    for set in SETS {
        let calls = calls(*set, SEED);
        let mut engines = ENGINES
            .iter()
            .map(|engine| (engine.make)(*set, &calls).map_err(|error| named(engine, &error)))
            .collect::<Result<Vec<_>>>()?;
        for (engine, ready) in ENGINES.iter().zip(&mut engines) {
            agrees(engine, *set, &calls, |at| ready.blocks(at)).map_err(|error| named(engine, &*error))?;
        }
        let times = measure::in_turns(&mut engines, calls.len())?;
        let mut lines = Vec::new();
        for (engine, times) in ENGINES.iter().zip(times) {
            let load = measure::middle_of_five(|| (engine.load_and_first)(*set, &calls))?;
            lines.push(Line { engine, times, load });
        }
        report.print(*set, &calls, lines);
    }
    table::alone()?;
    report.conclude();
    Ok(())
}

/// Whether the engine answers each call as the rules mean it.
fn agrees(
    engine: &Engine,
    set: Set,
    calls: &[Call],
    mut blocks: impl FnMut(usize) -> Result<bool>,
) -> Result<()> {
    for (at, call) in calls.iter().enumerate() {
        let (got, wanted) = (blocks(at)?, call.is_blocked(set));
        // The whole engine looks at more than these rules, and may be stricter for it.
        let right = if engine.may_be_stricter { got >= wanted } else { got == wanted };
        if !right {
            return Err(format!("{set}: call {at} must be blocked={wanted}, got {got}: {call:?}").into());
        }
    }
    let blocked = calls.iter().filter(|call| call.is_blocked(set)).count();
    // A set of calls that nearly all end alike would agree by chance.
    if blocked * 5 < calls.len() || blocked * 5 > calls.len() * 4 {
        return Err(format!("{set}: {blocked} of {} calls are blocked: too one-sided", calls.len()).into());
    }
    Ok(())
}

fn named(engine: &Engine, error: &dyn std::fmt::Display) -> Box<dyn Error> {
    format!("{}: {error}", engine.name).into()
}
