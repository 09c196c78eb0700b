//! The form between two dialects.

use crate::usage::Tally;

/// A request for words of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    pub model: String,
    /// What the configuration of the agent says before anybody speaks.
    pub system: Vec<String>,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub choice: Option<Choice>,
    /// Whether several calls may come at once.
    pub parallel: Option<bool>,
    pub settings: Settings,
    /// The form that the answer must have.
    pub format: Option<Format>,
    /// On whose behalf.
    pub user: Option<String>,
    pub stream: bool,
}

/// Numbers are kept as they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    pub max_tokens: Option<u64>,
    pub temperature: Option<String>,
    pub top_p: Option<String>,
    pub top_k: Option<String>,
    pub seed: Option<String>,
    pub presence_penalty: Option<String>,
    pub frequency_penalty: Option<String>,
    pub stop: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
}

/// Results of tools stand in messages of the user, of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Refusal(String),
    Reasoning {
        text: String,
        signature: Option<String>,
    },
    Image(Image),
    Call {
        id: String,
        tool: String,
        /// A JSON object, as it was written.
        arguments: String,
    },
    Result {
        id: String,
        /// Dialects that name the tool beside its result, or instead of an id.
        tool: Option<String>,
        text: String,
        images: Vec<Image>,
        failed: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    Url(String),
    /// Kind and base64.
    Bytes {
        kind: String,
        data: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// A JSON schema, as it was written.
    pub schema: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Auto,
    /// No tool.
    Never,
    /// Any of them.
    Any,
    Tool(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Json,
    Schema { name: String, schema: String },
}

/// An answer, as far as it is one of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub id: String,
    pub model: String,
    pub parts: Vec<Part>,
    pub tally: Tally,
}

/// What an event of a stream adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Who answers; any of the two may be empty.
    Begun {
        id: String,
        model: String,
    },
    Text(String),
    Refusal(String),
    Reasoning(String),
    Signature(String),
    /// A call begins; `number` tells it from others.
    Call {
        number: u64,
        id: String,
        tool: String,
    },
    Arguments {
        number: u64,
        text: String,
    },
}

impl Request {
    /// Adds what somebody said. Results of tools are kept apart from other words, and results that
    /// follow each other are together, whatever the dialect has.
    pub fn say(&mut self, role: Role, parts: Vec<Part>) {
        let is_result = |part: &Part| matches!(part, Part::Result { .. });
        let (results, others): (Vec<Part>, Vec<Part>) = parts.into_iter().partition(is_result);
        if !results.is_empty() {
            match self.messages.last_mut() {
                Some(last) if last.role == role && last.parts.iter().all(is_result) => {
                    last.parts.extend(results);
                }
                Some(_) | None => self.messages.push(Message { role, parts: results }),
            }
        }
        if !others.is_empty() {
            self.messages.push(Message { role, parts: others });
        }
    }

    /// The name of the tool that a call was of.
    pub fn tool_of(&self, call: &str) -> Option<&str> {
        self.messages.iter().rev().flat_map(|message| &message.parts).find_map(|part| match part {
            Part::Call { id, tool, .. } if id == call => Some(tool.as_str()),
            _ => None,
        })
    }
}
