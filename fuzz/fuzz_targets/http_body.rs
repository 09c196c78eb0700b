//! Any bytes as the body of each route that agents call: read, or refused with a stable code and without
//! repeating what stood there.
#![no_main]

use action::Json;
use gateway::ask::{Ask, Batch, OutcomeReport, Question, Resume};
use libfuzzer_sys::fuzz_target;

/// A word of the dictionary. Where it comes back, a refusal has repeated what it was sent.
const SECRET: &str = "SECRET-7f3a";

fn silent(told: &str) {
    assert!(!told.contains(SECRET), "what stood in the body comes back: {told}");
}

fn question(question: &Question) {
    // The bounds of the nouns hold for whatever was read.
    for name in [&question.tool, &question.resource.kind].into_iter().chain(&question.idempotency_key) {
        assert!(action::Name::new(name.as_str()).is_ok(), "a name that is none: {name:?}");
    }
    assert_eq!(question.payload, question.payload.clone());
}

fuzz_target!(|bytes: &[u8]| {
    match Ask::read(bytes) {
        Ok(ask) => question(&ask.action),
        Err(refusal) => {
            assert!(!refusal.code().is_empty());
            silent(&serde_json::to_string(&refusal.body()).expect("a refusal can be written"));
        }
    }
    match Batch::read(bytes) {
        Ok(batch) => batch.questions.iter().for_each(question),
        Err(refusal) => silent(&serde_json::to_string(&refusal.body()).expect("a refusal can be written")),
    }
    match Json::parse_as::<Resume>(bytes) {
        Ok(resume) => question(&resume.action),
        Err(error) => silent(&error.to_string()),
    }
    if let Err(error) = Json::parse_as::<OutcomeReport>(bytes) {
        silent(&error.to_string());
    }
});
