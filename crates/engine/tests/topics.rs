//! How well topics do, on messages of our own: which lines chose the band, and what the others show.
//!
//! `cargo test -p engine --test topics -- --nocapture` prints the figures that docs/policy.md states.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

use engine::topic::{DEFAULT_BAND, Reading, Standing, Topics};
use engine::yaml;

const SHOP: &str = include_str!("../../../policies/topics.yaml");
const LABELLED: &str = include_str!("topics/labelled.txt");

fn topics() -> std::sync::Arc<Topics> {
    let yaml::Value::Map(entries) = yaml::parse("topics.yaml", SHOP).unwrap().value else {
        panic!("a mapping")
    };
    let (_, section) = entries.iter().find(|(key, _)| key.text == "topics").unwrap();
    let mut faults = yaml::Faults::default();
    let topics = Topics::read_section("topics.yaml", 0, section, &mut faults);
    assert!(faults.is_empty(), "{:?}", faults.0);
    topics.unwrap()
}

/// Every message with its label; odd lines chose the band, even ones were held back.
fn messages() -> Vec<(&'static str, bool, &'static str)> {
    let lines = LABELLED.lines().filter(|line| !line.starts_with('#')).enumerate();
    lines
        .map(|(number, line)| {
            line.split_once(' ').map(|(label, text)| (label, number % 2 == 1, text)).unwrap()
        })
        .collect()
}

#[test]
fn the_band_that_ships_holds_on_messages_it_was_not_chosen_by() {
    let topics = topics();
    let read: Vec<(&str, bool, Reading)> =
        messages().into_iter().map(|(label, held, text)| (label, held, topics.read(text))).collect();
    println!("band {DEFAULT_BAND:?}, {} subjects", topics.names().len());
    for (held, half) in [(false, "chose the band"), (true, "held out")] {
        for label in ["on", "off", "near"] {
            let mine: Vec<&Reading> =
                read.iter().filter(|r| r.0 == label && r.1 == held).map(|r| &r.2).collect();
            let count = |standing| mine.iter().filter(|reading| reading.standing == standing).count();
            let mut scores: Vec<u64> = mine.iter().map(|reading| reading.score).collect();
            scores.sort_unstable();
            println!(
                "{half:>14} {label:>5}: n {:>3}  on {:>3}  unsure {:>3}  off {:>3}   score p5 {} p25 {} p50 {} p75 {} p90 {} p95 {}",
                mine.len(),
                count(Standing::On),
                count(Standing::Unsure),
                count(Standing::Off),
                scores[scores.len() / 20],
                scores[scores.len() / 4],
                scores[scores.len() / 2],
                scores[scores.len() * 3 / 4],
                scores[scores.len() * 9 / 10],
                scores[scores.len() * 19 / 20],
            );
        }
    }
    // Far below what is measured: this finds a broken reader, not a slightly worse one.
    let held = |label: &str, standing| {
        read.iter().filter(|r| r.0 == label && r.1 && r.2.standing == standing).count()
    };
    assert!(held("on", Standing::Off) <= 10 && held("off", Standing::On) <= 10);
    assert!(held("on", Standing::On) >= 35 && held("off", Standing::Off) >= 35);
}

#[test]
fn every_example_stands_on_its_own_subject() {
    let topics = topics();
    let yaml::Value::Map(entries) = yaml::parse("topics.yaml", SHOP).unwrap().value else {
        panic!("a mapping")
    };
    let section = &entries.iter().find(|(key, _)| key.text == "topics").unwrap().1;
    let yaml::Value::Map(parts) = &section.value else { panic!("a mapping") };
    let yaml::Value::Map(about) = &parts.iter().find(|(key, _)| key.text == "about").unwrap().1.value else {
        panic!()
    };
    for (place, (name, examples)) in about.iter().enumerate() {
        for example in examples.as_list().unwrap() {
            let reading = topics.read(example.as_text().unwrap());
            assert_eq!(
                (reading.standing, reading.topic),
                (Standing::On, place),
                "{}: {example:?}",
                name.text
            );
        }
    }
}
