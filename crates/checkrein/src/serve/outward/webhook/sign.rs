//! Signatures in the form of Standard Webhooks: `v1,` and the HMAC-SHA-256 over id, time and body.

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::serve::outward::Secret;

/// What the form allows.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The header: one signature for each secret, so that a receiver that knows one of two is content.
pub fn signatures(secrets: &[Secret], id: &str, seconds: i64, body: &[u8]) -> Result<String> {
    let mut all = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = key(&secret.read()?)?;
        all.push(signature(&key, id, seconds, body));
    }
    Ok(all.join(" "))
}

fn key(text: &str) -> Result<hmac::Key> {
    let encoded = text.strip_prefix("whsec_").context(
        "the secret of a webhook begins with `whsec_`; make one with `echo whsec_$(openssl rand -base64 32)`",
    )?;
    // The error of the decoder would name characters of the secret.
    let Ok(bytes) = STANDARD.decode(encoded) else { bail!("behind `whsec_` stands no base64") };
    if !KEY_BYTES.contains(&bytes.len()) {
        bail!("the secret of a webhook has {} to {} bytes", KEY_BYTES.start(), KEY_BYTES.end());
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

fn signature(key: &hmac::Key, id: &str, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{id}.{seconds}.").as_bytes());
    context.update(body);
    format!("v1,{}", STANDARD.encode(context.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_another_program_computes() {
        // Computed with Python's `hmac`.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            signature(&key, "msg_0123456789abcdef", 1_795_590_000, br#"{"type":"test"}"#),
            "v1,AUjcHC5jnMcqnekdJirYpKmwe+QHd+wu9783wofs4as="
        );
    }

    #[test]
    fn weak_and_strange_secrets_are_refused_without_being_shown() {
        for text in ["plain", "whsec_", "whsec_c2hvcnQ=", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            let error = format!("{:#}", key(text).unwrap_err());
            assert!(!error.contains("c2hvcnQ") && !error.contains("MfKQ9"), "{error}");
        }
    }

    #[test]
    fn each_secret_signs() {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<Secret> = ["AAAA", "BBBB"]
            .map(|four| {
                let path = folder.path().join(four);
                std::fs::write(&path, format!("whsec_{}\n", four.repeat(8))).unwrap();
                Secret::File(path)
            })
            .to_vec();
        let both = signatures(&secrets, "msg_1", 1, b"{}").unwrap();
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(parts.len(), 2);
        assert!(parts.iter().all(|part| part.starts_with("v1,")) && parts[0] != parts[1]);
    }
}
