//! Decisions as spans, at a collector that reads what OTLP/HTTP says.

use serde_json::{Value, json};

use crate::harness::{SETTINGS, Server, raw, refund, until};
use crate::receiver::Receiver;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn spans(receiver: &Receiver) -> Vec<Value> {
    let each = receiver.got().into_iter().flat_map(|got| {
        let request = got.json();
        let scope = &request["resourceSpans"][0]["scopeSpans"][0];
        scope["spans"].as_array().unwrap().clone()
    });
    each.collect()
}

fn attribute(span: &Value, key: &str) -> Value {
    let all = span["attributes"].as_array().unwrap();
    let value = all.iter().find(|one| one["key"] == key).map(|one| one["value"].clone());
    value.unwrap_or_default()
}

#[test]
fn a_decision_is_a_span_below_its_callers() {
    let receiver = Receiver::start(200);
    let kept = tempfile::tempdir().unwrap();
    std::fs::write(kept.path().join("token"), "Bearer t0ken").unwrap();
    let settings = format!(
        "{SETTINGS}telemetry: {{ url: 'http://{}', private: true, headers: {{ authorization: {{ file: {} }} }} }}\n",
        receiver.address,
        kept.path().join("token").display()
    );
    let mut server = Server::with(&settings, &["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    let body = json!({ "action": refund(5_000) }).to_string();
    let request = format!(
        "POST /ask/v1/decisions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ntraceparent: {PARENT}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        shop.key,
        body.len()
    );
    let blocked = raw(shop.address, request.as_bytes()).is(403);
    let mut in_session = refund(10);
    in_session["session"] = json!({ "id": "s-7", "trace": "0af7651916cd43dd8448eb211c80319c" });
    shop.ask(&in_session).is(200);
    shop.ask(&refund(11)).is(200);
    until("the spans arrived", || spans(&receiver).len() == 3);
    let spans = spans(&receiver);

    let hex = |value: &Value, digits: usize| {
        let text = value.as_str().unwrap();
        text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()) && text.bytes().any(|b| b != b'0')
    };
    for span in &spans {
        assert!(hex(&span["traceId"], 32) && hex(&span["spanId"], 16), "{span}");
        let nanos = |key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(nanos("startTimeUnixNano") <= nanos("endTimeUnixNano"));
        assert_eq!((&span["kind"], &span["name"]), (&json!(2), &json!("checkrein.decide")));
        for one in span["attributes"].as_array().unwrap() {
            let value = one["value"].as_object().unwrap();
            let (kind, value) = value.iter().next().unwrap();
            // 64-bit numbers are texts in the JSON form.
            assert!(
                matches!(kind.as_str(), "stringValue" | "intValue" | "boolValue" | "arrayValue"),
                "{one}"
            );
            assert!(kind != "intValue" || value.as_str().unwrap().parse::<i64>().is_ok(), "{one}");
        }
    }
    let first = &spans[0];
    assert_eq!(first["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((&first["parentSpanId"], &first["flags"]), (&json!("00f067aa0ba902b7"), &json!(0x301)));
    assert_eq!(attribute(first, "checkrein.decision.id")["stringValue"], blocked["id"]);
    assert_eq!(attribute(first, "checkrein.effective")["stringValue"], "block");
    assert_eq!(attribute(first, "gen_ai.tool.name")["stringValue"], "refund");
    assert_eq!(attribute(first, "gen_ai.agent.name")["stringValue"], "shop-helper");
    assert_eq!(spans[1]["traceId"], "0af7651916cd43dd8448eb211c80319c", "the session's trace");
    assert_eq!(attribute(&spans[1], "gen_ai.conversation.id")["stringValue"], "s-7");
    assert_eq!(spans[2]["parentSpanId"], Value::Null);

    let got = &receiver.got()[0];
    assert_eq!((got.path.as_str(), got.header("authorization")), ("/v1/traces", "Bearer t0ken"));
    let request = got.json();
    assert_eq!(
        request["resourceSpans"][0]["scopeSpans"][0]["schemaUrl"],
        "https://opentelemetry.io/schemas/1.41.0"
    );
    assert_eq!(request["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"], "checkrein");
    let text = request.to_string();
    for content in ["maria", "order-882", "5000"] {
        assert!(!text.contains(content), "{content} in {text}");
    }
    // What is in the queue when the server stops is sent.
    shop.ask(&refund(12)).is(200);
    assert!(server.stop().success());
    assert_eq!(self::spans(&receiver).len(), 4);
}

#[test]
fn a_collector_that_is_gone_costs_the_agents_nothing() {
    let settings = format!("{SETTINGS}telemetry: {{ url: 'http://127.0.0.1:9', private: true }}\n");
    let mut server = Server::with(&settings, &["refunds.yaml"]);
    let shop = server.agent("shop-helper", &[]);
    for amount in 0..20 {
        shop.ask(&refund(10 + amount)).is(200);
    }
    assert!(server.stop().success(), "it does not wait for the collector");
}
