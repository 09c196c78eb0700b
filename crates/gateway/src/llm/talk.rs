//! What is kept of a conversation between two calls: which replacements stand for which values, and
//! which texts were heard already.

use std::collections::hash_map::{self, RandomState};
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use action::{Content, Json, Name};
use engine::redact::{Entry, Restorer, TokenMap, restore, restore_json};

use crate::guard::{Guard, Veil, lifted};
use crate::limits::{MAX_HEARD, MAX_TALKS};

/// Every conversation of the last time.
#[derive(Default)]
pub struct Talks {
    known: Mutex<HashMap<(Name, Name), Arc<Talk>>>,
    hash: RandomState,
}

/// One conversation.
pub struct Talk {
    pub veil: Veil,
    heard: Mutex<HashSet<u64>>,
    used: Mutex<Instant>,
}

impl Talks {
    /// The conversation of a session. Without one each call is its own: what one person said must
    /// not be put into the answer to another.
    pub fn of(&self, guard: &Guard, agent: &Name, session: Option<&Name>) -> Arc<Talk> {
        let Some(session) = session else {
            return Arc::new(Talk::new(guard.veil(agent.as_str(), "")));
        };
        let mut known = lock(&self.known);
        if known.len() >= MAX_TALKS && !known.contains_key(&(agent.clone(), session.clone())) {
            make_room(&mut known);
        }
        match known.entry((agent.clone(), session.clone())) {
            hash_map::Entry::Occupied(entry) => {
                *lock(&entry.get().used) = Instant::now();
                Arc::clone(entry.get())
            }
            hash_map::Entry::Vacant(entry) => {
                let veil = guard.veil(agent.as_str(), session.as_str());
                Arc::clone(entry.insert(Arc::new(Talk::new(veil))))
            }
        }
    }

    /// Those of the texts that this conversation has not brought before: clients send all of it with
    /// every call.
    pub fn new_in(&self, talk: &Talk, texts: Vec<Content>) -> Vec<Content> {
        let mut heard = lock(&talk.heard);
        if heard.len() + texts.len() > MAX_HEARD {
            heard.clear();
        }
        texts
            .into_iter()
            .filter(|content| heard.insert(self.hash.hash_one((content.channel, &content.text))))
            .collect()
    }
}

/// A tenth of them, the longest unused, so that the next ones find room without looking again.
fn make_room(known: &mut HashMap<(Name, Name), Arc<Talk>>) {
    let mut used: Vec<Instant> = known.values().map(|talk| *lock(&talk.used)).collect();
    used.sort_unstable();
    if let Some(border) = used.get(MAX_TALKS / 10) {
        known.retain(|_, talk| *lock(&talk.used) > *border);
    }
}

/// Replacements that came back, kept apart from what a model says of its own: while an answer is judged
/// a mark stands in the place of each, so that neither the replacement nor the original is taken for
/// something that leaks.
#[derive(Clone, Default)]
pub struct Lining {
    cover: TokenMap,
    open: TokenMap,
}

impl Lining {
    fn of(map: &TokenMap) -> Self {
        let mut lining = Lining::default();
        for (place, entry) in map.entries().iter().enumerate() {
            let Entry { class, original, synthetic } = entry.clone();
            let mark = format!("\u{27e6}{place}\u{27e7}");
            lining.cover.add(Entry { class, original: mark.clone(), synthetic });
            lining.open.add(Entry { class, original, synthetic: mark });
        }
        lining
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// With marks.
    pub fn covered(&self, payload: Json) -> Json {
        if self.is_empty() { payload } else { restore_json(&payload, &self.cover) }
    }

    /// With originals; of what was covered, or as it came.
    pub fn opened(&self, payload: Json) -> Json {
        if self.is_empty() { payload } else { restore_json(&self.covered(payload), &self.open) }
    }

    /// What covers one text that comes in pieces.
    pub fn restorer(&self) -> Option<Restorer> {
        (!self.is_empty()).then(|| Restorer::new(&self.cover))
    }

    pub fn open(&self, text: &str) -> String {
        if self.is_empty() { text.to_owned() } else { restore(text, &self.open) }
    }
}

impl Talk {
    /// The replacements that this conversation made so far.
    pub fn lining(&self) -> Lining {
        Lining::of(lifted(&self.veil).map())
    }

    pub fn new(veil: Veil) -> Self {
        Talk { veil, heard: Mutex::default(), used: Mutex::new(Instant::now()) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
