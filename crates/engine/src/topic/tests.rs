use action::{Action, Json};

use super::*;

fn topics() -> Arc<Topics> {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let about = [
        (
            "billing".to_owned(),
            list(&["Why was I charged twice?", "Send me my invoice", "Can I pay by card?"]),
        ),
        (
            "shipping".to_owned(),
            list(&["Where is my parcel?", "When will it be delivered?", "Track my order"]),
        ),
    ];
    Topics::new(0, &about, &list(&["Write a poem about the sea"]), DEFAULT_BAND)
}

#[test]
fn examples_are_on_their_subject_and_counter_examples_off() {
    let topics = topics();
    for (text, topic) in [("Why was I charged twice?", 0), ("Where is my parcel?", 1)] {
        let reading = topics.read(text);
        assert_eq!((reading.standing, reading.topic), (Standing::On, topic), "{text}");
        assert!(reading.score <= FULL + 2);
    }
    assert_eq!(topics.read("Write a poem about the sea").standing, Standing::Off);
    assert_eq!(topics.read("What is the capital of Peru?").standing, Standing::Off);
}

#[test]
fn a_message_that_tells_nothing_is_neither() {
    for text in ["", "yes", "And what do you want?", "👍"] {
        assert_eq!(topics().read(text).standing, Standing::Unsure, "{text:?}");
    }
}

#[test]
fn a_long_message_is_read_at_both_ends_and_costs_no_more() {
    let filler = "volcanoes and glaciers of Iceland ".repeat(4_000);
    let topics = topics();
    assert_eq!(topics.read(&filler).standing, Standing::Off);
    assert_eq!(shortened(&filler).len(), MAX_MESSAGE + 1);
    assert_eq!(shortened(&"é".repeat(9_000)).len(), MAX_MESSAGE + 1);
}

#[test]
fn the_newest_message_of_a_user_is_found_in_every_dialect() {
    for payload in [
        r#"{"messages":[{"role":"user","content":"old"},{"role":"assistant","content":"no"},{"role":"user","content":"new"}]}"#,
        r#"{"messages":[{"role":"user","content":[{"type":"text","text":"new"}]},{"role":"user","content":[{"type":"tool_result","content":"x"}]}]}"#,
        r#"{"contents":[{"role":"user","parts":[{"text":"new"}]},{"role":"model","parts":[{"text":"no"}]}]}"#,
        r#"{"input":"new"}"#,
        r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"new"}]}]}"#,
        r#"{"prompt":"new"}"#,
        r#"{"message":"new"}"#,
    ] {
        let text = format!(
            r#"{{"kind":"llm_call","operation":"send","tool":"chat","resource":{{"type":"model"}},"agent":{{"name":"a"}},
            "environment":"production","time":"2026-03-02T12:00:00Z","payload":{payload}}}"#
        );
        let action: Action = Json::parse_as(text.as_bytes()).unwrap();
        assert_eq!(newest(&action).as_deref(), Some("new"), "{payload}");
    }
}
