//! What the tests of the features say and hear, held against `signaling/rpc.schema.json`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::WATCH;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rpc.schema.json");

struct Schema {
    whole: Value,
    frames: BTreeMap<String, Validator>,
}

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let whole = ringfence_signaling::rpc::schema::document();
        let names = whole["$defs"].as_object().expect("definitions").keys();
        let framed = |name: &&String| {
            name.starts_with("result:")
                || ["Request", "Answer", "Notification"].contains(&name.as_str())
        };
        let frames = names.filter(framed).map(|name| (name.clone(), validator(&whole, name)));
        let frames = frames.collect();
        Schema { whole, frames }
    })
}

fn validator(whole: &Value, name: &str) -> Validator {
    let part = json!({"$schema": whole["$schema"], "$ref": format!("#/$defs/{name}"),
        "$defs": whole["$defs"]});
    jsonschema::validator_for(&part).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What is wrong with a message.
fn fault(name: &str, message: &Value) -> Option<String> {
    let validator = schema().frames.get(name).unwrap_or_else(|| panic!("no {name}"));
    let error = validator.iter_errors(message).next()?;
    Some(format!("{name}: {error} at {}: {message}", error.instance_path()))
}

/// Spellings of the seeds, which are taken and not described (Q7, Q18, Q21).
const ALIASES: &[&str] = &[
    "roomId",
    "room",
    "room_name",
    "clientIds",
    "client_ids",
    "participants",
    "clientId",
    "client_id",
    "participant",
    "maxRooms",
    "forceJoin",
    "screen",
    "share",
    "message",
    "csv",
];

fn check(name: &str, message: &Value) {
    let alias = name == "Request" && ALIASES.iter().any(|key| !message["params"][*key].is_null());
    if let Some(fault) = fault(name, message).filter(|_| !alias) {
        panic!("{fault}");
    }
}

/// From now on every message of this process's pages is looked at.
pub fn watch() {
    let _ = WATCH.set(check); // it may be set already
}

/// `RINGFENCE_WRITE=1` writes it anew.
#[test]
fn the_schema_is_checked_in() {
    let text = format!("{:#}\n", schema().whole);
    if std::env::var_os("RINGFENCE_WRITE").is_some() {
        std::fs::write(PATH, &text).expect("written");
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(written == text, "signaling/rpc.schema.json is old: run with RINGFENCE_WRITE=1");
}

#[test]
fn it_refuses_what_is_not_so() {
    let request = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let told =
        |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params});
    for (name, message, good) in [
        ("Request", request("breakout.stop", json!({"grace_s": 5})), true),
        ("Request", request("breakout.stop", json!({"grace": 5})), false),
        ("Request", request("breakout.stop", json!({"grace_s": "5"})), false),
        ("Request", request("breakout.move", json!({"clients": ["a"]})), false),
        ("Request", request("breakout.fly", json!({})), false),
        ("Request", json!({"id": 1, "method": "leave"}), false),
        ("Notification", told("help_asked", json!({"room_id": "b1", "from": "a", "seq": 1})), true),
        ("Notification", told("help_asked", json!({"room_id": "b1"})), false),
        ("Notification", told("help_asked", json!({"room_id": "b1", "from": 1})), false),
        ("Notification", told("speaking", json!({"participants": ["a"]})), true),
        ("Notification", told("speaking", json!({"participants": ["a"], "seq": 1})), false),
        ("Notification", told("sung", json!({})), false),
        ("Answer", json!({"jsonrpc": "2.0", "id": 1, "result": {}}), true),
        ("Answer", json!({"jsonrpc": "2.0", "id": 1}), false),
        ("result:peers.list", json!({"rooms": [], "participants": []}), false),
    ] {
        assert_eq!(fault(name, &message).is_none(), good, "{name}: {message}");
    }
}
