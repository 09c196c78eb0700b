//! What the settings for webhooks, witnesses and telemetry have in common.

use std::path::Path;

use engine::yaml::{Faults, Fields, Node};

use crate::serve::outward::{Destination, Secret};

/// Longest name of a webhook.
const MAX_LABEL: usize = 64;

/// Where something is sent, from `url` and `private`.
pub fn destination(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<Destination> {
    let private = fields.flag("private", faults).unwrap_or(false);
    let text = fields.need_text("url", faults)?;
    // What stands behind the host may be a secret, so the text is not shown back.
    let refused = |fault| fields.fault(faults, "bad_url", format!("`url` {fault}"), None);
    Destination::parse(text, private).map_err(refused).ok()
}

/// `{ file: PATH }` or `{ env: NAME }`.
pub fn secret(file: &str, node: &Node, folder: &Path, faults: &mut Faults) -> Option<Secret> {
    let mut fields = Fields::of(file, node, faults)?;
    let path = fields.text("file", faults).map(|path| Secret::File(folder.join(path)));
    let variable = fields.text("env", faults).map(|name| Secret::Environment(name.to_owned()));
    let secret = match (path, variable) {
        (Some(one), None) | (None, Some(one)) => Some(one),
        _ => {
            let hint = Some("write `{ file: PATH }` or `{ env: NAME }`".to_owned());
            fields.fault(faults, "bad_secret", "a secret is in a file or in a variable".to_owned(), hint);
            None
        }
    };
    fields.finish(faults);
    secret
}

/// A name that is also one of a file and of a metric's label.
pub fn label(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<String> {
    let text = fields.need_text("name", faults)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if text.len() > MAX_LABEL || !text.chars().all(plain) {
        let hint = Some("small letters, digits, `-` and `_`".to_owned());
        fields.fault(faults, "bad_name", "`name` has other characters, or too many".to_owned(), hint);
        return None;
    }
    Some(text.to_owned())
}

/// A whole number of seconds within bounds.
pub fn seconds(
    fields: &mut Fields<'_>,
    key: &'static str,
    usual: u64,
    bounds: std::ops::RangeInclusive<u64>,
    faults: &mut Faults,
) -> std::time::Duration {
    let seconds = match fields.whole(key, faults) {
        None => usual,
        Some(number) => match u64::try_from(number).ok().filter(|number| bounds.contains(number)) {
            Some(number) => number,
            None => {
                let message = format!("`{key}` is {} to {} seconds", bounds.start(), bounds.end());
                fields.fault(faults, "out_of_range", message, None);
                usual
            }
        },
    };
    std::time::Duration::from_secs(seconds)
}

/// The mappings of a list, at most `most` of them.
pub fn each<'n, T>(
    fields: &mut Fields<'n>,
    key: &'static str,
    most: usize,
    faults: &mut Faults,
    read: impl Fn(&mut Fields<'n>, &mut Faults) -> Option<T>,
) -> Vec<T> {
    let file = fields.file();
    let nodes = fields.list(key, faults).unwrap_or_default();
    if nodes.len() > most {
        fields.fault(faults, "too_many", format!("`{key}` has at most {most} entries"), None);
    }
    let mut all = Vec::new();
    for node in nodes.iter().take(most) {
        let Some(mut one) = Fields::of(file, node, faults) else { continue };
        all.extend(read(&mut one, faults));
        one.finish(faults);
    }
    all
}
