use super::*;

fn action(payload: &str) -> Action {
    let text = format!(
        r#"{{"kind":"mcp_tool","operation":"write","tool":"save","resource":{{"type":"note","name":"inbox",
        "destinations":["https://example.com/in","ann@example.com"]}},"agent":{{"name":"a"}},
        "environment":"production","time":"2026-03-02T14:05:00Z","payload":{payload},
        "context":[{{"channel":"memory","text":"remember the milk"}}]}}"#
    );
    Json::parse_as(text.as_bytes()).unwrap()
}

/// Key, text, meaning and place of every leaf of the payload.
fn leaves(payload: &str) -> Vec<(String, String, SemanticType, String)> {
    let action = action(payload);
    let walk = Walk::of(&action, &TypeHints::default());
    walk.leaves()
        .filter_map(|(leaf, source)| {
            let place = match source.place() {
                Place::Payload { pointer } => pointer,
                Place::Key { pointer } => format!("key {pointer}"),
                Place::Context { .. } | Place::Field { .. } => return None,
            };
            Some((leaf.key.to_owned(), leaf.text.original().to_owned(), leaf.semantic, place))
        })
        .collect()
}

fn row(key: &str, text: &str, semantic: SemanticType, place: &str) -> (String, String, SemanticType, String) {
    (key.to_owned(), text.to_owned(), semantic, place.to_owned())
}

#[test]
fn every_string_is_found_with_key_meaning_and_place() {
    let found = leaves(
        r#"{"Title":"Milk","tags":["a","b"],"n":5,"ok":true,"x":{"a/b":{"cmd":"ls -la"}},"empty":""}"#,
    );
    assert_eq!(
        found,
        [
            row("title", "Milk", SemanticType::Value, "/Title"),
            row("tags", "a", SemanticType::Value, "/tags/0"),
            row("tags", "b", SemanticType::Value, "/tags/1"),
            row("cmd", "ls -la", SemanticType::Shell, "/x/a~1b/cmd"),
        ]
    );
}

#[test]
fn fields_and_context_follow_the_arguments() {
    let action = action(r#"{"a":"x"}"#);
    let walk = Walk::of(&action, &TypeHints::default());
    let found: Vec<_> = walk
        .leaves()
        .map(|(leaf, source)| (leaf.text.original().to_owned(), leaf.channel, leaf.semantic, source.place()))
        .collect();
    let field = |name| Place::Field { name: Cow::Borrowed(name) };
    assert_eq!(found.len(), 5);
    assert_eq!(found[1], ("inbox".to_owned(), None, SemanticType::Value, field("resource.name")));
    assert_eq!(found[2].2, SemanticType::Url);
    assert_eq!(
        found[3],
        ("ann@example.com".to_owned(), None, SemanticType::Value, field("resource.destinations"))
    );
    let place = Place::Context { index: 0, channel: Channel::Memory };
    assert_eq!(
        found[4],
        ("remember the milk".to_owned(), Some(Channel::Memory), SemanticType::FreeText, place)
    );
}

#[test]
fn odd_keys_are_leaves_and_plain_ones_are_not() {
    let found = leaves(r#"{"user":{"$ne":null},"first name":"Ann","a'--":1}"#);
    assert_eq!(
        found,
        [
            row("a'--", "a'--", SemanticType::Id, "key /a'--"),
            row("$ne", "$ne", SemanticType::Id, "key /user/$ne"),
            row("first name", "Ann", SemanticType::Value, "/first name"),
        ]
    );
}

#[test]
fn json_in_a_string_is_walked_and_points_into_the_string() {
    let payload = r#"{"arguments":"{\"cmd\": \"ls /tmp\", \"list\": [\"a \\\"b\\\"\", \"c d\"]}"}"#;
    let action = action(payload);
    let walk = Walk::of(&action, &TypeHints::default());
    let outer = action.payload.at("arguments").and_then(Json::as_text).unwrap().to_owned();
    let found: Vec<_> = walk
        .leaves()
        .take(3)
        .map(|(leaf, source)| {
            assert_eq!(source.place(), Place::Payload { pointer: "/arguments".to_owned() });
            let all = 0..leaf.text.original().len();
            (
                leaf.key.to_owned(),
                leaf.semantic,
                leaf.text.original().to_owned(),
                outer[source.span(all)].to_owned(),
            )
        })
        .collect();
    let row = |key: &str, semantic, text: &str, span: &str| {
        (key.to_owned(), semantic, text.to_owned(), span.to_owned())
    };
    assert_eq!(
        found,
        [
            row("cmd", SemanticType::Shell, "ls /tmp", "ls /tmp"),
            row("list", SemanticType::Value, "a \"b\"", r#"a \"b\""#),
            row("list", SemanticType::Value, "c d", "c d"),
        ]
    );
}

#[test]
fn forms_give_their_parameters_and_prose_does_not() {
    let found = leaves(r#"{"body":"a=1&name=%27or+1%3D1"}"#);
    assert_eq!(found[0].1, "a=1&name=%27or+1%3D1");
    assert_eq!(found[2], row("name", "'or 1=1", SemanticType::Value, "/body"));
    let found = leaves(r#"{"url":"https://example.com/s?q=a%20b&x=../../etc"}"#);
    assert_eq!(
        found.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(),
        ["https://example.com/s?q=a%20b&x=../../etc", "a b", "../../etc"]
    );
    for text in ["a = b & c = d", "total=5", "x=1 & y", "R&D", "1+1=2"] {
        assert_eq!(leaves(&format!(r#"{{"v":"{text}"}}"#)).len(), 1, "{text}");
    }
}

#[test]
fn bounds_are_reported_and_what_fits_is_read() {
    let many = format!("[{}\"x\"]", "\"x\",".repeat(MAX_LEAVES));
    let deed = action(&many);
    let walk = Walk::of(&deed, &TypeHints::default());
    assert!(walk.overflows().iter().any(|overflow| overflow.bound == Bound::Leaves));
    let long = format!("{{\"a\":\"{}\",\"b\":\"end\"}}", "é".repeat(MAX_LEAF_BYTES));
    let deed = action(&long);
    let walk = Walk::of(&deed, &TypeHints::default());
    assert_eq!(
        walk.overflows(),
        [Overflow { bound: Bound::LeafBytes, place: Place::Payload { pointer: "/a".to_owned() } }]
    );
    assert!(walk.texts().any(|(text, ..)| text == "end"));
    let parts: Vec<String> = (0..6).map(|_| format!("\"{}\"", "y".repeat(MAX_LEAF_BYTES))).collect();
    let deed = action(&format!("[{}]", parts.join(",")));
    let walk = Walk::of(&deed, &TypeHints::default());
    assert_eq!(walk.overflows().iter().map(|o| o.bound).collect::<Vec<_>>(), [Bound::TextBytes]);
    assert!(walk.bytes() <= MAX_TEXT_BYTES);
    let deed = action(r#"{"a":"b"}"#);
    assert!(Walk::of(&deed, &TypeHints::default()).overflows().is_empty());
}

#[test]
fn json_outside_of_an_action_is_taken_apart_and_anything_else_is_one_value() {
    let hints = TypeHints::default();
    let texts = |text: &str| {
        let walk = Walk::json(text, &hints);
        walk.texts().map(|(text, semantic, _)| (text.to_owned(), semantic)).collect::<Vec<_>>()
    };
    assert_eq!(
        texts(r#"{"tool":"t","args":{"path":"a.txt","q":"two words"}}"#),
        [
            ("t".to_owned(), SemanticType::Value),
            ("a.txt".to_owned(), SemanticType::Path),
            ("two words".to_owned(), SemanticType::Value)
        ]
    );
    assert_eq!(texts("not json"), [("not json".to_owned(), SemanticType::Value)]);
    assert_eq!(texts("4711"), [("4711".to_owned(), SemanticType::Value)]);
    let walk = Walk::json(r#"{"a": ["x", "needle"]}"#, &hints);
    let (leaf, source) = walk.leaves().nth(1).unwrap();
    assert_eq!((leaf.text.original(), source.span(0..6)), ("needle", 13..19));
}

#[test]
fn messages_to_a_model_belong_to_whom_their_role_says() {
    let mut deed = action(
        r#"{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hello"},
        {"role":"tool","content":"22 degrees"}],"prompt":"go on"}"#,
    );
    deed.kind = ActionKind::LlmCall;
    let walk = Walk::of(&deed, &TypeHints::default());
    let channel = |text: &str| walk.texts().find(|(found, ..)| *found == text).unwrap().2;
    assert_eq!(channel("be kind"), None);
    assert_eq!(channel("hello"), Some(Channel::User));
    assert_eq!(channel("22 degrees"), Some(Channel::ToolOutput));
    assert_eq!(channel("go on"), Some(Channel::User));
}
