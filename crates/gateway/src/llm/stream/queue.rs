//! Events that wait for a verdict.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use action::Json;
use engine::Rules;
use engine::detect::Hit;
use engine::live;
use ledger::Report;
use wire::dialect::Dialect;
use wire::doc::Doc;
use wire::edit::Edits;
use wire::instead::{self, Mender, Refused};
use wire::shape::{Meaning, Spot, places};
use wire::stream::{Key, Reader, Reading, Step, Told};
use wire::translate::Stream as Translator;

use super::pipe::Pipe;
use super::track::Track;
use super::{End, alive};
use crate::limits::{MAX_FINDS, MAX_WAITING_BYTES, MAX_WAITING_EVENTS};
use crate::llm::call::Call;
use crate::llm::no::No;
use crate::llm::shadow::Listener;
use crate::llm::stitch::Turn;
use crate::llm::talk::Lining;

/// Bytes of a text before what is judged that are judged with it: words that say what follows.
const CONTEXT: usize = 256;
/// What stands for a value that cannot be replaced in its place.
const COVERED: &str = "[redacted]";
/// Words of a format that were judged once.
const MAX_KNOWN: usize = 64;

/// A call: by its spot, and by its event where a spot says nothing beyond that.
type Place = (u64, Spot);

/// A streamed answer between the provider and the client.
pub struct Queue<'c> {
    call: &'c Call,
    reader: Reader,
    lining: Lining,
    rules: Arc<Rules>,
    events: VecDeque<Event>,
    bytes: usize,
    tracks: BTreeMap<Key, Track>,
    calls: BTreeMap<Place, Calling>,
    mender: Mender,
    /// Into the caller's dialect, where the provider speaks another.
    translator: Option<Translator>,
    dialect: &'static Dialect,
    /// Events so far.
    count: u64,
    known: BTreeSet<String>,
    finds: usize,
    ended: bool,
    /// What is said, where it is compared with a second answer.
    listener: Option<Listener>,
}

struct Event {
    step: Step,
    /// One for each text of the event, in their order.
    parts: Vec<Part>,
}

enum Part {
    /// Nothing waits for it and nothing changes it.
    Plain,
    /// The words of the event once more, token by token: they go when the words are changed.
    Echo,
    /// The same with something in it that is not shown: it goes in any case.
    Gone,
    /// Stands in place of the text.
    Written(String),
    /// A piece of a text, with its number on the text's track and its bytes as it came.
    Piece(Key, u64, usize),
    /// Arguments of a call; the name and the id wait with them.
    Arguments(Place),
    CallWord(Place),
}

/// A call of a tool that is under way.
#[derive(Default)]
struct Calling {
    tool: String,
    arguments: String,
    /// The arguments stand in one event, not in pieces.
    whole: bool,
    /// So many bytes of them were found not to be all; they are not read again until there are more.
    unfinished: usize,
    decided: Option<Decided>,
    /// What the arguments are in the end, where they are others.
    final_arguments: Option<String>,
}

enum Decided {
    AsItCame,
    /// These arguments instead, until they were written.
    Otherwise(Option<String>),
    /// Not at all; this is said in its place.
    Refused(String),
}

impl<'c> Queue<'c> {
    pub fn new(call: &'c Call, dialect: &'static Dialect, model: &str) -> Result<Self, No> {
        let rules = call.rules();
        let translator = match dialect.name == call.dialect.name {
            true => None,
            false => {
                let translator = Translator::new(dialect, call.dialect, call.id.as_str(), model);
                Some(translator.map_err(|no| No::untranslatable(no, true))?)
            }
        };
        Ok(Queue {
            call,
            reader: Reader::new(dialect),
            lining: call.talk.lining(),
            rules,
            events: VecDeque::new(),
            bytes: 0,
            tracks: BTreeMap::new(),
            calls: BTreeMap::new(),
            mender: Mender::new(dialect),
            translator,
            dialect,
            count: 0,
            known: BTreeSet::new(),
            finds: 0,
            ended: false,
            listener: call.shadow.is_some().then(|| Listener::new(dialect)),
        })
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    /// Takes one event, if one has arrived whole, and judges what can be judged by now.
    pub async fn step(&mut self, pipe: &Pipe) -> Result<bool, End> {
        let fault =
            |_| No::unavailable("unreadable_answer", "the provider's answer cannot be read any further");
        let Some(step) = self.reader.step().map_err(fault)? else { return Ok(false) };
        self.count += 1;
        if let Some(listener) = &mut self.listener {
            listener.hear(&step, &self.reader);
        }
        let parts = match &step.reading {
            Reading::Event(told) => self.event(told, pipe).await?,
            Reading::End => {
                self.end(pipe).await?;
                Vec::new()
            }
            Reading::Nothing => Vec::new(),
            Reading::Unreadable(_) => {
                let message = "the provider sent an event that cannot be read, so it cannot be judged";
                return Err(No::unavailable("unreadable_event", message).into());
            }
        };
        self.bytes += step.raw.len();
        self.events.push_back(Event { step, parts });
        if self.events.len() > MAX_WAITING_EVENTS || self.bytes > MAX_WAITING_BYTES {
            return Err(No::unavailable(
                "too_much_waits",
                "more of an answer waits for a verdict than is kept",
            )
            .into());
        }
        Ok(true)
    }

    /// The last of it has come. An answer that does not say that it is at its end was cut off, however
    /// well its last event looks.
    pub async fn finish(&mut self, pipe: &Pipe) -> Result<(), End> {
        let tells = !self.dialect.tells.ends.is_empty();
        let is_whole = self.ended || !tells || self.reader.tally().ended().is_some();
        let rest = self.reader.rest();
        if !rest.trim_ascii().is_empty() || !is_whole {
            return Err(No::unavailable("answer_cut", "the provider's answer ended before its end").into());
        }
        self.end(pipe).await?;
        if !rest.is_empty() {
            // Blanks behind the last event are none that was cut off; they leave as they came.
            let step = Step { raw: rest, data: Vec::new(), reading: Reading::Nothing };
            self.events.push_back(Event { step, parts: Vec::new() });
        }
        Ok(())
    }

    /// The bytes that may leave now.
    pub fn released(&mut self) -> Result<Vec<u8>, No> {
        let mut out = Vec::new();
        while let Some(event) = self.events.front() {
            if !event.parts.iter().all(|part| self.is_free(part)) {
                break;
            }
            let Some(event) = self.events.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(event.step.raw.len());
            self.write(event, &mut out)?;
        }
        Ok(out)
    }

    pub fn settle_money(&self) {
        self.call.settle(Some(self.reader.tally()));
    }

    pub fn note_said(&mut self) {
        if let Some(listener) = self.listener.take() {
            let said = listener.said(&self.reader, self.call.story.shadows.hash());
            self.call.notice(|live| live.said = said);
        }
    }

    /// What was said, as it was given to the client. What stands in the place of a refused call is not told
    /// apart from other words, so such an answer is not known again.
    pub fn turn(&self) -> Option<Turn> {
        if self.calls.values().any(|calling| matches!(calling.decided, Some(Decided::Refused(_)))) {
            return None;
        }
        let is_text = |key: &Key| key.meaning == Meaning::Text;
        let texts = self.tracks.iter().filter(|(key, _)| is_text(key));
        let text = texts.map(|(_, track)| self.lining.open(track.text())).collect();
        let calls = self.calls.values().filter(|calling| !calling.tool.is_empty()).map(|calling| {
            let arguments = calling.final_arguments.as_ref().unwrap_or(&calling.arguments);
            (calling.tool.clone(), Json::Text(arguments.clone()))
        });
        Some(Turn::of_model(text, calls.collect()))
    }

    pub fn note_cut(&self, code: &str) {
        self.call.note_end(Report::Failed, code);
    }

    async fn event(&mut self, told: &[Told], pipe: &Pipe) -> Result<Vec<Part>, End> {
        let touched: BTreeSet<Place> =
            told.iter().filter(|it| is_of_call(it.key.meaning)).map(|it| self.place(it.key.spot)).collect();
        // A call is whole when its arguments are, and the next event says nothing of it.
        let over: Vec<Place> = self
            .calls
            .iter_mut()
            .filter_map(|(place, calling)| (!touched.contains(place) && calling.is_whole()).then_some(*place))
            .collect();
        for place in over {
            self.judge_call(place, pipe).await?;
        }
        let mut parts = Vec::with_capacity(told.len());
        let mut grown = BTreeSet::new();
        for told in told {
            parts.push(match told.key.meaning {
                Meaning::Echo => self.echo(told),
                meaning if is_of_call(meaning) => self.call_part(told)?,
                _ => match &told.whole {
                    Some(text) => self.whole(&told.key, text).await?,
                    None => {
                        let piece =
                            self.reader.text(&told.key).get(told.from..).unwrap_or_default().to_owned();
                        let lining = &self.lining;
                        let track = self.tracks.entry(told.key).or_insert_with(|| Track::new(lining));
                        let number = track.feed(&piece);
                        grown.insert(told.key);
                        Part::Piece(told.key, number, piece.len())
                    }
                },
            });
        }
        for key in grown {
            self.settle(key, false).await?;
        }
        if instead::come_whole(self.dialect) {
            for place in touched {
                self.judge_call(place, pipe).await?;
            }
        }
        Ok(parts)
    }

    fn echo(&self, told: &Told) -> Part {
        let text = told.whole.as_deref().unwrap_or_default();
        if self.sensitive(text, 0, text.len()).is_empty() { Part::Echo } else { Part::Gone }
    }

    fn place(&self, spot: Spot) -> Place {
        (if instead::come_whole(self.dialect) { self.count } else { 0 }, spot)
    }

    /// A part of a call: its name, its arguments or its id.
    fn call_part(&mut self, told: &Told) -> Result<Part, No> {
        let spot = self.place(told.key.spot);
        let text = match &told.whole {
            Some(text) => text.as_str(),
            None => self.reader.text(&told.key).get(told.from..).unwrap_or_default(),
        };
        let calling = self.calls.entry(spot).or_default();
        if let Some(decided) = &calling.decided {
            // Said once more, as some formats do. Anything else would be a call that was not judged.
            let same = match told.key.meaning {
                Meaning::CallTool => told.whole.is_some() && text == calling.tool,
                Meaning::CallArguments => {
                    text.is_empty() || (told.whole.is_some() && same_json(text, &calling.arguments))
                }
                _ => true,
            };
            if !same {
                return Err(No::unavailable("call_goes_on", "the model goes on with a call that was whole"));
            }
            return Ok(match (told.key.meaning, decided) {
                (Meaning::CallArguments, Decided::Otherwise(_)) if !text.is_empty() => {
                    Part::Written(calling.final_arguments.clone().unwrap_or_default())
                }
                _ => Part::CallWord(spot),
            });
        }
        Ok(match told.key.meaning {
            Meaning::CallTool => {
                match told.whole {
                    Some(_) => calling.tool = text.to_owned(),
                    None => calling.tool.push_str(text),
                }
                Part::CallWord(spot)
            }
            Meaning::CallArguments => {
                match told.whole {
                    // The whole of what came in pieces, or an empty beginning of it.
                    Some(_) if !calling.arguments.is_empty() && !same_json(text, &calling.arguments) => {
                        return Err(No::unavailable(
                            "call_contradicts",
                            "the model says two things of one call",
                        ));
                    }
                    Some(_) if is_nothing(text) => {}
                    Some(_) => {
                        calling.arguments = text.to_owned();
                        calling.whole = true;
                    }
                    None => calling.arguments.push_str(text),
                }
                Part::Arguments(spot)
            }
            _ => Part::CallWord(spot),
        })
    }

    /// A text that stands for itself.
    async fn whole(&mut self, key: &Key, text: &str) -> Result<Part, End> {
        if text.is_empty() || self.known.contains(text) {
            return Ok(Part::Plain);
        }
        let track = self.tracks.get(key);
        let covered = match self.lining.covered(Json::Text(text.to_owned())) {
            Json::Text(text) => text,
            _ => text.to_owned(),
        };
        // The same text that came in pieces was judged with them.
        let judged =
            track.filter(|track| self.reader.text(key) == text && track.settled() == track.text().len());
        let shown = match judged {
            Some(track) => track.text().to_owned(),
            None if self.sensitive(&covered, 0, covered.len()).is_empty() => covered.clone(),
            None => self.found(key, &covered, 0, covered.len()).await?,
        };
        let shown = self.lining.open(&shown);
        if shown != text {
            return Ok(Part::Written(shown));
        }
        if key.meaning == Meaning::Protocol && self.known.len() < MAX_KNOWN {
            self.known.insert(text.to_owned());
        }
        Ok(Part::Plain)
    }

    /// Judges a text as far as it can be judged.
    async fn settle(&mut self, key: Key, last: bool) -> Result<(), End> {
        let Some(track) = self.tracks.get(&key) else { return Ok(()) };
        let from = track.settled();
        let to = match last {
            true => track.text().len(),
            false => live::settled(track.text(), from, self.rules.answers()),
        };
        if to <= from {
            return Ok(());
        }
        if self.sensitive(track.text(), from, to).is_empty() {
            if let Some(track) = self.tracks.get_mut(&key) {
                track.settle(to);
            }
            return Ok(());
        }
        let text = track.text().to_owned();
        let shown = self.found(&key, &text, from, to).await?;
        if let Some(track) = self.tracks.get_mut(&key) {
            track.rewrite(to, &shown);
        }
        Ok(())
    }

    fn sensitive(&self, text: &str, from: usize, to: usize) -> Vec<Hit> {
        live::sensitive(text, from..to, self.rules.answers(), &self.rules.detectors)
    }

    /// Something sensitive stands in `from..to`: the rules say what is shown of it.
    async fn found(&mut self, key: &Key, text: &str, from: usize, to: usize) -> Result<String, End> {
        self.finds += 1;
        if self.finds > MAX_FINDS {
            return Err(
                No::unavailable("too_many_finds", "too much of this answer had to be judged apart").into()
            );
        }
        let mut start = from.saturating_sub(CONTEXT);
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let (before, window) =
            (text.get(start..from).unwrap_or_default(), text.get(from..to).unwrap_or_default());
        let judged = format!("{before}{window}");
        let shown = self.call.seen(said(key.meaning, judged), false).await?;
        let shown =
            shown.at("messages.0").and_then(|said| said.get(word(key.meaning))).and_then(Json::as_text);
        Ok(match shown.and_then(|shown| shown.strip_prefix(before)) {
            Some(shown) => shown.to_owned(),
            // A rule changes words that are gone by now; all of what is left is covered.
            None => COVERED.to_owned(),
        })
    }

    /// Judges a call of a tool, all of it.
    async fn judge_call(&mut self, spot: Place, pipe: &Pipe) -> Result<(), End> {
        let Some(calling) = self.calls.get_mut(&spot).filter(|calling| calling.decided.is_none()) else {
            return Ok(());
        };
        if calling.tool.is_empty() && calling.arguments.is_empty() {
            calling.decided = Some(Decided::AsItCame);
            return Ok(());
        }
        let written = if calling.arguments.is_empty() { "{}" } else { &calling.arguments };
        let arguments = Json::parse(written.as_bytes()).unwrap_or_else(|_| Json::Text(written.to_owned()));
        let opened = self.lining.opened(arguments.clone());
        let tool = calling.tool.clone();
        let work = self.call.called(&tool, opened.clone());
        let judged = alive(pipe, self.call.dialect.stream, work).await.ok_or(End::Gone)?;
        let Some(calling) = self.calls.get_mut(&spot) else { return Ok(()) };
        let last = match judged {
            Ok(changed) => changed.unwrap_or(opened),
            Err(no) => {
                calling.decided = Some(Decided::Refused(no.in_place().ok_or(no)?));
                return Ok(());
            }
        };
        calling.decided = Some(match last == arguments {
            true => Decided::AsItCame,
            false => {
                let text = serde_json::to_string(&last).unwrap_or_default();
                calling.final_arguments = Some(text.clone());
                Decided::Otherwise(Some(text))
            }
        });
        Ok(())
    }

    /// Judges what is left, and the answer as a whole.
    async fn end(&mut self, pipe: &Pipe) -> Result<(), End> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let open: Vec<Place> = self.calls.keys().copied().collect();
        for spot in open {
            self.judge_call(spot, pipe).await?;
        }
        let keys: Vec<Key> = self.tracks.keys().copied().collect();
        for key in keys {
            if let Some(track) = self.tracks.get_mut(&key) {
                track.finish();
            }
            self.settle(key, true).await?;
        }
        let texts = self.tracks.iter().map(|(key, track)| one(key.meaning, track.text().to_owned()));
        let whole = Json::Object(vec![("messages".to_owned(), Json::List(texts.collect()))]);
        let shown = self.call.seen(whole.clone(), true).await?;
        if shown != whole {
            // It was given away before the whole of it said what it is.
            return Err(
                No::unavailable("found_late", "this answer turned out to be one that is not given").into()
            );
        }
        Ok(())
    }

    fn is_free(&self, part: &Part) -> bool {
        match part {
            Part::Plain | Part::Echo | Part::Gone | Part::Written(_) => true,
            Part::Piece(key, number, _) => self.tracks.get(key).is_none_or(|track| track.is_free(*number)),
            Part::Arguments(spot) | Part::CallWord(spot) => {
                self.calls.get(spot).is_none_or(|calling| calling.decided.is_some())
            }
        }
    }

    /// Writes an event, as it came or with what stands otherwise in it, in the caller's dialect.
    fn write(&mut self, event: Event, out: &mut Vec<u8>) -> Result<(), No> {
        let Event { mut step, parts } = event;
        let mut written: Vec<Option<String>> = Vec::with_capacity(parts.len());
        let told = match &step.reading {
            Reading::Event(told) => told.as_slice(),
            Reading::End | Reading::Nothing | Reading::Unreadable(_) => &[],
        };
        let froms = told.iter().map(|told| told.from).chain(std::iter::repeat(0));
        for (part, from) in parts.into_iter().zip(froms) {
            let refused = match &part {
                Part::Arguments(place) | Part::CallWord(place) => match self.calls.get(place) {
                    Some(Calling { decided: Some(Decided::Refused(text)), .. }) => {
                        Some(Refused { spot: place.1, text: text.clone().into() })
                    }
                    _ => None,
                },
                _ => None,
            };
            if let Some(refused) = refused {
                self.mender.refuse(&refused).map_err(|_| cannot_be_written())?;
            }
            written.push(match part {
                Part::Plain | Part::Echo | Part::CallWord(_) => None,
                Part::Gone => Some(String::new()),
                Part::Written(text) => Some(text),
                Part::Piece(key, number, length) => {
                    let lining = &self.lining;
                    let given = self.tracks.get_mut(&key).map(|track| lining.open(track.give(number)));
                    let came = self.reader.text(&key).get(from..from.saturating_add(length));
                    given.filter(|given| came != Some(given))
                }
                Part::Arguments(place) => match self.calls.get_mut(&place) {
                    Some(Calling { decided: Some(Decided::Otherwise(text)), .. }) => {
                        Some(text.take().unwrap_or_default())
                    }
                    Some(_) | None => None,
                },
            });
        }
        if written.iter().any(Option::is_some) {
            self.rewrite(&mut step, written)?;
        }
        let leaves = self.mender.event(&step).map_err(|_| cannot_be_written())?;
        match &mut self.translator {
            None => out.extend_from_slice(&leaves),
            Some(translator) => out.extend(translated(translator, self.dialect, &leaves)?),
        }
        Ok(())
    }

    /// Puts other texts into an event, in the order of its places.
    fn rewrite(&self, step: &mut Step, written: Vec<Option<String>>) -> Result<(), No> {
        let doc = Doc::parse(&step.data).map_err(|_| cannot_be_written())?;
        let mut edits = Edits::default();
        let mut next = written.into_iter();
        let mut echoes = Vec::new();
        places(doc.root(), &self.dialect.event, &mut |place| {
            let written = next.next().flatten();
            if place.meaning == Meaning::Echo {
                match written {
                    Some(_) => edits.value(place.value, "null".to_owned()),
                    None => echoes.push(place.value),
                }
                return;
            }
            let Some(text) = written else { return };
            match place.value.text() {
                Some(own) if own == text => {}
                Some(_) => edits.text(place.value, &text),
                // Arguments that are no text are written as the value that they are.
                None if place.value.raw() == text => {}
                None => edits.value(place.value, if text.is_empty() { "{}".to_owned() } else { text }),
            }
        });
        if edits.is_empty() {
            return Ok(());
        }
        echoes.into_iter().for_each(|echo| edits.value(echo, "null".to_owned()));
        let data = edits.apply(doc.source()).map_err(|_| cannot_be_written())?.into_bytes();
        step.raw = self.dialect.stream.rebuilt(&step.raw, &data).ok_or_else(cannot_be_written)?;
        step.data = data;
        Ok(())
    }

    /// What ends a stream in the caller's dialect, where that is another one.
    pub fn last_words(&mut self) -> Result<Vec<u8>, No> {
        match &mut self.translator {
            None => Ok(Vec::new()),
            Some(translator) => translator.end().map_err(|no| No::untranslatable(no, true)),
        }
    }
}

fn cannot_be_written() -> No {
    No::unavailable("unreadable_event", "an event of the provider's cannot be written again")
}

/// Events of the provider's in the caller's dialect.
fn translated(translator: &mut Translator, dialect: &Dialect, leaves: &[u8]) -> Result<Vec<u8>, No> {
    let mut out = Vec::new();
    let mut framing = dialect.stream.framing();
    framing.push(leaves);
    while let Some(frame) = framing.next().map_err(|_| cannot_be_written())? {
        let is_end = dialect.ends_with.is_some_and(|end| frame.data == end.as_bytes());
        if frame.data.is_empty() || is_end {
            continue;
        }
        let doc = Doc::parse(&frame.data).map_err(|_| cannot_be_written())?;
        out.extend(translator.event(&doc).map_err(|no| No::untranslatable(no, true))?);
    }
    Ok(out)
}

impl Calling {
    fn is_whole(&mut self) -> bool {
        if self.decided.is_some() || self.whole || self.arguments.len() == self.unfinished {
            return self.decided.is_none() && self.whole;
        }
        let is_whole = Doc::parse(self.arguments.as_bytes()).is_ok();
        self.unfinished = if is_whole { 0 } else { self.arguments.len() };
        is_whole
    }
}

const fn is_of_call(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::CallTool | Meaning::CallArguments | Meaning::CallId)
}

fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "" | "{}")
}

fn same_json(a: &str, b: &str) -> bool {
    a == b || Json::parse(a.as_bytes()).is_ok_and(|a| Json::parse(b.as_bytes()).is_ok_and(|b| a == b))
}

const fn word(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Reasoning => "reasoning",
        Meaning::Refusal => "refusal",
        _ => "content",
    }
}

fn one(meaning: Meaning, text: String) -> Json {
    Json::Object(vec![
        ("role".to_owned(), Json::Text("assistant".to_owned())),
        (word(meaning).to_owned(), Json::Text(text)),
    ])
}

fn said(meaning: Meaning, text: String) -> Json {
    Json::Object(vec![("messages".to_owned(), Json::List(vec![one(meaning, text)]))])
}
