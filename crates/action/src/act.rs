//! The action: one thing that an agent is about to do.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ActionKind, Channel, Decimal, Digest, Environment, Json, Name, Operation, Timestamp, digest};

/// One thing that an agent is about to do: the unit of decision.
///
/// The seven inputs of a decision are here: action (kind, operation, tool, amount, count),
/// resource, agent, principal, environment, time and payload; with them the untrusted content
/// that led here. Roles are not: they are looked up by the caller and come with the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Action {
    pub kind: ActionKind,
    pub operation: Operation,
    /// The function, statement family or endpoint that would run, for example `refund`.
    pub tool: Name,
    pub resource: Resource,
    /// Money that would move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Records, messages or files that would be touched, where the caller knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    pub agent: AgentRef,
    /// On whose behalf; absent when nobody is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Session>,
    pub environment: Environment,
    pub time: Timestamp,
    /// The arguments, as typed JSON.
    #[serde(default)]
    pub payload: Json,
    /// What the agent had read when it decided, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Content>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Name>,
}

/// What the action touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Resource {
    /// The type that rules speak of, for example `customer_profile`.
    #[serde(rename = "type")]
    pub kind: Name,
    /// Which one, for example a table or an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Where data would go: host, URL, e-mail address or account. Empty when it stays put.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Name>,
}

/// Money, in units of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Amount {
    pub value: Decimal,
    pub currency: Name,
}

/// Which agent. Its roles, history and privileges are facts that the caller looks up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AgentRef {
    pub name: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
}

/// The person, service or team on whose behalf something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Principal {
    pub id: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
}

/// The request-to-response chain that the action belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Session {
    pub id: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceId>,
}

/// One text that the agent had read, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Content {
    pub channel: Channel,
    /// The tool, page or store it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Name>,
    pub text: String,
}

/// A W3C trace id: 16 bytes, not all zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 32 || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let id = u128::from_str_radix(text, 16).ok().filter(|id| *id != 0)?;
        Some(TraceId(id.to_be_bytes()))
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::read_text(deserializer, |text| {
            TraceId::from_hex(text).ok_or("a trace id has 32 lower-case hexadecimal digits, not all zero")
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TraceId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TraceId".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
    }
}

impl Action {
    /// The digest that an approval is bound to: everything that decides what would happen
    /// (action, resource, arguments, destination, agent), nothing that only says when or why.
    pub fn payload_hash(&self) -> Digest {
        let canonical = |value: &dyn Fn() -> serde_json::Result<Vec<u8>>| value().unwrap_or_default();
        digest(
            "checkrein.payload.v1",
            &[
                self.kind.as_str().as_bytes(),
                self.operation.as_str().as_bytes(),
                self.tool.as_str().as_bytes(),
                &canonical(&|| serde_json::to_vec(&self.resource)),
                &canonical(&|| serde_json::to_vec(&self.amount)),
                &canonical(&|| serde_json::to_vec(&self.count)),
                &canonical(&|| serde_json::to_vec(&Sorted(&self.payload))),
                &canonical(&|| serde_json::to_vec(&self.agent)),
                self.environment.as_str().as_bytes(),
            ],
        )
    }
}

impl Json {
    /// The same value with object keys in order, so that equal values are written alike.
    pub fn sorted(&self) -> Json {
        match self {
            Json::List(items) => Json::List(items.iter().map(Json::sorted).collect()),
            Json::Object(entries) => {
                let mut entries: Vec<_> =
                    entries.iter().map(|(key, value)| (key.clone(), value.sorted())).collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(entries)
            }
            other => other.clone(),
        }
    }
}

/// Writes what [`Json::sorted`] would hold, without making it.
struct Sorted<'a>(&'a Json);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Json::List(items) => serializer.collect_seq(items.iter().map(Sorted)),
            Json::Object(entries) => {
                let mut entries: Vec<&(String, Json)> = entries.iter().collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                serializer.collect_map(entries.into_iter().map(|(key, value)| (key, Sorted(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const REFUND: &str = r#"{
        "kind": "payment", "operation": "pay", "tool": "refund",
        "resource": { "type": "payment", "name": "order-17" },
        "amount": { "value": 99, "currency": "USD" },
        "agent": { "name": "finance-bot", "version": "2" },
        "environment": "production", "time": "2026-03-02T14:05:00Z",
        "payload": { "order": "17", "amount": 99 }
    }"#;

    #[test]
    fn an_action_reads_and_writes_the_same() {
        let action: Action = Json::parse_as(REFUND.as_bytes()).unwrap();
        let written = serde_json::to_vec(&action).unwrap();
        assert_eq!(Json::parse_as::<Action>(&written).unwrap(), action);
    }

    #[test]
    fn roles_cannot_be_claimed() {
        let claimed = REFUND.replace(r#""version": "2""#, r#""roles": ["Finance-Agent"]"#);
        let error = Json::parse_as::<Action>(claimed.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("unknown field `roles`"), "{error}");
    }

    #[test]
    fn payload_hash_ignores_key_order_and_time_but_not_arguments() {
        let action: Action = Json::parse_as(REFUND.as_bytes()).unwrap();
        let mut later = action.clone();
        later.time = Timestamp::from_millis(0);
        later.payload = Json::parse(br#"{ "amount": 99, "order": "17" }"#).unwrap();
        assert_eq!(action.payload_hash(), later.payload_hash());
        later.payload = Json::parse(br#"{ "amount": 98, "order": "17" }"#).unwrap();
        assert_ne!(action.payload_hash(), later.payload_hash());
    }

    #[test]
    fn what_is_hashed_is_the_sorted_payload() {
        let payload =
            br#"{ "b": [{ "z": null, "y": [true, 1.50, "\u00e9\n"] }, {}, []], "a": { "b": 1, "a": "" } }"#;
        let payload = Json::parse(payload).unwrap();
        let hashed = serde_json::to_string(&Sorted(&payload)).unwrap();
        assert_eq!(hashed, serde_json::to_string(&payload.sorted()).unwrap());
        assert!(hashed.starts_with(r#"{"a":{"a":"","b":1},"b":[{"y":"#), "{hashed}");
    }
}
