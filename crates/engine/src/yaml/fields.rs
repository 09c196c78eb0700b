//! Reading one mapping: convert, note every fault, report what nobody asked for.

use action::Decimal;

use super::{Faults, Node, Value};

/// The fields of one mapping. Ask for each known key, then call [`Fields::finish`].
pub struct Fields<'n> {
    file: &'n str,
    node: &'n Node,
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// `None`, with a fault, when the node is no mapping.
    pub fn of(file: &'n str, node: &'n Node, faults: &mut Faults) -> Option<Self> {
        match node.value {
            Value::Map(_) => Some(Fields { file, node, asked: Vec::new() }),
            _ => {
                let message = format!("expected a mapping, found {}", node.kind());
                faults.add(file, node, "not_a_mapping", message, None);
                None
            }
        }
    }

    pub fn file(&self) -> &'n str {
        self.file
    }

    pub fn node(&self) -> &'n Node {
        self.node
    }

    /// The value of a key, unconverted.
    pub fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        match &self.node.value {
            Value::Map(entries) => entries.iter().find(|(k, _)| k.text == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// The value of a key that must be there.
    pub fn need(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() {
            faults.add(self.file, self.node, "missing_key", format!("`{key}` is missing"), None);
        }
        value
    }

    pub fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n str> {
        let node = self.get(key)?;
        self.convert(node, key, "a text", faults, |node| node.as_text())
    }

    pub fn need_text(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n str> {
        let node = self.need(key, faults)?;
        self.convert(node, key, "a text", faults, |node| node.as_text().filter(|t| !t.trim().is_empty()))
    }

    pub fn whole(&mut self, key: &'static str, faults: &mut Faults) -> Option<i64> {
        let node = self.get(key)?;
        self.convert(node, key, "a whole number", faults, |node| plain(node)?.parse().ok())
    }

    pub fn decimal(&mut self, key: &'static str, faults: &mut Faults) -> Option<Decimal> {
        let node = self.get(key)?;
        self.convert(node, key, "a number", faults, |node| Decimal::parse(plain(node)?))
    }

    pub fn flag(&mut self, key: &'static str, faults: &mut Faults) -> Option<bool> {
        let node = self.get(key)?;
        self.convert(node, key, "`true` or `false`", faults, |node| plain(node)?.parse().ok())
    }

    /// One of a closed list, for instance `Fields::choice("verdict", Verdict::ALL, Verdict::as_str, …)`.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        faults: &mut Faults,
    ) -> Option<T> {
        let node = self.get(key)?;
        pick(self.file, node, key, all, &name, faults)
    }

    /// Several of a closed list; a single value stands for a list of one.
    pub fn choices<T: Copy>(
        &mut self,
        key: &'static str,
        all: &[T],
        name: impl Fn(T) -> &'static str,
        faults: &mut Faults,
    ) -> Option<Vec<T>> {
        let node = self.get(key)?;
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        Some(items.iter().filter_map(|item| pick(self.file, item, key, all, &name, faults)).collect())
    }

    /// Texts; a single value stands for a list of one.
    pub fn texts(&mut self, key: &'static str, faults: &mut Faults) -> Option<Vec<&'n str>> {
        let node = self.get(key)?;
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        Some(
            items
                .iter()
                .filter_map(|item| self.convert(item, key, "a text", faults, |n| n.as_text()))
                .collect(),
        )
    }

    /// The nodes of a list.
    pub fn list(&mut self, key: &'static str, faults: &mut Faults) -> Option<&'n [Node]> {
        let node = self.get(key)?;
        self.convert(node, key, "a list", faults, |node| node.as_list())
    }

    /// The fields of a nested mapping.
    pub fn fields(&mut self, key: &'static str, faults: &mut Faults) -> Option<Fields<'n>> {
        let node = self.get(key)?;
        Fields::of(self.file, node, faults)
    }

    /// Notes a fault at this mapping.
    pub fn fault(&self, faults: &mut Faults, code: &'static str, message: String, hint: Option<String>) {
        faults.add(self.file, self.node, code, message, hint);
    }

    /// Reports every key that nobody asked for, with the nearest known one.
    pub fn finish(self, faults: &mut Faults) {
        let Value::Map(entries) = &self.node.value else { return };
        for (key, _) in entries {
            if self.asked.contains(&key.text.as_str()) {
                continue;
            }
            let place = Node { line: key.line, column: key.column, value: Value::List(Vec::new()) };
            let hint = match nearest(&key.text, &self.asked) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known keys: {}", self.asked.join(", ")),
            };
            let message = format!("unknown key `{}`", shown(&key.text));
            faults.add(self.file, &place, "unknown_key", message, Some(hint));
        }
    }

    fn convert<T>(
        &self,
        node: &'n Node,
        key: &str,
        wanted: &str,
        faults: &mut Faults,
        read: impl Fn(&'n Node) -> Option<T>,
    ) -> Option<T> {
        let value = read(node);
        if value.is_none() {
            faults.add(self.file, node, "wrong_type", format!("`{key}` must be {wanted}"), None);
        }
        value
    }
}

fn plain(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text.trim()),
        _ => None,
    }
}

pub fn pick<T: Copy>(
    file: &str,
    node: &Node,
    key: &str,
    all: &[T],
    name: &impl Fn(T) -> &'static str,
    faults: &mut Faults,
) -> Option<T> {
    let names: Vec<&str> = all.iter().map(|item| name(*item)).collect();
    let found = node.as_text().and_then(|text| all.iter().copied().find(|item| name(*item) == text));
    if found.is_none() {
        let hint = match node.as_text().and_then(|text| nearest(text, &names)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("one of: {}", names.join(", ")),
        };
        let message = format!("`{key}` has no such value");
        faults.add(file, node, "unknown_value", message, Some(hint));
    }
    found
}

/// Keys are shown back, but never more of them than a name.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// The known name within two edits of what was written.
pub fn nearest<'k>(text: &str, known: &[&'k str]) -> Option<&'k str> {
    if text.len() > 64 {
        return None;
    }
    known
        .iter()
        .map(|name| (distance(text, name), *name))
        .filter(|(edits, name)| *edits <= 2 && *edits < name.len())
        .min()
        .map(|(_, name)| name)
}

/// Number of single-character edits between two short texts.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut previous = i + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(left != *right);
            diagonal = *cell;
            *cell = changed.min(*cell + 1).min(previous + 1);
            previous = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    #[test]
    fn all_faults_at_once_with_place_and_hint() {
        let node = parse("t.yaml", "verdct: block\nlimit: many\nmode: enforced\n").unwrap();
        let mut faults = Faults::default();
        let mut fields = Fields::of("t.yaml", &node, &mut faults).unwrap();
        fields.need("verdict", &mut faults);
        fields.whole("limit", &mut faults);
        fields.choice("mode", action::Mode::ALL, action::Mode::as_str, &mut faults);
        fields.finish(&mut faults);
        let lines: Vec<String> = faults.0.iter().map(ToString::to_string).collect();
        assert_eq!(lines.len(), 4, "{lines:#?}");
        assert!(lines[1].starts_with("t.yaml:2:8: `limit` must be a whole number"));
        assert!(lines[2].contains("did you mean `enforce`?"));
        assert!(lines[3].starts_with("t.yaml:1:1: unknown key `verdct`"));
        assert!(lines[3].contains("did you mean `verdict`?"));
    }

    #[test]
    fn distance_counts_edits() {
        for (a, b, edits) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!(distance(a, b), edits);
        }
    }
}
