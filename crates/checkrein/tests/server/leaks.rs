//! The leak matrix: a key that nobody has, planted in every place of every dialect's bodies. No cell
//! leaks it, and no refusal repeats it.
//!
//! The places are those of the fixtures of `wire`: every text that a format knows, and what it does not
//! know. A dialect that is added there is in this test.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use wire::dialect::{ALL, Dialect};
use wire::doc::{Doc, Kind};
use wire::edit::Edits;
use wire::endpoint::{Call, towards};
use wire::shape::{Meaning, Shape, places};
use wire::stream::{Reader, Reading};

use crate::harness::{Agent, Server};
use crate::models::{KEY, server_with};
use crate::provider::{Answers, Provider};

/// How long an answer is waited for: far longer than one takes that waits for nobody.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same where nothing waits for anybody.
const FOR_ALL: Duration = Duration::from_secs(30);

/// Calls of tools are refused in their place, so that none waits for a person.
const NO_CALLS: &str = "  - id: leaks.no-calls
    always: true
    note: no tool is called
    when: { kind: [database, external_call, file, workflow, payment, communication, record_change, privilege_change, calendar, mcp_tool] }
    then: block
";

pub fn fixture(dialect: &Dialect, name: &str) -> Option<String> {
    let path = format!("{}/../wire/tests/fixtures/{}/{name}.json", env!("CARGO_MANIFEST_DIR"), dialect.name);
    std::fs::read_to_string(path).ok()
}

/// The same body with the key in one of its places, for each of them.
fn planted(source: &str, shape: &Shape) -> Vec<(String, String)> {
    let doc = Doc::parse(source.as_bytes()).unwrap();
    let mut all = Vec::new();
    places(doc.root(), shape, &mut |place| {
        let mut edits = Edits::default();
        match place.value.kind() {
            Kind::Text => edits.text(place.value, &format!("see {KEY} here")),
            Kind::Object => edits.value(place.value, format!(r#"{{"note":"see {KEY} here"}}"#)),
            Kind::List => edits.value(place.value, format!(r#"["see {KEY} here"]"#)),
            Kind::Null | Kind::Bool | Kind::Number => return,
        }
        // Words by which a format tells one thing from another make it another thing.
        let Ok(changed) = edits.apply(source) else { return };
        all.push((format!("{:?}/{:?}", place.meaning, place.speaker), changed));
    });
    all
}

/// Every dialect that words are made in, and the path to it.
pub fn spoken(stream: bool) -> impl Iterator<Item = (&'static Dialect, String)> {
    ALL.iter().copied().filter_map(move |dialect| {
        let endpoint = towards(dialect, Call::Generate, stream)?;
        // Amazon's raw calls have their maker in the name of the model.
        let model = if dialect.name == "bedrock_anthropic" { "anthropic.claude-3" } else { "amazon.titan" };
        // Without it, Google's events come as one list.
        let query = if stream && dialect.is_listed() { "?alt=sse" } else { "" };
        Some((dialect, format!("{}{}{query}", endpoint.roots[0], endpoint.tail(model))))
    })
}

/// One request; status and body as they came. An answer that waits for a person has neither: nothing of it
/// was given.
pub fn ask(agent: &Agent, path: &str, body: &str) -> (u16, Vec<u8>) {
    ask_within(PATIENCE, agent, path, body)
}

pub fn ask_within(patience: Duration, agent: &Agent, path: &str, body: &str) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(agent.address).unwrap();
    stream.set_read_timeout(Some(patience)).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nx-checkrein-key: {}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        agent.address,
        agent.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // What waits shows signs of life, so the time of all of it counts.
    let (begun, mut piece) = (Instant::now(), [0u8; 16 << 10]);
    let ended = loop {
        match stream.read(&mut piece) {
            Ok(0) => break true,
            Ok(read) => answer.extend(&piece[..read]),
            Err(_) => break false,
        }
        if begun.elapsed() > patience {
            break false;
        }
    };
    let Some(split) = answer.windows(4).position(|four| four == b"\r\n\r\n").filter(|_| ended) else {
        return (0, answer);
    };
    let head = String::from_utf8_lossy(&answer[..split]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut body = &answer[split + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return (status, body.to_vec());
    }
    let mut whole = Vec::new();
    loop {
        // A dialect without a word for a cut has its connection broken off.
        let Some(end) = body.windows(2).position(|two| two == b"\r\n") else { return (status, whole) };
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return (status, whole);
        }
        whole.extend(&body[end + 2..end + 2 + size]);
        body = &body[end + 2 + size + 2..];
    }
}

/// Agents that take turns, so that none is held up for asking without pause.
pub struct Turns {
    agents: Vec<Agent>,
    next: usize,
}

impl Turns {
    pub fn new(server: &Server, count: usize) -> Self {
        let agents = (0..count).map(|n| server.agent(&format!("agent-{n}"), &[])).collect();
        Turns { agents, next: 0 }
    }

    pub fn next(&mut self) -> &Agent {
        self.next += 1;
        &self.agents[self.next % self.agents.len()]
    }
}

/// Everything that a client could read of a streamed answer: the bytes, the data of each event, and the
/// texts that its pieces make.
pub fn read(dialect: &'static Dialect, body: &[u8]) -> String {
    let mut all = String::from_utf8_lossy(body).into_owned();
    let mut reader = Reader::new(dialect);
    reader.push(body);
    while let Ok(Some(step)) = reader.step() {
        all.push_str(&String::from_utf8_lossy(&step.data));
        if let Reading::Event(told) = step.reading {
            told.into_iter().filter_map(|told| told.whole).for_each(|text| all.push_str(&text));
        }
    }
    for (_, text) in reader.texts() {
        all.push('\n');
        all.push_str(text);
    }
    all
}

#[test]
fn no_place_of_a_request_lets_a_key_out() {
    let provider = Provider::start(|_| Answers::json("{}"));
    let server = server_with(&provider, NO_CALLS);
    let mut turns = Turns::new(&server, 12);
    let mut cells = 0;
    for (dialect, path) in spoken(false) {
        let Some(source) = fixture(dialect, "request") else { continue };
        for (place, body) in planted(&source, &dialect.request) {
            let (status, answer) = ask_within(FOR_ALL, turns.next(), &path, &body);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(!answer.contains(KEY), "ECHO {} {place}: {answer}", dialect.name);
            assert!(!provider.all().contains(KEY), "LEAK {} {place}", dialect.name);
            assert_eq!(status, 403, "{} {place}: {answer}", dialect.name);
            cells += 1;
        }
    }
    println!("{cells} places of requests, none leaks");
    assert!(cells > 100, "only {cells} places were tried");
}

#[test]
fn no_place_of_an_answer_lets_a_key_in() {
    let next: Arc<Mutex<String>> = Arc::default();
    let provider = Provider::start({
        let next = Arc::clone(&next);
        move |_| Answers::json(&next.lock().unwrap())
    });
    let server = server_with(&provider, NO_CALLS);
    // An agent whose calls were refused is held up when it comes back.
    let mut turns = Turns::new(&server, 200);
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for (dialect, path) in spoken(false) {
        let Some(source) = fixture(dialect, "answer") else { continue };
        for (place, body) in planted(&source, &dialect.answer) {
            *next.lock().unwrap() = body;
            let (status, answer) = ask(turns.next(), &path, r#"{"model":"m"}"#);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            assert!(!answer.contains(KEY), "LEAK {} {place}: {status} {answer}", dialect.name);
            let outcome = match status {
                0 => "held",
                200 => "covered",
                _ => "refused",
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    println!("places of answers, none leaks: {outcomes:?}");
    let [covered, held] = ["covered", "held"].map(|it| outcomes.get(it).copied().unwrap_or(0));
    assert!(covered > 40 && held < covered, "{outcomes:?}");
}

#[test]
fn no_event_of_a_stream_lets_a_key_in_whole_or_in_pieces() {
    type Next = (&'static str, Vec<u8>);
    let next: Arc<Mutex<Next>> = Arc::new(Mutex::new(("text/event-stream", Vec::new())));
    let provider = Provider::start({
        let next = Arc::clone(&next);
        move |_| {
            let (media, bytes) = next.lock().unwrap().clone();
            Answers::pieces(media, vec![bytes])
        }
    });
    let server = server_with(&provider, NO_CALLS);
    let mut turns = Turns::new(&server, 40);
    let (mut cells, mut splits) = (0, 0);
    for (dialect, path) in spoken(true) {
        let Some(source) = fixture(dialect, "event") else { continue };
        let mut tell = |body: Vec<u8>, what: &str| {
            *next.lock().unwrap() = (dialect.stream.media_type(), body);
            let (status, answer) = ask(turns.next(), &path, r#"{"model":"m","stream":true}"#);
            let read = read(dialect, &answer);
            assert!(!read.contains(KEY), "LEAK {} {what}: {status} {read}", dialect.name);
        };
        for line in source.lines().filter(|line| line.starts_with('{')) {
            for (place, event) in planted(line, &dialect.event) {
                tell(dialect.stream.framed(Some("e"), &event).unwrap(), &place);
                cells += 1;
            }
            for (place, event) in in_two(line, dialect, 7) {
                let events = event.iter().flat_map(|data| dialect.stream.framed(Some("e"), data).unwrap());
                tell(events.collect(), &format!("{place} in two"));
                splits += 1;
            }
        }
    }
    println!("{cells} places of events and {splits} keys in two pieces, none leaks");
    assert!(cells > 100 && splits > 10, "{cells} places, {splits} splits");
}

/// The key cut in two, where a text comes in pieces: the same event twice.
fn in_two(source: &str, dialect: &Dialect, at: usize) -> Vec<(String, [String; 2])> {
    let doc = Doc::parse(source.as_bytes()).unwrap();
    let mut all = Vec::new();
    places(doc.root(), &dialect.event, &mut |place| {
        if !place.piece || place.meaning == Meaning::Protocol {
            return;
        }
        let with = |text: &str| {
            let mut edits = Edits::default();
            edits.text(place.value, text);
            edits.apply(source).unwrap()
        };
        let (a, b) = KEY.split_at(at);
        all.push((format!("{:?}", place.meaning), [with(&format!("see {a}")), with(&format!("{b} here"))]));
    });
    all
}
