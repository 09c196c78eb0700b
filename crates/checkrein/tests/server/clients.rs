//! Clients that mean no good, or that are many. Whatever they do, others go on being answered, and the
//! server holds no more than it says.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Agent, Server, call, raw, until};

fn reading() -> Value {
    json!({
        "kind": "file", "operation": "read", "tool": "read_file", "resource": { "type": "file" }, "payload": {},
    })
}

/// Bytes of memory and open files of the server.
pub fn held_by(server: &Server) -> (u64, usize) {
    let process = format!("/proc/{}", server.process());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    (kilobytes << 10, std::fs::read_dir(format!("{process}/fd")).unwrap().count())
}

/// Others are answered, and soon.
#[track_caller]
fn others_are_answered(agent: &Agent) {
    let start = Instant::now();
    let reply = agent.ask(&reading());
    assert!(matches!(reply.status, 200 | 202), "{reply:?}");
    assert!(start.elapsed() < Duration::from_secs(3), "it took {:?}", start.elapsed());
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.agents).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// What comes until the server closes. A connection that is cut counts as closed.
fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = [0; 16 << 10];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return all,
            Ok(many) => all.extend_from_slice(&part[..many]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return all,
            Err(error) => panic!("the server neither answered nor closed: {error}"),
        }
    }
}

#[test]
fn who_sends_nothing_or_half_a_head_is_cut_off_and_holds_up_nobody() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    others_are_answered(&agent);
    let (memory, files) = held_by(&server);
    let mut slow: Vec<TcpStream> = (0..400).map(|_| connect(&server)).collect();
    for (n, stream) in slow.iter_mut().enumerate() {
        if n % 2 == 0 {
            stream.write_all(b"POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nx-slow: ").unwrap();
        }
    }
    others_are_answered(&agent);
    let (with_them, _) = held_by(&server);
    assert!(with_them < memory + (64 << 20), "400 idle connections took {} bytes", with_them - memory);
    for stream in &mut slow {
        until_closed(stream);
    }
    drop(slow);
    until("their files are closed", || held_by(&server).1 <= files);
}

#[test]
fn a_kept_connection_may_be_idle_but_half_a_head_on_it_may_not() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let request = format!(
        "GET /ask/v1/decisions/dec_none HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        agent.key
    );
    let mut kept = connect(&server);
    let asks = |stream: &mut TcpStream| {
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The body is one object, and nothing follows it.
        while !answer.ends_with(b"}}") {
            let mut part = [0; 4 << 10];
            let many = stream.read(&mut part).unwrap();
            assert!(many > 0, "closed after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&part[..many]);
        }
        assert!(answer.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&answer));
    };
    asks(&mut kept);
    // Longer than a head may take.
    std::thread::sleep(gateway::limits::HEADERS_WITHIN + Duration::from_secs(1));
    asks(&mut kept);
    kept.write_all(b"GET /ask/v1/decisions/dec_none HT").unwrap();
    let start = Instant::now();
    assert_eq!(until_closed(&mut kept), b"");
    assert!(start.elapsed() < Duration::from_secs(20), "it was kept for {:?}", start.elapsed());
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for_for_long() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let mut slow = connect(&server);
    let head = format!(
        "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 1000\r\n\r\n{{",
        agent.key
    );
    slow.write_all(head.as_bytes()).unwrap();
    others_are_answered(&agent);
    let answer = String::from_utf8(until_closed(&mut slow)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
}

#[test]
fn heads_that_are_too_many_or_too_long_are_refused() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let head = |more: &str| {
        format!("GET /ask/v1/decisions/dec_x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n")
    };
    let many: String = (0..100).map(|n| format!("x-{n}: y\r\n")).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(80 << 10));
    for more in [many, long] {
        let mut stream = connect(&server);
        // The server may answer and close before it has read all of it.
        let _ = stream.write_all(head(&more).as_bytes());
        let answer = String::from_utf8(until_closed(&mut stream)).unwrap();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    others_are_answered(&agent);
}

#[test]
fn what_follows_a_good_question_on_its_connection_may_be_nonsense() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let body = json!({ "action": reading() }).to_string();
    let mut stream = connect(&server);
    let request = format!(
        "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}\
         \x00\x01nonsense\r\n\r\nPOST / HTTP/9.9\r\n\r\n",
        agent.key,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let answers = String::from_utf8(until_closed(&mut stream)).unwrap();
    assert!(answers.starts_with("HTTP/1.1 200") && answers.contains("HTTP/1.1 400"), "{answers}");
    others_are_answered(&agent);
}

#[test]
fn two_lengths_or_a_length_and_chunks_are_one_request_or_none() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let body = json!({ "action": reading() }).to_string();
    let smuggled = "GET /ask/v1/decisions/dec_x HTTP/1.1\r\nhost: x\r\n\r\n";
    for lengths in [
        format!("content-length: {}\r\ncontent-length: {}", body.len(), body.len() + smuggled.len()),
        format!("content-length: -{}", body.len()),
        format!("content-length: {}, 7", body.len()),
    ] {
        let request = format!(
            "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{lengths}\r\n\r\n{body}{smuggled}",
            agent.key
        );
        let mut stream = connect(&server);
        stream.write_all(request.as_bytes()).unwrap();
        let answers = String::from_utf8(until_closed(&mut stream)).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{lengths}: {answers}");
        assert!(answers.starts_with("HTTP/1.1 400"), "{lengths}: {answers}");
    }
    others_are_answered(&agent);
}

#[test]
fn text_that_is_no_text_is_refused_by_code() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let mut bytes = json!({ "action": reading() }).to_string().into_bytes();
    let at = bytes.windows(9).position(|part| part == b"read_file").unwrap();
    bytes[at] = 0xff;
    let mut request = format!(
        "POST /ask/v1/decisions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        agent.key,
        bytes.len()
    )
    .into_bytes();
    request.extend_from_slice(&bytes);
    assert!(raw(server.agents, &request).is(400)["error"]["code"].is_string());
}

#[test]
fn one_agent_has_so_many_waiting_actions_and_others_have_room() {
    let server = Server::start(&["read-write.yaml"]);
    let greedy = server.agent("greedy", &[]);
    let modest = server.agent("modest", &[]);
    let waits = |n: usize| {
        json!({
            "kind": "record_change", "operation": "write", "tool": "crm_update",
            "resource": { "type": "crm_record" }, "payload": { "n": n },
        })
    };
    let asked: Vec<u16> = std::thread::scope(|scope| {
        let ask = |lane: usize| {
            let (greedy, waits) = (&greedy, &waits);
            scope.spawn(move || {
                (0..270).map(|n| greedy.ask(&waits(lane * 1_000 + n)).status).collect::<Vec<_>>()
            })
        };
        let lanes: Vec<_> = (0..4).map(ask).collect();
        lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect()
    });
    let waiting = asked.iter().filter(|status| **status == 202).count();
    assert_eq!(waiting, hold::MAX_PER_AGENT, "of {}", asked.len());
    assert_eq!(greedy.ask(&waits(0)).is(429)["error"]["code"], "too_many_waiting");
    assert_eq!(modest.ask(&waits(0)).is(202)["outcome"], "wait");
}

#[test]
fn a_key_that_has_expired_is_a_key_that_never_was() {
    let server = Server::start(&[]);
    let agent = server.agent("shop-helper", &[]);
    let make = |expires: &str| {
        let body = json!({ "label": "short", "expires": expires });
        let made = server.operate("POST", "/api/v1/agents/shop-helper/keys", &body).is(201);
        Agent { address: server.agents, key: made["key"].as_str().unwrap().to_owned() }
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let soon = action::Timestamp::from_millis(i64::try_from(now).unwrap() + 4_000);
    let (short, long) = (make(&soon.to_string()), make("2099-01-01T00:00:00Z"));
    // Looking for a decision costs an agent nothing; asking again and again would throttle it.
    let known = |agent: &Agent| agent.get("/ask/v1/decisions/dec_none").status == 404;
    until("both are in force", || known(&short) && known(&long));
    assert_eq!(short.ask(&reading()).status, 200);
    until("the short one has expired", || !known(&short));
    assert_eq!(short.ask(&reading()).is(401)["error"]["code"], "bad_credentials");
    assert_eq!(long.ask(&reading()).status, 200);
    others_are_answered(&agent);
}

#[test]
fn of_two_operators_who_decide_at_once_one_is_heard() {
    let server = Server::start(&["read-write.yaml"]);
    let agent = server.agent("shop-helper", &[]);
    let eva = server.operator("eva", &["approver"]);
    let otto = server.operator("otto", &["approver"]);
    for n in 0..15 {
        let action = json!({
            "kind": "record_change", "operation": "write", "tool": "crm_update",
            "resource": { "type": "crm_record" }, "payload": { "n": n },
        });
        let id = agent.ask(&action).is(202)["id"].as_str().unwrap().to_owned();
        let path = |what: &str| format!("/api/v1/approvals/{id}/{what}");
        let (yes, no) = std::thread::scope(|scope| {
            let body = json!({});
            let yes = {
                let (path, body, eva) = (path("approve"), body.clone(), &eva);
                scope.spawn(move || call(server.operators, "POST", &path, eva, Some(&body)).status)
            };
            let no = call(server.operators, "POST", &path("deny"), &otto, Some(&body)).status;
            (yes.join().unwrap(), no)
        });
        assert!(matches!((yes, no), (200, 409) | (409, 200)), "approve {yes}, deny {no}");
        let state = agent.get(&format!("/ask/v1/decisions/{id}")).is(200)["state"].clone();
        assert_eq!(state, if yes == 200 { "approved" } else { "denied" });
    }
}
