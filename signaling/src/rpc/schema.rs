//! JSON Schema (2020-12) of the JSON-RPC messages: what clients send, what they are answered and
//! told. Checked in as `signaling/rpc.schema.json`; tests hold their traffic against it.
//!
//! Parameters are read field by field (`params`), so that errors name their field; here is what
//! they are, in our spellings only.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, schema::Schema};

use super::messages as m;
use crate::rooms::{Event, Reply};

/// A schema and those it names, as JSON.
struct Part {
    own: Value,
    named: Vec<(String, RefOr<Schema>)>,
}

fn part<T: ToSchema>() -> Part {
    let mut named = Vec::new();
    T::schemas(&mut named);
    Part { own: json(&T::schema()), named }
}

fn json(schema: &RefOr<Schema>) -> Value {
    serde_json::to_value(schema).unwrap_or_default()
}

/// Every method with its parameters and its result.
fn methods() -> Vec<(&'static str, Part, Part)> {
    macro_rules! methods {
        ($($name:literal: $params:ty => $result:ty;)*) => {
            vec![$(($name, part::<$params>(), part::<$result>()),)*]
        };
    }
    methods! {
        "join": m::Join => m::Joined;
        "offer": m::Offer => m::OfferAnswer;
        "ice_restart": m::Offer => m::RestartAnswer;
        "view": m::View => m::Nothing;
        "mute": m::Kind => Reply;
        "unmute": m::Kind => Reply;
        "leave": m::Nothing => m::Nothing;
        "peers.list": m::Nothing => m::List;
        "breakout.create": m::Create => Reply;
        "breakout.create_and_invite": m::CreateAndInvite => Reply;
        "breakout.assign": m::ClientsAndRoom => Reply;
        "breakout.unassign": m::Clients => Reply;
        "breakout.shuffle": m::Shuffle => Reply;
        "breakout.import_csv": m::ImportCsv => Reply;
        "breakout.rename": m::Rename => Reply;
        "breakout.delete": m::RoomId => Reply;
        "breakout.reset": m::Revised => Reply;
        "breakout.start": m::Start => Reply;
        "breakout.stop": m::Stop => Reply;
        "breakout.extend": m::Extend => Reply;
        "breakout.invite": m::Invite => Reply;
        "breakout.join": m::JoinRoom => Reply;
        "breakout.reject": m::RoomId => Reply;
        "breakout.leave": m::Revised => Reply;
        "breakout.move": m::ClientsAndRoom => Reply;
        "breakout.exchange": m::Exchange => Reply;
        "breakout.leave_all": m::Revised => Reply;
        "breakout.clear_all": m::Revised => Reply;
        "breakout.destroy_all": m::Revised => Reply;
        "people.mute": m::MutePerson => Reply;
        "people.kick": m::Client => Reply;
        "role.change": m::ChangeRole => Reply;
        "role.accept": m::Revised => Reply;
        "role.reject": m::Revised => Reply;
        "parent.pause": m::Revised => Reply;
        "parent.resume": m::Revised => Reply;
        "parent.mute": m::Kinds => Reply;
        "parent.unmute": m::Kinds => Reply;
        "broadcast": m::Broadcast => Reply;
        "announce": m::Announce => Reply;
        "whisper": m::Whisper => Reply;
        "monitor": m::Monitor => Reply;
        "help.ask": m::Revised => Reply;
        "help.reset": m::RoomId => Reply;
        "chat": m::Chat => Reply;
        "poll.create": m::PollCreate => Reply;
        "poll.vote": m::PollVote => Reply;
        "poll.close": m::PollClose => Reply;
    }
}

/// The whole document. `#/$defs/Request`, `Answer` and `Notification` are the frames;
/// `#/$defs/result:METHOD` is what a method is answered.
pub fn document() -> Value {
    let mut defs = Map::new();
    let mut requests = Vec::new();
    for (name, params, result) in methods() {
        let method = json!({ "const": name });
        let params_of = refer(&format!("params:{name}"));
        let frame = json!({"properties": {"method": method, "params": params_of},
            "required": ["method"]});
        requests.push(frame);
        add(&mut defs, format!("params:{name}"), params);
        add(&mut defs, format!("result:{name}"), result);
    }
    let version = json!({"const": "2.0"});
    let id = json!({"type": ["string", "integer", "null"]});
    defs.insert("Request".into(), json!({
        "type": "object", "required": ["jsonrpc", "method"], "oneOf": requests,
        "properties": {"jsonrpc": version, "id": id, "method": true, "params": {"type": "object"}},
        "additionalProperties": false,
    }));
    let error = json!({"type": "object", "required": ["code", "message"], "properties": {
        "code": {"type": "integer"}, "message": {"type": "string"},
        "data": {"type": "object", "properties": {"field": {"type": "string"}}},
    }, "additionalProperties": false});
    defs.insert("Answer".into(), json!({
        "type": "object", "required": ["jsonrpc", "id"],
        "oneOf": [{"required": ["result"]}, {"required": ["error"]}],
        "properties": {"jsonrpc": version, "id": id, "result": {"type": "object"}, "error": error},
        "additionalProperties": false,
    }));
    add(&mut defs, "Event".into(), part::<Event>());
    add(&mut defs, "State".into(), part::<m::State>());
    let mut notifications = Vec::new();
    for (name, durable) in [("Event", true), ("State", false)] {
        let Some(kinds) = defs.remove(name) else { continue };
        let kinds = kinds["oneOf"].as_array().cloned().unwrap_or_default();
        let kinds = kinds.into_iter().map(|kind| notification(kind, durable, &defs));
        notifications.extend(kinds);
    }
    defs.insert("Notification".into(), json!({ "oneOf": notifications }));
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ringfence: JSON-RPC 2.0 over WebSocket, subprotocol ringfence.v1",
        "anyOf": [refer("Request"), refer("Answer"), refer("Notification")],
        "$defs": defs,
    });
    close(&mut document);
    document
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn add(defs: &mut Map<String, Value>, name: String, part: Part) {
    for (name, schema) in &part.named {
        defs.insert(name.clone(), json(schema));
    }
    defs.insert(name, part.own);
}

/// A kind of notification as a frame. Durable ones are numbered (N13).
fn notification(mut kind: Value, durable: bool, defs: &Map<String, Value>) -> Value {
    kind["properties"]["jsonrpc"] = json!({"const": "2.0"});
    kind["required"] = json!(["jsonrpc", "method", "params"]);
    let mut params = kind["properties"]["params"].take();
    if let Some(name) = params["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        // A type of its own has no number; here it is written out with one.
        params = defs.get(name).cloned().unwrap_or_default();
    }
    if durable {
        let number = "Number of the event, for join{resume}; states have none";
        params["properties"]["seq"] = json!({"type": "integer", "description": number});
    }
    kind["properties"]["params"] = params;
    kind
}

/// Closes every object against fields that it does not name, and turns references of OpenAPI into
/// those of JSON Schema.
fn close(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(name)) = object.get_mut("$ref") {
                *name = name.replace("#/components/schemas/", "#/$defs/");
            }
            let is_object = object.get("type").is_some_and(|kind| *kind == "object");
            let open = object.get("properties").is_some_and(|all| all.get("field").is_some());
            if is_object && !open && object.contains_key("properties") {
                object.entry("additionalProperties").or_insert(json!(false));
            }
            object.values_mut().for_each(close);
        }
        Value::Array(array) => array.iter_mut().for_each(close),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::METHODS;

    #[test]
    fn every_method_is_described() {
        let described: Vec<&str> = methods().iter().map(|method| method.0).collect();
        assert_eq!(described, METHODS);
    }
}
