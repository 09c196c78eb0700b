//! Tokens of an issuer as proof of who asks.

use std::path::Path;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::certificates::write;
use crate::harness::{SETTINGS, Server, call, refund, until};

const ISSUER: &str = "https://issuer.example";

/// The modulus of a key of 2048 bits, behind the head of its encoding and a zero for the sign; the
/// exponent that follows is 65537.
fn modulus(key: &RsaKeyPair) -> &[u8] {
    let encoded = key.public_key().as_ref();
    assert_eq!((encoded.len(), &encoded[265..]), (270, &[2, 3, 1, 0, 1][..]));
    &encoded[9..265]
}

/// An issuer with a key of each type.
struct Issuer {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

impl Issuer {
    fn new() -> Issuer {
        Issuer {
            ed25519: Ed25519KeyPair::generate().unwrap(),
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn publish(&self, folder: &Path) {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = self.p256.public_key().as_ref();
        let set = json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "EdDSA", "x": b64(self.ed25519.public_key().as_ref()) },
            { "kty": "EC", "crv": "P-256", "kid": "ES256", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "RSA", "kid": "RSA", "n": b64(modulus(&self.rsa)),
              "e": "AQAB" },
        ]});
        write(&folder.join("keys.json"), &set.to_string(), 0o644);
    }

    fn sign(&self, algorithm: &str, text: &str) -> Vec<u8> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(encoding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
            signature
        };
        match algorithm {
            "EdDSA" => self.ed25519.sign(text.as_bytes()).as_ref().to_vec(),
            "ES256" => self.p256.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec(),
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "PS256" => rsa(&RSA_PSS_SHA256),
            // A secret that everybody knows: the public key.
            "HS256" => {
                let public = modulus(&self.rsa);
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public);
                aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            "none" => Vec::new(),
            other => panic!("{other}"),
        }
    }

    fn token(&self, said: &str, key: &str, signed: &str, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&json!({ "alg": said, "kid": key, "typ": "JWT" })), part(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(signed, &text));
        format!("{text}.{signature}")
    }
}

fn claims() -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({ "iss": ISSUER, "aud": ["checkrein"], "sub": "workload-7", "iat": now, "exp": now + 300,
            "roles": ["Finance-Agent"] })
}

fn start(issuer: &Issuer, more: &str) -> Server {
    let settings = format!(
        "{SETTINGS}identity: {{ jwt: [ {{ issuer: '{ISSUER}', audience: checkrein, keys: keys.json{more} }} ] }}\n"
    );
    let server = Server::prepared(&settings, &["refunds.yaml"], |folder| issuer.publish(folder));
    let identities = json!([{ "kind": "jwt", "issuer": ISSUER, "subject": "workload-7" }]);
    let profile = json!({ "environments": ["production"], "identities": identities });
    server.operate("PUT", "/api/v1/agents/shop", &profile).is(201);
    server
}

fn ask(server: &Server, token: &str, amount: u64) -> (u16, Value) {
    let question = json!({ "action": refund(amount) });
    let reply = call(server.agents, "POST", "/ask/v1/decisions", token, Some(&question));
    (reply.entry(), reply.json()["error"]["code"].clone())
}

#[test]
fn a_token_of_each_algorithm_stands_for_the_registered_agent_and_gives_it_no_roles() {
    let issuer = Issuer::new();
    let server = start(&issuer, "");
    let token = |algorithm, key| issuer.token(algorithm, key, algorithm, &claims());
    until("the identity is in force", || ask(&server, &token("EdDSA", "EdDSA"), 1).0 == 200);
    for (algorithm, key) in [("ES256", "ES256"), ("RS256", "RSA"), ("PS256", "RSA")] {
        assert_eq!(ask(&server, &token(algorithm, key), 1).0, 200, "{algorithm}");
    }
    // The role that would let it pass stands in the token, and only there.
    assert_eq!(ask(&server, &token("EdDSA", "EdDSA"), 1_001).0, 403);
}

#[test]
fn tokens_that_do_not_hold_get_the_one_answer() {
    let issuer = Issuer::new();
    let server = start(&issuer, ", algorithms: [EdDSA, RS256], clock_skew_seconds: 0");
    let good = claims();
    until("the identity is in force", || {
        ask(&server, &issuer.token("EdDSA", "EdDSA", "EdDSA", &good), 1).0 == 200
    });
    let with = |claim: &str, value: Value| {
        let mut claims = claims();
        claims[claim] = value;
        claims
    };
    let past = good["iat"].as_u64().unwrap() - 1;
    let stranger = Issuer::new();
    for (told, token) in [
        ("not allowed", issuer.token("ES256", "ES256", "ES256", &good)),
        ("not signed", issuer.token("none", "EdDSA", "none", &good)),
        ("a public key as a secret", issuer.token("HS256", "RSA", "HS256", &good)),
        ("another type of key", issuer.token("RS256", "EdDSA", "RS256", &good)),
        ("said one way, signed another", issuer.token("RS256", "RSA", "PS256", &good)),
        ("somebody else's key", stranger.token("EdDSA", "EdDSA", "EdDSA", &good)),
        ("expired", issuer.token("EdDSA", "EdDSA", "EdDSA", &with("exp", json!(past)))),
        ("not yet", issuer.token("EdDSA", "EdDSA", "EdDSA", &with("nbf", json!(past + 3_600)))),
        ("another audience", issuer.token("EdDSA", "EdDSA", "EdDSA", &with("aud", json!("billing")))),
        ("another issuer", issuer.token("EdDSA", "EdDSA", "EdDSA", &with("iss", json!("https://x.example")))),
        ("nobody registered", issuer.token("EdDSA", "EdDSA", "EdDSA", &with("sub", json!("workload-8")))),
    ] {
        assert_eq!(ask(&server, &token, 1), (401, json!("bad_credentials")), "{told}");
    }
}

#[test]
fn changed_keys_are_in_force_without_a_restart_and_faulty_ones_never() {
    let (first, second) = (Issuer::new(), Issuer::new());
    let server = start(&first, "");
    let token = |issuer: &Issuer| issuer.token("EdDSA", "EdDSA", "EdDSA", &claims());
    until("the identity is in force", || ask(&server, &token(&first), 1).0 == 200);
    assert_eq!(ask(&server, &token(&second), 1).0, 401);
    second.publish(&server.folder);
    until("the new keys are in force", || ask(&server, &token(&second), 1).0 == 200);
    assert_eq!(ask(&server, &token(&first), 1).0, 401, "the old keys are not any more");

    write(&server.folder.join("keys.json"), "{ \"keys\": [", 0o644);
    let log = || std::fs::read_to_string(server.folder.join("log")).unwrap();
    until("the fault is told", || log().contains("the keys in force stay"));
    assert_eq!(ask(&server, &token(&second), 1).0, 200);
}
