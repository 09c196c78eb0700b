//! Which conversation a call goes on with, where its client does not say: read off its messages.
//!
//! Clients send all of a conversation with every call. So a call whose messages begin with those of an earlier
//! one, and then with what we answered to that, goes on with it:
//!
//! | likeness | what is found | what follows |
//! |---|---|---|
//! | high | the messages of an earlier call and our answer to it, up to the last answer | it is the same session |
//! | medium | the messages of an earlier call, with another answer than ours or more behind it | a hint in the record |
//! | low | the same system prompt and first message, within [`LOW_WITHIN`] | a hint in the record |
//!
//! A wrong parent is worse than none: two conversations that cannot be told apart are none of them the parent,
//! and nobody is stitched to the conversation of another agent or person. What is kept are salted hashes,
//! in memory, for as long as the process runs.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use action::{Json, Name, Timestamp};

use super::asked::Asked;
use super::talk::Talk;
use crate::guard::Guard;
use crate::limits::{LOW_WITHIN, MAX_STITCHED, MAX_TURNS};
use crate::memory::STITCHED;

/// How sure it is that two calls belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    Low,
    Medium,
    High,
}

impl Likeness {
    pub const fn as_str(self) -> &'static str {
        match self {
            Likeness::Low => "low",
            Likeness::Medium => "medium",
            Likeness::High => "high",
        }
    }
}

/// What a call goes on with.
#[derive(Clone)]
pub struct Stitch {
    pub likeness: Likeness,
    pub with: Thread,
}

/// One conversation.
#[derive(Clone)]
pub struct Thread {
    pub session: Name,
    pub talk: Arc<Talk>,
}

/// Whose conversation it is: one agent's, with one person where one is named.
type Whose = (Name, Option<Name>);

/// The messages of a call, turn by turn, as far as they are known again.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    /// Of the system prompt, and after each turn of all before it.
    chain: Vec<u64>,
    /// Which of the turns are a model's.
    by_model: Vec<bool>,
    /// Of the system prompt and the first message.
    opening: Option<u64>,
}

/// Conversations of the last time.
#[derive(Default)]
pub struct Stitches {
    hash: RandomState,
    /// As many as are registered and call models.
    agents: Mutex<HashMap<Name, Known>>,
}

/// Those of one agent.
#[derive(Default)]
struct Known {
    /// By a call and our answer to it.
    answered: Bounded,
    /// By a call alone.
    asked: Bounded,
    openings: Bounded,
}

#[derive(Default)]
struct Bounded {
    /// By person and messages, both hashed.
    seen: HashMap<(u64, u64), Seen>,
    order: VecDeque<(u64, u64)>,
}

struct Seen {
    /// None once two conversations have been here.
    thread: Option<Thread>,
    at: Timestamp,
}

impl Stitches {
    /// The turns of a request.
    pub fn turns(&self, request: &Asked<'_>) -> Turns {
        let turns = grouped(&request.payload);
        let system: String =
            turns.iter().filter(|turn| turn.role == "system").map(|turn| turn.text.as_str()).collect();
        let mut at = self.hash.hash_one(("system", system));
        let mut known = Turns { chain: vec![at], ..Turns::default() };
        for turn in turns.iter().filter(|turn| turn.role != "system").take(MAX_TURNS) {
            at = self.after(at, turn);
            known.opening = known.opening.or(Some(at).filter(|_| turn.role == "user"));
            known.chain.push(at);
            known.by_model.push(turn.role == ASSISTANT);
        }
        known
    }

    /// What a call of somebody goes on with.
    pub fn parent(&self, (agent, person): &Whose, turns: &Turns, now: Timestamp) -> Option<Stitch> {
        let agents = self.lock();
        let (known, person) = (agents.get(agent)?, self.hash.hash_one(person));
        let found = |likeness, with: &Thread| Some(Stitch { likeness, with: with.clone() });
        let behind = |place: usize| turns.chain.get(place + 1).copied();
        // The newest turn of a model is the one that we must have written.
        if let Some(last) = turns.by_model.iter().rposition(|by_model| *by_model) {
            match known.answered.get(person, behind(last)?) {
                Some(Seen { thread: Some(thread), .. }) => return found(Likeness::High, thread),
                // More than one conversation has come this way.
                Some(Seen { thread: None, .. }) => return None,
                None => {}
            }
            for place in (0..=last).rev().filter(|place| turns.by_model.get(*place) == Some(&true)) {
                let ours = known.answered.get(person, behind(place)?);
                let asked = || known.asked.get(person, turns.chain.get(place).copied()?);
                if let Some(seen) = ours.or_else(asked) {
                    return seen.thread.as_ref().and_then(|thread| found(Likeness::Medium, thread));
                }
            }
        }
        let within = i64::try_from(LOW_WITHIN.as_millis()).unwrap_or(i64::MAX);
        let opening = known.openings.get(person, turns.opening?)?;
        let thread = opening.thread.as_ref().filter(|_| now.since(opening.at) <= within)?;
        found(Likeness::Low, thread)
    }

    /// Keeps a call and what was answered to it, as its client was given it.
    fn keep(&self, (agent, person): &Whose, turns: &Turns, answer: &Turn, thread: &Thread, now: Timestamp) {
        // Without a word or a call there is nothing to know it by.
        let Some(last) = turns.chain.last().filter(|_| !answer.is_empty() && !turns.is_cut()) else { return };
        let mut agents = self.lock();
        let (known, person) = (agents.entry(agent.clone()).or_default(), self.hash.hash_one(person));
        known.answered.put(person, self.after(*last, answer), thread, now);
        known.asked.put(person, *last, thread, now);
        if let Some(opening) = turns.opening {
            known.openings.put(person, opening, thread, now);
        }
    }

    fn after(&self, before: u64, turn: &Turn) -> u64 {
        self.hash.hash_one((before, turn.role, turn.text.trim(), &turn.calls))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Known>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One call's place in a conversation.
pub struct Seam {
    whose: Whose,
    turns: Turns,
    /// What it goes on with, or may.
    pub stitch: Option<Stitch>,
    /// What it goes on with or begins.
    thread: Thread,
}

impl Seam {
    /// Of a call whose client names no session.
    pub fn of(guard: &Guard, stitches: &Stitches, whose: Whose, request: &Asked<'_>, call: &Name) -> Seam {
        let turns = stitches.turns(request);
        let stitch = stitches.parent(&whose, &turns, guard.clock.now().timestamp());
        let thread = match &stitch {
            Some(Stitch { likeness: Likeness::High, with }) => with.clone(),
            _ => {
                let session = Name::new(&format!("{STITCHED}{call}")).unwrap_or_else(|_| call.clone());
                let talk = Talk::new(guard.veil(whose.0.as_str(), session.as_str()));
                Thread { session, talk: Arc::new(talk) }
            }
        };
        Seam { whose, turns, stitch, thread }
    }

    /// The session that it belongs to, where that is sure.
    pub fn session(&self) -> Option<&Name> {
        let sure = self.stitch.as_ref().filter(|stitch| stitch.likeness == Likeness::High);
        sure.map(|stitch| &stitch.with.session)
    }

    /// What is kept between the calls of its conversation.
    pub fn talk(&self) -> &Arc<Talk> {
        &self.thread.talk
    }

    /// Keeps what was answered, as its client was given it.
    pub fn keep(&self, stitches: &Stitches, answer: &Turn, now: Timestamp) {
        stitches.keep(&self.whose, &self.turns, answer, &self.thread, now);
    }
}

impl Turns {
    /// Longer than is looked at.
    fn is_cut(&self) -> bool {
        self.by_model.len() >= MAX_TURNS
    }
}

impl Bounded {
    fn get(&self, person: u64, hash: u64) -> Option<&Seen> {
        self.seen.get(&(person, hash))
    }

    fn put(&mut self, person: u64, hash: u64, thread: &Thread, now: Timestamp) {
        let key = (person, hash);
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.at = now;
            if seen.thread.as_ref().is_some_and(|known| known.session != thread.session) {
                seen.thread = None;
            }
            return;
        }
        if self.order.len() >= MAX_STITCHED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        self.order.push_back(key);
        self.seen.insert(key, Seen { thread: Some(thread.clone()), at: now });
    }
}

const ASSISTANT: &str = "assistant";

/// What one side said before the other went on: its words, and its calls of tools. Not in how many parts they
/// came, and not what clients often leave out: reasoning, ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    role: &'static str,
    text: String,
    calls: Vec<(String, String)>,
}

impl Turn {
    /// What a model said, of its parts.
    pub fn of_model(text: String, calls: Vec<(String, Json)>) -> Turn {
        let calls = calls.into_iter().map(|(tool, arguments)| (tool, written(&arguments))).collect();
        Turn { role: ASSISTANT, text, calls }
    }

    /// What a model said, as one document says it.
    pub fn of_answer(answer: &Asked<'_>) -> Turn {
        let mut turns = grouped(&answer.payload);
        turns.retain(|turn| turn.role == ASSISTANT);
        // Several choices are no one turn.
        if turns.len() == 1 { turns.remove(0) } else { Turn::default() }
    }

    fn is_empty(&self) -> bool {
        self.text.trim().is_empty() && self.calls.is_empty()
    }
}

/// The leaves of a payload, one turn for what one side says in a row.
fn grouped(payload: &Json) -> Vec<Turn> {
    let Some(Json::List(items)) = payload.get("messages") else { return Vec::new() };
    let mut turns: Vec<Turn> = Vec::new();
    let mut tools: VecDeque<String> = VecDeque::new();
    for item in items {
        let role = match item.get("role").and_then(Json::as_text) {
            Some("system") => "system",
            Some("user") => "user",
            Some("assistant") => ASSISTANT,
            Some("tool") => "tool",
            _ => continue,
        };
        let turn = match turns.last_mut() {
            Some(turn) if turn.role == role => turn,
            _ => {
                tools.clear();
                turns.push(Turn { role, ..Turn::default() });
                let Some(turn) = turns.last_mut() else { continue };
                turn
            }
        };
        if let Some(text) = item.get("content").and_then(Json::as_text) {
            turn.text.push_str(text);
        }
        // Name and arguments of a call stand in either order.
        if let Some(tool) = item.get("tool").and_then(Json::as_text) {
            match turn.calls.iter_mut().find(|(tool, _)| tool.is_empty()) {
                Some(call) => tool.clone_into(&mut call.0),
                None => tools.push_back(tool.to_owned()),
            }
        }
        if let Some(arguments) = item.get("arguments") {
            turn.calls.push((tools.pop_front().unwrap_or_default(), written(arguments)));
        }
    }
    turns
}

/// Arguments in the one form in which they are compared.
fn written(arguments: &Json) -> String {
    let read = match arguments {
        Json::Text(text) => Json::parse(text.as_bytes()).unwrap_or_else(|_| arguments.clone()),
        other => other.clone(),
    };
    serde_json::to_string(&read.sorted()).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]
mod tests {
    use wire::dialect::named;
    use wire::doc::Doc;

    use super::*;

    const CHAT: &str = "openai_chat";

    fn whose(agent: &str, person: Option<&str>) -> Whose {
        let name = |text: &str| Name::new(text).unwrap();
        (name(agent), person.map(name))
    }

    fn turns(stitches: &Stitches, said: &[(&str, &str)]) -> Turns {
        let messages: Vec<String> = said
            .iter()
            .map(|(role, text)| format!(r#"{{"role":"{role}","content":{}}}"#, wire::doc::quoted(text)))
            .collect();
        let body = format!(r#"{{"model":"m","messages":[{}]}}"#, messages.join(","));
        let doc = Doc::parse(body.as_bytes()).unwrap();
        stitches.turns(&Asked::request(&doc, named(CHAT).unwrap()))
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn session(text: &str) -> Thread {
        use engine::redact::{Key, Mode, Options, Redactor};
        let veil = Arc::new(Mutex::new(Redactor::new(Mode::Mask, Key::new([1; 32]), Options::default())));
        Thread { session: Name::new(text).unwrap(), talk: Arc::new(Talk::new(veil)) }
    }

    fn found(stitch: Option<Stitch>) -> Option<(Likeness, String)> {
        stitch.map(|stitch| (stitch.likeness, stitch.with.session.to_string()))
    }

    fn words(text: &str) -> Turn {
        Turn::of_model(text.to_owned(), Vec::new())
    }

    const ASKED: &[(&str, &str)] = &[("system", "be kind"), ("user", "where is my order")];

    fn and<'t>(more: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
        ASKED.iter().copied().chain(more.iter().copied()).collect()
    }

    #[test]
    fn our_own_answer_behind_the_same_messages_is_the_same_conversation() {
        let stitches = Stitches::default();
        let one = whose("a", Some("ana"));
        let first = turns(&stitches, ASKED);
        assert_eq!(found(stitches.parent(&one, &first, now())), None);
        stitches.keep(&one, &first, &words("On its way."), &session("s"), now());
        let parent = |whose: &Whose, said: &[(&str, &str)]| {
            found(stitches.parent(whose, &turns(&stitches, said), now()))
        };
        let high = Some((Likeness::High, "s".to_owned()));
        let hint = |likeness| Some((likeness, "s".to_owned()));
        assert_eq!(parent(&one, &and(&[("assistant", "On its way. "), ("user", "when?")])), high);
        assert_eq!(
            parent(&one, &and(&[("assistant", "It is lost."), ("user", "when?")])),
            hint(Likeness::Medium),
            "an answer that we did not give"
        );
        assert_eq!(
            parent(
                &one,
                &and(&[
                    ("assistant", "On its way."),
                    ("user", "when?"),
                    ("assistant", "Never."),
                    ("user", "oh")
                ])
            ),
            hint(Likeness::Medium),
            "a turn that we did not see"
        );
        assert_eq!(parent(&one, ASKED), hint(Likeness::Low));
        let late = now().plus_millis(i64::try_from(LOW_WITHIN.as_millis()).unwrap() + 1);
        assert_eq!(found(stitches.parent(&one, &turns(&stitches, ASKED), late)), None);
        for other in [whose("b", Some("ana")), whose("a", Some("ben")), whose("a", None)] {
            assert_eq!(parent(&other, &and(&[("assistant", "On its way."), ("user", "when?")])), None);
        }
        let changed = [("system", "be rude"), ("user", "where is my order"), ("assistant", "On its way.")];
        assert_eq!(parent(&one, &changed), None);
    }

    #[test]
    fn two_conversations_that_cannot_be_told_apart_are_no_parent() {
        let stitches = Stitches::default();
        let one = whose("a", None);
        let first = turns(&stitches, ASKED);
        let goes_on = turns(&stitches, &and(&[("assistant", "Yes."), ("user", "more")]));
        stitches.keep(&one, &first, &words("Yes."), &session("s"), now());
        stitches.keep(&one, &first, &words("Yes."), &session("s"), now());
        assert!(stitches.parent(&one, &goes_on, now()).is_some(), "the same one again");
        stitches.keep(&one, &first, &words("Yes."), &session("t"), now());
        assert_eq!(found(stitches.parent(&one, &goes_on, now())), None);
        assert_eq!(found(stitches.parent(&one, &first, now())), None);
    }

    #[test]
    fn calls_of_tools_are_known_again_however_a_client_writes_them() {
        let stitches = Stitches::default();
        let one = whose("a", None);
        let first = turns(&stitches, ASKED);
        let arguments = Json::Text(r#"{"id":7,"all":true}"#.to_owned());
        let answer = Turn::of_model(String::new(), vec![("get_order".to_owned(), arguments)]);
        stitches.keep(&one, &first, &answer, &session("s"), now());
        let body = r#"{"model":"m","messages":[{"role":"system","content":"be kind"},
            {"role":"user","content":"where is my order"},
            {"role":"assistant","content":null,"tool_calls":[{"type":"function","id":"c1",
              "function":{"arguments":"{ \"all\": true, \"id\": 7 }","name":"get_order"}}]},
            {"role":"tool","tool_call_id":"c1","content":"sent on Monday"}]}"#;
        let doc = Doc::parse(body.as_bytes()).unwrap();
        let found =
            stitches.parent(&one, &stitches.turns(&Asked::request(&doc, named(CHAT).unwrap())), now());
        assert_eq!(found.map(|it| it.likeness), Some(Likeness::High));
        assert!(first.opening.is_some());
        stitches.keep(&one, &first, &Turn::default(), &session("t"), now());
        assert_eq!(stitches.lock().get(&one.0).unwrap().answered.seen.len(), 1, "nothing was said");
    }

    #[test]
    fn a_conversation_of_too_many_turns_is_not_known_again() {
        let stitches = Stitches::default();
        let one = whose("a", None);
        let said: Vec<(&str, &str)> =
            (0..MAX_TURNS).map(|n| (if n % 2 == 0 { "user" } else { "assistant" }, "so")).collect();
        for (most, known) in [(MAX_TURNS - 1, 1), (MAX_TURNS, 1)] {
            let asked = turns(&stitches, &said[..most]);
            stitches.keep(&one, &asked, &words("yes"), &session("s"), now());
            assert_eq!(stitches.lock().get(&one.0).unwrap().asked.seen.len(), known);
        }
    }

    #[test]
    fn of_each_agent_the_newest_are_known() {
        let stitches = Stitches::default();
        let one = whose("a", None);
        let said = |n: usize| format!("question {n}");
        for n in 0..=MAX_STITCHED {
            let text = said(n);
            let asked = turns(&stitches, &[("user", &text)]);
            stitches.keep(&one, &asked, &words("yes"), &session(&format!("s{n}")), now());
        }
        let parent = |n: usize| {
            let text = said(n);
            let turns = turns(&stitches, &[("user", &text), ("assistant", "yes"), ("user", "go on")]);
            found(stitches.parent(&one, &turns, now())).map(|(_, session)| session)
        };
        assert_eq!(parent(0), None);
        assert_eq!(parent(1).as_deref(), Some("s1"));
        assert_eq!(parent(MAX_STITCHED), Some(format!("s{MAX_STITCHED}")));
    }
}
