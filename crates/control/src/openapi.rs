//! The OpenAPI document, written from the table of routes.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::fault::Body;
use crate::table::{ROUTES, Route};

/// Writes the schema of a body into a document.
pub type Shape = fn(&mut SchemaGenerator) -> Value;

pub(crate) fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

/// The document.
pub fn openapi() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let fault = shape::<Body>(&mut generator);
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(verbs) = entry {
            verbs.insert(route.verb.as_str().to_owned(), operation(route, &mut generator, &fault));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Checkrein operators' API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator, fault: &Value) -> Value {
    let parameters: Vec<Value> = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let who: Vec<&str> = route.who.iter().map(|role| role.as_str()).collect();
    let mut operation = json!({
        "summary": route.about,
        "parameters": parameters,
        "x-access-roles": who,
        "responses": {
            "2XX": { "description": "what was asked for" },
            "default": {
                "description": "why it did not succeed",
                "content": { "application/json": { "schema": fault } },
            },
        },
    });
    if let (Some(takes), Value::Object(operation)) = (route.takes, &mut operation) {
        let schema = takes(generator);
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        );
    }
    operation
}
