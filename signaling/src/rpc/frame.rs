//! Frames of JSON-RPC 2.0: one request object each, no batches.
//!
//! `error.data.field` names what is wrong with a frame: `jsonrpc`, `id`, `method`, `params`, a
//! member that is none of these, or [`FRAME`].

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::meetings::Answer;
use crate::rooms::{RoomError, code};

/// Deepest nesting of a frame (THREATS.md P2.13).
pub(crate) const DEPTH_MAX: usize = 16;

/// The `field` of an error that is about a frame as a whole: no JSON, no object, too long or deep.
pub(super) const FRAME: &str = "frame";

/// A request, or a notification when it has no `id`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    pub id: Option<Value>,
    pub method: String,
    pub params: Map<String, Value>,
}

/// Reads one frame. The error's first part is the id to answer to, as far as it could be read.
pub(super) fn read(text: &str) -> Result<Request, (Value, RoomError)> {
    let nameless = |error| (Value::Null, error);
    if depth(text) > DEPTH_MAX {
        let message = format!("nested deeper than {DEPTH_MAX}");
        return Err(nameless(RoomError::field(code::TOO_LARGE, FRAME, message)));
    }
    let value: Value = serde_json::from_str(text).map_err(|error| {
        nameless(RoomError::field(code::PARSE, FRAME, format!("no JSON: {error}")))
    })?;
    let invalid =
        |field: &str, message: &str| RoomError::field(code::INVALID_REQUEST, field, message);
    let Value::Object(mut object) = value else {
        return Err(nameless(invalid(FRAME, "not one request object; batches are not taken")));
    };
    let id = object.remove("id");
    let known = match &id {
        None => Value::Null,
        Some(id @ (Value::String(_) | Value::Number(_) | Value::Null)) => id.clone(),
        Some(_) => return Err(nameless(invalid("id", "id is no string and no number"))),
    };
    if object.remove("jsonrpc") != Some(json!("2.0")) {
        return Err((known, invalid("jsonrpc", "jsonrpc is not \"2.0\"")));
    }
    let Some(Value::String(method)) = object.remove("method") else {
        return Err((known, invalid("method", "method is no string")));
    };
    let params = match object.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) => return Err((known, invalid("params", "params is no object"))),
    };
    if let Some(odd) = object.keys().next() {
        let message = format!("a request has no member \"{odd}\": jsonrpc, id, method, params");
        return Err((known, invalid(odd, &message)));
    }
    Ok(Request { id, method, params })
}

/// A response object. Its result is written as it came.
#[derive(Serialize)]
struct Response<'a> {
    jsonrpc: &'static str,
    id: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject<'a>>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: i32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
}

/// The answer to a request.
pub(super) fn answer(id: &Value, result: Result<Answer, RoomError>) -> String {
    let (result, error) = match &result {
        Ok(result) => (Some(&**result), None),
        Err(RoomError { code, message, data }) => {
            (None, Some(ErrorObject { code: *code, message, data: data.as_ref() }))
        }
    };
    // Texts and numbers: always.
    serde_json::to_string(&Response { jsonrpc: "2.0", id, result, error }).unwrap_or_default()
}

/// How deep brackets nest outside of strings, read once.
pub(crate) fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","method":"x","params":{}1{}}}"#,
            "[".repeat(16),
            "]".repeat(16)
        );
        let invalid = |field| Err((code::INVALID_REQUEST, field));
        for (text, expected) in [
            (r#"{"jsonrpc":"2.0","id":1,"method":"leave"}"#, Ok("leave")),
            (r#"{"jsonrpc":"2.0","method":"leave","params":{}}"#, Ok("leave")), // a notification
            (
                r#"{"jsonrpc":"2.0","id":"a","method":"x","params":{"a":"[[[[[[[[[[[[[[[[[["}}"#,
                Ok("x"),
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\"[[[[[[[[[[[[[[[[[["}}"#,
                Ok("x"),
            ),
            ("", Err((code::PARSE, FRAME))),
            ("{", Err((code::PARSE, FRAME))),
            ("[]", invalid(FRAME)),
            (r#"[{"jsonrpc":"2.0","id":1,"method":"leave"}]"#, invalid(FRAME)),
            (r#"{"id":1,"method":"leave"}"#, invalid("jsonrpc")),
            (r#"{"jsonrpc":"1.0","id":1,"method":"leave"}"#, invalid("jsonrpc")),
            (r#"{"jsonrpc":"2.0","id":1}"#, invalid("method")),
            (r#"{"jsonrpc":"2.0","id":1,"method":2}"#, invalid("method")),
            (r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, invalid("id")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}"#, invalid("params")),
            (r#"{"jsonrpc":"2.0","id":1,"method":"x","param":{}}"#, invalid("param")),
            (deep.as_str(), Err((code::TOO_LARGE, FRAME))),
        ] {
            let got = read(text).map(|request| request.method).map_err(|(_, error)| {
                let field = error.data.as_ref().and_then(|data| data["field"].as_str());
                (error.code, field.unwrap_or_default().to_owned())
            });
            let expected = expected.map_err(|(code, field): (i32, &str)| (code, field.to_owned()));
            assert_eq!(got, expected.map(str::to_owned), "{text}");
        }
    }
}
