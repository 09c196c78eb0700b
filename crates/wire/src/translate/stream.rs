//! A streamed answer of one dialect, told in another as it comes.

use super::neutral::{Answer, Part, Piece};
use super::{Speaks, Told, Untranslatable, client, speaks};
use crate::dialect::Dialect;
use crate::doc::Doc;
use crate::usage::Tally;

/// Who answers, as far as it is known when the first words come.
#[derive(Debug, Clone, Default)]
pub struct Begun {
    pub id: String,
    pub model: String,
    pub tally: Tally,
}

/// Writes the events of one dialect. Each has a name where the dialect has names.
pub trait Writer {
    fn begin(&mut self, begun: &Begun, out: &mut Vec<(&'static str, String)>);
    fn piece(&mut self, begun: &Begun, piece: &Piece, out: &mut Vec<(&'static str, String)>) -> Told<()>;
    fn end(&mut self, begun: &Begun, tally: &Tally, out: &mut Vec<(&'static str, String)>);
}

/// Translates a stream event by event. How an answer ended and what it took is written at the end:
/// providers tell it in the middle, last, or in two parts.
pub struct Stream {
    from: &'static Dialect,
    to: &'static Dialect,
    source: &'static Speaks,
    writer: Box<dyn Writer + Send + Sync>,
    begun: Option<Begun>,
    /// Stand in where the provider tells neither.
    id: String,
    model: String,
    calls: u64,
    tally: Tally,
}

impl Stream {
    /// A stream of a provider for a caller. Providers that name the model in the path and give no id
    /// tell neither; these two stand in.
    pub fn new(from: &'static Dialect, to: &'static Dialect, id: &str, model: &str) -> Told<Self> {
        let (source, target) = (speaks(from)?, client(to)?);
        Ok(Stream {
            from,
            to,
            source,
            writer: (target.writer)(),
            begun: None,
            id: id.to_owned(),
            model: model.to_owned(),
            calls: 0,
            tally: Tally::default(),
        })
    }

    /// What an event becomes: none or several, as they travel.
    pub fn event(&mut self, event: &Doc<'_>) -> Told<Vec<u8>> {
        let mut pieces = Vec::new();
        (self.source.read_event)(event.root(), self.calls, &mut pieces)?;
        let calls = pieces.iter().filter(|piece| matches!(piece, Piece::Call { .. })).count();
        self.calls = self.calls.saturating_add(u64::try_from(calls).unwrap_or(u64::MAX));
        self.tally.merge(Tally::of(self.from, event.root()));
        let mut out = Vec::new();
        for piece in &pieces {
            self.piece(piece, &mut out)?;
        }
        self.framed(out)
    }

    /// The last events. A stream that ended before its provider said why has no good end.
    pub fn end(&mut self) -> Told<Vec<u8>> {
        if self.tally.ended().is_none() {
            return Err(Untranslatable::CutOff);
        }
        let mut out = Vec::new();
        let begun = self.begun(&mut out);
        self.writer.end(&begun, &self.tally, &mut out);
        let mut bytes = self.framed(out)?;
        if let Some(end) = self.to.ends_with.filter(|_| self.to.name == "openai_chat") {
            bytes.extend(format!("data: {end}\n\n").into_bytes());
        }
        Ok(bytes)
    }

    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    fn piece(&mut self, piece: &Piece, out: &mut Vec<(&'static str, String)>) -> Told<()> {
        match piece {
            Piece::Begun { id, model } => {
                if self.begun.is_none() {
                    let named = |told: &String, else_: &mut String| {
                        if !told.is_empty() {
                            told.clone_into(else_);
                        }
                    };
                    named(id, &mut self.id);
                    named(model, &mut self.model);
                }
                Ok(())
            }
            piece => {
                let begun = self.begun(out);
                self.writer.piece(&begun, piece, out)
            }
        }
    }

    /// The beginning is written with the first words, when all is known that will be.
    fn begun(&mut self, out: &mut Vec<(&'static str, String)>) -> Begun {
        if let Some(begun) = &self.begun {
            return begun.clone();
        }
        let begun = Begun { id: self.id.clone(), model: self.model.clone(), tally: self.tally };
        self.writer.begin(&begun, out);
        self.begun = Some(begun.clone());
        begun
    }

    fn framed(&self, events: Vec<(&'static str, String)>) -> Told<Vec<u8>> {
        let mut bytes = Vec::new();
        for (name, data) in events {
            let name = Some(name).filter(|name| !name.is_empty());
            bytes.extend(self.to.stream.framed(name, &data).ok_or(Untranslatable::TooLarge)?);
        }
        Ok(bytes)
    }
}

/// Puts the pieces of a stream together, as a client does.
#[derive(Debug, Default)]
pub struct Joined {
    pub answer: Answer,
    calls: Vec<(u64, usize)>,
}

impl Joined {
    pub fn add(&mut self, piece: Piece) {
        let parts = &mut self.answer.parts;
        match piece {
            Piece::Begun { id, model } => {
                if self.answer.id.is_empty() {
                    self.answer.id = id;
                }
                if self.answer.model.is_empty() {
                    self.answer.model = model;
                }
            }
            Piece::Text(more) => match parts.last_mut() {
                Some(Part::Text(text)) => text.push_str(&more),
                Some(_) | None => parts.push(Part::Text(more)),
            },
            Piece::Refusal(more) => match parts.last_mut() {
                Some(Part::Refusal(text)) => text.push_str(&more),
                Some(_) | None => parts.push(Part::Refusal(more)),
            },
            Piece::Reasoning(more) => match parts.last_mut() {
                Some(Part::Reasoning { text, signature: None }) => text.push_str(&more),
                Some(_) | None => parts.push(Part::Reasoning { text: more, signature: None }),
            },
            Piece::Signature(more) => match parts.last_mut() {
                Some(Part::Reasoning { signature, .. }) => {
                    signature.get_or_insert_default().push_str(&more);
                }
                Some(_) | None => {
                    parts.push(Part::Reasoning { text: String::new(), signature: Some(more) });
                }
            },
            Piece::Call { number, id, tool } => {
                self.calls.push((number, parts.len()));
                parts.push(Part::Call { id, tool, arguments: String::new() });
            }
            Piece::Arguments { number, text } => {
                let at = self.calls.iter().rev().find(|(call, _)| *call == number).map(|(_, at)| *at);
                if let Some(Part::Call { arguments, .. }) = at.and_then(|at| parts.get_mut(at)) {
                    arguments.push_str(&text);
                }
            }
        }
    }
}
