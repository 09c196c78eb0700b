//! Questions that leave by the clock, whatever became of those before.
//!
//! Each agent is a thread that sleeps until its question is due, for the kernel wakes a thread within
//! microseconds and an event loop within a millisecond. Times count from when the question was due, so
//! they hold how late the client was, which is told beside them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use super::agents::{Ask, Asked};
use crate::line::Line;

/// Until all have connected.
const SETTLE: Duration = Duration::from_millis(200);

/// So many questions a second, over all agents evenly.
pub fn open_loop(to: SocketAddr, keys: &[String], ask: Ask, rate: u64, length: Duration) -> Asked {
    // Threads that are begun from here on take it over; by default the kernel adds 50 µs to a sleep.
    // Where it cannot be set, questions are that much later, and the lateness shows it.
    let _ = std::fs::write("/proc/self/timerslack_ns", "1000");
    let many = keys.len() as u64;
    let then = Duration::from_nanos(1_000_000_000 * many / rate.max(1));
    let start = Instant::now() + SETTLE;
    std::thread::scope(|scope| {
        let agents: Vec<_> = (0u32..)
            .zip(keys)
            .map(|(n, key)| {
                let first = start + then * n / u32::try_from(many).unwrap_or(u32::MAX);
                let numbers = u64::from(n) * 1_000_003..;
                scope.spawn(move || {
                    let mut asked = Asked::default();
                    let done = agent(to, key, ask, numbers, first, then, start + length, &mut asked);
                    asked.errors.extend(done.err().map(|error| format!("{error:#}")));
                    asked
                })
            })
            .collect();
        let mut all = Asked::default();
        for agent in agents {
            match agent.join() {
                Ok(asked) => all.add(asked),
                Err(_) => all.errors.push("an agent had a fault".to_owned()),
            }
        }
        all
    })
}

#[expect(clippy::too_many_arguments, reason = "whom, what, when, and where the times go")]
fn agent(
    to: SocketAddr,
    key: &str,
    ask: Ask,
    numbers: impl Iterator<Item = u64>,
    first: Instant,
    then: Duration,
    end: Instant,
    asked: &mut Asked,
) -> Result<()> {
    let mut line = Line::open(to, key)?;
    let mut due = first;
    for number in numbers {
        if due >= end {
            break;
        }
        let body = json!({ "action": ask.action(number) });
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = due.elapsed();
        let reply = line.post("/ask/v1/decisions", &body)?;
        asked.times.push(nanos(due.elapsed()));
        asked.late.push(nanos(late));
        ensure!(reply.status == 200, "{} instead of 200: {}", reply.status, reply.text());
        due += then;
    }
    Ok(())
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
