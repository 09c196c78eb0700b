//! The pages in `docs/` name everything that the code can report.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every quoted text of a source, before its tests, that is made of lower-case words with a dot.
fn ids(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_id = |text: &str| {
        let plain = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        text.contains('.') && text.split('.').all(plain)
    };
    code.split('"').skip(1).step_by(2).filter(|text| is_id(text)).collect()
}

/// Rules that report facts are literals in their detectors; a reader of a record looks them up.
#[test]
fn every_rule_that_reports_a_fact_is_named_in_the_page_on_detection() {
    let page = read("docs/detection.md");
    let mut seen = 0;
    for file in [
        "state/behaviour",
        "state/exfiltration",
        "state/exhaustion",
        "state/policy_violation",
        "state/privilege",
        "state/rate",
        "state/session",
        "taint/mod",
        "injection/mod",
        "walk/mod",
        "run",
    ] {
        let source = read(&format!("crates/engine/src/detect/{file}.rs"));
        for id in ids(&source) {
            seen += 1;
            assert!(page.contains(&format!("`{id}`")), "`{id}` of {file}.rs is not in docs/detection.md");
        }
    }
    assert!(seen > 50, "only {seen} rules were found; has the code moved?");
}

/// `via` of a detection names decoders.
#[test]
fn every_decoder_is_named_in_the_page_on_detection() {
    let page = read("docs/detection.md");
    let source = read("crates/engine/src/text/views/mod.rs");
    let table = source.split("static DECODERS").nth(1).unwrap().split("];").next().unwrap();
    let names: Vec<&str> = table.split("decoder(").skip(1).filter_map(|row| row.split('"').nth(1)).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "the decoder `{name}` is not in docs/detection.md");
    }
}

/// A link to a file of the repository leads somewhere.
#[test]
fn links_between_pages_lead_to_files() {
    for page in [
        "README.md",
        "docs/budgets.md",
        "docs/policy.md",
        "docs/decisions.md",
        "docs/detection.md",
        "docs/redaction.md",
        "docs/providers.md",
        "docs/reference.md",
        "docs/sandbox.md",
        "docs/server.md",
    ] {
        let folder = root().join(page).parent().unwrap().to_owned();
        for link in read(page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { root().join(page) } else { folder.join(file) };
            let text = std::fs::read_to_string(&target);
            assert!(target.exists(), "{page}: `{link}` leads nowhere");
            let heading = |line: &str| {
                let words = line.trim_start_matches('#').trim().to_lowercase();
                let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                kept.collect::<String>().replace(' ', "-")
            };
            let found = text.is_ok_and(|text| {
                text.lines().filter(|line| line.starts_with('#')).any(|line| heading(line) == anchor)
            });
            assert!(anchor.is_empty() || found, "{page}: `{link}` has no such heading");
        }
    }
}
