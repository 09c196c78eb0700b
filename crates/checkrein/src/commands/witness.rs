//! `checkrein witness`: cosigns checkpoints of other people's logs, in a trust domain of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};
use ledger::Disk;
use ledger::note::{KeyKind, SigningKey, load_key, save_key};
use ledger::witness::{HeadStore, Watched, Witness};
use tokio::sync::watch;

use crate::cli::WitnessArgs;
use crate::exit::Exit;
use crate::serve;

/// A checkpoint with the longest proof is far smaller.
const MAX_BODY: usize = 64 << 10;

pub fn run(args: &WitnessArgs) -> Result<Exit> {
    let watched: Vec<Watched> = args.logs.iter().map(|text| watched(text)).collect::<Result<_>>()?;
    if watched.is_empty() {
        bail!("there is no log to look after; give one with `--log KEY`");
    }
    serve::private_folder(&args.data)?;
    let key = key(&args.data, &args.name)?;
    let store =
        HeadStore::open(Arc::new(Disk), &args.data.join("heads")).context("cannot open what was signed")?;
    let witness = Witness::new(key, watched, store).context("cannot begin to witness")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(listen(args, Arc::new(witness)))?;
    Ok(Exit::Success)
}

/// A log is named by its key: the key's name is the log's.
fn watched(text: &str) -> Result<Watched> {
    let key = super::ledger::key(text)?;
    Ok(Watched { log: key.name().to_owned(), keys: vec![key] })
}

fn key(folder: &Path, name: &str) -> Result<SigningKey> {
    let path = folder.join("witness.key");
    if path.exists() {
        return load_key(&path, None).with_context(|| format!("cannot read the key `{}`", path.display()));
    }
    let key = SigningKey::generate(name, KeyKind::Witness).context("cannot make a key")?;
    save_key(&path, &key, None).with_context(|| format!("cannot write the key `{}`", path.display()))?;
    Ok(key)
}

async fn listen(args: &WitnessArgs, witness: Arc<Witness>) -> Result<()> {
    let listener = serve::listen::bind_to("logs", args.listen).await?;
    println!("Checkrein witness `{}`", args.name);
    println!("  takes checkpoints at http://{}/add-checkpoint", listener.local_addr()?);
    println!("  its key is           {}", witness.verifier());
    println!("Ctrl-C stops.");
    let router = Router::new()
        .route("/add-checkpoint", post(add))
        .route(
            "/key",
            get(|State(witness): State<Arc<Witness>>| async move { format!("{}\n", witness.verifier()) }),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(witness);
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve::listen::serve(listener, router, None, stopped));
    serve::signal().await?;
    let _ = stop.send(true);
    serving.await.context("the witness did not end well")
}

async fn add(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    // Signing waits for the disk.
    let answer = tokio::task::spawn_blocking(move || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        witness.handle(&body, now)
    });
    match answer.await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
