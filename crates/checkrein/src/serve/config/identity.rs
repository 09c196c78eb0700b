//! Whose tokens are taken as proof of who asks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use action::Name;
use engine::yaml::{Faults, Fields};
use gateway::identity::jwt::Algorithm;

use super::{Stands, name};

/// An issuer of tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    pub name: Name,
    pub audiences: Vec<Name>,
    /// Its public keys as a JWK set, reread when the file changes.
    pub keys: PathBuf,
    pub algorithms: Vec<Algorithm>,
    pub subject_claim: String,
    pub skew_millis: i64,
    pub stands: Stands,
}

const USUAL_SKEW: i64 = 30;
const MOST_SKEW: i64 = 300;

/// `identity: { jwt: […] }`.
pub fn issuers(fields: Option<Fields<'_>>, folder: &Path, faults: &mut Faults) -> Vec<Issuer> {
    let Some(mut fields) = fields else { return Vec::new() };
    let mut read: Vec<Issuer> = Vec::new();
    let mut named = BTreeSet::new();
    for node in fields.list("jwt", faults).unwrap_or_default() {
        let Some(one) = Fields::of(fields.file(), node, faults) else { continue };
        let Some(issuer) = issuer(one, folder, faults) else { continue };
        if !named.insert(issuer.name.clone()) {
            let message = "an issuer stands twice; its audiences are a list".to_owned();
            faults.add(fields.file(), node, "twice", message, None);
        }
        read.push(issuer);
    }
    fields.finish(faults);
    read
}

fn issuer(mut fields: Fields<'_>, folder: &Path, faults: &mut Faults) -> Option<Issuer> {
    let issuer = name(fields.need_text("issuer", faults), "issuer", &fields, faults);
    let audiences = fields.texts("audience", faults).unwrap_or_default();
    if audiences.is_empty() {
        let message = "`audience` is missing: tokens for other services would do here".to_owned();
        fields.fault(
            faults,
            "missing_key",
            message,
            Some("the name of this service at the issuer".to_owned()),
        );
    }
    let audiences =
        audiences.into_iter().filter_map(|text| name(Some(text), "audience", &fields, faults)).collect();
    let keys = fields.need_text("keys", faults).map(|text| folder.join(text));
    let algorithms = fields.choices("algorithms", Algorithm::ALL, Algorithm::as_str, faults);
    if algorithms.as_ref().is_some_and(Vec::is_empty) {
        fields.fault(faults, "out_of_range", "`algorithms` allows none".to_owned(), None);
    }
    let subject_claim = fields.text("subject_claim", faults).unwrap_or("sub").to_owned();
    let skew = fields.whole("clock_skew_seconds", faults).unwrap_or(USUAL_SKEW);
    if !(0..=MOST_SKEW).contains(&skew) {
        let message = format!("`clock_skew_seconds` is a number from 0 to {MOST_SKEW}");
        fields.fault(faults, "out_of_range", message, None);
    }
    let stands = Stands::at(&fields);
    fields.finish(faults);
    Some(Issuer {
        name: issuer?,
        audiences,
        keys: keys?,
        algorithms: algorithms.unwrap_or_else(|| Algorithm::ALL.to_vec()),
        subject_claim,
        skew_millis: skew.saturating_mul(1000),
        stands,
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parse(issuer: &str) -> Result<Vec<Issuer>, Vec<&'static str>> {
        let text = format!(
            "data: data\ntenant: example\nlog: example.org/a\nenvironments: {{ staging: {{}} }}\nidentity: {{ jwt: [ {issuer} ] }}\n"
        );
        match Config::parse("checkrein.yaml", &text, Path::new("/etc/checkrein")) {
            Ok(config) => Ok(config.issuers),
            Err(faults) => Err(faults.0.into_iter().map(|fault| fault.code).collect()),
        }
    }

    #[test]
    fn an_issuer_says_who_for_whom_and_with_which_keys() {
        let read = parse("{ issuer: a, audience: [b, c], keys: k.json, algorithms: ES256 }").unwrap();
        assert_eq!(read[0].keys, Path::new("/etc/checkrein/k.json"));
        assert_eq!((read[0].audiences.len(), read[0].skew_millis), (2, 30_000));
        assert_eq!(
            (read[0].algorithms.as_slice(), read[0].subject_claim.as_str()),
            (&[Algorithm::Es256][..], "sub")
        );
        let usual = parse("{ issuer: a, audience: b, keys: k.json }").unwrap();
        assert_eq!(usual[0].algorithms, Algorithm::ALL);
    }

    #[test]
    fn what_would_take_too_much_is_a_fault() {
        for (issuer, code) in [
            ("{ issuer: a, keys: k }", "missing_key"),
            ("{ audience: a, keys: k }", "missing_key"),
            ("{ issuer: a, audience: b }", "missing_key"),
            ("{ issuer: a, audience: b, keys: k, algorithms: [none] }", "unknown_value"),
            ("{ issuer: a, audience: b, keys: k, algorithms: HS256 }", "unknown_value"),
            ("{ issuer: a, audience: b, keys: k, algorithms: [] }", "out_of_range"),
            ("{ issuer: a, audience: b, keys: k, clock_skew_seconds: 301 }", "out_of_range"),
            ("{ issuer: a, audience: b, keys: k }, { issuer: a, audience: c, keys: k }", "twice"),
        ] {
            let codes = parse(issuer).unwrap_err();
            assert!(codes.contains(&code), "{issuer}: {codes:?}");
        }
    }
}
