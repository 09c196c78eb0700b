//! `checkrein ledger`: the files themselves, with and without a running server.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context, Result, bail};
use ledger::note::{Policy, VerifierKey};
use ledger::verify::{Report, Trust, verify_bundle};

use crate::cli::{LedgerCommand, VerifyArgs};
use crate::exit::Exit;

pub fn run(command: &LedgerCommand) -> Result<Exit> {
    match command {
        LedgerCommand::Verify(args) => verify(args),
    }
}

/// Exit codes are those of the verifier in each bundle: 0, 3, 4, 5.
fn verify(args: &VerifyArgs) -> Result<Exit> {
    let trust = trust(args)?;
    let report = read(&args.path, &trust)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
        if trust.as_stated && report.fault.is_none() {
            writeln!(
                out,
                "  nobody vouched for the key: compare it with the one that the operator publishes"
            )?;
        }
    }
    out.flush()?;
    Ok(Exit::Verified(report.outcome()))
}

fn read(path: &Path, trust: &Trust) -> Result<Report> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open `{name}`"))?;
    if file.metadata().with_context(|| format!("cannot look at `{name}`"))?.is_dir() {
        bail!("`{name}` is a folder; give a bundle that `checkrein ledger export` wrote");
    }
    Ok(verify_bundle(BufReader::new(file), trust))
}

fn trust(args: &VerifyArgs) -> Result<Trust> {
    let keys =
        |texts: &[String]| -> Result<Vec<VerifierKey>> { texts.iter().map(|text| key(text)).collect() };
    let witnesses = keys(&args.witnesses)?;
    let needed = args.cosigned.unwrap_or(witnesses.len());
    Ok(Trust {
        keys: keys(&args.keys)?,
        policy: Policy::new(witnesses, needed).context("the witnesses make no sense")?,
        as_stated: args.keys.is_empty(),
    })
}

/// A verifier key, given as such or in a file.
pub fn key(text: &str) -> Result<VerifierKey> {
    let read = if Path::new(text).is_file() {
        std::fs::read_to_string(text).with_context(|| format!("cannot read the key file `{text}`"))?
    } else {
        text.to_owned()
    };
    VerifierKey::parse(read.trim())
        .with_context(|| format!("`{text}` is no verifier key, which looks like `name+1a2b3c4d+AZ…`"))
}
