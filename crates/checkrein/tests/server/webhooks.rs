//! What other systems are told, and that nothing of it is lost, doubled under another id, or held up.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{SETTINGS, Server, refund, until};
use crate::receiver::{Got, Receiver};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// Secrets in a folder, and the settings of webhooks that are signed with them.
struct Hooks {
    folder: tempfile::TempDir,
    settings: String,
}

impl Hooks {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        std::fs::write(folder.path().join("old"), OLD_SECRET).unwrap();
        Hooks { folder, settings: format!("{SETTINGS}webhooks:\n") }
    }

    fn add(mut self, name: &str, url: &str, more: &str) -> Self {
        let folder = self.folder.path().display();
        self.settings.push_str(&format!(
            "  - {{ name: {name}, url: '{url}', private: true, {more}, \
             secret: [{{ file: {folder}/secret }}, {{ file: {folder}/old }}] }}\n"
        ));
        self
    }
}

fn to(receiver: &Receiver) -> String {
    format!("http://{}/hook", receiver.address)
}

fn shown(server: &Server, name: &str) -> Value {
    let all = server.look("/api/v1/webhooks");
    all.as_array().unwrap().iter().find(|hook| hook["name"] == name).unwrap().clone()
}

/// Checks as a receiver would.
fn is_signed(got: &Got, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mut signed =
        format!("{}.{}.", got.header("webhook-id"), got.header("webhook-timestamp")).into_bytes();
    signed.extend_from_slice(&got.body);
    let mut parts = got.header("webhook-signature").split(' ').filter_map(|part| part.strip_prefix("v1,"));
    parts.any(|part| hmac::verify(&key, &signed, &STANDARD.decode(part).unwrap()).is_ok())
}

#[test]
fn a_receiver_is_told_signed_and_without_content() {
    let receiver = Receiver::start(200);
    let events = "events: [decision.blocked, approval.requested, approval.decided, agent.status, finding]";
    let hooks = Hooks::new().add("soc", &to(&receiver), events);
    let server = Server::with(&hooks.settings, &["refunds.yaml", "read-write.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    shop.ask(&refund(10)).is(200);
    let blocked = shop.ask(&refund(5_000)).is(403)["id"].as_str().unwrap().to_owned();
    let held = shop.ask(&json!({
        "kind": "record_change", "operation": "write", "tool": "crm_update",
        "resource": { "type": "record", "name": "zebra-canary" },
        "payload": { "text": "zebra-canary" }, "principal": { "id": "maria@shop.example" },
    }));
    let held = held.is(202)["id"].as_str().unwrap().to_owned();
    let approver = server.operator("amy", &["approver"]);
    let said =
        server.as_operator(&approver, "POST", &format!("/api/v1/approvals/{held}/approve"), Some(&json!({})));
    assert_eq!(said.status, 200, "{said:?}");
    until("all of it was told", || !receiver.events("approval.decided").is_empty());

    let told = &receiver.events("decision.blocked");
    assert_eq!(told.len(), 1, "the allowed refund is nobody's business");
    let data = &told[0].json()["data"];
    assert_eq!((&data["decision"], &data["effective"]), (&json!(blocked), &json!("block")));
    assert_eq!((&data["agent"], &data["tool"]), (&json!("shop-helper"), &json!("refund")));
    assert_eq!(receiver.events("approval.requested")[0].json()["data"]["decision"], held);
    assert_eq!(receiver.events("approval.decided")[0].json()["data"]["step"], "approved");
    let mut ids = Vec::new();
    for got in receiver.got() {
        assert_eq!((got.path.as_str(), got.header("content-type")), ("/hook", "application/json"));
        assert!(is_signed(&got, SECRET) && is_signed(&got, OLD_SECRET), "{got:?}");
        assert!(!is_signed(&got, "whsec_BBECAwQFBgcICQoLDA0ODxAREhMUFRYX"));
        let text = String::from_utf8(got.body.clone()).unwrap();
        for secret in ["zebra", "maria", "5000", "order-882", "amy"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        ids.push(got.header("webhook-id").to_owned());
    }
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all, "each event has an id of its own");

    until("the deliveries are counted and over", || {
        let soc = shown(&server, "soc");
        soc["delivered"] == json!(all) && soc["events_waiting"] == 0
    });
    let soc = shown(&server, "soc");
    assert_eq!(soc["failed"], 0, "{soc}");
    assert!(!soc.to_string().contains("/hook"), "a path may be a secret");
    let tried = server.operate("POST", "/api/v1/webhooks/soc/test", &json!({})).is(200);
    assert_eq!((&tried["delivered"], &tried["status"]), (&json!(true), &json!(200)));
    assert_eq!(receiver.events("webhook.test").len(), 1);
    assert_eq!(server.operate("POST", "/api/v1/webhooks/none/test", &json!({})).status, 404);
}

#[test]
fn what_could_not_be_delivered_comes_after_a_crash_under_the_same_id() {
    let receiver = Receiver::start(503);
    let hooks = Hooks::new().add("soc", &to(&receiver), "events: [decision.blocked]");
    let server = Server::with(&hooks.settings, &["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    shop.ask(&refund(5_000)).is(403);
    until("it was tried", || !receiver.got().is_empty());
    let first = receiver.got()[0].clone();
    let server = server.crash_and_restart();
    receiver.answer(204);
    until("it arrived", || shown(&server, "soc")["delivered"] == json!(1));
    let last = receiver.got().last().unwrap().clone();
    assert_eq!(last.header("webhook-id"), first.header("webhook-id"));
    assert_eq!(last.body, first.body);
    // What was delivered is written down: another start sends nothing again.
    let count = receiver.got().len();
    let place = server.folder.join("data/webhooks/soc.json");
    until("its place is written down", || {
        let place: Value = serde_json::from_slice(&std::fs::read(&place).unwrap()).unwrap();
        place["pending"] == json!([])
    });
    let server = server.crash_and_restart();
    shop_again(&server);
    until("the next arrived", || shown(&server, "soc")["delivered"] == json!(1));
    assert_eq!(receiver.got().len(), count + 1);
}

fn shop_again(server: &Server) {
    let made =
        server.operate("POST", "/api/v1/agents/shop-helper/keys", &json!({ "label": "again" })).is(201);
    let key = made["key"].as_str().unwrap().to_owned();
    let agent = crate::harness::Agent { address: server.agents, key };
    until("the key is in force", || agent.ask(&refund(6_000)).status == 403);
}

#[test]
fn a_receiver_that_hangs_or_sends_elsewhere_holds_up_nobody_and_is_given_up() {
    let (slow, moved, good) = (Receiver::start(0), Receiver::start(307), Receiver::start(200));
    let events = "events: [decision.blocked, finding]";
    let short = format!("{events}, give_up_after_seconds: 1");
    let hooks = Hooks::new().add("slow", &to(&slow), events).add("moved", &to(&moved), &short).add(
        "good",
        &to(&good),
        events,
    );
    let server = Server::with(&hooks.settings, &["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    for amount in 0..6 {
        shop.ask(&refund(5_000 + amount)).is(403);
    }
    until("the good one has all", || good.events("decision.blocked").len() == 6);
    until("a finding tells of what was given up", || {
        good.events("finding").iter().any(|got| {
            let data = got.json()["data"].clone();
            data["rule"] == "webhook.given_up" && data["webhook"] == "moved"
        })
    });
    assert!(moved.got().iter().all(|got| got.path == "/hook"), "nobody followed the redirect");
    let itself = |got: &Got| got.json()["data"]["rule"] == "webhook.given_up";
    assert!(!moved.events("finding").iter().any(itself), "it is not told that it cannot be told");
    let state = shown(&server, "moved");
    assert_eq!(state["last_fault"], "status_307");
    assert!(state["given_up"].as_u64() >= Some(1), "{state}");
    assert_eq!(shown(&server, "slow")["delivered"], 0);
    let metrics = crate::harness::call(server.operators, "GET", "/metrics", "", None).body;
    assert!(
        metrics.contains(r#"checkrein_webhook_deliveries_total{webhook="good",result="delivered"}"#),
        "{metrics}"
    );
}

#[test]
fn a_certificate_is_checked_against_the_authority_of_the_settings() {
    let (certificate, config) = authority();
    let receiver = Receiver::with_tls(200, config);
    let (other, _) = authority();
    let hooks = Hooks::new();
    let (ours, theirs) = (hooks.folder.path().join("ours.pem"), hooks.folder.path().join("theirs.pem"));
    std::fs::write(&ours, certificate).unwrap();
    std::fs::write(&theirs, other).unwrap();
    let url = format!("https://localhost:{}/hook", receiver.address.port());
    let with = |path: &Path| format!("events: [decision.blocked], ca: {}", path.display());
    let hooks = hooks.add("right", &url, &with(&ours)).add("wrong", &url, &with(&theirs)).add(
        "public",
        &url,
        "events: [decision.blocked]",
    );
    let server = Server::with(&hooks.settings, &["refunds.yaml"]);
    let tried =
        |name: &str| server.operate("POST", &format!("/api/v1/webhooks/{name}/test"), &json!({})).is(200);
    assert_eq!(tried("right")["delivered"], true);
    assert_eq!((&tried("wrong")["delivered"], &tried("wrong")["fault"]), (&json!(false), &json!("tls")));
    assert_eq!(tried("public")["fault"], "tls");
    assert_eq!(receiver.got().len(), 1, "the others said nothing before they had looked");
}

/// A certificate of its own authority for `localhost`, and a server that has it.
pub fn authority() -> (String, Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), Arc::new(config))
}
