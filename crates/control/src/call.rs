//! One call of an operator, and what is answered.

use std::collections::HashMap;

use action::{AccessRole, Json, Name};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fault::Fault;

/// A call whose caller was identified and may make it.
pub struct Call {
    pub operator: Name,
    pub roles: Vec<AccessRole>,
    /// Under which the operator's acts are recorded.
    pub pseudonym: Name,
    pub(crate) path: HashMap<String, String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) body: Bytes,
    /// The version that the caller saw, from `If-Match`.
    pub seen: Option<u64>,
}

impl Call {
    /// A part of the path.
    pub fn name(&self, key: &str) -> Result<Name, Fault> {
        let text = self.path.get(key).map(String::as_str).unwrap_or_default();
        Name::new(text).map_err(|error| Fault::bad("bad_name", format!("`{key}` in the path: {error}")))
    }

    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, Fault> {
        let text = self.path.get(key).map(String::as_str).unwrap_or_default();
        text.parse().map_err(|_| Fault::bad("bad_number", format!("`{key}` in the path is a whole number")))
    }

    /// A parameter of the query, read as what it is.
    pub fn asked<T>(&self, key: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Fault> {
        match self.query.get(key) {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or_else(|| {
                Fault::bad("bad_parameter", format!("the parameter `{key}` has no such value"))
            }),
        }
    }

    pub fn asked_name(&self, key: &str) -> Result<Option<Name>, Fault> {
        self.asked(key, |text| Name::new(text).ok())
    }

    /// How many rows: `limit`, 50 when absent.
    pub fn limit(&self) -> Result<store::Limit, Fault> {
        let wanted = self.asked("limit", |text| text.parse::<u16>().ok())?.unwrap_or(50);
        Ok(store::Limit::new(wanted))
    }

    /// The body, checked.
    pub fn take<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        Ok(Json::parse_as(&self.body)?)
    }
}

/// An answer.
pub struct Reply {
    pub(crate) created: bool,
    pub(crate) version: Option<u64>,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub fn of<T: Serialize>(value: &T) -> Result<Reply, Fault> {
        let body = serde_json::to_vec(value).map_err(|error| Fault::ours("write the answer", &error))?;
        Ok(Reply { created: false, version: None, kind: "application/json", body })
    }

    /// A text of ours, such as a signed note.
    pub fn text(body: impl Into<Vec<u8>>) -> Reply {
        Reply { created: false, version: None, kind: "text/plain; charset=utf-8", body: body.into() }
    }

    /// With the version to send back in `If-Match`.
    pub fn at(self, version: u64) -> Reply {
        Reply { version: Some(version), ..self }
    }

    pub fn created(self) -> Reply {
        Reply { created: true, ..self }
    }
}
