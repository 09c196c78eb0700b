//! A closed loop over connections that are kept. Each asks, reads the whole answer, and asks again.

pub mod answer;
mod ask;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use self::answer::Answer;
pub use self::ask::Shape;
use crate::figures::Times;

#[derive(clap::Args)]
pub struct Plan {
    /// Whom to ask
    #[arg(long, value_name = "ADDRESS")]
    pub to: SocketAddr,
    #[arg(long, value_enum, default_value_t = Shape::Chat)]
    pub shape: Shape,
    /// The path, when it is not the provider's own
    #[arg(long)]
    pub path: Option<String>,
    /// The model to name
    #[arg(long, default_value = "gpt-mock")]
    pub model: String,
    /// A further header, `name: value`
    #[arg(long)]
    pub header: Vec<String>,
    /// Connections, each with one question at a time
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Length of the loop; a fifth more is run before it and left out
    #[arg(long, default_value_t = 3_000)]
    pub millis: u64,
    /// Bytes of the question, about
    #[arg(long, default_value_t = 800)]
    pub bytes: usize,
    /// A stream in which two reads lie further apart than this holds a late event
    #[arg(long)]
    pub late_ms: Option<u64>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    whole: Vec<u64>,
    first: Vec<u64>,
    late: u64,
    errors: u64,
    /// The first that went wrong, in words.
    wrong: Option<String>,
}

pub fn run(plan: &Plan) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    println!("{}", runtime.block_on(measure(plan))?);
    Ok(())
}

async fn measure(plan: &Plan) -> Result<serde_json::Value> {
    let length = Duration::from_millis(plan.millis);
    let begin = Instant::now() + length / 5;
    let end = begin + length;
    let mut loops = JoinSet::new();
    for _ in 0..plan.connections {
        let asked = ask::Asked::of(plan);
        let (to, late) = (plan.to, plan.late_ms.map(Duration::from_millis));
        loops.spawn(async move { connection(to, asked, begin, end, late).await });
    }
    let mut all = Seen::default();
    while let Some(seen) = loops.join_next().await {
        let seen = seen.context("a connection's loop ended by a fault of the bench")?;
        all.whole.extend(seen.whole);
        all.first.extend(seen.first);
        all.late += seen.late;
        all.errors += seen.errors;
        all.wrong = all.wrong.or(seen.wrong);
    }
    let n = all.whole.len() as u64;
    let (whole, first) = (Times::of(all.whole), Times::of(all.first));
    Ok(json!({
        "shape": plan.shape.name(), "connections": plan.connections, "bytes": plan.bytes,
        "n": n, "errors": all.errors, "wrong": all.wrong, "late": all.late,
        "per_second": n * 1_000 / plan.millis.max(1),
        "p50": whole.at(500), "p95": whole.at(950), "p99": whole.at(990),
        "first_p50": first.at(500), "first_p95": first.at(950), "first_p99": first.at(990),
    }))
}

async fn connection(
    to: SocketAddr,
    asked: ask::Asked,
    begin: Instant,
    end: Instant,
    late: Option<Duration>,
) -> Seen {
    let mut seen = Seen::default();
    if let Err(error) = ask_on(to, &asked, begin, end, late, &mut seen).await {
        seen.errors += 1;
        seen.wrong = Some(format!("{error:#}"));
    }
    seen
}

async fn ask_on(
    to: SocketAddr,
    asked: &ask::Asked,
    begin: Instant,
    end: Instant,
    late: Option<Duration>,
    seen: &mut Seen,
) -> Result<()> {
    let mut stream = TcpStream::connect(to).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let mut answer = Answer::default();
    let request = asked.prepare(&mut stream, &mut answer).await?;
    loop {
        let start = Instant::now();
        if start >= end {
            return Ok(());
        }
        let told = answer.to(&mut stream, &request).await?;
        let done = start.elapsed();
        if start < begin {
            continue;
        }
        if told.status != 200 {
            seen.errors += 1;
            let said: String = answer.text().chars().take(300).collect();
            seen.wrong.get_or_insert(format!("status {}: {said}", told.status));
            if seen.errors > 100 {
                return Ok(());
            }
            continue;
        }
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        seen.whole.push(nanos(done));
        match told.first {
            Some(first) if asked.streams() => seen.first.push(nanos(first - start)),
            None if asked.streams() => {
                seen.errors += 1;
                seen.wrong.get_or_insert("a stream without a word in it".to_owned());
            }
            Some(_) | None => {}
        }
        if late.is_some_and(|late| told.widest > late) {
            seen.late += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The real mock, the real floor and the real loop, in one process.
    #[test]
    fn every_shape_runs_through_the_floor_without_an_error() {
        let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (mock, floor) = (free(), free());
        std::thread::spawn(move || crate::mock::run(mock, None));
        std::thread::spawn(move || crate::floor::run(floor, mock));
        let up = |to| std::net::TcpStream::connect::<SocketAddr>(to).is_ok();
        while !up(mock) || !up(floor) {
            std::thread::sleep(Duration::from_millis(1));
        }
        for shape in [Shape::Chat, Shape::ChatStream, Shape::Messages, Shape::MessagesStream, Shape::McpCall]
        {
            let plan = Plan {
                to: floor,
                shape,
                path: None,
                model: "gpt-mock".to_owned(),
                header: vec!["authorization: Bearer any".to_owned()],
                connections: 2,
                millis: 50,
                bytes: 800,
                late_ms: None,
            };
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let line = runtime.block_on(measure(&plan)).unwrap();
            assert_eq!(line["errors"], 0, "{line}");
            assert!(line["n"].as_u64().unwrap() > 0, "{line}");
            let streams = matches!(shape, Shape::ChatStream | Shape::MessagesStream);
            assert_eq!(line["first_p50"].as_u64().unwrap() > 0, streams, "{line}");
        }
    }
}
