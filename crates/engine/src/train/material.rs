//! Training material of our own: benign documents, benign prompts, and attacks, from grammars.
//!
//! The shared corpora hold no ordinary mail, tables or program text, and few requests for hidden
//! instructions; a model trained without them learns that only booking records are harmless. All
//! text here was written for this purpose, and every text is made the same way from the same seed.

use std::collections::BTreeMap;

use super::corpus::{Text, Use, normalise};
use super::grammar::Grammar;
use super::heads::{FOLDS, fold};
use super::rng::Rng;
use crate::detect::injection::model::Head;

const SEED: u64 = 0x0C4E_C42E;
/// No document of ours grows once it has this many bytes.
const LONGEST: usize = 6000;

/// How many texts to make of each kind of section.
const PLAN: &[(&str, usize, Head, bool, f32)] = &[
    ("doc.mail.", 170, Head::Document, false, 1.0),
    ("doc.office.", 80, Head::Document, false, 1.0),
    ("doc.table.", 150, Head::Document, false, 1.0),
    ("doc.web.", 80, Head::Document, false, 1.0),
    ("doc.hard.", 80, Head::Document, false, 1.0),
    ("doc.code.", 90, Head::Document, false, 1.0),
    ("doc.data.", 100, Head::Document, false, 1.0),
    ("doc.legal.", 60, Head::Document, false, 1.0),
    ("doc.lang.", 30, Head::Document, false, 1.0),
    ("doc.talk.", 80, Head::Document, false, 1.0),
    ("doc.request.", 500, Head::Document, true, 0.1),
    ("doc.agent.", 600, Head::Document, true, 0.1),
    ("user.ok.role", 300, Head::User, false, 1.0),
    ("user.ok.trigger", 500, Head::User, false, 1.0),
    ("user.ok.work", 250, Head::User, false, 1.0),
    ("user.ok.lang", 80, Head::User, false, 1.0),
    ("user.ok.persona", 400, Head::User, false, 1.0),
    ("user.ok.edge", 250, Head::User, false, 1.0),
    ("user.ok.edit", 250, Head::User, false, 1.0),
    ("user.ok.talk", 150, Head::User, false, 1.0),
    ("user.ok.story", 400, Head::User, false, 1.0),
    ("user.extract.direct", 500, Head::User, true, 0.2),
    ("user.extract.trick", 400, Head::User, true, 0.2),
    ("user.extract.secret", 200, Head::User, true, 0.2),
    ("user.hijack.", 350, Head::User, true, 0.2),
    ("user.jailbreak.", 300, Head::User, true, 0.2),
    ("user.other.", 250, Head::User, true, 0.2),
];

/// Every grammar that the material is made from.
fn grammar() -> Grammar {
    let mut grammar = Grammar::default();
    for file in [
        include_str!("material/words.txt"),
        include_str!("material/mail.txt"),
        include_str!("material/office.txt"),
        include_str!("material/tables.txt"),
        include_str!("material/web.txt"),
        include_str!("material/code.txt"),
        include_str!("material/languages.txt"),
        include_str!("material/prose.txt"),
        include_str!("material/benign_user.txt"),
        include_str!("material/benign_more.txt"),
        include_str!("material/manual.txt"),
        include_str!("material/tech.txt"),
        include_str!("material/story.txt"),
        include_str!("material/attack.txt"),
        include_str!("material/jailbreak.txt"),
    ] {
        grammar.add(file);
    }
    grammar
}

/// The group of our own benign documents that share a part of the sentences.
fn own_group(part: usize) -> String {
    format!("own/part/{part}")
}

/// All texts of our own. Benign documents of different folds share no sentence.
pub fn own() -> Vec<Text> {
    let grammar = grammar();
    let parts: Vec<Grammar> = (0..FOLDS).map(|part| grammar.part(part, FOLDS)).collect();
    let mut texts = Vec::new();
    for &(prefix, count, head, attack, weight) in PLAN {
        for section in grammar.names(prefix) {
            let mut rng = Rng::named(SEED, section);
            for index in 0..count {
                let scored = head == Head::Document && !attack;
                let part = index % FOLDS;
                let from = if scored { parts.get(part) } else { None }.unwrap_or(&grammar);
                // Each alternative in turn, so that none is missing by chance.
                let (line, made) = from.nth(section, index / if scored { FOLDS } else { 1 }, &mut rng);
                let normal = normalise(&made);
                if normal.trim().is_empty() {
                    continue;
                }
                texts.push(Text {
                    file: "own".into(),
                    normal,
                    original: made,
                    named: false,
                    head,
                    attack,
                    source: format!("own {}", section.rsplit_once('.').map_or(section, |(kind, _)| kind)),
                    group: if scored { own_group(part) } else { format!("own/{section}/{line}") },
                    usage: if scored { Use::Both } else { Use::Train },
                    weight,
                });
            }
        }
    }
    lengthen(&mut texts);
    // The same attacks read in a document are attacks there too.
    let also: Vec<Text> = texts
        .iter()
        .filter(|text| text.head == Head::User && text.attack && text.normal.len() < 360)
        .step_by(3)
        .map(|text| Text { head: Head::Document, usage: Use::Train, weight: 0.1, ..text.clone() })
        .collect();
    texts.extend(also);
    texts
}

/// Puts up to six benign documents of one kind and part behind every third. What agents read is often
/// long, and the best of many stretches is high by chance: thresholds must have met that.
fn lengthen(texts: &mut [Text]) {
    let mut earlier: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    let mut number = 0;
    for index in 0..texts.len() {
        let Some((done, rest)) = texts.split_at_mut_checked(index) else { return };
        let Some(text) = rest.first_mut().filter(|text| text.head == Head::Document && !text.attack) else {
            continue;
        };
        number += 1;
        let before = earlier.entry((text.source.clone(), text.group.clone())).or_default();
        if number % 3 != 0 || before.len() < 3 {
            before.push(index);
            continue;
        }
        let more = std::mem::take(before);
        for other in more.iter().rev().take(2 + number % 5).filter_map(|other| done.get(*other)) {
            if text.original.len() < LONGEST {
                text.original = format!("{}\n\n{}", text.original, other.original);
            }
        }
        text.normal = normalise(&text.original);
    }
}

/// Every payload of the shared rows, planted into documents of our own that stand in the same fold.
pub fn planted(texts: &[Text]) -> Vec<Text> {
    let carriers: Vec<&Text> = texts
        .iter()
        .filter(|t| {
            t.head == Head::Document && !t.attack && t.source.starts_with("own ") && t.normal.len() > 200
        })
        .collect();
    let payloads =
        texts.iter().filter(|t| t.attack && t.head == Head::Document && t.source.ends_with("payload alone"));
    let mut made = Vec::new();
    for payload in payloads {
        let mut rng = Rng::named(SEED, &payload.normal);
        let fitting: Vec<&&Text> = carriers.iter().filter(|carrier| fold(carrier) == fold(payload)).collect();
        let times = if payload.source.starts_with("bipia") { 3 } else { 1 };
        for _ in 0..times {
            let Some(carrier) = fitting.get(rng.below(fitting.len())) else { continue };
            let (original, _) = plant(&carrier.original, &payload.original, &mut rng);
            let (normal, source) = (normalise(&original), payload.source.replace("payload alone", "planted"));
            made.push(Text { normal, original, source, usage: Use::Score, ..payload.clone() });
        }
    }
    made
}

/// Puts a payload into a benign document: at the start, in the middle or at the end, always
/// between two sentences, lines or cells. Returns the text and where the payload stands.
pub fn plant(carrier: &str, payload: &str, rng: &mut Rng) -> (String, std::ops::Range<usize>) {
    let borders: Vec<usize> = carrier
        .match_indices([' ', '\n'])
        .map(|(at, _)| at)
        .filter(|at| {
            carrier.get(..*at).is_some_and(|head| head.ends_with(['.', '!', '?', '|', '\n', '}', '>', ';']))
        })
        .collect();
    let at = match rng.below(3) {
        0 => 0,
        1 => rng.pick(&borders),
        _ => carrier.len(),
    };
    let (head, tail) = carrier.split_at_checked(at).unwrap_or((carrier, ""));
    let start = head.len() + usize::from(!head.is_empty());
    let gap = |text: &str| if text.is_empty() { "" } else { " " };
    let text = format!("{head}{}{payload}{}{}", gap(head), gap(tail), tail.trim_start());
    (text, start..start + payload.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_in_the_grammars_names_a_section() {
        let dangling = grammar().dangling();
        let allowed = ["id", "ident_list", "res"];
        let faults: Vec<_> = dangling.iter().filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn there_is_enough_benign_material_and_it_is_varied() {
        let texts = own();
        let benign: Vec<_> = texts.iter().filter(|t| t.head == Head::Document && !t.attack).collect();
        let distinct: std::collections::BTreeSet<_> = benign.iter().map(|t| &t.normal).collect();
        assert!(benign.len() >= 2000, "{}", benign.len());
        assert!(distinct.len() * 10 >= benign.len() * 9, "{} of {}", distinct.len(), benign.len());
    }

    #[test]
    fn the_same_seed_makes_the_same_texts() {
        let one: Vec<_> = own().into_iter().map(|t| t.normal).collect();
        let two: Vec<_> = own().into_iter().map(|t| t.normal).collect();
        assert_eq!(one, two);
    }

    #[test]
    fn a_planted_payload_stands_where_it_is_said_to() {
        let mut rng = Rng::named(1, "plant");
        for _ in 0..50 {
            let (text, range) = plant("one. two. three", "do it", &mut rng);
            assert_eq!(&text[range], "do it");
            assert!(text.contains("three") && text.contains("one."));
        }
    }
}
