//! Requests that are answered here. A listener shows that no byte is sent.

use std::net::TcpListener;

use action::Json;
use sandbox::{Adapter, Http, Method, Mock, MockFault, Sandbox};

use crate::{Show as _, action, ran, refused, sandbox};

fn host(host: &str, answers: Vec<Mock>) -> Sandbox {
    sandbox(Adapter::Http(Http::new(host, answers).unwrap()))
}

fn template(text: &str) -> Json {
    Json::parse(text.as_bytes()).unwrap()
}

#[test]
fn a_write_is_answered_as_usual_and_no_byte_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let sandbox = host(&address.to_string(), Vec::new());
    let ask = |method: &str, rest: &str| {
        let payload =
            format!(r#"{{"method":"{method}","url":"http://{address}/v1/orders?key=s3cret"{rest}}}"#);
        ran(sandbox.run(&action("write", "x", &payload)))
    };
    let made = ask("post", r#","body":{"sku":"a","id":"mine"},"headers":{"authorization":"Bearer t0ken"}"#);
    let result = made.result.show();
    assert!(result.starts_with(r#"{"status":201,"#), "{result}");
    assert!(result.contains(r#""sku":"a"}"#) && !result.contains("mine"), "{result}");
    let captured = made.captured.show();
    assert!(
        captured.contains(r#""path":"/v1/orders","headers":["authorization"],"body_bytes":23"#),
        "{captured}"
    );
    assert!(!captured.contains("s3cret") && !captured.contains("t0ken"), "{captured}");
    assert_eq!(made.writes, 1);
    assert_eq!(
        ask("POST", r#","body":{"sku":"a","id":"mine"},"headers":{"authorization":"Bearer t0ken"}"#)
            .result
            .show()
            .len(),
        result.len(),
        "ids are all of one form"
    );
    assert!(ask("PATCH", r#","body":{"n":1}"#).result.show().ends_with(r#""body":{"n":1}}"#));
    assert_eq!(ask("DELETE", "").result.show(), r#"{"status":204,"headers":{},"body":null}"#);
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), std::io::ErrorKind::WouldBlock, "somebody connected");
}

#[test]
fn configured_answers_are_filled_from_the_request() {
    let body =
        template(r#"{"id":"${id}","order":{"sku":"${body.item.sku}","by":"${method}"},"all":"${body}"}"#);
    let mock = Mock::new(Some(Method::Post), "/v1/", 202, vec![("x-run".into(), "1".into())], body).unwrap();
    let read = Mock::new(Some(Method::Get), "/v1/", 200, Vec::new(), template(r#"{"up":true}"#)).unwrap();
    let sandbox = host("API.example.org", vec![mock, read]);
    let payload =
        r#"{"method":"POST","url":"https://api.example.org/v1/x","body":{"item":{"sku":"\"}, {"}}}"#;
    let result = ran(sandbox.run(&action("write", "x", payload))).result;
    assert_eq!(result.at("body.order").unwrap().show(), r#"{"sku":"\"}, {","by":"POST"}"#);
    assert_eq!(result.at("status").unwrap().show(), "202");
    assert_eq!(result.at("body.all.item.sku"), Some(&Json::Text("\"}, {".into())), "nothing breaks out");
    let get = |path: &str| format!(r#"{{"method":"GET","url":"https://api.example.org{path}"}}"#);
    assert_eq!(ran(sandbox.run(&action("read", "x", &get("/v1/y")))).writes, 0);
    assert_eq!(refused(sandbox.run(&action("read", "x", &get("/v2/y")))), "unknowable");
}

#[test]
fn what_is_not_plainly_a_request_to_the_host_is_refused() {
    let sandbox = host("api.example.org", Vec::new());
    for (payload, code) in [
        (r#"{"method":"POST","url":"https://api.example.org.evil.test/"}"#, "no_adapter"),
        (r#"{"method":"POST","url":"https://api.example.org:8443/"}"#, "no_adapter"),
        (r#"{"method":"POST","url":"ftp://api.example.org/"}"#, "no_adapter"),
        (r#"{"method":"POST","url":"/v1"}"#, "no_adapter"),
        (r#"{"method":"POST","url":"https://x@evil.test:1@api.example.org/"}"#, "not_understood"),
        (r#"{"method":"POST","url":"https://me:pw@api.example.org/"}"#, "not_understood"),
        (r#"{"method":"BREW","url":"https://api.example.org/"}"#, "not_understood"),
        (r#"{"url":"https://api.example.org/"}"#, "not_understood"),
        (r#"{"method":"POST","url":"https://api.example.org/","follow":true}"#, "not_understood"),
        (r#"{"method":"POST","url":"https://api.example.org/","headers":[]}"#, "not_understood"),
    ] {
        assert_eq!(refused(sandbox.run(&action("write", "x", payload))), code, "{payload}");
    }
    assert!(Http::new("api.example.org/v1", Vec::new()).is_none());
    assert!(Http::new("me@api.example.org", Vec::new()).is_none());
    let fault = |path: &str, status, body: &str| {
        Mock::new(None, path, status, Vec::new(), template(body)).unwrap_err()
    };
    assert_eq!(fault("v1", 200, "null"), MockFault::Path);
    assert_eq!(fault("/", 100, "null"), MockFault::Status);
    assert_eq!(fault("/", 200, r#"["${boby}"]"#), MockFault::Place);
    assert_eq!(fault("/", 200, r#"["order ${id}"]"#), MockFault::Place);
}
