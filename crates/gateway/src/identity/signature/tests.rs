use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::engine::general_purpose::STANDARD;
use http::Request;

use super::*;

const NOW: i64 = 1_790_000_000;

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1000)
}

/// Signs what is covered, as a client would.
struct Signer {
    pair: Ed25519KeyPair,
    parameters: String,
    covered: Vec<&'static str>,
}

impl Signer {
    fn new() -> Signer {
        let pair = Ed25519KeyPair::generate().unwrap();
        let key = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Signer {
            pair,
            parameters: format!(
                r#";created={NOW};nonce="0123456789abcdef";keyid="{key}";alg="ed25519";tag="checkrein""#
            ),
            covered: vec!["@method", "@path", "@query", "content-digest"],
        }
    }

    fn instead(mut self, from: &str, to: &str) -> Signer {
        assert!(self.parameters.contains(from), "{from}");
        self.parameters = self.parameters.replace(from, to);
        self
    }

    /// A `POST /ask/v1/decisions?wait=3` with this body, signed.
    fn head(&self, body: &[u8]) -> Parts {
        let content = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, body)));
        let list: Vec<String> = self.covered.iter().map(|one| format!("\"{one}\"")).collect();
        let input = format!("({}){}", list.join(" "), self.parameters);
        let mut base = String::new();
        for one in &self.covered {
            let value = match *one {
                "@method" => "POST",
                "@path" => "/ask/v1/decisions",
                "@query" => "?wait=3",
                "@authority" => "gate.example:8443",
                "content-digest" => &content,
                "x-two" => "a, b",
                _ => "",
            };
            base.push_str(&format!("\"{one}\": {value}\n"));
        }
        base.push_str(&format!("\"@signature-params\": {input}"));
        let signature = STANDARD.encode(self.pair.sign(base.as_bytes()));
        let request = Request::post("/ask/v1/decisions?wait=3")
            .header("host", "Gate.example:8443")
            .header("x-two", "a")
            .header("x-two", " b ")
            .header("content-digest", content)
            .header("signature-input", format!("sig={input}"))
            .header("signature", format!("sig=:{signature}:"));
        request.body(()).unwrap().into_parts().0
    }
}

fn wrong(head: &Parts) -> Option<Wrong> {
    read(head, now()).err()
}

#[test]
fn a_signature_over_the_whole_request_holds() {
    let signer = Signer::new();
    let signed = read(&signer.head(b"body"), now()).unwrap().unwrap();
    assert_eq!(signed.key.as_str(), URL_SAFE_NO_PAD.encode(signer.pair.public_key().as_ref()));
    assert_eq!(signed.body, Body::Sha256(digest(&SHA256, b"body").as_ref().try_into().unwrap()));
    assert_eq!(signed.created, now());
    let mut more = Signer::new();
    more.covered.extend(["@authority", "x-two"]);
    assert!(read(&more.head(b"body"), now()).unwrap().is_some());
    let mut bodiless = Signer::new();
    bodiless.covered.pop();
    assert_eq!(read(&bodiless.head(b""), now()).unwrap().unwrap().body, Body::Empty);
}

#[test]
fn whatever_is_covered_cannot_be_changed() {
    let signer = Signer::new();
    let mut head = signer.head(b"body");
    head.method = http::Method::PUT;
    assert_eq!(wrong(&head), Some(Wrong::Signature));
    for uri in ["/ask/v1/decisions?wait=4", "/ask/v1/decisions", "/ask/v1/decision?wait=3"] {
        let mut head = signer.head(b"body");
        head.uri = uri.parse().unwrap();
        assert_eq!(wrong(&head), Some(Wrong::Signature), "{uri}");
    }
    let mut head = signer.head(b"body");
    let other = format!("sha-256=:{}:", STANDARD.encode(digest(&SHA256, b"another")));
    head.headers.insert("content-digest", other.parse().unwrap());
    assert_eq!(wrong(&head), Some(Wrong::Signature));
    let mut head = signer.head(b"body");
    let input =
        head.headers["signature-input"].to_str().unwrap().replace("0123456789abcdef", "0123456789abcdee");
    head.headers.insert("signature-input", input.parse().unwrap());
    assert_eq!(wrong(&head), Some(Wrong::Signature));
}

#[test]
fn a_signature_is_young_and_says_enough() {
    let created = format!("created={NOW}");
    let at = |seconds: i64| Signer::new().instead(&created, &format!("created={seconds}")).head(b"");
    assert_eq!(wrong(&at(NOW - 60)), None);
    assert_eq!(wrong(&at(NOW - 61)), Some(Wrong::Expired));
    assert_eq!(wrong(&at(NOW + 60)), None);
    assert_eq!(wrong(&at(NOW + 61)), Some(Wrong::TooEarly));
    for (from, to, expected) in [
        (created.as_str(), format!("created={NOW};expires={NOW}"), Wrong::Expired),
        (&created, "x=1".to_owned(), Wrong::Malformed),
        (&created, format!("created=\"{NOW}\""), Wrong::Malformed),
        ("alg=\"ed25519\"", "alg=\"hmac-sha256\"".to_owned(), Wrong::Algorithm),
        ("0123456789abcdef", "0123456789abcde".to_owned(), Wrong::Malformed),
        ("0123456789abcdef", "0".repeat(129), Wrong::Malformed),
        (";nonce=\"0123456789abcdef\"", String::new(), Wrong::Malformed),
        ("keyid=\"", "keyid=\"A".to_owned(), Wrong::Malformed),
    ] {
        assert_eq!(wrong(&Signer::new().instead(from, &to).head(b"")), Some(expected), "{from} {to}");
    }
    for place in 0..3 {
        let mut signer = Signer::new();
        signer.covered.remove(place);
        assert_eq!(wrong(&signer.head(b"")), Some(Wrong::NotCovered));
    }
    let mut twice = Signer::new();
    twice.covered.push("@path");
    assert_eq!(wrong(&twice.head(b"")), Some(Wrong::Malformed));
    let mut unknown = Signer::new();
    unknown.covered.push("@status");
    assert_eq!(wrong(&unknown.head(b"")), Some(Wrong::Malformed));
}

#[test]
fn a_signature_for_somebody_else_is_left_alone_and_two_for_us_are_not() {
    assert_eq!(read(&Signer::new().instead("tag=\"checkrein\"", "tag=\"proxy\"").head(b""), now()), Ok(None));
    let signer = Signer::new();
    let mut head = signer.head(b"");
    head.headers.append("signature-input", "proxy=(\"@method\";req);created=1".parse().unwrap());
    head.headers.append("signature", "proxy=:AAAA:".parse().unwrap());
    assert!(read(&head, now()).unwrap().is_some());
    let second = head.headers["signature-input"].to_str().unwrap().replacen("sig=", "sig2=", 1);
    head.headers.append("signature-input", second.parse().unwrap());
    assert_eq!(wrong(&head), Some(Wrong::Malformed));

    let mut head = signer.head(b"");
    head.headers.remove("signature");
    assert_eq!(wrong(&head), Some(Wrong::Malformed));
    let mut head = signer.head(b"");
    head.headers.insert("signature-input", format!("sig=(\"{}\")", "x".repeat(5_000)).parse().unwrap());
    assert_eq!(wrong(&head), Some(Wrong::TooLarge));
    let bare = Request::get("/").body(()).unwrap().into_parts().0;
    assert_eq!(read(&bare, now()), Ok(None));
}

/// Signed by another program, with another library: the seeds of the fuzz target.
#[test]
fn signatures_of_another_program_hold() {
    let read = |text: &str| {
        let (first, headers) = text.split_once('\n').unwrap();
        let mut request = Request::post(first.strip_prefix("POST ").unwrap());
        for line in headers.lines() {
            let (name, value) = line.split_once(':').unwrap();
            request = request.header(name, value.trim());
        }
        read(&request.body(()).unwrap().into_parts().0, now())
    };
    let key = include_str!("../../../../../fuzz/fuzz_targets/http_signature.key").trim();
    for text in [
        include_str!("../../../../../fuzz/seeds/http_signature/whole.txt"),
        include_str!("../../../../../fuzz/seeds/http_signature/more.txt"),
        include_str!("../../../../../fuzz/seeds/http_signature/bodiless.txt"),
        include_str!("../../../../../fuzz/seeds/http_signature/beside_a_proxy.txt"),
    ] {
        assert_eq!(read(text).unwrap().unwrap().key.as_str(), key, "{text}");
    }
    assert_eq!(read(include_str!("../../../../../fuzz/seeds/http_signature/elsewhere.txt")), Ok(None));
}
