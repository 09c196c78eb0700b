//! Signed requests, and what is done twice.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::certificates::request;
use crate::harness::{Reply, Server, raw, refund, until};

const ASK: &str = "/ask/v1/decisions";

/// An agent that signs what it sends.
struct Signer {
    pair: Ed25519KeyPair,
    nonces: std::cell::Cell<u64>,
}

impl Signer {
    fn new() -> Signer {
        Signer { pair: Ed25519KeyPair::generate().unwrap(), nonces: std::cell::Cell::new(0) }
    }

    fn key(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref())
    }

    /// The headers that sign a request, `seconds` from now.
    fn headers(
        &self,
        verb: &str,
        path: &str,
        body: Option<&Value>,
        seconds: i64,
    ) -> Vec<(&'static str, String)> {
        let nonce = self.nonces.get() + 1;
        self.nonces.set(nonce);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let created = i64::try_from(now).unwrap() + seconds;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut base = format!("\"@method\": {verb}\n\"@path\": {path}\n\"@query\": ?{query}\n");
        let mut covered = "\"@method\" \"@path\" \"@query\"".to_owned();
        let mut headers = Vec::new();
        if let Some(body) = body {
            let sum = STANDARD.encode(digest(&SHA256, body.to_string().as_bytes()));
            base.push_str(&format!("\"content-digest\": sha-256=:{sum}:\n"));
            covered.push_str(" \"content-digest\"");
            headers.push(("content-digest", format!("sha-256=:{sum}:")));
        }
        let input = format!(
            "({covered});created={created};nonce=\"nonce-number-{nonce:08}\";keyid=\"{}\";alg=\"ed25519\";tag=\"checkrein\"",
            self.key()
        );
        base.push_str(&format!("\"@signature-params\": {input}"));
        let signature = STANDARD.encode(self.pair.sign(base.as_bytes()));
        headers.push(("signature-input", format!("agent={input}")));
        headers.push(("signature", format!("agent=:{signature}:")));
        headers
    }
}

fn send(server: &Server, verb: &str, path: &str, headers: &[(&str, String)], body: Option<&Value>) -> Reply {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    raw(server.agents, request(server.agents, verb, path, &headers, body).as_bytes())
}

fn start(signer: &Signer) -> (Server, String) {
    let server = Server::start(&["refunds.yaml"]);
    let profile = json!({ "environments": ["production"], "signed": true,
                          "identities": [{ "kind": "ed25519", "key": signer.key() }] });
    server.operate("PUT", "/api/v1/agents/shop", &profile).is(201);
    let made = server.operate("POST", "/api/v1/agents/shop/keys", &json!({ "label": "test" })).is(201);
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    until("the identity is in force", || {
        send(
            &server,
            "GET",
            "/ask/v1/decisions/dec_1",
            &signer.headers("GET", "/ask/v1/decisions/dec_1", None, 0),
            None,
        )
        .status
            == 404
    });
    (server, key)
}

#[test]
fn a_signed_request_is_answered_once_and_a_bare_key_is_not_enough() {
    let signer = Signer::new();
    let (server, key) = start(&signer);
    let body = json!({ "action": refund(1) });
    let headers = signer.headers("POST", ASK, Some(&body), 0);
    let first = send(&server, "POST", ASK, &headers, Some(&body)).is(200);
    assert_eq!(send(&server, "POST", ASK, &headers, Some(&body)).is(401)["error"]["code"], "replayed");
    // A key in addition is fine, and alone it is not.
    let mut both = signer.headers("POST", ASK, Some(&body), 0);
    both.push(("authorization", key.clone()));
    send(&server, "POST", ASK, &both, Some(&body)).is(200);
    let alone = [("authorization", key)];
    assert_eq!(send(&server, "POST", ASK, &alone, Some(&body)).is(401)["error"]["code"], "bad_credentials");
    // The query is signed, too.
    let path = format!("{ASK}/{}?wait=0", first["id"].as_str().unwrap());
    let headers = signer.headers("GET", &path, None, 0);
    send(&server, "GET", &path, &headers, None).is(200);
}

#[test]
fn what_was_signed_cannot_be_changed_and_trying_uses_nothing_up() {
    let signer = Signer::new();
    let (server, _) = start(&signer);
    let body = json!({ "action": refund(1) });
    let headers = signer.headers("POST", ASK, Some(&body), 0);
    let bad = |reply: Reply| assert_eq!(reply.is(401)["error"]["code"], "bad_credentials");
    bad(send(&server, "POST", ASK, &headers, Some(&json!({ "action": refund(99) }))));
    bad(send(&server, "POST", "/ask/v1/decisions/batch", &headers, Some(&body)));
    bad(send(&server, "POST", "/ask/v1/decisions?x=1", &headers, Some(&body)));
    // Its owner still can.
    send(&server, "POST", ASK, &headers, Some(&body)).is(200);
    // A body that was not signed, a clock that is off, a key that nobody registered.
    let get = signer.headers("POST", ASK, None, 0);
    bad(send(&server, "POST", ASK, &get, Some(&body)));
    bad(send(&server, "POST", ASK, &signer.headers("POST", ASK, Some(&body), -90), Some(&body)));
    bad(send(&server, "POST", ASK, &signer.headers("POST", ASK, Some(&body), 90), Some(&body)));
    bad(send(&server, "POST", ASK, &Signer::new().headers("POST", ASK, Some(&body), 0), Some(&body)));
}

#[test]
fn a_crash_does_not_forget_what_was_used() {
    let signer = Signer::new();
    let (server, _) = start(&signer);
    let body = json!({ "action": refund(1) });
    // As far ahead as a clock may be: good for two more minutes after the crash.
    let headers = signer.headers("POST", ASK, Some(&body), 55);
    send(&server, "POST", ASK, &headers, Some(&body)).is(200);
    let server = server.crash_and_restart();
    assert_eq!(send(&server, "POST", ASK, &headers, Some(&body)).is(401)["error"]["code"], "replayed");
    let fresh = signer.headers("POST", ASK, Some(&body), 0);
    send(&server, "POST", ASK, &fresh, Some(&body)).is(200);
}
