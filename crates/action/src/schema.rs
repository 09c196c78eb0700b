//! The JSON schema of the wire: what comes in as an action, what goes out as a decision.

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::{Action, Decision};

/// One document with both, and every type that they use.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let action = generator.subschema_for::<Action>();
    let decision = generator.subschema_for::<Decision>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Checkrein actions and decisions",
        "type": "object",
        "properties": { "action": action, "decision": decision },
        "$defs": generator.take_definitions(true),
    })
}
