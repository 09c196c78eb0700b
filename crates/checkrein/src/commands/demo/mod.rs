//! `checkrein demo`: a few agents act against a running server, for some minutes.

mod agent;
mod approver;
mod board;
mod estate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use action::Timestamp;
use anyhow::{Context, Result, bail};
use http::Method;
use serde_json::json;

use self::board::Board;
use self::estate::Estate;
use crate::cli::Demo;
use crate::client::{Client, text};
use crate::exit::Exit;
use crate::{clock, input};

/// What each part needs to know.
struct Scene {
    agents: Client,
    operators: Client,
    board: Board,
    ends: Instant,
    /// Between two acts of one agent.
    pause: Duration,
}

pub fn run(args: &Demo) -> Result<Exit> {
    let token =
        input::text(Some(&args.token_file)).context("the demo registers its agents as an operator")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(play(args, token.trim()))?;
    Ok(Exit::Success)
}

async fn play(args: &Demo, token: &str) -> Result<()> {
    let estate = Estate::shipped()?;
    let lasts = Duration::from_secs(args.seconds);
    let scene = Arc::new(Scene {
        agents: Client::new(&args.agents, "")?,
        operators: Client::new(&args.operators, token)?,
        board: Board::new(&estate),
        ends: Instant::now() + lasts,
        pause: Duration::from_millis(args.pause_ms),
    });
    let expires = clock::now().plus_millis(i64::try_from(lasts.as_millis())?.saturating_add(600_000));
    let approver = approver::enter(&scene, expires).await?;
    let mut players = Vec::new();
    for agent in estate.agents {
        let key = register(&scene, &agent, expires).await?;
        players.push((agent, key));
    }
    scene.board.open(&args.agents, lasts);
    let mut tasks = tokio::task::JoinSet::new();
    for (number, (agent, key)) in players.into_iter().enumerate() {
        let scene = Arc::clone(&scene);
        tasks.spawn(async move { agent::act(&scene, agent, &key, number).await });
    }
    let deciding = tokio::spawn(approver::decide(Arc::clone(&scene), approver));
    let ended: Result<()> = tokio::select! {
        ended = all(&mut tasks) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    deciding.abort();
    let ledger = scene.operators.must(Method::GET, "/api/v1/ledger", None).await;
    scene.board.close(ledger.ok().as_ref());
    ended
}

async fn all(tasks: &mut tokio::task::JoinSet<Result<()>>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("an agent of the demo had a fault")??;
    }
    Ok(())
}

/// Registers an agent of the estate and makes a key that expires soon after the demo.
async fn register(scene: &Scene, agent: &estate::Agent, expires: Timestamp) -> Result<String> {
    let path = format!("/api/v1/agents/{}", agent.name);
    let profile = json!({ "roles": agent.roles, "environments": agent.environments });
    scene.operators.must(Method::PUT, &path, Some(&profile)).await?;
    // The demo before may have ended with the agent frozen.
    let active = json!({ "state": "active" });
    scene.operators.must(Method::POST, &format!("{path}/status"), Some(&active)).await?;
    let wish = json!({ "label": "demo", "expires": expires });
    let made = scene.operators.must(Method::POST, &format!("{path}/keys"), Some(&wish)).await?;
    let key = text(&made, "/key").context("the server made no key")?.to_owned();
    // A new key is in force once the next book is published.
    let client = scene.agents.by(&key);
    for _ in 0..100 {
        if client.call(Method::GET, "/ask/v1/decisions/dec_none", None).await?.status.as_u16() != 401 {
            return Ok(key);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("the key of {} did not come into force within five seconds", agent.name)
}
