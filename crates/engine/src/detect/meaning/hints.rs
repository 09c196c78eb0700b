//! Meanings that an operator states.

use std::collections::BTreeMap;

use action::SemanticType;

use crate::yaml::{Faults, Node, Value};

/// Meanings that an operator states, by tool and key. The tool `*` stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypeHints {
    tools: BTreeMap<String, BTreeMap<String, SemanticType>>,
}

impl TypeHints {
    /// States what `key` of `tool` means. Case does not count.
    pub fn state(&mut self, tool: &str, key: &str, meaning: SemanticType) {
        self.tools.entry(tool.to_lowercase()).or_default().insert(key.to_lowercase(), meaning);
    }

    /// Reads `tool: { key: meaning }`.
    pub fn read(file: &str, node: &Node, faults: &mut Faults) -> Self {
        let mut hints = TypeHints::default();
        let Value::Map(tools) = &node.value else {
            let hint = "write `tool: { key: sql_value }`; `*` stands for every tool".to_owned();
            faults.add(file, node, "wrong_type", format!("`types` is {}", node.kind()), Some(hint));
            return hints;
        };
        for (tool, keys) in tools {
            let Value::Map(entries) = &keys.value else {
                let hint = "write `key: sql_value` below it".to_owned();
                faults.add(
                    file,
                    keys,
                    "wrong_type",
                    format!("`{}` is {}", tool.text, keys.kind()),
                    Some(hint),
                );
                continue;
            };
            for (key, value) in entries {
                match value.as_text().and_then(SemanticType::parse) {
                    Some(meaning) => hints.state(&tool.text, &key.text, meaning),
                    None => {
                        let known: Vec<_> = SemanticType::ALL.iter().map(|known| known.as_str()).collect();
                        let hint = format!("one of {}", known.join(", "));
                        faults.add(
                            file,
                            value,
                            "unknown_value",
                            format!("`{}` has no meaning of that name", key.text),
                            Some(hint),
                        );
                    }
                }
            }
        }
        hints
    }

    /// The stated meaning of a key, which is in lower case.
    pub fn meaning(&self, tool: &str, key: &str) -> Option<SemanticType> {
        if self.tools.is_empty() {
            return None;
        }
        let of = |tool: &str| self.tools.get(tool)?.get(key).copied();
        of(tool).or_else(|| of(&tool.to_lowercase())).or_else(|| of("*"))
    }
}
