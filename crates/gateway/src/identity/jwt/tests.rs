use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_790_000_000;

/// The modulus of a key of 2048 bits, behind the head of its encoding and a zero for the sign; the
/// exponent that follows is 65537.
fn modulus(key: &RsaKeyPair) -> &[u8] {
    let encoded = key.public_key().as_ref();
    assert_eq!((encoded.len(), &encoded[265..]), (270, &[2, 3, 1, 0, 1][..]));
    &encoded[9..265]
}

/// A key of each type, with the set that publishes them.
struct Keys {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

impl Keys {
    fn new() -> Keys {
        Keys {
            ed25519: Ed25519KeyPair::generate().unwrap(),
            p256: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
        }
    }

    fn set(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = self.p256.public_key().as_ref();
        json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(self.ed25519.public_key().as_ref()) },
            { "kty": "EC", "crv": "P-256", "kid": "ec", "x": b64(&point[1..33]), "y": b64(&point[33..]) },
            { "kty": "RSA", "kid": "rsa", "use": "sig",
              "n": b64(modulus(&self.rsa)),
              "e": "AQAB" },
            { "kty": "EC", "crv": "P-384", "kid": "other kind", "x": "AA", "y": "AA" },
            { "kty": "RSA", "kid": "for encryption", "use": "enc", "n": "AA", "e": "AQAB" },
        ]})
    }

    fn sign(&self, algorithm: &str, text: &str) -> Vec<u8> {
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(encoding, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
            signature
        };
        match algorithm {
            "EdDSA" | "Ed25519" => self.ed25519.sign(text.as_bytes()).as_ref().to_vec(),
            "ES256" => self.p256.sign(&SystemRandom::new(), text.as_bytes()).unwrap().as_ref().to_vec(),
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "PS256" => rsa(&RSA_PSS_SHA256),
            other => panic!("{other}"),
        }
    }

    fn token(&self, head: &Value, claims: &Value, algorithm: &str) -> String {
        self.token_of(&head.to_string(), &claims.to_string(), algorithm)
    }

    fn token_of(&self, head: &str, claims: &str, algorithm: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.sign(algorithm, &signed));
        format!("{signed}.{signature}")
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn issuers(keys: &Keys, algorithms: &[Algorithm]) -> Issuers {
    Issuers::new(vec![Issuer {
        name: name("https://issuer.example"),
        audiences: vec![name("checkrein"), name("other")],
        algorithms: algorithms.to_vec(),
        subject_claim: "sub".to_owned(),
        skew_millis: 30_000,
        keys: KeySet::read(keys.set().to_string().as_bytes()).unwrap(),
    }])
}

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.example", "aud": "checkrein", "sub": "bot", "iat": NOW - 5, "exp": NOW + 60 })
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

#[test]
fn a_token_of_each_algorithm_names_its_subject() {
    let keys = Keys::new();
    let issuers = issuers(&keys, Algorithm::ALL);
    let wanted = Proof::Subject { issuer: name("https://issuer.example"), subject: name("bot") };
    for (algorithm, kid) in
        [("EdDSA", "ed"), ("Ed25519", "ed"), ("ES256", "ec"), ("RS256", "rsa"), ("PS256", "rsa")]
    {
        let token =
            keys.token(&json!({ "alg": algorithm, "kid": kid, "typ": "at+jwt" }), &claims(), algorithm);
        assert_eq!(issuers.subject(&token, now()), Ok(wanted.clone()), "{algorithm}");
        // Without a `kid` there is still only one key that fits.
        let token = keys.token(&json!({ "alg": algorithm }), &claims(), algorithm);
        assert_eq!(issuers.subject(&token, now()), Ok(wanted.clone()), "{algorithm}");
    }
    let many = with("aud", json!(["somebody", "other"]));
    let token = keys.token(&json!({ "alg": "EdDSA", "kid": "ed" }), &many, "EdDSA");
    assert_eq!(issuers.subject(&token, now()), Ok(wanted));
}

#[test]
fn an_algorithm_must_be_known_allowed_and_fit_the_key() {
    let keys = Keys::new();
    let all = issuers(&keys, Algorithm::ALL);
    let told = |head: Value, signed: &str| all.subject(&keys.token(&head, &claims(), signed), now());
    for unknown in ["none", "None", "nOnE", "HS256", "RS512", "ES384", "eddsa", ""] {
        assert_eq!(
            told(json!({ "alg": unknown, "kid": "rsa" }), "RS256"),
            Err(Wrong::Algorithm),
            "{unknown}"
        );
    }
    assert_eq!(told(json!({ "alg": "RS256", "kid": "ec" }), "RS256"), Err(Wrong::Algorithm));
    assert_eq!(told(json!({ "alg": "EdDSA", "kid": "rsa" }), "EdDSA"), Err(Wrong::Algorithm));
    // Said one way and signed another.
    assert_eq!(told(json!({ "alg": "RS256", "kid": "rsa" }), "PS256"), Err(Wrong::Signature));
    assert_eq!(told(json!({ "alg": "ES256", "kid": "ec" }), "EdDSA"), Err(Wrong::Signature));
    let narrow = issuers(&keys, &[Algorithm::Es256]);
    let token = keys.token(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims(), "EdDSA");
    assert_eq!(narrow.subject(&token, now()), Err(Wrong::Algorithm));

    // The public key as a shared secret, and no signature at all.
    let public = keys.set().to_string();
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(json!({ "alg": "HS256", "kid": "rsa" }).to_string()),
        URL_SAFE_NO_PAD.encode(claims().to_string())
    );
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, public.as_bytes());
    let tag = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&secret, signed.as_bytes()));
    assert_eq!(all.subject(&format!("{signed}.{tag}"), now()), Err(Wrong::Algorithm));
    let bare = keys.token(&json!({ "alg": "EdDSA", "kid": "ed" }), &claims(), "EdDSA");
    let bare = &bare[..=bare.rfind('.').unwrap()];
    assert_eq!(all.subject(bare, now()), Err(Wrong::Signature));
}

#[test]
fn claims_must_be_ours_and_of_now() {
    let keys = Keys::new();
    let issuers = issuers(&keys, Algorithm::ALL);
    let head = json!({ "alg": "EdDSA", "kid": "ed" });
    let told = |claims: Value| issuers.subject(&keys.token(&head, &claims, "EdDSA"), now()).err();
    for (claim, value, wrong) in [
        ("iss", json!("https://issuer.example/"), Wrong::Issuer),
        ("iss", json!(["https://issuer.example"]), Wrong::Malformed),
        ("aud", json!("Checkrein"), Wrong::Audience),
        ("aud", json!([]), Wrong::Audience),
        ("aud", json!(null), Wrong::Audience),
        ("exp", json!(NOW - 30), Wrong::Expired),
        ("exp", json!(NOW.to_string()), Wrong::Malformed),
        ("exp", json!(i64::MIN), Wrong::Expired),
        ("nbf", json!(NOW + 31), Wrong::TooEarly),
        ("iat", json!(NOW + 31), Wrong::TooEarly),
        ("iat", json!("today"), Wrong::Malformed),
        ("sub", json!(""), Wrong::Malformed),
        ("sub", json!(7), Wrong::Malformed),
        ("sub", json!("a\u{200b}b"), Wrong::Malformed),
    ] {
        assert_eq!(told(with(claim, value.clone())), Some(wrong), "{claim} {value}");
    }
    for claim in ["iss", "aud", "exp", "sub"] {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(claim);
        assert!(told(claims).is_some(), "{claim} is missing");
    }
    // The edges of the skew.
    assert_eq!(told(with("exp", json!(NOW - 29))), None);
    assert_eq!(told(with("nbf", json!(NOW + 30))), None);
}

#[test]
fn a_token_that_is_not_plain_is_refused_before_it_is_believed() {
    let keys = Keys::new();
    let issuers = issuers(&keys, Algorithm::ALL);
    let told = |head: &str, claims: &str| issuers.subject(&keys.token_of(head, claims, "EdDSA"), now()).err();
    let plain = claims().to_string();
    for (head, wrong) in [
        (r#"{"alg":"EdDSA","kid":"ed","crit":["exp"]}"#, Wrong::Malformed),
        (r#"{"alg":"EdDSA","kid":"ed","alg":"EdDSA"}"#, Wrong::Malformed),
        (r#"{"alg":"EdDSA","kid":"ed","typ":"dpop+jwt"}"#, Wrong::Malformed),
        (r#"{"alg":"EdDSA","kid":"ed","typ":7}"#, Wrong::Malformed),
        (r#"{"alg":"EdDSA","kid":7}"#, Wrong::Malformed),
        (r#"{"alg":"EdDSA","kid":"ED"}"#, Wrong::NoSuchKey),
        (r#"{"kid":"ed"}"#, Wrong::Malformed),
        (r#"["EdDSA"]"#, Wrong::Malformed),
        ("{", Wrong::Malformed),
    ] {
        assert_eq!(told(head, &plain), Some(wrong), "{head}");
    }
    let good = r#"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#;
    assert_eq!(told(good, &plain), None);
    assert_eq!(
        told(good, &plain.replacen('{', r#"{"sub":"admin","#, 1)),
        Some(Wrong::Malformed),
        "a key twice"
    );

    let token = keys.token_of(good, &plain, "EdDSA");
    for broken in
        ["", ".", "..", "a.b", "a.b.c", &token.replace('.', "=."), &format!("{token}."), &format!("{token}=")]
    {
        assert_eq!(issuers.subject(broken, now()), Err(Wrong::Malformed), "{broken}");
    }
    assert_eq!(issuers.subject(&"x".repeat(9_000), now()), Err(Wrong::TooLarge));
    // Any changed byte.
    for place in (0..token.len()).step_by(7) {
        let mut bytes = token.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(changed == token || issuers.subject(&changed, now()).is_err(), "at {place}");
    }
}

#[test]
fn a_token_without_a_key_id_is_refused_where_there_is_a_choice() {
    let keys = Keys::new();
    let mut set = keys.set();
    let other = Ed25519KeyPair::generate().unwrap();
    set["keys"].as_array_mut().unwrap().push(json!({
        "kty": "OKP", "crv": "Ed25519", "kid": "second", "x": URL_SAFE_NO_PAD.encode(other.public_key().as_ref()),
    }));
    let set = KeySet::read(set.to_string().as_bytes()).unwrap();
    assert!(matches!(set.find(None, Algorithm::EdDsa), Err(Wrong::NoSuchKey)));
    assert!(set.find(Some("second"), Algorithm::EdDsa).is_ok());
    assert!(set.find(None, Algorithm::Es256).is_ok());
}

#[test]
fn a_key_set_is_refused_when_it_is_secret_faulty_or_empty() {
    let keys = Keys::new();
    let read = |set: &Value| KeySet::read(set.to_string().as_bytes()).map(drop);
    let changed = |place: usize, member: &str, value: Value| {
        let mut set = keys.set();
        set["keys"][place][member] = value;
        read(&set)
    };
    assert_eq!(read(&keys.set()), Ok(()));
    assert_eq!(changed(0, "d", json!("AA")), Err(KeySetError::Secret(1)));
    let shared = json!({ "keys": [{ "kty": "oct", "k": "AA" }] });
    assert_eq!(read(&shared), Err(KeySetError::Secret(1)));
    assert_eq!(changed(1, "kid", json!("ed")), Err(KeySetError::TwiceTheSame));
    assert!(matches!(changed(0, "x", json!("AA")), Err(KeySetError::Faulty(1, _))));
    assert!(matches!(
        changed(1, "y", json!(URL_SAFE_NO_PAD.encode([1; 32]))),
        Err(KeySetError::Faulty(2, _))
    ));
    assert!(matches!(
        changed(2, "n", json!(URL_SAFE_NO_PAD.encode([255; 128]))),
        Err(KeySetError::Faulty(3, _))
    ));
    assert_eq!(read(&json!({ "keys": [] })), Err(KeySetError::NoneUsable));
    assert_eq!(read(&json!([])), Err(KeySetError::Shape));
    assert!(matches!(KeySet::read(b"{"), Err(KeySetError::Json(_))));
    let one = keys.set()["keys"][3].clone();
    assert_eq!(read(&json!({ "keys": vec![one; 65] })), Err(KeySetError::TooMany));
    // A key that says its algorithm is for that one only.
    let mut set = keys.set();
    set["keys"][2]["alg"] = json!("PS256");
    let set = KeySet::read(set.to_string().as_bytes()).unwrap();
    assert!(matches!(set.find(Some("rsa"), Algorithm::Rs256), Err(Wrong::Algorithm)));
    assert!(set.find(Some("rsa"), Algorithm::Ps256).is_ok());
}
