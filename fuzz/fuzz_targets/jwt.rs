//! Any bytes as token, as the two parts of a token that is then signed well, and as a key set:
//! refused, or a subject that the issuer in the settings named for us.
#![no_main]

use std::sync::LazyLock;

use action::{Json, Name, Timestamp};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::identity::Proof;
use gateway::identity::jwt::{Algorithm, Issuer, Issuers, KeySet};
use libfuzzer_sys::fuzz_target;

const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

static PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed is a key"));

static ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let x = URL_SAFE_NO_PAD.encode(PAIR.public_key().as_ref());
    let set = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"one","x":"{x}"}}]}}"#);
    let name = |text| Name::new(text).expect("a name");
    Issuers::new(vec![Issuer {
        name: name("https://issuer.example"),
        audiences: vec![name("checkrein")],
        algorithms: Algorithm::ALL.to_vec(),
        subject_claim: "sub".to_owned(),
        skew_millis: 30_000,
        keys: KeySet::read(set.as_bytes()).expect("the set reads"),
    }])
});

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = KeySet::read(bytes) {
        assert!(!error.to_string().is_empty());
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Nobody here has its key, and no seed is signed with it.
    assert!(ISSUERS.subject(text, NOW).is_err());

    let Some((head, claims)) = text.split_once('\n') else { return };
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(PAIR.sign(signed.as_bytes()));
    let Ok(proof) = ISSUERS.subject(&format!("{signed}.{signature}"), NOW) else { return };
    let (head, claims) = (
        Json::parse(head.as_bytes()).expect("it was read"),
        Json::parse(claims.as_bytes()).expect("it was read"),
    );
    assert!(head.get("crit").is_none());
    assert!(matches!(head.get("alg").and_then(Json::as_text), Some("EdDSA" | "Ed25519")));
    let said = |claim: &str| claims.get(claim).and_then(Json::as_text).map(str::to_owned);
    let Proof::Subject { issuer, subject } = proof else { panic!("a token names a subject") };
    assert_eq!((Some(issuer.to_string()), Some(subject.to_string())), (said("iss"), said("sub")));
    let ends = claims.get("exp").and_then(Json::as_number).expect("it has an end").trunc();
    assert!(ends.saturating_mul(1000) > NOW.millis() - 30_000);
});
