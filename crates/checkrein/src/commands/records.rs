//! `checkrein ledger tail|prove|verify-proof|erase`: single records, and what they are about.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use action::Name;
use anyhow::{Context, Result, anyhow};
use http::Method;
use ledger::bundle::FolderSource;
use ledger::proven::{Proven, ProvenError, Shown};
use ledger::verify::Outcome;
use ledger::{Disk, Record, Stored, Tail};
use serde_json::json;

use super::ledger::{folder, trust};
use crate::cli::{EraseArgs, ProveArgs, TailArgs, VerifyProofArgs};
use crate::client::Client;
use crate::exit::Exit;
use crate::input;
use crate::serve::{self, config::Config};

/// Records that are shown when nobody says from where.
const LAST: usize = 10;
/// Between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub fn tail(args: &TailArgs) -> Result<Exit> {
    let config = Config::read(&args.config)?;
    let folder = folder(&config);
    let mut tail = Tail::new(&Disk, &folder, args.from.unwrap_or(0));
    let mut out = std::io::stdout().lock();
    if args.from.is_none() {
        // The last ones are in the newest segment, or in the one before when that was just begun.
        let newest = tail.newest_segment()?;
        tail = Tail::new(&Disk, &folder, newest.saturating_sub(LAST as u64));
        let mut last: VecDeque<Stored> = VecDeque::with_capacity(LAST);
        loop {
            let records = tail.step()?;
            if records.is_empty() {
                break;
            }
            for stored in records {
                if last.len() == LAST {
                    last.pop_front();
                }
                last.push_back(stored);
            }
        }
        last.iter().try_for_each(|stored| show(&mut out, stored, args.json))?;
    }
    loop {
        let records = tail.step()?;
        records.iter().try_for_each(|stored| show(&mut out, stored, args.json))?;
        out.flush()?;
        if records.is_empty() {
            if !args.follow {
                return Ok(Exit::Success);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn show(out: &mut impl Write, stored: &Stored, json: bool) -> Result<()> {
    if json {
        out.write_all(&stored.bytes)?;
        out.write_all(b"\n")?;
    } else {
        writeln!(out, "{}", line(&stored.record))?;
    }
    Ok(())
}

/// One record for a person to read: place, time, kind, whose, and what.
fn line(record: &Record) -> String {
    let mut words = vec![
        format!("{:>8}", record.sequence),
        record.time.timestamp().to_string(),
        format!("{:<10}", record.kind.row().word),
    ];
    words.extend(record.agent.as_ref().map(|part| part.name.to_string()));
    words.extend(record.action.as_ref().map(|part| format!("{} {}", part.operation, part.tool)));
    if let Some(part) = &record.decision {
        words.push(part.effective.to_string());
        if part.verdict != part.effective {
            words.push(format!("(would be {})", part.verdict));
        }
        words.push(format!("by {}", part.rule));
        words.extend(record.risk.as_ref().map(|risk| format!("risk {}", risk.value)));
        words.push(part.id.to_string());
    }
    words.extend(record.approval.as_ref().map(|part| format!("{} {}", word(&part.step), part.of)));
    words.extend(record.outcome.as_ref().map(|part| format!("{} {}", word(&part.report), part.of)));
    if let Some(part) = &record.finding {
        words.push(format!("{} {}", part.severity, part.rule));
        words.extend(part.of.as_ref().map(Name::to_string));
    }
    if let Some(part) = &record.operator {
        words.push(part.act.to_string());
        words.extend(part.on.as_ref().map(Name::to_string));
    }
    words.extend(record.erasure.as_ref().map(|part| format!("{} pieces, {}", part.pieces, part.basis)));
    words.extend(record.gap.as_ref().map(|part| format!("{} {} bytes", word(&part.reason), part.bytes)));
    words.extend(record.shard.as_ref().map(|part| part.name.clone()));
    words.extend(record.notes.iter().map(|(key, value)| format!("{key}={value}")));
    words.join("  ")
}

/// The word of a closed list of the record's, which serde alone knows.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}

pub fn prove(args: &ProveArgs) -> Result<Exit> {
    let config = Config::read(&args.config)?;
    let folder = folder(&config);
    let source = FolderSource::open(&Disk, &folder)
        .map_err(|error| anyhow!(error))
        .context("cannot read the ledger")?;
    let sequence = match args.what.parse() {
        Ok(sequence) => sequence,
        Err(_) => find(&folder, &args.what)?,
    };
    let proven = Proven::of(&source, &config.log, sequence)
        .with_context(|| format!("cannot prove `{}`", args.what))?;
    let Some(path) = &args.out else {
        write!(std::io::stdout().lock(), "{proven}")?;
        return Ok(Exit::Success);
    };
    let name = path.display();
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file =
        file.with_context(|| format!("cannot make `{name}`; an existing file is never written over"))?;
    file.write_all(proven.to_string().as_bytes()).with_context(|| format!("cannot write `{name}`"))?;
    let key = serve::signing_key(&config)?;
    println!("{name}: record {sequence}");
    println!("  key     {}", key.verifier());
    println!("  verify  checkrein ledger verify-proof {name} --key '{}'", key.verifier());
    Ok(Exit::Success)
}

/// Looks for a decision, record by record: this works beside a server and without its index.
fn find(folder: &ledger::Folder, id: &str) -> Result<u64> {
    let mut tail = Tail::new(&Disk, folder, 0);
    loop {
        let records = tail.step()?;
        let of = |stored: &&Stored| stored.record.decision.as_ref().is_some_and(|it| it.id.as_str() == id);
        if let Some(found) = records.iter().find(of) {
            return Ok(found.record.sequence);
        }
        if records.is_empty() {
            return Err(anyhow!(
                "the ledger has no decision `{id}`; give a sequence or the id of a decision"
            ));
        }
    }
}

/// Exit codes are those of `verify`: 0 holds, 4 does not, 5 cannot be told.
pub fn verify_proof(args: &VerifyProofArgs) -> Result<Exit> {
    let trust = trust(&args.keys, &args.witnesses, args.cosigned)?;
    let text = input::text(Some(&args.path))?;
    let outcome = match Proven::parse(&text).and_then(|proven| proven.check(&trust)) {
        Ok(Shown { record, head, cosigned }) => {
            println!("the record stands in `{}`, under a signed head of {} records", head.origin, head.size);
            println!("{}", line(&record));
            for (witness, seconds) in cosigned.by {
                let millis = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000);
                println!("  cosigned by {witness} at {}", action::Timestamp::from_millis(millis));
            }
            Outcome::Clean
        }
        Err(error) => {
            let fault = match &error {
                // Nothing is wrong with it, as far as this reader can tell.
                ProvenError::Unsigned | ProvenError::Quorum => Outcome::CannotDecide,
                ProvenError::TooLong | ProvenError::NoRecord => Outcome::CannotDecide,
                ProvenError::Proof(_) | ProvenError::Record | ProvenError::Forged | ProvenError::OtherLog => {
                    Outcome::Tampered
                }
            };
            println!("{}: {:#}", args.path.display(), anyhow!(error));
            fault
        }
    };
    Ok(Exit::Verified(outcome))
}

pub fn erase(args: &EraseArgs) -> Result<Exit> {
    let token = input::text(Some(&args.token_file)).context("an erasure needs an operator's token")?;
    let client = Client::new(&args.operators, token.trim())?;
    let wish = json!({ "person": args.person, "basis": args.basis });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.context("cannot start the runtime")?.block_on(client.must(
        Method::POST,
        "/api/v1/erasures",
        Some(&wish),
    ))?;
    let pieces = done.pointer("/pieces").and_then(serde_json::Value::as_u64).unwrap_or(0);
    println!("{pieces} pieces of content are destroyed, and the key of the person with them");
    if let Some(sequence) = done.pointer("/sequence").and_then(serde_json::Value::as_u64) {
        println!("  on the ledger as record {sequence}");
    }
    Ok(Exit::Success)
}
