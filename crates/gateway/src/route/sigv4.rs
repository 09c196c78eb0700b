//! Signature Version 4, which Amazon asks for where no API key is used.
//!
//! Pure: time is an argument. The key of the settings is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`, with
//! `:SESSION_TOKEN` behind it for credentials that expire.

use std::fmt::Write as _;

use action::Timestamp;
use aws_lc_rs::{digest, hmac};

use super::secret::Secret;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is signed.
pub struct Signed<'r> {
    pub method: &'r str,
    /// As it is sent.
    pub path: &'r str,
    /// Without the question mark.
    pub query: &'r str,
    /// Names in small letters, in their order.
    pub headers: &'r [(&'r str, &'r str)],
    pub body: &'r [u8],
    pub region: &'r str,
    pub service: &'r str,
}

/// The parts of a key.
pub struct Credentials<'k> {
    pub id: &'k str,
    secret: &'k str,
    pub session: Option<&'k str>,
}

impl<'k> Credentials<'k> {
    pub fn read(key: &'k Secret) -> Option<Self> {
        let mut parts = key.expose().splitn(3, ':');
        let (id, secret, session) = (parts.next()?, parts.next()?, parts.next());
        let whole = !id.is_empty() && !secret.is_empty() && session != Some("");
        whole.then_some(Credentials { id, secret, session })
    }
}

/// As in `x-amz-date`: `20150830T123600Z`.
pub fn date(now: Timestamp) -> String {
    let text = now.to_string();
    let seconds = text.split('.').next().unwrap_or_default();
    seconds.chars().filter(|c| !matches!(c, '-' | ':' | 'Z')).chain(['Z']).collect()
}

/// What `authorization` says. `date` is the one in the headers.
pub fn authorization(signed: &Signed<'_>, credentials: &Credentials<'_>, date: &str) -> String {
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/{}/aws4_request", signed.region, signed.service);
    let names: Vec<&str> = signed.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let to_sign = format!("{ALGORITHM}\n{date}\n{scope}\n{}", hashed(canonical(signed, &names).as_bytes()));
    let seed = zeroize::Zeroizing::new(format!("AWS4{}", credentials.secret));
    let mut key = mac(seed.as_bytes(), day);
    for part in [signed.region, signed.service, "aws4_request"] {
        key = mac(key.as_ref(), part);
    }
    let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
    format!("{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}", credentials.id)
}

fn canonical(signed: &Signed<'_>, names: &str) -> String {
    let mut headers = String::new();
    for (name, value) in signed.headers {
        // Writing to a String cannot fail.
        let _ = writeln!(headers, "{name}:{}", value.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    let mut query: Vec<&str> = signed.query.split('&').filter(|part| !part.is_empty()).collect();
    query.sort_unstable();
    let hash = hashed(signed.body);
    let path = encoded(signed.path);
    format!("{}\n{path}\n{}\n{headers}\n{names}\n{hash}", signed.method, query.join("&"))
}

/// What is encoded already is encoded once more: so it wants it, everywhere but in S3.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hashed(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Amazon's own description.
    #[test]
    fn the_published_example_is_signed_as_published() {
        let signed = Signed {
            method: "GET",
            path: "/",
            query: "Version=2010-05-08&Action=ListUsers",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("host", "iam.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            body: b"",
            region: "us-east-1",
            service: "iam",
        };
        let key = Secret::new("AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into());
        let names = "content-type;host;x-amz-date";
        assert_eq!(
            hashed(canonical(&signed, names).as_bytes()),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
        let date = date(Timestamp::parse("2015-08-30T12:36:00Z").unwrap());
        assert_eq!(
            authorization(&signed, &Credentials::read(&key).unwrap(), &date),
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders={names}, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
            )
        );
    }

    #[test]
    fn a_key_has_two_or_three_parts_and_a_path_is_encoded_again() {
        let read = |text: &str| {
            let key = Secret::new(text.into());
            Credentials::read(&key).map(|it| (it.id.to_owned(), it.session.map(str::to_owned)))
        };
        assert_eq!(read("A:b"), Some(("A".into(), None)));
        assert_eq!(read("A:b:t=="), Some(("A".into(), Some("t==".into()))));
        for text in ["", "A", ":b", "A:", "A:b:"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(encoded("/model/a.b-v1%3A0/converse"), "/model/a.b-v1%253A0/converse");
        assert_eq!(encoded("/model/a:0/converse"), "/model/a%3A0/converse");
    }
}
