//! Clients that misuse HTTP/2, frame by frame.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Agent, Server};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GO_AWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// `GET /` by the static table, with a header that stands for itself.
fn head() -> Vec<u8> {
    let mut head = vec![0x82, 0x86, 0x84];
    head.extend(literal(":authority", "x"));
    head
}

fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.bytes());
    }
    bytes
}

/// Sends until the server will hear no more, then reads what it said. Gives back the kinds of frames.
fn send(server: &Server, frames: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.agents).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(15))).unwrap();
    let mut reader = stream.try_clone().unwrap();
    // Read beside the writing, so that the server is never held up by answers that nobody takes.
    let reading = std::thread::spawn(move || {
        let (mut all, mut part) = (Vec::new(), [0; 64 << 10]);
        while let Ok(many @ 1..) = reader.read(&mut part) {
            all.extend_from_slice(&part[..many]);
        }
        all
    });
    let _ = stream.write_all(PREFACE);
    let _ = stream.write_all(&frame(SETTINGS, 0, 0, &[]));
    for frame in frames {
        if stream.write_all(&frame).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let answer = reading.join().unwrap();
    let mut kinds = Vec::new();
    let mut at = 0;
    while let Some([a, b, c, kind]) = answer.get(at..at + 4) {
        kinds.push(*kind);
        at += 9 + usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap();
    }
    kinds
}

fn memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn start() -> (Server, Agent, u64) {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    others_are_answered(&agent);
    let memory = memory(&server);
    (server, agent, memory)
}

fn others_are_answered(agent: &Agent) {
    let read = json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    });
    assert_eq!(agent.ask(&read).status, 200);
}

const BOUND: u64 = 64 << 20;

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let (server, agent, before) = start();
    let flood = (0..20_000u32).flat_map(|n| {
        let stream = 2 * n + 1;
        [
            frame(HEADERS, END_STREAM | END_HEADERS, stream, &head()),
            frame(RESET, 0, stream, &8u32.to_be_bytes()),
        ]
    });
    let said = send(&server, flood);
    assert!(said.contains(&GO_AWAY), "20,000 requests were taken back, and nobody minded");
    others_are_answered(&agent);
    assert!(memory(&server) < before + BOUND);
}

#[test]
fn more_requests_at_once_than_agreed_are_refused_one_by_one() {
    let (server, agent, before) = start();
    // Bodies that never come keep them open.
    let flood = (0..2_000u32).map(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, &head()));
    let said = send(&server, flood);
    assert!(said.contains(&RESET) || said.contains(&GO_AWAY), "2,000 requests were open at once");
    others_are_answered(&agent);
    assert!(memory(&server) < before + BOUND);
}

#[test]
fn a_head_that_never_ends_is_not_collected() {
    let (server, agent, before) = start();
    let more = literal("x-more", &"y".repeat(100)).repeat(140);
    let first = frame(HEADERS, END_STREAM, 1, &head());
    let flood = std::iter::once(first).chain((0..5_000).map(|_| frame(CONTINUATION, 0, 1, &more)));
    let said = send(&server, flood);
    assert!(said.contains(&GO_AWAY), "75 MB of head were taken in");
    others_are_answered(&agent);
    assert!(memory(&server) < before + BOUND);
}

#[test]
fn pings_and_settings_without_end_are_answered_and_nothing_is_kept() {
    let (server, agent, before) = start();
    let flood = (0..50_000).flat_map(|_| [frame(PING, 0, 0, &[0; 8]), frame(SETTINGS, 0, 0, &[])]);
    send(&server, flood);
    others_are_answered(&agent);
    assert!(memory(&server) < before + BOUND);
}
