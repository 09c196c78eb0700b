//! Recall and false positives of the text detectors, row by row of the table of suites.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use engine::detect::{Detectors, Scanned, scan};

use super::corpus::{self, Row};
use super::suites::{SUITES, Suite, Want};
use super::wilson::{Share, percent};

/// Prints the table. Rows of corpora that are not there are named, not skipped in silence.
pub fn print(out: &mut impl Write, dir: &Path, detectors: &Detectors) -> Result<()> {
    let mut corpora: BTreeMap<&str, Option<Vec<Row>>> = BTreeMap::new();
    writeln!(
        out,
        "{:<18} {:<38} {:<17} {:<34} {:>8} {:>7} {:>7}",
        "vector", "rows", "corpus", "found, 95 % interval", "aim", "p50 us", "p99 us"
    )?;
    for suite in SUITES {
        if !corpora.contains_key(suite.corpus) {
            corpora.insert(suite.corpus, corpus::read(dir, suite.corpus)?);
        }
        match corpora.get(suite.corpus).and_then(Option::as_ref) {
            Some(rows) => line(out, suite, rows, detectors)?,
            None => writeln!(
                out,
                "{:<18} {:<38} {:<17} unavailable: no such corpus",
                suite.vector.as_str(),
                suite.title,
                suite.corpus
            )?,
        }
    }
    Ok(())
}

fn line(out: &mut impl Write, suite: &Suite, rows: &[Row], detectors: &Detectors) -> Result<()> {
    let mut share = Share::default();
    let mut micros: Vec<u128> = Vec::new();
    for row in rows.iter().filter(|row| (suite.pick)(row)) {
        let Some(text) = text_of(row) else { continue };
        let start = Instant::now();
        let scanned = scan(suite.read_as, &text, detectors);
        micros.push(start.elapsed().as_micros());
        share.add(hits(suite, &scanned));
    }
    micros.sort_unstable();
    let at = |share: usize| micros.get(micros.len().saturating_sub(1) * share / 100).copied().unwrap_or(0);
    writeln!(
        out,
        "{:<18} {:<38} {:<17} {:<34} {:>8} {:>7} {:>7}",
        suite.vector.as_str(),
        suite.title,
        suite.corpus,
        percent(share),
        aim(suite, share),
        at(50),
        at(99)
    )?;
    Ok(())
}

fn hits(suite: &Suite, scanned: &Scanned) -> bool {
    scanned.found.iter().any(|(vector, hit)| *vector == suite.vector && hit.rule.starts_with(suite.rules))
}

/// A tool call is judged by its arguments.
pub fn text_of(row: &Row) -> Option<String> {
    match (&row.text, &row.action) {
        (Some(text), _) => Some(text.clone()),
        (None, Some(action)) => serde_json::to_string(action.get("args").unwrap_or(action)).ok(),
        (None, None) => None,
    }
}

/// Whether the aim was met, by the measured share.
fn aim(suite: &Suite, share: Share) -> String {
    let Some(aim) = suite.aim else { return String::new() };
    let met = match suite.want {
        Want::Found => share.k * 10_000 >= aim as usize * share.n,
        Want::Clean => share.k * 10_000 <= aim as usize * share.n,
    };
    let sign = if suite.want == Want::Found { ">=" } else { "<=" };
    let shown = if aim.is_multiple_of(100) {
        format!("{}", aim / 100)
    } else {
        format!("{}.{:02}", aim / 100, aim % 100)
    };
    format!("{sign}{shown}{}", if met { "" } else { " NO" })
}
