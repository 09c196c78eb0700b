//! TLS on the listeners, and certificates of clients as proof of who asks.

use std::net::TcpStream;
use std::process::Command;

use rcgen::CertificateParams;
use serde_json::{Value, json};
use sha2::Digest as _;

use crate::certificates::{Authority, Client, Own, dns, uri, write};
use crate::harness::{SETTINGS, Server, call, refund, until};

const ASK: &str = "/ask/v1/decisions";

/// TLS on the agents' listener; the operators' stays on loopback without.
fn settings(clients: &str) -> String {
    let tls = format!(
        "agents: {{ listen: 127.0.0.1:0, tls: {{ certificate: server.pem, key: server.key{clients} }} }}"
    );
    SETTINGS.replace("agents: { listen: 127.0.0.1:0 }", &tls)
}

fn start(authority: &Authority, clients: &str) -> Server {
    Server::prepared(&settings(clients), &["refunds.yaml"], |folder| {
        authority.server().write(folder);
        write(&folder.join("clients.pem"), &authority.pem(), 0o644);
    })
}

const OPTIONAL: &str = ", client_ca: clients.pem, client: optional";

fn register(server: &Server, name: &str, more: Value) -> String {
    let mut profile = json!({ "environments": ["production"] });
    profile.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let put = server.operate("PUT", &format!("/api/v1/agents/{name}"), &profile);
    assert!(matches!(put.status, 200 | 201), "{put:?}");
    let made =
        server.operate("POST", &format!("/api/v1/agents/{name}/keys"), &json!({ "label": "test" })).is(201);
    format!("Bearer {}", made["key"].as_str().unwrap())
}

fn question() -> Value {
    json!({ "action": refund(1) })
}

fn ask(client: &Client, headers: &[(&str, &str)]) -> (u16, Value) {
    let reply = client.call("POST", ASK, headers, Some(&question())).unwrap();
    (reply.entry(), reply.json()["error"]["code"].clone())
}

#[test]
fn a_client_certificate_stands_for_the_agent_that_an_operator_wrote_down() {
    let authority = Authority::new();
    let server = start(&authority, OPTIONAL);
    let named = authority.client(&[uri("spiffe://example.org/shop")]);
    let hosted = authority.client(&[dns("Shop.example.org")]);
    let plain = authority.client(&[]);
    let stranger = authority.client(&[uri("spiffe://example.org/other")]);
    let fingerprint: String =
        sha2::Sha256::digest(plain.certificate.der()).iter().map(|byte| format!("{byte:02x}")).collect();
    let identities = json!([
        { "kind": "uri", "name": "spiffe://example.org/shop" },
        { "kind": "dns", "name": "shop.example.org" },
        { "kind": "certificate", "sha256": fingerprint },
    ]);
    let key = register(&server, "shop", json!({ "identities": identities }));
    let other = register(&server, "finance", json!({}));
    let with = |own: &Own| Client::new(server.agents, &authority, Some(own));
    until("the identities are in force", || ask(&with(&named), &[]).0 == 200);
    for own in [&named, &hosted, &plain] {
        assert_eq!(ask(&with(own), &[]).0, 200);
    }
    // Certificate and key of one agent; of two; a key beside a certificate that only opens the door.
    assert_eq!(ask(&with(&named), &[("authorization", &key)]).0, 200);
    let bad = (401, json!("bad_credentials"));
    assert_eq!(ask(&with(&named), &[("authorization", &other)]), bad);
    assert_eq!(ask(&with(&stranger), &[("authorization", &other)]).0, 200);
    assert_eq!(ask(&with(&stranger), &[]), bad);
    let none = Client::new(server.agents, &authority, None);
    assert_eq!(ask(&none, &[]), (401, json!("no_credentials")));
    assert_eq!(ask(&none, &[("authorization", &key)]).0, 200);

    // What a client says of its certificate is not its certificate.
    let said = "URI=spiffe://example.org/shop";
    assert_eq!(ask(&none, &[("x-forwarded-client-cert", said)]), (401, json!("no_credentials")));

    // One identity, one agent.
    let taken = json!({ "environments": ["production"], "identities": [{ "kind": "dns", "name": "shop.example.org" }] });
    let refused = server.operate("PUT", "/api/v1/agents/finance", &taken).is(409);
    assert_eq!(refused["error"]["code"], "agents.identity_taken");
    let faulty = json!({ "environments": [], "identities": [{ "kind": "dns", "name": "*.example.org" }] });
    assert_eq!(server.operate("PUT", "/api/v1/agents/x", &faulty).is(400)["error"]["code"], "bad_identity");

    // Taken away, it stops on connections to come and on those that stand.
    server.operate("PUT", "/api/v1/agents/shop", &json!({ "environments": ["production"] })).is(200);
    until("the identity is gone", || ask(&with(&named), &[]) == bad);
    assert_eq!(ask(&with(&hosted), &[]), bad);
}

#[test]
fn certificates_of_others_and_of_yesterday_do_not_connect() {
    let (authority, other) = (Authority::new(), Authority::new());
    let server = start(&authority, OPTIONAL);
    let name = uri("spiffe://example.org/shop");
    register(
        &server,
        "shop",
        json!({ "identities": [{ "kind": "uri", "name": "spiffe://example.org/shop" }] }),
    );
    let good = authority.client(std::slice::from_ref(&name));
    let good = Client::new(server.agents, &authority, Some(&good));
    until("the identity is in force", || ask(&good, &[]).0 == 200);

    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![name.clone()];
    for own in [other.client(&[name]), authority.expired(params)] {
        let client = Client::new(server.agents, &authority, Some(&own));
        assert!(client.call("POST", ASK, &[], Some(&question())).is_err());
    }
    // The server proves who it is, too.
    assert!(Client::new(server.agents, &other, None).shown().is_err());
    // Without TLS there is nothing to hear, and others are still answered.
    let mut plain = TcpStream::connect(server.agents).unwrap();
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut heard = Vec::new();
    let _ = std::io::Read::read_to_end(&mut plain, &mut heard);
    assert!(!heard.starts_with(b"HTTP"), "{heard:?}");
    assert_eq!(ask(&good, &[]).0, 200);
}

#[test]
fn a_listener_may_demand_certificates_and_speaks_both_protocols() {
    let authority = Authority::new();
    let server = start(&authority, ", client_ca: clients.pem");
    let own = authority.client(&[]);
    let client = |own| Client::new(server.agents, &authority, own);
    assert!(client(None).call("GET", ASK, &[], None).is_err());
    assert_eq!(client(Some(&own)).call("GET", "/ask/v1/decisions/dec_1", &[], None).unwrap().status, 401);
    let agreed = |protocols: &[&str]| client(Some(&own)).offering(protocols).shown().unwrap().1;
    assert_eq!(agreed(&["h2", "http/1.1"]).as_deref(), Some(&b"h2"[..]));
    assert_eq!(agreed(&["http/1.1"]).as_deref(), Some(&b"http/1.1"[..]));
}

#[test]
fn operators_work_over_tls_and_a_handshake_that_does_not_end_is_cut_off() {
    let authority = Authority::new();
    let tls = "operators: { listen: 127.0.0.1:0, tls: { certificate: server.pem, key: server.key } }";
    let settings = SETTINGS.replace("operators: { listen: 127.0.0.1:0 }", tls);
    let server = Server::prepared(&settings, &[], |folder| authority.server().write(folder));
    let client = Client::new(server.operators, &authority, None);
    let token = format!("Bearer {}", server.admin);
    let me = client.call("GET", "/api/v1/me", &[("authorization", &token)], None).unwrap();
    assert_eq!(me.is(200)["name"], "admin");

    let mut silent = TcpStream::connect(server.operators).unwrap();
    silent.set_read_timeout(Some(gateway::limits::HANDSHAKE_WITHIN * 3)).unwrap();
    let mut heard = [0u8; 1];
    assert_eq!(std::io::Read::read(&mut silent, &mut heard).unwrap(), 0, "closed, and nothing was said");
}

#[test]
fn changed_certificates_are_in_force_without_a_restart_and_faulty_ones_never() {
    let authority = Authority::new();
    let server = start(&authority, OPTIONAL);
    let shown = || Client::new(server.agents, &authority, None).shown().unwrap().0;
    let first = shown();
    let next = authority.server();
    next.write(&server.folder);
    until("the new certificate is in force", || shown() == *next.certificate.der());
    assert_ne!(first, shown());

    // A key that fits another certificate.
    let stray = authority.server();
    write(&server.folder.join("server.key"), &stray.key.serialize_pem(), 0o600);
    let log = || std::fs::read_to_string(server.folder.join("log")).unwrap();
    until("the fault is told", || log().contains("the certificates in force stay"));
    assert_eq!(shown(), *next.certificate.der());
    assert!(!log().contains("PRIVATE KEY"));

    // Clients' authorities, too.
    let other = Authority::new();
    next.write(&server.folder);
    write(&server.folder.join("clients.pem"), &other.pem(), 0o644);
    let own = other.client(&[]);
    let client = Client::new(server.agents, &authority, Some(&own));
    until("the new authority is trusted", || client.call("GET", ASK, &[], None).is_ok());
    let own = authority.client(&[]);
    assert!(Client::new(server.agents, &authority, Some(&own)).call("GET", ASK, &[], None).is_err());
}

#[test]
fn faults_in_files_are_told_at_once_and_an_old_certificate_is_a_warning() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkrein.yaml");
    let check = |settings: &str| {
        std::fs::write(&path, settings).unwrap();
        let program = env!("CARGO_BIN_EXE_checkrein");
        let output =
            Command::new(program).args(["serve", "--check", "--config"]).arg(&path).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let all = settings(", client_ca: none.pem").replace("[rules]", "[]");
    let all = format!(
        "{all}unknown: 1\nidentity: {{ jwt: [ {{ issuer: a, audience: b, keys: none.json }}, {{ issuer: c, audience: d, keys: bad.json }} ] }}\n"
    );
    write(
        &folder.path().join("bad.json"),
        r#"{ "keys": [{ "kty": "oct", "k": "c2VjcmV0LXZhbHVl" }] }"#,
        0o644,
    );
    write(&folder.path().join("server.key"), &authority.server().key.serialize_pem(), 0o644);
    let (good, told) = check(&all);
    assert!(!good);
    for part in ["server.pem", "chmod 600", "none.pem", "none.json", "is secret", "unknown_key"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    assert!(!told.contains("c2VjcmV0"), "{told}");

    let small = settings("").replace("[rules]", "[]");
    authority.server().write(folder.path());
    assert_eq!(check(&small), (true, String::new()));
    write(&folder.path().join("server.key"), &authority.server().key.serialize_pem(), 0o600);
    let (good, told) = check(&small);
    assert!(!good && told.contains("do not go together"), "{told}");
    authority.expired(CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap()).write(folder.path());
    let (good, told) = check(&small);
    assert!(good && told.contains("has expired"), "{told}");
    // Other addresses are for TLS alone.
    let open = small.replace("listen: 127.0.0.1:0, tls", "listen: 0.0.0.0:0, tls");
    assert!(check(&open).0);
    let (good, told) =
        check(&open.replace("operators: { listen: 127.0.0.1:0 }", "operators: { listen: 0.0.0.0:0 }"));
    assert!(!good && told.contains("not_loopback"), "{told}");
}

#[test]
fn every_kind_of_wrong_credentials_gets_the_same_answer_and_reasons_are_for_operators() {
    let authority = Authority::new();
    let server = start(&authority, OPTIONAL);
    let key = register(&server, "shop", json!({}));
    let signed = register(&server, "signed", json!({ "signed": true }));
    let client = Client::new(server.agents, &authority, None);
    until("the key is in force", || ask(&client, &[("authorization", &key)]).0 == 200);
    let mut answers = Vec::new();
    let wrong = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    let token = "Bearer eyJhbGciOiJub25lIn0.e30.";
    for headers in [
        vec![("authorization", wrong.as_str())],
        vec![("authorization", "Bearer cra_000000000000_00")],
        vec![("authorization", token)],
        vec![("authorization", "Basic eDp5")],
        vec![("authorization", signed.as_str())],
        vec![("authorization", key.as_str()), ("authorization", key.as_str())],
        vec![("authorization", key.as_str()), ("signature-input", "nonsense")],
        vec![("x-checkrein-key", "x"), ("authorization", key.as_str())],
    ] {
        let reply = client.call("POST", ASK, &headers, Some(&question())).unwrap();
        let told =
            reply.head.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n");
        answers.push((reply.status, told, reply.body));
    }
    assert_eq!(answers[0].0, 401);
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let metrics = call(server.operators, "GET", "/metrics", "", None).body;
    for reason in ["secret", "algorithm", "malformed", "unsigned"] {
        let line = format!("checkrein_wrong_credentials_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&line), "{line} is missing in {metrics}");
    }
}
