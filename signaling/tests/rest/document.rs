//! The OpenAPI document: served, checked in, and as the routes are.

use serde_json::Value;

use crate::support::{Api, Server};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// `RINGFENCE_WRITE=1` writes it anew.
#[tokio::test]
async fn it_is_checked_in_as_it_is_served() {
    let server = Server::start().await;
    let served = Api::of(&server).get("/v1/openapi.json").await.is(200);
    let text = format!("{served:#}\n");
    if std::env::var_os("RINGFENCE_WRITE").is_some() {
        std::fs::write(PATH, &text).expect("written");
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == text, "signaling/openapi.json is old: run with RINGFENCE_WRITE=1");
    assert_eq!(served["openapi"], "3.1.0");
}

/// All that a `$ref` names is there, and every operation says what it answers.
#[test]
fn it_is_whole() {
    let document = ringfence_signaling::rest::document();
    let mut refs = Vec::new();
    collect(&document, &mut refs);
    for name in &refs {
        let path = name.strip_prefix('#').expect("within the document");
        assert!(document.pointer(path).is_some(), "{name} is not there");
    }
    assert!(refs.len() > 50, "{}", refs.len());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            assert!(
                operation["description"].is_string() || operation["summary"].is_string(),
                "{name}"
            );
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
            let problem =
                &responses["401"]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(problem, "#/components/schemas/Problem", "{name}");
        }
    }
}

fn collect(value: &Value, refs: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            refs.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| collect(value, refs));
        }
        Value::Array(array) => array.iter().for_each(|value| collect(value, refs)),
        _ => {}
    }
}
