//! The `topics` of a policy document.

use std::sync::Arc;

use super::{FULL, Topics};
use crate::yaml::{Faults, Fields, Node, Value};

/// Most subjects of a document, examples of all of them together, and bytes of one.
pub const MAX_TOPICS: usize = 32;
pub const MAX_EXAMPLES: usize = 512;
pub const MAX_EXAMPLE: usize = 1_000;
/// Below the first score a message is off every subject, from the second on it is on one.
pub const DEFAULT_BAND: (u64, u64) = (50, 110);

impl Topics {
    pub fn read_section(
        file: &str,
        document: usize,
        node: &Node,
        faults: &mut Faults,
    ) -> Option<Arc<Topics>> {
        let before = faults.0.len();
        let mut fields = Fields::of(file, node, faults)?;
        let mut about: Vec<(String, Vec<String>)> = Vec::new();
        match fields.need("about", faults).map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                for (key, value) in entries {
                    about.push((key.text.clone(), examples(file, value, faults)));
                }
            }
            Some(_) => {
                let hint = Some("write `billing: [ \"Why was I charged twice?\", … ]`".into());
                fields.fault(faults, "not_a_mapping", "`about` gives each topic its examples".into(), hint);
            }
            None => {}
        }
        let not = fields.get("not").map(|node| examples(file, node, faults)).unwrap_or_default();
        let band = fields.get("band").map_or(Some(DEFAULT_BAND), |node| band(file, node, faults));
        let count = about.iter().map(|(_, examples)| examples.len()).sum::<usize>() + not.len();
        if about.is_empty() || about.len() > MAX_TOPICS || count > MAX_EXAMPLES {
            let message = format!("1 to {MAX_TOPICS} topics with at most {MAX_EXAMPLES} examples together");
            fields.fault(faults, "too_many_topics", message, None);
        }
        fields.finish(faults);
        (faults.0.len() == before).then(|| Topics::new(document, &about, &not, band.unwrap_or(DEFAULT_BAND)))
    }
}

fn examples(file: &str, node: &Node, faults: &mut Faults) -> Vec<String> {
    let texts: Vec<String> =
        node.as_list().unwrap_or(&[]).iter().filter_map(|item| item.as_text().map(str::to_owned)).collect();
    let whole = node.as_list().is_some_and(|items| items.len() == texts.len());
    if !whole
        || texts.is_empty()
        || texts.iter().any(|text| text.trim().is_empty() || text.len() > MAX_EXAMPLE)
    {
        let message = format!("examples are a list of texts of at most {MAX_EXAMPLE} bytes");
        faults.add(file, node, "bad_examples", message, Some("a dozen sentences as users write them".into()));
    }
    texts
}

fn band(file: &str, node: &Node, faults: &mut Faults) -> Option<(u64, u64)> {
    let items = node.as_list().unwrap_or(&[]);
    let scores: Vec<u64> = items.iter().filter_map(|item| item.as_text()?.parse().ok()).collect();
    match scores.as_slice() {
        [low, high] if items.len() == 2 && low <= high && *high <= FULL => Some((*low, *high)),
        _ => {
            let message = format!("`band` is two rising scores from 0 to {FULL}");
            let hint = format!("the default is [{}, {}]", DEFAULT_BAND.0, DEFAULT_BAND.1);
            faults.add(file, node, "bad_band", message, Some(hint));
            None
        }
    }
}
