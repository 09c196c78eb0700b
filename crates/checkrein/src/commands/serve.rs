//! `checkrein serve`: the server.

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use crate::cli::{LogForm, Serve};
use crate::exit::Exit;
use crate::serve::{self, config::Config};

pub fn run(args: &Serve) -> Result<Exit> {
    let (config, warnings) = Config::read_to_serve(&args.config)?;
    for warning in &warnings {
        eprintln!("warning: {warning}");
    }
    if args.check {
        println!("{}: no faults", args.config.display());
        return Ok(Exit::Success);
    }
    let filter = EnvFilter::try_from_env("CHECKREIN_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match args.log {
        LogForm::Text => logs.init(),
        LogForm::Json => logs.json().init(),
    }
    // A server of small pieces in many threads would hold several times what it uses in pages of 2 MB. Where
    // the kernel does not let us say so, it only holds more.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(serve::run(config, args.first_token.as_deref()))?;
    Ok(Exit::Success)
}
