//! Who calls, on whose behalf and in which conversation: what a request says beside its body.

use action::{Environment, Name, Principal, Session, TraceParent};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;

use crate::identity::Caller;
use crate::refuse::Refusal;

const SESSION: HeaderName = HeaderName::from_static("x-checkrein-session");
const USER: HeaderName = HeaderName::from_static("x-checkrein-user");
const TEAM: HeaderName = HeaderName::from_static("x-checkrein-team");
const ENVIRONMENT: HeaderName = HeaderName::from_static("x-checkrein-environment");
/// Where official clients put their key when it is not in `Authorization`.
static KEY_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// What is known of a request's origin.
pub struct Origin {
    pub environment: Environment,
    pub session: Option<Session>,
    pub principal: Option<Principal>,
    pub parent: Option<TraceParent>,
}

impl Origin {
    pub fn of(head: &Parts, caller: &Caller, person: Option<&Name>) -> Result<Self, Refusal> {
        let headers = &head.headers;
        let environment = match (text(headers, &ENVIRONMENT), caller.agent.environments.as_slice()) {
            (Some(stated), _) => Environment::parse(stated).ok_or(Refusal::OtherEnvironment)?,
            (None, [only]) => *only,
            (None, _) => return Err(Refusal::OtherEnvironment),
        };
        let parent = text(headers, &HeaderName::from_static("traceparent")).and_then(TraceParent::parse);
        let trace = parent.map(|parent| parent.trace);
        // A trace is a conversation where nothing else says which one it is.
        let id = match text(headers, &SESSION) {
            Some(stated) => Some(Name::new(stated).map_err(|_| Refusal::BadId)?),
            None => trace.and_then(|trace| Name::new(&trace.to_string()).ok()),
        };
        let stated = text(headers, &USER).and_then(|user| Name::new(user).ok());
        let principal = stated
            .or_else(|| person.cloned())
            .map(|id| Principal { id, team: text(headers, &TEAM).and_then(|team| Name::new(team).ok()) });
        Ok(Origin { environment, session: id.map(|id| Session { id, trace }), principal, parent })
    }
}

/// A header that stands once.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let only = values.next().filter(|_| values.next().is_none())?;
    only.to_str().ok()
}

/// Moves the key of an official client to where keys are looked for: each client shows it in a header of
/// its own, or in the address. One that is shown in two places is left, and refused as two.
pub fn credential(head: &mut Parts) {
    let shown = KEY_HEADERS.iter().find(|name| head.headers.contains_key(*name));
    let from_header = shown.and_then(|name| head.headers.remove(name));
    let key = from_header.or_else(|| {
        let query = head.uri.query()?;
        let (_, key) =
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "key")?;
        http::HeaderValue::from_str(key).ok()
    });
    let Some(key) = key else { return };
    let bearer = key.to_str().ok().and_then(|key| http::HeaderValue::from_str(&format!("Bearer {key}")).ok());
    if let Some(mut bearer) = bearer {
        bearer.set_sensitive(true);
        head.headers.append(AUTHORIZATION, bearer);
    }
}
