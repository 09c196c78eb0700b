//! Any bytes as the card of an agent: with our address in the place of its own it is a card as before, and no
//! place that a client goes by leads past us.
#![no_main]

use gateway::mcp::card::led_here;
use libfuzzer_sys::fuzz_target;
use wire::doc::{Doc, Kind};

const HERE: &str = "https://agents.example/a2a/planner";

fuzz_target!(|bytes: &[u8]| {
    let Some(doc) = Doc::parse(bytes).ok().filter(|doc| doc.root().kind() == Kind::Object) else { return };
    let led = led_here(doc.root(), HERE);
    let again = Doc::parse(led.as_bytes()).expect("a card stays one");
    let card = again.root();
    assert!(card.get("url").is_none_or(|url| url.is_text(HERE)), "{led}");
    assert!(card.get("signatures").is_none(), "{led}");
    for list in ["additionalInterfaces", "supportedInterfaces"] {
        for item in card.get(list).into_iter().flat_map(|list| list.items()) {
            assert!(item.get("url").is_some_and(|url| url.is_text(HERE)), "{led}");
        }
    }
    // What is not an address of it stays as it came.
    for (key, value) in doc.root().entries() {
        let name = key.text().unwrap_or_default();
        let ours = [
            "url",
            "signatures",
            "preferredTransport",
            "additionalInterfaces",
            "supportedInterfaces",
            "capabilities",
            "supportsAuthenticatedExtendedCard",
        ];
        if !ours.contains(&&*name) {
            assert_eq!(card.get(&name).map(|it| it.raw()), Some(value.raw()), "{led}");
        }
    }
});
