//! A detection: one vector's result, and where the evidence stands.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Channel, SensitiveClass, Severity, Vector};

/// One vector's result on one action.
///
/// It names and points; it never carries the text it found, which may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Detection {
    pub vector: Vector,
    /// Stable id of what fired, for example `sqli.tautology`.
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    pub confidence: Confidence,
    /// The kind of sensitive data, when that is what was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<SensitiveClass>,
    /// Where; absent when the evidence is a count or a fact, which the rule names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
}

/// How sure, from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confidence(#[cfg_attr(feature = "schema", schemars(range(max = 100)))] u8);

impl Confidence {
    /// From here on a hit is critical: it may set a floor below which no verdict falls.
    pub const CRITICAL: Confidence = Confidence(95);
    pub const HIGH: Confidence = Confidence(80);
    pub const MEDIUM: Confidence = Confidence(60);
    pub const LOW: Confidence = Confidence(30);

    pub const fn new(percent: u8) -> Self {
        Confidence(if percent > 100 { 100 } else { percent })
    }

    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = u8::deserialize(deserializer)?;
        if percent > 100 {
            return Err(serde::de::Error::custom("a confidence is a whole number from 0 to 100"));
        }
        Ok(Confidence(percent))
    }
}

/// The place of the evidence: a byte range of one original text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    pub place: Place,
    /// First byte of the evidence in the original text.
    pub start: usize,
    /// First byte after it.
    pub end: usize,
    /// The decoded readings that led to it, outermost first; empty when it stands as sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Cow<'static, str>>,
}

/// Which text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Place {
    /// A string of the payload, by its JSON pointer.
    Payload { pointer: String },
    /// The name of a key of the payload, by the JSON pointer of its value.
    Key { pointer: String },
    /// A text of the context, by its position.
    Context { index: usize, channel: Channel },
    /// A field of the action itself, for example `resource.name`.
    Field { name: Cow<'static, str> },
}
