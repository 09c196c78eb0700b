//! What a host would have answered: what an operator wrote down, or what is usual for the method.

use action::Json;

use super::{Method, Request};
use crate::{count, object, text};

/// One answer, for the requests that it fits.
#[derive(Debug, Clone)]
pub struct Mock {
    /// Absent for every method.
    method: Option<Method>,
    /// The beginning of the path.
    path: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Json,
}

/// Why an answer cannot be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MockFault {
    #[error("a path begins with `/`")]
    Path,
    #[error("a status is a number from 200 to 599")]
    Status,
    #[error(
        "a place to fill in is one of `${{id}}`, `${{method}}`, `${{path}}`, `${{body}}` and `${{body.KEY}}`, and a text of its own"
    )]
    Place,
}

impl Mock {
    /// `body` is a template: a text in it that is `${id}`, `${method}`, `${path}`, `${body}` or
    /// `${body.KEY}` and nothing else becomes that value.
    pub fn new(
        method: Option<Method>,
        path: &str,
        status: u16,
        headers: Vec<(String, String)>,
        body: Json,
    ) -> Result<Self, MockFault> {
        if !path.starts_with('/') {
            return Err(MockFault::Path);
        }
        if !(200..600).contains(&status) {
            return Err(MockFault::Status);
        }
        if !all_known(&body) {
            return Err(MockFault::Place);
        }
        Ok(Mock { method, path: path.to_owned(), status, headers, body })
    }

    pub(super) fn fits(&self, request: &Request<'_>) -> bool {
        self.method.is_none_or(|method| method == request.method)
            && request.uri.path().starts_with(&self.path)
    }

    pub(super) fn answer(&self, request: &Request<'_>, id: &str) -> Json {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), Json::Text(value.clone())));
        answer(self.status, headers.collect(), filled(&self.body, request, id))
    }

    /// What is usual for a method that writes: created with an id, changed as sent, gone. `None` for one
    /// that reads, whose answer nobody can guess.
    pub(super) fn usual(request: &Request<'_>, id: &str) -> Option<Json> {
        let json = vec![("content-type".to_owned(), text("application/json"))];
        let sent = || request.body.cloned().unwrap_or_default();
        match request.method {
            Method::Post => {
                let mut entries = vec![("id".to_owned(), text(id))];
                if let Json::Object(sent) = sent() {
                    entries.extend(sent.into_iter().filter(|(key, _)| key != "id"));
                }
                Some(answer(201, json, Json::Object(entries)))
            }
            Method::Put | Method::Patch => Some(answer(200, json, sent())),
            Method::Delete => Some(answer(204, Vec::new(), Json::Null)),
            Method::Get | Method::Head => None,
        }
    }
}

fn answer(status: u16, headers: Vec<(String, Json)>, body: Json) -> Json {
    object([("status", count(usize::from(status))), ("headers", Json::Object(headers)), ("body", body)])
}

/// A template with its places filled. Only whole texts are places, so nothing that is filled in can
/// break out of where it stands.
fn filled(template: &Json, request: &Request<'_>, id: &str) -> Json {
    match template {
        Json::Text(text) => match place(text) {
            Some(place) => value(place, request, id),
            None => template.clone(),
        },
        Json::List(items) => Json::List(items.iter().map(|item| filled(item, request, id)).collect()),
        Json::Object(entries) => Json::Object(
            entries.iter().map(|(key, value)| (key.clone(), filled(value, request, id))).collect(),
        ),
        Json::Null | Json::Bool(_) | Json::Number(_) => template.clone(),
    }
}

fn value(place: &str, request: &Request<'_>, id: &str) -> Json {
    match place {
        "id" => text(id),
        "method" => text(request.method.word()),
        "path" => text(request.uri.path()),
        "body" => request.body.cloned().unwrap_or_default(),
        other => {
            let key = other.strip_prefix("body.").unwrap_or_default();
            request.body.and_then(|body| body.at(key)).cloned().unwrap_or_default()
        }
    }
}

/// What stands in `${…}`, where that is the whole text.
fn place(text: &str) -> Option<&str> {
    text.strip_prefix("${")?.strip_suffix('}')
}

fn all_known(template: &Json) -> bool {
    match template {
        Json::Text(text) => match place(text) {
            Some("id" | "method" | "path" | "body") => true,
            Some(place) => place.strip_prefix("body.").is_some_and(|key| !key.is_empty()),
            // A place inside of a longer text would be shown as it is written.
            None => !text.contains("${"),
        },
        Json::List(items) => items.iter().all(all_known),
        Json::Object(entries) => entries.iter().all(|(_, value)| all_known(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => true,
    }
}
