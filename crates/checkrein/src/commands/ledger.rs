//! `checkrein ledger`: the files themselves, with and without a running server.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use action::Name;
use anyhow::{Context, Result, anyhow};
use ledger::bundle::{FolderSource, Request, export as write_bundle};
use ledger::note::{Policy, VerifierKey};
use ledger::verify::{Report, Trust, verify_bundle, verify_folder};
use ledger::{Disk, Folder, Ledger, SystemClock};

use crate::cli::{ExportArgs, LedgerCommand, RepairArgs, VerifyArgs};
use crate::exit::Exit;
use crate::serve::{self, config::Config};

pub fn run(command: &LedgerCommand) -> Result<Exit> {
    match command {
        LedgerCommand::Verify(args) => verify(args),
        LedgerCommand::Export(args) => export(args),
        LedgerCommand::Tail(args) => super::records::tail(args),
        LedgerCommand::Prove(args) => super::records::prove(args),
        LedgerCommand::VerifyProof(args) => super::records::verify_proof(args),
        LedgerCommand::Erase(args) => super::records::erase(args),
        LedgerCommand::Repair(args) => repair(args),
    }
}

/// Exit codes are those of the verifier in each bundle: 0, 3, 4, 5.
fn verify(args: &VerifyArgs) -> Result<Exit> {
    let trust = trust(&args.keys, &args.witnesses, args.cosigned)?;
    let report = match &args.path {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("cannot open `{}`", path.display()))?;
            verify_bundle(BufReader::new(file), &trust)
        }
        None => in_place(&args.config, &trust)?,
    };
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

/// Verifies the folder of a server, which may be running.
fn in_place(config: &Path, trust: &Trust) -> Result<Report> {
    let config = Config::read(config)?;
    let mut trust = trust.clone();
    if trust.as_stated {
        // Nobody gave a key, so the server's own counts: enough to find damage, not to convince a stranger.
        trust.keys.push(serve::signing_key(&config)?.verifier().clone());
    }
    Ok(verify_folder(&Disk, &folder(&config), &trust))
}

pub fn folder(config: &Config) -> Folder {
    let settings = serve::ledger_settings(config);
    let head = settings.head.clone().unwrap_or_else(|| settings.dir.join("head"));
    Folder {
        log: settings.log,
        homes: [Some(settings.dir), settings.mirror].into_iter().flatten().collect(),
        head,
    }
}

/// Writes a bundle that verifies without this program and without this machine.
fn export(args: &ExportArgs) -> Result<Exit> {
    let config = Config::read(&args.config)?;
    let key = serve::signing_key(&config)?;
    let folder = folder(&config);
    let source = FolderSource::open(&Disk, &folder)
        .map_err(|error| anyhow!(error))
        .context("cannot read the ledger")?;
    let request = Request {
        log: config.log.clone(),
        from: args.from,
        until: args.until.unwrap_or(u64::MAX),
        period: (None, None),
        tool: Name::new(concat!("checkrein ", env!("CARGO_PKG_VERSION")))
            .context("the program has a name")?,
        witnesses: config.witnesses.iter().flat_map(|all| &all.from).map(|at| at.key.clone()).collect(),
    };
    let name = args.out.display();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.out);
    let file =
        file.with_context(|| format!("cannot make `{name}`; an existing file is never written over"))?;
    let written = write_bundle(&source, &request, &key, BufWriter::new(file)).and_then(|(exported, into)| {
        let file =
            into.into_inner().map_err(|error| ledger::bundle::ExportError::Write(error.into_error()))?;
        file.sync_all().map_err(ledger::bundle::ExportError::Write)?;
        Ok(exported)
    });
    let exported = match written {
        Ok(exported) => exported,
        Err(error) => {
            // Half a bundle would only be taken for one that was tampered with.
            let _ = std::fs::remove_file(&args.out);
            return Err(error).with_context(|| format!("cannot export to `{name}`"));
        }
    };
    println!(
        "{name}: records {} to {}, {} signed heads",
        exported.first,
        exported.end.saturating_sub(1),
        exported.checkpoints
    );
    println!("  key     {}", key.verifier());
    println!("  verify  checkrein ledger verify {name} --key '{}'", key.verifier());
    println!("  or      tar xzf {name} verify.py && python3 verify.py {name} --key '{}'", key.verifier());
    Ok(Exit::Success)
}

/// Lets a damaged log go on, with a record of who decided so.
fn repair(args: &RepairArgs) -> Result<Exit> {
    let config = Config::read(&args.config)?;
    let by = Name::new(&args.by).context("`--by` is no name")?;
    let key = serve::signing_key(&config)?;
    let settings = serve::ledger_settings(&config);
    let (ledger, opened) = Ledger::repair(settings, key, Arc::new(Disk), Arc::new(SystemClock::new()), by)
        .context("cannot repair the ledger")?;
    ledger.close().context("the ledger did not end well")?;
    println!("the log goes on with {} records; what is missing is on it as a gap", opened.size);
    println!("  now run checkrein ledger verify");
    Ok(Exit::Success)
}

/// What the arguments say is trusted; without a key, what the log says of itself.
pub fn trust(logs: &[String], witnesses: &[String], cosigned: Option<usize>) -> Result<Trust> {
    let keys =
        |texts: &[String]| -> Result<Vec<VerifierKey>> { texts.iter().map(|text| key(text)).collect() };
    let witnesses = keys(witnesses)?;
    let needed = cosigned.unwrap_or(witnesses.len());
    Ok(Trust {
        keys: keys(logs)?,
        policy: Policy::new(witnesses, needed).context("the witnesses make no sense")?,
        as_stated: logs.is_empty(),
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
