//! Any split of the bytes of a stream gives the same released content and the same verdicts: in every
//! dialect, and where the provider speaks another one than the caller.
//!
//! The streams are those of the fixtures of `wire`, with a key, a card and the caller's own replaced card
//! in their texts, and a call of a tool that is allowed or refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use wire::dialect::{self, Dialect, Stream};
use wire::doc::Doc;
use wire::edit::Edits;
use wire::endpoint::endpoint;
use wire::shape::{Meaning, places};

use crate::harness::{Server, until};
use crate::leaks::{ask_within, fixture, spoken};
use crate::models::{self, CARD, KEY, chat, joined, server, streamed};
use crate::provider::{Answers, Provider};

const PATIENCE: Duration = Duration::from_secs(20);
/// A card of nobody that the provider says by itself.
const OTHER_CARD: &str = "4111 1111 1111 1111";
const SEED: u64 = 7;

/// How the bytes are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Split {
    Whole,
    Bytes,
    /// At places that follow from the number.
    Places(u64),
}

/// One way to ask, and what the provider then does.
#[derive(Clone)]
struct Cell {
    name: String,
    dialect: &'static Dialect,
    path: String,
    body: String,
    tool: &'static str,
    /// Lines end with CR LF.
    crlf: bool,
    /// The provider gives its events as one list.
    as_list: bool,
}

/// Numbers that follow from the seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

fn cut(bytes: &[u8], split: Split) -> Vec<Vec<u8>> {
    let mut at: Vec<usize> = match split {
        Split::Whole => Vec::new(),
        Split::Bytes => (1..bytes.len()).collect(),
        Split::Places(seed) => {
            let mut draw = Draw(SEED ^ seed << 8);
            (0..1 + draw.below(40)).map(|_| draw.below(bytes.len())).collect()
        }
    };
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.dedup();
    at.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
}

/// The fixture's events, with longer texts and a call that is whole. A text comes in many events.
fn events(dialect: &Dialect, text: &str, tool: &str) -> Vec<String> {
    let source = fixture(dialect, "event").unwrap().replace("refund", tool);
    let mut all = Vec::new();
    for line in source.lines().filter(|line| line.starts_with('{')) {
        let doc = Doc::parse(line.as_bytes()).unwrap();
        let mut grown = None;
        places(doc.root(), &dialect.event, &mut |place| {
            let said = place.value.text().unwrap_or_default();
            let pieces: Vec<&str> = match place.meaning {
                _ if !place.piece || said.is_empty() || grown.is_some() => return,
                Meaning::Text | Meaning::Reasoning | Meaning::Refusal => in_parts(text, 17),
                Meaning::CallArguments => vec!["{\"am", "ount\":", "40}"],
                _ => return,
            };
            let events = pieces.into_iter().map(|piece| {
                let mut edits = Edits::default();
                edits.text(place.value, piece);
                edits.apply(line).unwrap()
            });
            grown = Some(events.collect::<Vec<_>>());
        });
        all.extend(grown.unwrap_or_else(|| vec![line.to_owned()]));
    }
    all
}

fn in_parts(text: &str, size: usize) -> Vec<&str> {
    assert!(text.is_ascii());
    let at: Vec<usize> = (0..text.len()).step_by(size).chain([text.len()]).collect();
    at.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

/// A whole stream as it travels, and what it is said to be.
fn stream(dialect: &Dialect, text: &str, cell: &Cell) -> (&'static str, Vec<u8>) {
    let events = events(dialect, text, cell.tool);
    if cell.as_list && dialect.is_listed() {
        return ("application/json", format!("[{}\n]\n", events.join("\n,\r\n")).into_bytes());
    }
    let framed = events.iter().flat_map(|event| {
        let kind = serde_json::from_str::<Value>(event).unwrap()["type"].as_str().map(str::to_owned);
        dialect.stream.framed(kind.as_deref().or(Some("x")), event).unwrap()
    });
    let mut bytes: Vec<u8> = framed.collect();
    if let Some(end) = dialect.ends_with {
        bytes.extend(format!(": bye\n\ndata: {end}\n\n").into_bytes());
    }
    if cell.crlf && dialect.stream == Stream::Events {
        bytes = String::from_utf8(bytes).unwrap().replace('\n', "\r\n").into_bytes();
    }
    (dialect.stream.media_type(), bytes)
}

fn request(dialect: &str) -> String {
    let said = format!("my card is {CARD}! what now?");
    let message = json!([{ "role": "user", "content": said }]);
    match dialect {
        "openai_responses" => json!({ "model": "m", "stream": true, "input": said }),
        "gemini" => json!({ "contents": [{ "role": "user", "parts": [{ "text": said }] }] }),
        "bedrock_converse" => json!({ "messages": [{ "role": "user", "content": [{ "text": said }] }] }),
        "openai_completions" | "ollama_generate" => {
            json!({ "model": "m", "stream": true, "prompt": "what now?" })
        }
        "bedrock_invoke" => json!({ "inputText": "what now?" }),
        _ => json!({ "model": "m", "stream": true, "max_tokens": 50, "messages": message }),
    }
    .to_string()
}

/// Every dialect with a provider of its own, and every one that is translated with each kind of provider.
fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut add = |name: String, path: String, dialect: &'static Dialect, as_list: bool| {
        let odd = cells.len() % 2 == 1;
        let tool = if odd { "refund" } else { "get_weather" };
        cells.push(Cell { name, dialect, path, body: request(dialect.name), tool, crlf: odd, as_list });
    };
    for (dialect, path) in spoken(true) {
        for turn in ["a", "b"] {
            add(format!("{} {turn}", dialect.name), path.clone(), dialect, false);
        }
        if dialect.is_listed() {
            let bare = path.replace("?alt=sse", "");
            add("gemini, wanted as a list".into(), bare.clone(), dialect, false);
            add("gemini, given as a list".into(), path.clone(), dialect, true);
            add("gemini, a list both ways".into(), bare, dialect, true);
        }
        for kind in ["openai", "anthropic", "gemini", "bedrock", "cohere", "ollama"] {
            let provider = gateway::provider::named(kind).unwrap();
            let speaks = |name: &str| provider.speaks.iter().any(|it| it.dialect == name);
            let other = provider.speaks.first().and_then(|it| dialect::named(it.dialect)).unwrap();
            if !speaks(dialect.name) && wire::translate::is_translated(dialect, other) {
                add(format!("{} of {kind}", dialect.name), format!("/via/{kind}{path}"), dialect, false);
            }
        }
    }
    cells
}

/// What was released, without receipts, which are others each time. Amazon's frames have a checksum over
/// them, or have them in base64, so of those it is what they carry.
fn released(dialect: &Dialect, bytes: &[u8]) -> String {
    let text = match dialect.stream {
        Stream::Events | Stream::Lines => String::from_utf8_lossy(bytes).into_owned(),
        Stream::Aws | Stream::AwsChunks => {
            let mut framing = dialect.stream.framing();
            framing.push(bytes);
            let mut out = String::new();
            while let Ok(Some(frame)) = framing.next() {
                let data = String::from_utf8_lossy(&frame.data);
                out.push_str(&format!("{}: {data}\n", frame.event.unwrap_or_default()));
            }
            assert_eq!(framing.rest(), b"", "{}: every frame is whole: {out}", dialect.name);
            out
        }
    };
    let mut parts = text.split("dec_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        out + "dec_" + rest
    })
}

/// What was decided about an agent's call, in its order.
fn verdicts(server: &Server, agent: &str) -> Vec<String> {
    let found = server.look(&format!("/api/v1/decisions?limit=100&agent={agent}"));
    let mut rows: Vec<&Value> = found["items"].as_array().unwrap().iter().collect();
    rows.sort_by_key(|row| row["sequence"].as_u64());
    rows.iter().map(|row| format!("{} {} {}", row["act"]["tool"], row["verdict"], row["rule"])).collect()
}

/// What the provider does next.
struct Next {
    cell: Cell,
    split: Split,
}

#[test]
fn any_split_of_a_stream_gives_the_same_content_and_the_same_verdicts() {
    let next: Arc<Mutex<Option<Next>>> = Arc::default();
    let provider = Provider::start({
        let next = Arc::clone(&next);
        move |seen| {
            let next = next.lock().unwrap();
            let Some(Next { cell, split }) = &*next else { return Answers::json("{}") };
            let path = seen.path.split('?').next().unwrap();
            let dialect = endpoint("POST", path).unwrap_or_else(|| panic!("{path}")).endpoint.dialect;
            let card = seen.body.split("my card is ").nth(1).and_then(|rest| rest.split('!').next());
            let text = format!(
                "Your card {} is fine, the key is {KEY} and their card is {OTHER_CARD}; that is all of it, for everybody.",
                card.unwrap_or("is not here")
            );
            let (media, bytes) = stream(dialect, &text, cell);
            Answers::pieces(media, cut(&bytes, *split))
        }
    });
    let server = server(&provider);
    let (mut told, mut counts) = (BTreeMap::new(), BTreeMap::<&str, usize>::new());
    let cells = cells();
    for (number, cell) in cells.iter().enumerate() {
        let seed = 2 * u64::try_from(number).unwrap();
        for split in [Split::Whole, Split::Bytes, Split::Places(seed), Split::Places(seed + 1)] {
            let name = format!("agent-{number}-{}", told.len());
            let agent = server.agent(&name, &[]);
            *next.lock().unwrap() = Some(Next { cell: cell.clone(), split });
            let (status, bytes) = ask_within(PATIENCE, &agent, &cell.path, &cell.body);
            let body = released(cell.dialect, &bytes);
            assert!(status == 200, "{}, {split:?}: {status} {body}", cell.name);
            assert!(!body.contains(KEY) && !body.contains(OTHER_CARD), "{}, {split:?}: {body}", cell.name);
            if split == Split::Whole {
                for mark in ["answer_cut", "call was not made", "\"get_weather\"", CARD] {
                    *counts.entry(mark).or_default() += usize::from(body.contains(mark));
                }
            }
            told.insert((number, split), (name, body));
        }
    }
    for ((number, split), (name, body)) in &told {
        let (first, whole) = &told[&(*number, Split::Whole)];
        let cell = &cells[*number].name;
        assert_eq!(body, whole, "{cell}: {split:?} released something else");
        let same = || verdicts(&server, name) == verdicts(&server, first);
        until(&format!("{cell}, {split:?}: the verdicts are those of the whole"), same);
        assert!(!verdicts(&server, name).is_empty());
    }
    println!("{} streams in {} splits: {counts:?}", cells.len(), told.len());
    let count = |mark: &str| counts.get(mark).copied().unwrap_or(0);
    assert!(cells.len() > 30, "{} cells", cells.len());
    assert!(count(CARD) > 15, "what was replaced in the request is put back: {counts:?}");
    assert!(count("call was not made") > 5 && count("\"get_weather\"") > 5, "{counts:?}");
    assert!(count("answer_cut") * 4 < cells.len(), "most streams come to their end: {counts:?}");
}

/// The one thing that more of a text may tell about what was released of it: in a text that has signs beyond
/// ASCII an end of a line is a blank, and a number may go over it.
#[test]
fn what_a_late_sign_makes_of_an_early_number_is_found_in_the_whole_answer() {
    let provider = Provider::start(|seen| {
        let last = if seen.body.contains("late sign") { "très bien." } else { "tres bien." };
        let text =
            ["The number is 4111 1111\n", "1111 1111 ", "as I have told ", "you before. That is ", last];
        Answers::events(&models::stream(&text))
    });
    let server = server(&provider);
    let [plain, late] = ["plain", "late"].map(|name| server.agent(name, &[]));
    let reply = chat(&plain, &streamed("hello"));
    assert!(joined(&reply.body).ends_with("tres bien.") && reply.body.contains("[DONE]"), "{}", reply.body);

    let reply = chat(&late, &streamed("with a late sign"));
    assert!(joined(&reply.body).contains("4111 1111\n"), "it had settled: {}", reply.body);
    assert!(reply.body.contains("found_late") && !reply.body.contains("[DONE]"), "{}", reply.body);
    let verdicts_of_late = || verdicts(&server, "late").join(", ");
    until("the answer's decision says what it is", || verdicts_of_late().contains("models.answers"));
    assert!(!verdicts(&server, "plain").join(", ").contains("models.answers"));
}
