//! Reading a payload strictly: an adapter that meets a key which it does not know does not know what
//! the action would do.

use action::{Action, Json};

use crate::Refused;

/// The entries of a payload, taken one by one.
pub struct Payload<'a> {
    entries: &'a [(String, Json)],
    known: Vec<&'static str>,
}

impl<'a> Payload<'a> {
    pub fn of(action: &'a Action) -> Result<Self, Refused> {
        match &action.payload {
            Json::Object(entries) => Ok(Payload { entries, known: Vec::new() }),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) | Json::List(_) => {
                Err(Refused::NotUnderstood("it is no object".to_owned()))
            }
        }
    }

    pub fn get(&mut self, key: &'static str) -> Option<&'a Json> {
        self.known.push(key);
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, Refused> {
        match self.get(key) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Refused::NotUnderstood(format!("`{key}` is no text"))),
        }
    }

    pub fn need_text(&mut self, key: &'static str) -> Result<&'a str, Refused> {
        self.text(key)?.ok_or_else(|| Refused::NotUnderstood(format!("`{key}` is missing")))
    }

    /// Ends the reading: nothing may be left that nobody looked at. Names of keys come from the agent,
    /// so they are counted and not shown.
    pub fn finish(self) -> Result<(), Refused> {
        let unknown = self.entries.iter().filter(|(name, _)| !self.known.contains(&name.as_str())).count();
        if unknown == 0 {
            return Ok(());
        }
        let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
        Err(Refused::NotUnderstood(format!("{unknown} keys beside {}", known.join(", "))))
    }
}
