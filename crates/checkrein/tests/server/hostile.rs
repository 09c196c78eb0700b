//! Bad input to calls of models, from both sides: each is answered in the caller's dialect, stands on the
//! ledger where something was decided, and leaves server and connections as they were.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::clients::held_by;
use crate::harness::{Agent, Server, call, until};
use crate::leaks::ask_within;
use crate::models::server_at;

const PATIENCE: Duration = Duration::from_secs(60);
/// What the server may hold more after all of it than before.
const BOUND: u64 = 128 << 20;

/// A provider that writes bytes of its own choice, HTTP or not, and then hangs up.
fn upstream(behave: impl Fn(&str, &mut TcpStream) -> Option<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let behave = Arc::new(behave);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let behave = Arc::clone(&behave);
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                while let Some(request) = read(&mut reader) {
                    if behave(&request, &mut stream).is_none() {
                        break;
                    }
                }
                let _ = stream.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

/// The body of one request.
fn read(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    String::from_utf8(body).ok()
}

/// The dialects that are tried, with their paths, and how a call and a good answer are written.
struct Spoken {
    name: &'static str,
    whole: &'static str,
    stream: &'static str,
    request: fn(&str, bool) -> String,
    good: &'static str,
    /// Where an error has its code, or what shows that it is one.
    error: fn(&Value, &str) -> bool,
}

const SPOKEN: &[Spoken] = &[
    Spoken {
        name: "openai_chat",
        whole: "/v1/chat/completions",
        stream: "/v1/chat/completions",
        request: messages,
        good: r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"good"},"finish_reason":"stop"}]}"#,
        error: |body, code| body["error"]["code"] == code && body["error"]["message"].is_string(),
    },
    Spoken {
        name: "anthropic_messages",
        whole: "/v1/messages",
        stream: "/v1/messages",
        request: messages,
        good: r#"{"id":"c","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"good"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#,
        // This dialect has no place for a code.
        error: |body, _| body["type"] == "error" && body["error"]["message"].is_string(),
    },
    Spoken {
        name: "gemini",
        whole: "/v1beta/models/m:generateContent",
        stream: "/v1beta/models/m:streamGenerateContent?alt=sse",
        request: |text, _| format!(r#"{{"contents":[{{"role":"user","parts":[{{"text":"{text}"}}]}}]}}"#),
        good: r#"{"candidates":[{"content":{"parts":[{"text":"good"}],"role":"model"},"finishReason":"STOP","index":0}]}"#,
        error: |body, code| body["error"]["details"][0]["reason"] == code && body["error"]["code"].is_u64(),
    },
];

fn messages(text: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"m","max_tokens":9,"stream":{stream},"messages":[{{"role":"user","content":"{text}"}}]}}"#
    )
}

fn head(media: &str, more: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\n{more}\r\n").into_bytes()
}

fn sized(media: &str, more: &str, body: &[u8]) -> Vec<u8> {
    [head(media, &format!("content-length: {}\r\n{more}", body.len())).as_slice(), body].concat()
}

/// In one chunk, and the last one where it ends as it should.
fn chunked(media: &str, body: &[u8], ends: bool) -> Vec<u8> {
    let size = format!("{:x}\r\n", body.len()).into_bytes();
    let end: &[u8] = if ends { b"\r\n0\r\n\r\n" } else { b"" };
    [head(media, "transfer-encoding: chunked\r\n").as_slice(), &size, body, end].concat()
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// Something that a provider does.
struct Fault {
    name: &'static str,
    stream: bool,
    bytes: fn(&Spoken) -> Vec<u8>,
    /// What the caller is told, and the ledger.
    code: &'static str,
}

const fn whole(name: &'static str, code: &'static str, bytes: fn(&Spoken) -> Vec<u8>) -> Fault {
    Fault { name, stream: false, bytes, code }
}

const fn stream(name: &'static str, code: &'static str, bytes: fn(&Spoken) -> Vec<u8>) -> Fault {
    Fault { name, stream: true, bytes, code }
}

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    whole("hangs-up", "broken", |_| Vec::new()),
    whole("other-protocol", "broken", |_| b"220 mail.example ready\r\n".to_vec()),
    whole("many-headers", "broken", |it| sized(JSON, &"x-a: b\r\n".repeat(5_000), it.good.as_bytes())),
    whole("long-header", "broken", |it| sized(JSON, &format!("x-a: {}\r\n", "b".repeat(2 << 20)), it.good.as_bytes())),
    whole("two-lengths", "broken", |it| sized(JSON, "content-length: 7\r\n", it.good.as_bytes())),
    whole("picture", "unreadable_answer", |_| sized("image/png", "", b"\x89PNG")),
    whole("page", "unreadable_answer", |_| sized("text/html", "", b"<html>busy</html>")),
    whole("no-text", "unreadable_answer", |it| sized(JSON, "", &it.good.bytes().map(|b| if b == b'g' { 0xff } else { b }).collect::<Vec<u8>>())),
    whole("half-a-document", "unreadable_answer", |it| sized(JSON, "", &it.good.as_bytes()[..30])),
    whole("deep", "unreadable_answer", |_| sized(JSON, "", "[".repeat(200_000).as_bytes())),
    whole("compressed", "unreadable_answer", |_| sized(JSON, "content-encoding: gzip\r\n", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0])),
    whole("shorter-than-told", "answer_cut", |it| [head(JSON, "content-length: 100000\r\n"), it.good.as_bytes().to_vec()].concat()),
    whole("nonsense-for-a-chunk", "answer_cut", |_| [head(JSON, "transfer-encoding: chunked\r\n"), b"zz\r\n{}\r\n".to_vec()].concat()),
    whole("too-large", "answer_too_large", |_| chunked(JSON, &vec![b' '; 17 << 20], true)),
    stream("no-text-in-an-event", "unreadable_event", |_| chunked(EVENTS, b"data: {\"a\":\"\xff\xfe\"}\n\n", true)),
    stream("no-json-in-an-event", "unreadable_event", |_| chunked(EVENTS, b"data: {\"a\":\n\n", true)),
    stream("deep-event", "unreadable_event", |_| chunked(EVENTS, format!("data: {}\n\n", "[".repeat(200_000)).as_bytes(), true)),
    stream("event-without-end", "unreadable_answer", |_| chunked(EVENTS, format!("data: \"{}", "x".repeat(5 << 20)).as_bytes(), true)),
    stream("half-an-event", "answer_cut", |it| chunked(EVENTS, format!("data: {}", &it.good[..20]).as_bytes(), true)),
    stream("no-last-event", "answer_cut", |_| chunked(EVENTS, b": hello\n\n", true)),
    stream("cut-off", "answer_cut", |_| chunked(EVENTS, b"data: {}\n\n", false)),
    stream("compressed-events", "unreadable_answer", |_| sized(EVENTS, "content-encoding: br\r\n", b"\x0b\x02\x80")),
];

fn ask(agent: &Agent, spoken: &Spoken, text: &str, stream: bool) -> (u16, String) {
    let path = if stream { spoken.stream } else { spoken.whole };
    let (status, body) = ask_within(PATIENCE, agent, path, &(spoken.request)(text, stream));
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Every record so far.
fn records(server: &Server) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!("/api/v1/ledger/records?from={}", all.len());
        let page = call(server.operators, "GET", &path, &server.admin, None).body;
        let page: Vec<Value> = page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Reading is an act with a record of its own.
        let known = page.len() < 2;
        all.extend(page);
        if known {
            return all;
        }
    }
}

/// Whether the ledger says how an agent's call ended.
fn is_told(records: &[Value], agent: &str, code: &str) -> bool {
    records.iter().any(|record| {
        record["agent"]["name"] == agent && record["kind"] == "outcome" && record["notes"]["ended"] == code
    })
}

#[test]
fn whatever_a_provider_sends_is_told_in_the_callers_dialect_and_the_next_call_works() {
    let address = upstream(|request, out| {
        let spoken = SPOKEN.iter().find(|it| request.contains(&format!("to {}", it.name)))?;
        match FAULTS.iter().find(|it| request.contains(&format!("please {} ", it.name))) {
            Some(fault) => {
                let _ = out.write_all(&(fault.bytes)(spoken));
                None
            }
            None => out.write_all(&sized(JSON, "", spoken.good.as_bytes())).ok(),
        }
    });
    let server = server_at(address, "");
    let good = |spoken: &Spoken, agent: &Agent| {
        let asked = || ask(agent, spoken, &format!("to {}", spoken.name), false);
        let (status, body) = match asked() {
            // This provider hangs up without having said so: a call may be on its way by then, and nobody
            // but its caller may say that it is made once more.
            (503, body) if body.contains("ended the connection before it answered") => asked(),
            answered => answered,
        };
        assert!(status == 200 && body == spoken.good, "{}: {status} {body}", spoken.name);
    };
    SPOKEN.iter().for_each(|spoken| good(spoken, &server.agent(&format!("first-{}", spoken.name), &[])));
    let (memory, files) = held_by(&server);
    for spoken in SPOKEN {
        for fault in FAULTS {
            let agent = server.agent(&format!("{}-{}", spoken.name, fault.name), &[]);
            let text = format!("please {} to {}", fault.name, spoken.name);
            let (status, body) = ask(&agent, spoken, &text, fault.stream);
            let case = format!("{}, {}: {status} {body:.300}", spoken.name, fault.name);
            // A stream has begun by the time that something is wrong with it.
            let begun = status == 200 && fault.stream;
            assert!(begun || status == 503, "{case}");
            let last = match begun {
                true => body.trim_end().rsplit("data: ").next().unwrap_or_default(),
                false => body.as_str(),
            };
            let told: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {case}"));
            assert!((spoken.error)(&told, fault.code), "{case}");
            good(spoken, &agent);
        }
    }
    let missing = || {
        let records = records(&server);
        let all = SPOKEN.iter().flat_map(|it| FAULTS.iter().map(move |fault| (it, fault)));
        let agent = |(it, fault): &(&Spoken, &Fault)| format!("{}-{}", it.name, fault.name);
        all.filter(|case| !is_told(&records, &agent(case), case.1.code))
            .map(|case| agent(&case))
            .collect::<Vec<_>>()
    };
    until("each end is on the ledger", || {
        let missing = missing();
        if !missing.is_empty() {
            println!("not told yet: {missing:?}");
        }
        missing.is_empty()
    });
    let (after, _) = held_by(&server);
    assert!(after < memory + BOUND, "{memory} bytes before, {after} after");
    until("no connection is left over", || held_by(&server).1 <= files + 8);
}

/// What an agent sends.
struct Sent {
    name: &'static str,
    headers: &'static str,
    body: fn(&str) -> Vec<u8>,
    code: &'static str,
}

#[rustfmt::skip]
const SENT: &[Sent] = &[
    Sent { name: "half a document", headers: "", body: |good| good.as_bytes()[..good.len() - 2].to_vec(), code: "malformed" },
    Sent { name: "two documents", headers: "", body: |good| format!("{good}{good}").into_bytes(), code: "malformed" },
    Sent { name: "no text", headers: "", body: |good| good.bytes().map(|b| if b == b'~' { 0xff } else { b }).collect(), code: "malformed" },
    Sent { name: "nothing but brackets", headers: "", body: |_| vec![b'['; 1 << 20], code: "malformed" },
    Sent { name: "more than is taken", headers: "", body: |good| format!("{good}{}", " ".repeat(4 << 20)).into_bytes(), code: "body_too_large" },
    Sent { name: "compressed", headers: "content-encoding: gzip\r\n", body: |_| vec![0x1f, 0x8b, 8, 0], code: "content_encoding" },
    Sent { name: "said to be compressed twice", headers: "content-encoding: identity\r\ncontent-encoding: br\r\n", body: |good| good.as_bytes().to_vec(), code: "content_encoding" },
];

#[test]
fn whatever_an_agent_sends_is_refused_in_its_dialect_and_reaches_no_provider() {
    let asked = Arc::new(AtomicUsize::new(0));
    let address = upstream({
        let asked = Arc::clone(&asked);
        move |request, out| {
            asked.fetch_add(1, Ordering::SeqCst);
            let spoken = SPOKEN.iter().find(|it| request.contains(&format!("to {}", it.name)))?;
            out.write_all(&sized(JSON, "", spoken.good.as_bytes())).ok()
        }
    });
    let server = server_at(address, "");
    let agent = server.agent("hostile", &[]);
    let exchange = |path: &str, headers: &str, body: &[u8]| -> String {
        let mut stream = TcpStream::connect(server.agents).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nx-checkrein-key: {}\r\nconnection: close\r\n{headers}\r\n",
            agent.key
        );
        // It may be answered, and the connection closed, before all of it was read.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let before = held_by(&server).0;
    for spoken in SPOKEN {
        let good = (spoken.request)(&format!("~ to {}", spoken.name), false);
        for sent in SENT {
            let body = (sent.body)(&good);
            let headers = format!("{}content-length: {}\r\n", sent.headers, body.len());
            let answer = exchange(spoken.whole, &headers, &body);
            let case = format!("{}, {}: {answer}", spoken.name, sent.name);
            assert!(answer.starts_with("HTTP/1.1 400"), "{case}");
            let (_, told) = answer.split_once("\r\n\r\n").unwrap();
            let told: Value = serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}: {case}"));
            assert!((spoken.error)(&told, sent.code), "{case}");
        }
        // Two readings of where a request ends, and heads without end, are no request of any dialect.
        let next = format!("POST {} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", spoken.whole);
        let (short, long) = (good.len(), good.len() + next.len());
        for (headers, status) in [
            (format!("content-length: {short}\r\ncontent-length: {long}\r\n"), "400"),
            (format!("content-length: +{short}\r\n"), "400"),
            (format!("content-length: {short}\r\ntransfer-encoding: chunked, identity\r\n"), "400"),
            (format!("content-length : {short}\r\n"), "400"),
            ("x-a: b\r\n".repeat(5_000), "431"),
            (format!("x-a: {}\r\n", "b".repeat(1 << 20)), "431"),
        ] {
            let answer = exchange(spoken.whole, &headers, format!("{good}{next}").as_bytes());
            let fine = answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}"));
            assert!(fine && answer.matches("HTTP/1.1 ").count() <= 1, "{headers:.60}: {answer}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{}: something reached the provider", spoken.name);
    }
    let after = held_by(&server).0;
    assert!(after < before + BOUND, "{before} bytes before, {after} after");
    for (number, spoken) in SPOKEN.iter().enumerate() {
        let (status, body) = ask(&agent, spoken, &format!("~ to {}", spoken.name), false);
        assert!(status == 200 && body == spoken.good, "{status} {body}");
        assert_eq!(asked.load(Ordering::SeqCst), number + 1);
    }
}

#[test]
fn what_follows_an_answer_on_its_connection_is_nobodys_answer() {
    let address = upstream(|request, out| {
        let good = sized(JSON, "", SPOKEN[0].good.as_bytes());
        let evil = sized(JSON, "", SPOKEN[0].good.replace("good", "evil").as_bytes());
        let more: &[u8] = if request.contains("first") { &evil } else { b"" };
        out.write_all(&[good.as_slice(), more].concat()).ok()
    });
    let server = server_at(address, "");
    for n in 0..8 {
        let agent = server.agent(&format!("agent-{n}"), &[]);
        for text in ["first", "second"] {
            let (status, body) = ask(&agent, &SPOKEN[0], text, false);
            assert!(status == 200 && body == SPOKEN[0].good, "{text}: {status} {body}");
        }
    }
}

#[test]
fn a_stream_without_end_is_not_collected_for_a_reader_who_does_not_read() {
    let written = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let address = upstream({
        let (written, ended) = (Arc::clone(&written), Arc::clone(&ended));
        move |request, out| {
            if !request.contains("flood") {
                return out.write_all(&sized(JSON, "", SPOKEN[0].good.as_bytes())).ok();
            }
            out.write_all(&head(EVENTS, "transfer-encoding: chunked\r\n")).ok()?;
            let event = format!(
                "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":null}}],\"filling\":\"{}\"}}\n\n",
                "so it goes ".repeat(6_000)
            );
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            while out.write_all(chunk.as_bytes()).is_ok() {
                written.fetch_add(chunk.len(), Ordering::SeqCst);
            }
            ended.fetch_add(1, Ordering::SeqCst);
            None
        }
    });
    let server = server_at(address, "");
    let agent = server.agent("reader", &[]);
    let other = server.agent("other", &[]);
    let (before, _) = held_by(&server);
    let body = messages("flood", true);
    let mut stream = TcpStream::connect(server.agents).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-checkrein-key: {}\r\ncontent-length: {}\r\n\r\n{body}",
        agent.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut first = [0; 15];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    until("something is on its way", || written.load(Ordering::SeqCst) > 1 << 20);
    // When it does not grow any more, it has filled what lies between the two.
    let mut last = 0;
    until("the provider is not read any further", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = written.load(Ordering::SeqCst);
        std::mem::replace(&mut last, now) == now
    });
    let (during, _) = held_by(&server);
    assert!(during < before + BOUND, "{before} bytes before, {during} while nobody reads");
    let (status, body) = ask(&other, &SPOKEN[0], "other", false);
    assert!(status == 200 && body == SPOKEN[0].good, "{status} {body}");
    drop(stream);
    until("the provider is hung up on", || ended.load(Ordering::SeqCst) == 1);
    until("the ledger says that nobody was there", || is_told(&records(&server), "reader", "client_gone"));
}

#[test]
fn a_call_that_never_becomes_whole_is_cut_at_the_bound() {
    let address = upstream(|request, out| {
        if !request.contains("endless") {
            return out.write_all(&sized(JSON, "", SPOKEN[0].good.as_bytes())).ok();
        }
        out.write_all(&head(EVENTS, "transfer-encoding: chunked\r\n")).ok()?;
        let event = |arguments: &str| {
            format!(
                "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{arguments}\"}}}}]}}}}]}}\n\n"
            )
        };
        let events = event("{\\\"a\\\":\\\"").into_bytes();
        let more = event("so it goes ").repeat(1_000).into_bytes();
        let chunk = |events: &[u8]| [format!("{:x}\r\n", events.len()).as_bytes(), events, b"\r\n"].concat();
        out.write_all(&chunk(&events)).ok()?;
        let more = chunk(&more);
        while out.write_all(&more).is_ok() {}
        None
    });
    let server = server_at(address, "");
    let agent = server.agent("patient", &[]);
    let (before, _) = held_by(&server);
    let (status, body) = ask(&agent, &SPOKEN[0], "endless", true);
    assert!(
        status == 200 && body.contains("too_much_waits") && !body.contains("so it goes"),
        "{status} {body:.300}"
    );
    let (after, _) = held_by(&server);
    assert!(after < before + BOUND, "{before} bytes before, {after} after");
    let (status, body) = ask(&agent, &SPOKEN[0], "again", false);
    assert!(status == 200 && body == SPOKEN[0].good, "{status} {body:.300}");
    until("the ledger says why", || is_told(&records(&server), "patient", "too_much_waits"));
}
