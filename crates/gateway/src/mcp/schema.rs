//! Arguments held against the schema that a tool states for them.
//!
//! The part of JSON Schema that tools are described with: types, bounds, lists of values, properties,
//! items, combinations, references within the document. What a schema asks beyond that is not
//! checked, and the answer says so: "not checked" is never "fits".

use action::{Decimal, Json};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    Fits,
    /// What could be checked fits, and some of it could not be.
    InPart,
    Wrong(Wrong),
}

/// Where arguments do not fit. Names only what the schema names, nothing of the arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the arguments do not fit the schema of the tool: `{keyword}` at `{at}`")]
pub struct Wrong {
    pub at: String,
    pub keyword: &'static str,
}

/// Steps of one check. Combinations of references can ask for many more than a schema has lines; what
/// is left then counts as not checked.
pub const MAX_STEPS: usize = 100_000;

/// Schemas within schemas, references counted. One that refers to itself goes on without end, and the
/// stack does not; what is deeper counts as not checked.
pub const MAX_DEPTH: usize = 64;

/// Holds a value against a schema.
pub fn check(schema: &Json, value: &Json) -> Checked {
    let mut check = Check { root: schema, steps: 0, depth: 0, whole: true, at: Vec::new() };
    match check.value(schema, value) {
        Err(wrong) => Checked::Wrong(wrong),
        Ok(()) if check.whole => Checked::Fits,
        Ok(()) => Checked::InPart,
    }
}

/// Keywords that ask for something and are not checked. All others that are not handled below only
/// describe.
const UNCHECKED: &[&str] = &[
    "$dynamicRef",
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "multipleOf",
    "not",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
];

struct Check<'s> {
    root: &'s Json,
    steps: usize,
    depth: usize,
    /// Everything that was asked so far was checked.
    whole: bool,
    at: Vec<&'s str>,
}

type Outcome = Result<(), Wrong>;

impl<'s> Check<'s> {
    fn value(&mut self, schema: &'s Json, value: &Json) -> Outcome {
        self.steps += 1;
        if self.steps > MAX_STEPS || self.depth >= MAX_DEPTH {
            return self.skip();
        }
        self.depth += 1;
        let outcome = self.schema(schema, value);
        self.depth -= 1;
        outcome
    }

    fn schema(&mut self, schema: &'s Json, value: &Json) -> Outcome {
        let entries = match schema {
            Json::Bool(true) => return Ok(()),
            Json::Bool(false) => return Err(self.wrong("false")),
            Json::Object(entries) => entries,
            Json::Null | Json::Number(_) | Json::Text(_) | Json::List(_) => return self.skip(),
        };
        for (keyword, asked) in entries {
            self.keyword(keyword, asked, schema, value)?;
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &'s str, asked: &'s Json, schema: &'s Json, value: &Json) -> Outcome {
        match (keyword, asked, value) {
            ("$ref", Json::Text(path), _) => match self.referred(path) {
                Some(schema) => self.value(schema, value),
                None => self.skip(),
            },
            ("type", Json::Text(_) | Json::List(_), _) => {
                let names = match asked {
                    Json::List(names) => names.as_slice(),
                    other => std::slice::from_ref(other),
                };
                self.must(names.iter().any(|name| is_a(name.as_text(), value)), "type")
            }
            ("enum", Json::List(values), _) => {
                self.must(values.iter().any(|known| known.sorted() == value.sorted()), "enum")
            }
            ("const", known, _) => self.must(known.sorted() == value.sorted(), "const"),
            ("allOf", Json::List(schemas), _) => {
                schemas.iter().try_for_each(|schema| self.value(schema, value))
            }
            ("anyOf", Json::List(schemas), _) => self.one_of("anyOf", schemas, value, usize::MAX),
            ("oneOf", Json::List(schemas), _) => self.one_of("oneOf", schemas, value, 1),
            (_, _, Json::Object(entries)) => self.object(keyword, asked, schema, entries),
            (_, _, Json::List(items)) => self.list(keyword, asked, schema, items),
            (_, _, Json::Text(text)) => self.text(keyword, asked, text),
            (_, _, Json::Number(number)) => self.number(keyword, asked, *number),
            (_, _, Json::Null | Json::Bool(_)) => self.described(keyword),
        }
    }

    fn object(
        &mut self,
        keyword: &'s str,
        asked: &'s Json,
        schema: &'s Json,
        entries: &[(String, Json)],
    ) -> Outcome {
        let has = |name: &str| entries.iter().any(|(key, _)| key == name);
        match (keyword, asked) {
            ("required", Json::List(names)) => {
                if let Some(name) = names.iter().filter_map(Json::as_text).find(|name| !has(name)) {
                    self.at.push(name);
                    return Err(self.wrong("required"));
                }
                Ok(())
            }
            ("properties", Json::Object(known)) => {
                for (name, schema) in known {
                    let Some((_, value)) = entries.iter().find(|(key, _)| key == name) else { continue };
                    self.at.push(name);
                    self.value(schema, value)?;
                    self.at.pop();
                }
                Ok(())
            }
            ("additionalProperties", asked) => {
                if schema.get("patternProperties").is_some() {
                    return self.skip();
                }
                let known = schema.get("properties");
                for (_, value) in entries.iter().filter(|(key, _)| known.and_then(|it| it.get(key)).is_none())
                {
                    if *asked == Json::Bool(false) {
                        return Err(self.wrong("additionalProperties"));
                    }
                    self.value(asked, value)?;
                }
                Ok(())
            }
            ("minProperties", asked) => {
                self.count(entries.len(), asked, "minProperties", |n, least| n >= least)
            }
            ("maxProperties", asked) => {
                self.count(entries.len(), asked, "maxProperties", |n, most| n <= most)
            }
            (_, _) => self.described(keyword),
        }
    }

    fn list(&mut self, keyword: &'s str, asked: &'s Json, schema: &'s Json, items: &[Json]) -> Outcome {
        match (keyword, asked) {
            ("prefixItems", Json::List(schemas)) => {
                schemas.iter().zip(items).try_for_each(|(schema, item)| self.value(schema, item))
            }
            ("items", asked @ (Json::Object(_) | Json::Bool(_))) => {
                let before = match schema.get("prefixItems") {
                    Some(Json::List(schemas)) => schemas.len(),
                    _ => 0,
                };
                items.iter().skip(before).try_for_each(|item| self.value(asked, item))
            }
            ("minItems", asked) => self.count(items.len(), asked, "minItems", |n, least| n >= least),
            ("maxItems", asked) => self.count(items.len(), asked, "maxItems", |n, most| n <= most),
            // A list of schemas here is of older drafts.
            ("items" | "additionalItems", _) => self.skip(),
            (_, _) => self.described(keyword),
        }
    }

    fn text(&mut self, keyword: &'s str, asked: &'s Json, text: &str) -> Outcome {
        match keyword {
            "minLength" => self.count(text.chars().count(), asked, "minLength", |n, least| n >= least),
            "maxLength" => self.count(text.chars().count(), asked, "maxLength", |n, most| n <= most),
            other => self.described(other),
        }
    }

    fn number(&mut self, keyword: &'s str, asked: &'s Json, number: Decimal) -> Outcome {
        let fits: fn(Decimal, Decimal) -> bool = match keyword {
            "minimum" => |number, bound| number >= bound,
            "maximum" => |number, bound| number <= bound,
            "exclusiveMinimum" => |number, bound| number > bound,
            "exclusiveMaximum" => |number, bound| number < bound,
            other => return self.described(other),
        };
        let keyword = match keyword {
            "minimum" => "minimum",
            "maximum" => "maximum",
            "exclusiveMinimum" => "exclusiveMinimum",
            _ => "exclusiveMaximum",
        };
        match asked {
            Json::Number(bound) => self.must(fits(number, *bound), keyword),
            // A flag is of an older draft.
            Json::Null | Json::Bool(_) | Json::Text(_) | Json::List(_) | Json::Object(_) => self.skip(),
        }
    }

    fn one_of(&mut self, keyword: &'static str, schemas: &'s [Json], value: &Json, most: usize) -> Outcome {
        let whole = std::mem::replace(&mut self.whole, true);
        let (mut fits, mut unsure) = (0usize, false);
        let depth = self.at.len();
        for schema in schemas {
            self.whole = true;
            match self.value(schema, value) {
                Ok(()) if self.whole => fits += 1,
                Ok(()) => unsure = true,
                Err(_) => {}
            }
            self.at.truncate(depth);
        }
        self.whole = whole;
        match (fits, unsure) {
            (0, true) => self.skip(),
            (0, false) => Err(self.wrong(keyword)),
            (fits, _) if fits > most => Err(self.wrong(keyword)),
            (_, true) if most == 1 => self.skip(),
            (_, _) => Ok(()),
        }
    }

    fn count(
        &mut self,
        count: usize,
        asked: &Json,
        keyword: &'static str,
        fits: fn(Decimal, Decimal) -> bool,
    ) -> Outcome {
        let count = Decimal::from_u64(u64::try_from(count).unwrap_or(u64::MAX));
        match asked.as_number() {
            Some(bound) => self.must(fits(count, bound), keyword),
            None => self.skip(),
        }
    }

    /// A keyword that asks nothing of this kind of value, or only describes.
    fn described(&mut self, keyword: &str) -> Outcome {
        if UNCHECKED.contains(&keyword) {
            self.whole = false;
        }
        Ok(())
    }

    fn skip(&mut self) -> Outcome {
        self.whole = false;
        Ok(())
    }

    fn must(&self, fits: bool, keyword: &'static str) -> Outcome {
        if fits { Ok(()) } else { Err(self.wrong(keyword)) }
    }

    fn wrong(&self, keyword: &'static str) -> Wrong {
        Wrong { at: format!("/{}", self.at.join("/")), keyword }
    }

    /// A schema elsewhere in the same document.
    fn referred(&self, path: &str) -> Option<&'s Json> {
        let path = path.strip_prefix('#')?;
        path.split('/')
            .skip(1)
            .try_fold(self.root, |at, step| at.get(&step.replace("~1", "/").replace("~0", "~")))
    }
}

fn is_a(name: Option<&str>, value: &Json) -> bool {
    match (name, value) {
        (Some("null"), Json::Null)
        | (Some("boolean"), Json::Bool(_))
        | (Some("number"), Json::Number(_))
        | (Some("string"), Json::Text(_))
        | (Some("array"), Json::List(_))
        | (Some("object"), Json::Object(_)) => true,
        (Some("integer"), Json::Number(number)) => number.is_integer(),
        (_, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(schema: &str, value: &str) -> String {
        let json = |text: &str| Json::parse(text.as_bytes()).unwrap();
        match check(&json(schema), &json(value)) {
            Checked::Fits => "fits".to_owned(),
            Checked::InPart => "in part".to_owned(),
            Checked::Wrong(wrong) => format!("{} {}", wrong.keyword, wrong.at),
        }
    }

    #[test]
    fn arguments_fit_or_it_is_said_where_they_do_not() {
        let mail = r##"{
            "$schema": "http://json-schema.org/draft-07/schema#", "title": "Mail", "type": "object",
            "properties": {
                "to": { "type": "array", "items": { "$ref": "#/$defs/Address" }, "minItems": 1, "maxItems": 2 },
                "priority": { "anyOf": [ { "type": "integer", "minimum": 1, "maximum": 5 }, { "type": "null" } ] },
                "format": { "enum": ["text", "html"], "description": "pattern" },
                "body": { "type": ["string", "null"], "minLength": 1, "maxLength": 5 }
            },
            "required": ["to"], "additionalProperties": false,
            "$defs": { "Address": { "type": "string", "format": "email" } }
        }"##;
        for (value, want) in [
            (r#"{"to":["a"]}"#, "fits"),
            (r#"{"to":["a","b"],"priority":null,"format":"html","body":"äöüßé"}"#, "fits"),
            (r#"{"to":["a"],"priority":5.0}"#, "fits"),
            (r#"{}"#, "required /to"),
            (r#"[]"#, "type /"),
            (r#"{"to":[]}"#, "minItems /to"),
            (r#"{"to":["a","b","c"]}"#, "maxItems /to"),
            (r#"{"to":[1]}"#, "type /to"),
            (r#"{"to":["a"],"priority":6}"#, "anyOf /priority"),
            (r#"{"to":["a"],"priority":1.5}"#, "anyOf /priority"),
            (r#"{"to":["a"],"format":"rtf"}"#, "enum /format"),
            (r#"{"to":["a"],"body":""}"#, "minLength /body"),
            (r#"{"to":["a"],"body":"abcdef"}"#, "maxLength /body"),
            (r#"{"to":["a"],"secret-9f8e":1}"#, "additionalProperties /"),
        ] {
            assert_eq!(checked(mail, value), want, "{value}");
        }
    }

    #[test]
    fn what_is_not_checked_is_not_called_fitting() {
        for (schema, value, want) in [
            (r#"{"pattern":"^a"}"#, r#""b""#, "in part"),
            (r#"{"properties":{"a":{"pattern":"^a"}}}"#, r#"{"b":1}"#, "fits"),
            (r#"{"$ref":"https://elsewhere.example/schema"}"#, "1", "in part"),
            (r##"{"$ref":"#/$defs/none"}"##, "1", "in part"),
            (r#"{"not":{"type":"string"}}"#, r#""b""#, "in part"),
            (r#"{"anyOf":[{"pattern":"a"},{"type":"string"}]}"#, r#""b""#, "fits"),
            (r#"{"oneOf":[{"pattern":"a"},{"type":"string"}]}"#, r#""b""#, "in part"),
            (r#"{"oneOf":[{"type":"string"},{"minLength":1}]}"#, r#""b""#, "oneOf /"),
            (r#"{"anyOf":[{"type":"number"},{"pattern":"a"}]}"#, r#""b""#, "in part"),
            (r#"{"type":"string","pattern":"a"}"#, "1", "type /"),
            (r#"{"exclusiveMinimum":true,"minimum":1}"#, "1", "in part"),
            (r#"{"const":{"a":1,"b":[2]}}"#, r#"{"b":[2.0],"a":1}"#, "fits"),
            (r#"{"prefixItems":[{"type":"string"}],"items":{"type":"number"}}"#, r#"["a",1,"b"]"#, "type /"),
            ("true", "1", "fits"),
            ("false", "1", "false /"),
        ] {
            assert_eq!(checked(schema, value), want, "{schema} {value}");
        }
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        assert_eq!(checked(r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##, "1"), "in part");
        assert_eq!(checked(r##"{"$ref":"#"}"##, "1"), "in part");
        let tree = r##"{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#"}}}}"##;
        assert_eq!(checked(tree, r#"{"kids":[{"kids":[]},{"kids":[{"kids":7}]}]}"#), "type /kids/kids/kids");
    }
}
