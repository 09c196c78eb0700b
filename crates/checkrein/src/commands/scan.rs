//! `checkrein scan`: JSON lines in, JSON lines out, in order, one process for many lines.

use std::io::{BufWriter, Write};

use action::{Detection, Json, JsonError};
use anyhow::{Context, Result};
use engine::detect::{ScanKind, Scanned, judges};
use serde::Serialize;

use super::rules::detectors;
use crate::cli::{Scan, ScanChannel};
use crate::exit::Exit;
use crate::input;
use crate::judge::Judges;

#[derive(Serialize)]
struct LineOut<'a> {
    id: &'a Json,
    flagged: bool,
    detections: Vec<FoundOut<'a>>,
}

#[derive(Serialize)]
struct FoundOut<'a> {
    vector: &'static str,
    rule: &'a str,
    confidence: u8,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    /// First character of the evidence in the text, and one past its last.
    span: [usize; 2],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    via: &'a [std::borrow::Cow<'static, str>],
}

#[derive(Serialize)]
struct LineError<'a> {
    id: &'a Json,
    error: Problem,
}

#[derive(Serialize)]
struct Problem {
    code: &'static str,
    message: String,
}

pub fn run(args: &Scan) -> Result<Exit> {
    let detectors = detectors(&args.rules)?;
    let kind = kind(args.channel);
    let judges = Judges::start(&args.judges.judges);
    let mut reader = std::io::BufReader::with_capacity(1 << 16, std::io::stdin().lock());
    let mut out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let mut failed = false;
    while let Some(line) = input::line(&mut reader).context("cannot read standard input")? {
        match question(line) {
            Ok(None) => continue,
            Ok(Some((id, text))) => {
                let scanned = engine::detect::scan(kind, &text, &detectors);
                let mut judged = Vec::new();
                judges::find(&judges.ask(std::iter::once(text.as_str())), &mut judged);
                write(&mut out, &answer(&id, &text, &scanned, &judged))?;
            }
            Err((id, error)) => {
                failed = true;
                write(&mut out, &LineError { id: &id, error })?;
            }
        }
    }
    out.flush().context("cannot write standard output")?;
    Ok(if failed { Exit::BadInput } else { Exit::Success })
}

pub const fn kind(channel: ScanChannel) -> ScanKind {
    match channel {
        ScanChannel::User => ScanKind::User,
        ScanChannel::Document => ScanKind::Document,
        ScanChannel::Memory => ScanKind::Memory,
        ScanChannel::SqlValue => ScanKind::SqlValue,
        ScanChannel::SqlStatement => ScanKind::SqlStatement,
        ScanChannel::Shell => ScanKind::Shell,
        ScanChannel::Html => ScanKind::Html,
        ScanChannel::Path => ScanKind::Path,
        ScanChannel::Url => ScanKind::Url,
        ScanChannel::Json => ScanKind::Json,
    }
}

type Refused = (Json, Problem);

/// The id and the text of one line; nothing for an empty line.
fn question(line: Result<Vec<u8>, usize>) -> Result<Option<(Json, String)>, Refused> {
    let refuse = |id: Json, code, message: String| (id, Problem { code, message });
    let line = line.map_err(|length| {
        let message = format!("the line has {length} bytes; at most {} are read", input::MAX_LINE_BYTES);
        refuse(Json::Null, "line_too_long", message)
    })?;
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let json = Json::parse(&line).map_err(|e: JsonError| refuse(Json::Null, e.code(), e.to_string()))?;
    let id = json.get("id").cloned().unwrap_or_default();
    match json.get("text") {
        Some(Json::Text(text)) => Ok(Some((id, text.clone()))),
        // The arguments of a tool call may come as they are.
        Some(other) => match serde_json::to_string(other) {
            Ok(text) => Ok(Some((id, text))),
            Err(_) => Err(refuse(id, "text_unreadable", "`text` cannot be read".into())),
        },
        None => Err(refuse(id, "text_missing", "the line has no `text`".into())),
    }
}

fn answer<'a>(id: &'a Json, text: &str, scanned: &'a Scanned, judged: &'a [Detection]) -> LineOut<'a> {
    let characters = Characters::of(text);
    // A judge speaks of the text as a whole.
    let whole = || [0, characters.before(text.len())];
    let judged = judged.iter().map(|found| FoundOut {
        vector: found.vector.as_str(),
        rule: &found.rule,
        confidence: found.confidence.percent(),
        severity: found.severity.as_str(),
        class: None,
        span: whole(),
        via: &[],
    });
    let detections = scanned
        .found
        .iter()
        .map(|(vector, hit)| FoundOut {
            vector: vector.as_str(),
            rule: &hit.rule,
            confidence: hit.confidence.percent(),
            severity: hit.severity.as_str(),
            class: hit.class.map(action::SensitiveClass::as_str),
            span: [characters.before(hit.span.start), characters.before(hit.span.end)],
            via: &hit.via,
        })
        .chain(judged)
        .collect::<Vec<_>>();
    LineOut { id, flagged: !detections.is_empty(), detections }
}

/// Where the characters of a text begin, so that thousands of hits need one look over it.
struct Characters(Vec<usize>);

impl Characters {
    fn of(text: &str) -> Self {
        Characters(text.char_indices().map(|(at, _)| at).collect())
    }

    /// How many characters stand before a byte of the text.
    fn before(&self, byte: usize) -> usize {
        self.0.partition_point(|at| *at < byte)
    }
}

fn write(out: &mut impl Write, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *out, line).context("cannot write standard output")?;
    out.write_all(b"\n").context("cannot write standard output")
}
