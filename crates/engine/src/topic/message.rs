//! The newest message of a user, in what is sent to a model.

use std::borrow::Cow;

use action::{Action, Channel, Json};

/// Where the dialects keep their turns, and their only text.
const TURNS: [&str; 3] = ["messages", "contents", "input"];
const TEXTS: [&str; 4] = ["prompt", "input", "message", "inputText"];
/// Where a turn keeps its parts, and a part its text.
const PARTS: [&str; 2] = ["content", "parts"];

/// The text of the last turn that a user wrote; `None` when there is none to be found.
pub fn newest(action: &Action) -> Option<Cow<'_, str>> {
    let payload = &action.payload;
    let turns = TURNS.iter().filter_map(|key| match payload.get(key) {
        Some(Json::List(turns)) => Some(turns),
        _ => None,
    });
    let mut written = turns.flat_map(|turns| turns.iter().rev()).filter_map(of_turn);
    let alone = || TEXTS.iter().find_map(|key| payload.get(key)?.as_text()).map(Cow::Borrowed);
    let read = || {
        let mine = action.context.iter().rev().find(|content| content.channel == Channel::User);
        mine.map(|content| Cow::Borrowed(content.text.as_str()))
    };
    written.next().or_else(alone).or_else(read)
}

/// What a user wrote in one turn. A turn that only carries the results of tools is not the user's.
fn of_turn(turn: &Json) -> Option<Cow<'_, str>> {
    if let Json::Text(text) = turn {
        return Some(text.into());
    }
    if turn.get("role").and_then(Json::as_text).is_some_and(|role| !role.eq_ignore_ascii_case("user")) {
        return None;
    }
    let content = PARTS.iter().find_map(|key| turn.get(key))?;
    match content {
        Json::Text(text) => Some(text.into()),
        Json::List(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.as_text().or_else(|| part.get("text")?.as_text()))
                .collect();
            (!texts.is_empty()).then(|| texts.join("\n").into())
        }
        _ => None,
    }
}
