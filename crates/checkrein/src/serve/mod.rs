//! `checkrein serve`: the whole machine in one place.
//!
//! [`run`] is boring: read settings, build, serve, wait for a signal, drain. [`build`] is the parts
//! list.

mod adapters;
mod beside;
mod bootstrap;
mod clockwork;
pub mod config;
mod files;
mod hurry;
pub mod listen;
mod mcp;
mod meter;
mod models;
mod money;
pub mod outward;
mod provider_keys;
mod publish;
mod rollout;
mod sandbox;
mod secrets;
mod shadows;
mod sweep;
mod tls;
mod trust;
mod untold;
mod upkeep;
mod whole;
#[cfg(test)]
mod world;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use action::Name;
use anyhow::{Context, Result};
use arc_swap::ArcSwap;
use axum::Router;
use axum::routing::get;
use control::Office;
use gateway::Guard;
use gateway::ask::{Awaited, Desk, Recent, Replies, Tokens};
use gateway::guard::Effects;
use gateway::memory::Memory;
use gateway::ports::SystemDice;
use hold::{BindingKey, Holds};
use ledger::note::SigningKey;
use ledger::{Clock, Disk, Ledger, Promise, Record, RecordKind, SystemClock, Volume};
use store::{Content, Index, State};
use tokio::sync::watch;

use self::adapters::{Contains, Earlier, Facts, Kept};
use self::beside::Beside;
use self::config::{Config, Listener};
use self::meter::Metrics;
use self::money::Treasury;
use self::outward::Outward;
use self::untold::Untold;
use self::upkeep::Upkeep;

/// Records that are read at once when holds are rebuilt.
const REPLAY_STEP: usize = 10_000;

/// The server, built and not yet listening.
struct Server {
    desk: Arc<Desk>,
    untold: Arc<Untold>,
    treasury: Arc<Treasury>,
    agents: Router,
    operators: Router,
    ledger: Ledger,
    threads: Vec<JoinHandle<()>>,
    stop_threads: Arc<AtomicBool>,
    outward: outward::Parts,
    /// Printed once, on the first start.
    first_token: Option<String>,
}

/// The outside world as the server sees it. Tests put their own in its place.
struct Outside {
    clock: Arc<dyn Clock>,
    disk: Arc<dyn Volume>,
}

impl Outside {
    /// The machine's.
    fn real() -> Self {
        Outside { clock: Arc::new(SystemClock::new()), disk: Arc::new(Disk) }
    }
}

/// Serves until a signal asks to stop.
pub async fn run(config: Config, first_token: Option<&Path>) -> Result<()> {
    let config = Arc::new(config);
    // Listeners first: a port that is taken is told before anything is opened or made.
    let agents = listen::bind_to("agents", config.agents.address).await?;
    let operators = listen::bind_to("operators", config.operators.address).await?;
    let (for_agents, for_operators) = (certificates(&config.agents)?, certificates(&config.operators)?);
    let in_force = |listener: &Option<tls::Reload>| listener.as_ref().map(tls::Reload::current);
    let (agents_tls, operators_tls) = (in_force(&for_agents), in_force(&for_operators));
    let (stop, stopped) = watch::channel(false);
    let server = {
        let config = Arc::clone(&config);
        tokio::task::spawn_blocking(move || build(&config, Outside::real()))
            .await
            .context("cannot start")??
    };
    if let (Some(path), Some(token)) = (first_token, &server.first_token) {
        secrets::write_new(path, token.as_bytes())
            .with_context(|| format!("cannot write the first operator's token to `{}`", path.display()))?;
    }
    greet(&config, &server, first_token, agents.local_addr()?, operators.local_addr()?);
    let upkeep = Upkeep {
        listeners: for_agents.into_iter().chain(for_operators).collect(),
        issuers: trust::Reload::new(&config, &server.desk.guard.trust),
        clock: Arc::clone(&server.desk.guard.clock),
    };
    let mut tasks = vec![
        tokio::spawn(listen::serve(agents, server.agents, agents_tls, stopped.clone())),
        tokio::spawn(listen::serve(operators, server.operators, operators_tls, stopped.clone())),
        tokio::spawn(upkeep::run(upkeep, stopped.clone())),
        tokio::spawn(clockwork::watch_time(
            Arc::clone(&server.desk),
            Arc::clone(&server.untold),
            Arc::clone(&server.treasury),
            stopped.clone(),
        )),
        tokio::spawn(clockwork::save_facts(Arc::clone(&server.desk), stopped.clone())),
        tokio::spawn(clockwork::save_spending(Arc::clone(&server.treasury), stopped)),
    ];
    tasks.extend(server.outward.start(&stop.subscribe()));
    signal().await?;
    tracing::info!("stopping: requests in progress are finished");
    let _ = stop.send(true);
    for task in tasks.drain(..) {
        task.await.context("a part of the server did not end well")?;
    }
    // Once more after the last request, so that nothing it taught is lost.
    clockwork::save(&server.desk).await;
    server.treasury.save().await;
    server.treasury.tell(&server.desk.guard).await;
    server.untold.tell(&server.desk.guard).await;
    server.stop_threads.store(true, Ordering::Release);
    let ended = tokio::task::spawn_blocking(move || {
        for thread in server.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the server had a fault");
            }
        }
        server.ledger.close()
    });
    ended.await.context("cannot end")?.context("the ledger did not end well")?;
    tracing::info!("stopped");
    Ok(())
}

/// What a listener shakes hands with, when it does. Read again here, since files may have changed
/// after they were checked.
fn certificates(listener: &Listener) -> Result<Option<tls::Reload>> {
    let Some(settings) = &listener.tls else { return Ok(None) };
    match tls::Reload::start(settings.clone(), crate::clock::now()) {
        Ok(listener) => Ok(Some(listener)),
        Err(bad) => {
            let all: Vec<String> = bad.into_iter().map(|bad| bad.message).collect();
            anyhow::bail!("{}", all.join("\n"))
        }
    }
}

/// The parts, in the order in which they need each other.
fn build(config: &Arc<Config>, Outside { clock, disk }: Outside) -> Result<Server> {
    let dice = Arc::new(SystemDice);
    let data = config.data.as_path();
    private_folder(data)?;
    let keys = data.join("keys");
    private_folder(&keys)?;
    whole::check(data)?;

    let state = Arc::new(State::open(data, &config.tenant).context("cannot open what operators keep")?);
    let first_token = bootstrap::first_operator(&state, clock.now().timestamp())?;
    let kept = state.snapshot().context("cannot read what operators keep")?;
    // Before they are read, so that a change in between is seen.
    let files = clockwork::changed_at(config);
    // Before anything is recorded: with faulty rules the server does not start.
    let book = publish::book(config, &kept, None)?;

    // Before the ledger is made for the first time, so that a ledger always has what belongs to it.
    let content = Content::open(data, &keys.join("content.key"), store::Bounds::default())
        .context("cannot open the content")?;
    let content = Arc::new(content);
    let binding = BindingKey::new(secrets::key(&keys, "binding.key", &*dice)?);
    let redaction = engine::redact::Key::new(secrets::key(&keys, "redaction.key", &*dice)?);
    let tokens = Tokens::new(&secrets::key(&keys, "token.key", &*dice)?);

    let ledger = open_ledger(config, &clock, disk)?;
    let holds = Holds::new(Arc::new(ledger.clone()));
    let (awaited, effects) = (Awaited::default(), Effects::default());
    restore(&holds, &awaited, &effects, &ledger, clock.elapsed())?;
    let (index, _) = Index::open(data).context("cannot open the index")?;
    clockwork::catch_up(&index, &ledger);
    let index = Arc::new(index);
    let start = ledger.head().durable;

    let counters = outward::Counters::default();
    let (spans, exporter) = outward::traces(config, &counters)?;
    let metrics = Metrics::new(&counters, spans);
    let book = Arc::new(ArcSwap::from_pointee(book));
    let kept = Arc::new(ArcSwap::from_pointee(kept));
    let facts = Facts { state: Arc::clone(&state), clock: Arc::clone(&clock) };
    let guard = Arc::new(Guard {
        book: Arc::clone(&book),
        memory: Memory::new(Arc::new(facts), dice.clone()),
        ledger: ledger.clone(),
        holds: holds.clone(),
        vault: Arc::new(Kept { content: Arc::clone(&content), clock: Arc::clone(&clock) }),
        sandbox: sandbox::Isolation::new(config),
        clock: Arc::clone(&clock),
        dice: dice.clone(),
        binding,
        redaction,
        passes: gateway::OpenPasses::default(),
        containment: Arc::new(Contains { state: Arc::clone(&state), clock: Arc::clone(&clock) }),
        answered: gateway::Answered::default(),
        effects,
        trust: trust::trust(config, &state, &clock)?,
        meter: metrics.clone(),
        large: Guard::places_for_large(),
        late: Guard::places_for_late(),
    });
    let (untold, passed) = Untold::open(data)?;
    guard.passes.put_back(passed);
    let treasury = Treasury::open(config, &metrics, &clock, &*dice)?;
    let models = Arc::new(models::models(&treasury, &guard, &tokens, config.mcp.tools().to_vec())?);
    let board = Arc::new(shadows::Board(Arc::clone(&models.shadows)));
    let mcp = mcp::build(config, &guard, &keys)?;
    let desk = Arc::new(Desk {
        guard,
        tokens,
        replies: Replies::default(),
        awaited,
        recent: Recent::default(),
        past: Arc::new(Earlier { index: Arc::clone(&index), ledger: ledger.clone(), start }),
    });
    let shared = outward::Shared {
        ledger: ledger.clone(),
        clock: Arc::clone(&clock),
        dice,
        counters,
        log: config.log.clone(),
    };
    let (outward, parts) = Outward::build(config, &shared, exporter)?;
    let office = Arc::new(Office {
        state: Arc::clone(&state),
        index: Arc::clone(&index),
        content,
        ledger: ledger.clone(),
        holds: holds.clone(),
        kept: Arc::clone(&kept),
        clock: Arc::clone(&clock),
        rules: Arc::new(Beside {
            config: Arc::clone(config),
            kept: Arc::clone(&kept),
            book: Arc::clone(&book),
        }),
        outward: outward.clone(),
        money: treasury.clone(),
        shadows: board,
        pins: Arc::new(mcp::Board(mcp.pins)),
        four_eyes: config.four_eyes,
    });

    let stop_threads = Arc::new(AtomicBool::new(false));
    let mut threads = vec![
        follower(&index, &ledger, &stop_threads)?,
        publisher(config, files, &state, &book, &kept, &stop_threads)?,
    ];
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    threads.push(
        {
            let (state, kept, ledger) = (Arc::clone(&state), Arc::clone(&kept), ledger.clone());
            let (clock, stop) = (Arc::clone(&clock), Arc::clone(&stop_threads));
            named("sweep").spawn(move || {
                clockwork::stand_back();
                sweep::run(&state, &kept, &ledger, &clock, &stop);
            })
        }
        .context("cannot start a thread")?,
    );
    threads.push(
        {
            let watch = rollout::Watch {
                state: Arc::clone(&state),
                book: Arc::clone(&book),
                kept: Arc::clone(&kept),
                ledger: ledger.clone(),
                clock: Arc::clone(&clock),
            };
            let stop = Arc::clone(&stop_threads);
            named("rollout").spawn(move || watch.run(&stop))
        }
        .context("cannot start a thread")?,
    );
    let operators = control::router(office).merge(machine(metrics, ledger.clone(), holds, index, outward));
    Ok(Server {
        agents: match mcp.routes {
            Some(routes) => gateway::router(Arc::clone(&desk), models).merge(routes),
            None => gateway::router(Arc::clone(&desk), models),
        },
        desk,
        untold: Arc::new(untold),
        treasury,
        operators,
        ledger,
        threads,
        stop_threads,
        outward: parts,
        first_token,
    })
}

fn follower(index: &Arc<Index>, ledger: &Ledger, stop: &Arc<AtomicBool>) -> Result<JoinHandle<()>> {
    let (index, ledger, stop) = (Arc::clone(index), ledger.clone(), Arc::clone(stop));
    let follow = move || {
        clockwork::stand_back();
        clockwork::follow(&index, &ledger, &stop);
    };
    std::thread::Builder::new().name("index".to_owned()).spawn(follow).context("cannot start a thread")
}

fn publisher(
    config: &Arc<Config>,
    files: clockwork::Changed,
    state: &Arc<State>,
    book: &Arc<ArcSwap<gateway::Book>>,
    kept: &Arc<ArcSwap<store::Snapshot>>,
    stop: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>> {
    let (config, state) = (Arc::clone(config), Arc::clone(state));
    let (book, kept, stop) = (Arc::clone(book), Arc::clone(kept), Arc::clone(stop));
    let publish = move || clockwork::publish(&config, files, &state, &book, &kept, &stop);
    std::thread::Builder::new().name("publish".to_owned()).spawn(publish).context("cannot start a thread")
}

/// Where the ledger of a configuration lies.
pub fn ledger_settings(config: &Config) -> ledger::Settings {
    let mut settings = ledger::Settings::new(config.data.join("ledger"), config.log.clone());
    settings.mirror = config.mirror.clone();
    settings.head = config.head.clone();
    settings
}

/// The key that signs for it.
pub fn signing_key(config: &Config) -> Result<SigningKey> {
    secrets::signing_key(&config.data.join("keys"), &config.log)
}

fn open_ledger(config: &Config, clock: &Arc<dyn Clock>, disk: Arc<dyn Volume>) -> Result<Ledger> {
    let key = signing_key(config)?;
    let (ledger, _) = Ledger::open(ledger_settings(config), key, disk, Arc::clone(clock))
        .context("cannot open the ledger")?;
    let mut boot = Record::new(RecordKind::Boot, clock.now());
    if let (Ok(key), Ok(version)) = (Name::new("program"), Name::new(env!("CARGO_PKG_VERSION"))) {
        boot.notes.insert(key, version);
    }
    ledger.append_wait(boot, Promise::Synced).context("cannot write the first record of this start")?;
    Ok(ledger)
}

/// Rebuilds held actions, the outcomes that are still awaited and the effects that are not reported, from
/// the ledger.
fn restore(
    holds: &Holds,
    awaited: &Awaited,
    effects: &Effects,
    ledger: &Ledger,
    now: Duration,
) -> Result<()> {
    let mut records = Vec::new();
    let (mut next, size) = (0, ledger.head().durable);
    while next < size {
        let stored = ledger.read(next, REPLAY_STEP).context("cannot read the ledger")?;
        let Some(last) = stored.last() else { break };
        next = last.record.sequence + 1;
        for it in &stored {
            awaited.replay(&it.record);
            effects.replay(&it.record, now);
        }
        records.extend(stored.into_iter().map(|it| it.record).filter(|record| record.approval.is_some()));
    }
    let restored = holds.replay(&records).context("cannot restore held actions")?;
    tracing::info!(restored, waiting = holds.open(), "held actions are restored");
    Ok(())
}

/// What machines ask: is it alive, is it ready, how is it doing. Without credentials, and without a
/// name or a number of anybody.
fn machine(
    metrics: Arc<Metrics>,
    ledger: Ledger,
    holds: Holds,
    index: Arc<Index>,
    outward: Arc<Outward>,
) -> Router {
    let health = ledger.clone();
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route(
            "/readyz",
            get(move || async move {
                let health = health.health();
                let standing = health.word();
                let status = if health.takes_records() {
                    http::StatusCode::OK
                } else {
                    http::StatusCode::SERVICE_UNAVAILABLE
                };
                (status, format!("ledger: {standing}\n{}", outward.readiness()))
            }),
        )
        .route(
            "/metrics",
            get(move || async move {
                let text = tokio::task::spawn_blocking(move || {
                    metrics.text(&ledger, holds.open(), index.next().ok())
                });
                text.await.unwrap_or_default()
            }),
        )
}

/// Makes a folder that only the server's user can look into.
pub fn private_folder(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder `{}`; is its parent writable?", path.display()))
}

/// What a person sees first.
fn greet(
    config: &Config,
    server: &Server,
    first_token: Option<&Path>,
    agents: SocketAddr,
    operators: SocketAddr,
) {
    println!("Checkrein {}", env!("CARGO_PKG_VERSION"));
    let scheme = |listener: &Listener| if listener.tls.is_some() { "https" } else { "http" };
    println!("  agents ask at     {}://{agents}/ask/v1/decisions", scheme(&config.agents));
    println!("  operators work at {}://{operators}/api/v1", scheme(&config.operators));
    println!("  data              {}", config.data.display());
    for (environment, scope) in &config.environments {
        println!(
            "  {environment:<17} mode {}, fails {} for reads and {} for everything else, keeps {}",
            scope.mode, scope.fail_reads, scope.fail_effects, scope.capture
        );
    }
    match (&server.first_token, first_token) {
        (Some(_), Some(path)) => {
            println!(
                "\nThis is the first start. The token of the operator `admin` is in {}.\n",
                path.display()
            );
        }
        (Some(token), None) => println!(
            "\nThis is the first start. The operator `admin` has this token; it is shown once:\n\n  {token}\n"
        ),
        (None, _) => {}
    }
    println!("Ctrl-C stops.");
}

/// Waits for Ctrl-C or a request to end.
pub async fn signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for signals")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot watch for signals"),
        _ = terminate.recv() => Ok(()),
    }
}
