//! minimal walk until the real one lands
use super::Leaf;
use crate::text::Prepared;
use action::{Action, ActionKind, Channel, Json, Place, SemanticType};

pub struct Located<'a> {
    pub place: Place,
    pub leaf: Leaf<'a>,
}
pub struct Walked<'a> {
    pub leaves: Vec<Located<'a>>,
    pub overflow: bool,
}
#[derive(Default)]
pub struct TypeHints;
impl TypeHints {
    pub fn read(_: &str, _: &crate::yaml::Node, _: &mut crate::yaml::Faults) -> Self {
        TypeHints
    }
}
pub fn walk<'a>(action: &'a Action, _: &TypeHints) -> Walked<'a> {
    let mut leaves = Vec::new();
    value(action, &action.payload, "", String::new(), &mut leaves);
    for (index, content) in action.context.iter().enumerate() {
        leaves.push(Located {
            place: Place::Context { index, channel: content.channel },
            leaf: Leaf {
                key: "",
                channel: Some(content.channel),
                semantic: SemanticType::FreeText,
                text: Prepared::new(&content.text),
            },
        });
    }
    Walked { leaves, overflow: false }
}
fn value<'a>(action: &Action, json: &'a Json, key: &'a str, pointer: String, out: &mut Vec<Located<'a>>) {
    match json {
        Json::Text(text) => {
            let channel = (action.kind == ActionKind::LlmCall).then_some(Channel::User);
            let semantic = if key == "command" {
                SemanticType::Shell
            } else if key == "statement" || key == "query" {
                SemanticType::SqlStatement
            } else if text.contains(' ') && text.len() > 60 {
                SemanticType::FreeText
            } else {
                SemanticType::Value
            };
            out.push(Located {
                place: Place::Payload { pointer },
                leaf: Leaf { key, channel, semantic, text: Prepared::new(text) },
            });
        }
        Json::List(items) => {
            for (i, item) in items.iter().enumerate() {
                value(action, item, key, format!("{pointer}/{i}"), out)
            }
        }
        Json::Object(entries) => {
            for (k, v) in entries {
                value(action, v, k, format!("{pointer}/{k}"), out)
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
pub fn scan_leaves<'a>(_: super::ScanKind, text: &'a str) -> Vec<Leaf<'a>> {
    vec![Leaf { key: "", channel: None, semantic: SemanticType::Value, text: Prepared::new(text) }]
}
