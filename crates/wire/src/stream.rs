//! A streamed answer: cut into events, with the pieces of each text joined.
//!
//! ```text
//! bytes ─► framing ─► event ─► places ─► joined texts, one for each meaning and spot
//! ```
//!
//! Every byte comes back in a [`Step`], in its order. However the bytes are split, the events, the
//! joined texts and the faults are the same.

use std::collections::BTreeMap;

use crate::dialect::Dialect;
use crate::doc::{Doc, DocFault};
use crate::frame::{Frame, FrameFault, Framing};
use crate::shape::{Meaning, Speaker, Spot, places};
use crate::usage::Tally;

/// Bytes of all joined texts of one stream; beyond it the stream is cut.
pub const MAX_JOINED: usize = 16 << 20;
/// Texts of one stream that are told apart.
pub const MAX_TEXTS: usize = 4_096;

/// What makes pieces belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub spot: Spot,
    pub meaning: Meaning,
    pub speaker: Speaker,
}

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// The document in them, for those who change it.
    pub data: Vec<u8>,
    pub reading: Reading,
}

/// What an event is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    Event(Vec<Told>),
    /// The word that ends the stream.
    End,
    /// It carries nothing: a comment, a sign of life.
    Nothing,
    /// It is no document of this dialect. What to do about it is for a rule, not for a reader.
    Unreadable(DocFault),
}

/// One text of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub key: Key,
    /// A text that stands for itself; absent where it is a piece.
    pub whole: Option<String>,
    /// How far the joined text reached before this piece; it now reaches further.
    pub from: usize,
}

/// Why a stream cannot be read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    #[error("the stream cannot be cut into events")]
    Frame(#[from] FrameFault),
    #[error("the stream holds more text than {MAX_JOINED} bytes in {MAX_TEXTS} pieces")]
    TooLarge,
}

/// A streamed answer as far as it has come.
pub struct Reader {
    dialect: &'static Dialect,
    framing: Box<dyn Framing + Send + Sync>,
    joined: BTreeMap<Key, String>,
    bytes: usize,
    tally: Tally,
}

impl Reader {
    pub fn new(dialect: &'static Dialect) -> Self {
        Reader {
            dialect,
            framing: dialect.stream.framing(),
            joined: BTreeMap::new(),
            bytes: 0,
            tally: Tally::default(),
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.framing.push(bytes);
    }

    /// The next event, if it has arrived whole.
    pub fn step(&mut self) -> Result<Option<Step>, StreamFault> {
        let Some(Frame { raw, data, .. }) = self.framing.next()? else { return Ok(None) };
        let reading = self.read(&data)?;
        Ok(Some(Step { raw, data, reading }))
    }

    /// A text as far as it has come.
    pub fn text(&self, key: &Key) -> &str {
        self.joined.get(key).map_or("", String::as_str)
    }

    /// All texts that came in pieces.
    pub fn texts(&self) -> impl Iterator<Item = (&Key, &str)> {
        self.joined.iter().map(|(key, text)| (key, text.as_str()))
    }

    /// What the events so far say of tokens and of the end.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Bytes of an event that never became whole. A stream that ends with some was cut off.
    pub fn rest(&mut self) -> Vec<u8> {
        self.framing.rest()
    }

    fn read(&mut self, data: &[u8]) -> Result<Reading, StreamFault> {
        if data.is_empty() {
            return Ok(Reading::Nothing);
        }
        if self.dialect.ends_with.is_some_and(|end| data == end.as_bytes()) {
            return Ok(Reading::End);
        }
        let doc = match Doc::parse(data) {
            Ok(doc) => doc,
            Err(fault) => return Ok(Reading::Unreadable(fault)),
        };
        self.tally.merge(Tally::of(self.dialect, doc.root()));
        let mut told = Vec::new();
        let mut fits = true;
        places(doc.root(), &self.dialect.event, &mut |place| {
            let key = Key { spot: place.spot, meaning: place.meaning, speaker: place.speaker };
            let text = place.value.text().unwrap_or_else(|| place.value.raw().into());
            if place.piece && place.meaning != Meaning::Protocol {
                let known = self.joined.len();
                let joined = self.joined.entry(key).or_default();
                told.push(Told { key, whole: None, from: joined.len() });
                self.bytes += text.len();
                joined.push_str(&text);
                fits &= self.bytes <= MAX_JOINED && known < MAX_TEXTS;
            } else {
                told.push(Told { key, whole: Some(text.into_owned()), from: 0 });
            }
        });
        if fits { Ok(Reading::Event(told)) } else { Err(StreamFault::TooLarge) }
    }
}
