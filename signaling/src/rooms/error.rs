//! Why a request is refused, with the numbers of FEATURES.md 1.17 where it has one.

use serde_json::{Value, json};

use super::roles::Permission;

/// Numbers of `error.code`: the seeds' where they name one, else of JSON-RPC 2.0 §5.1.
pub mod code {
    /// The frame is no JSON.
    pub const PARSE: i32 = -32_700;
    /// The frame is no request.
    pub const INVALID_REQUEST: i32 = -32_600;
    /// There is no such method.
    pub const UNKNOWN_METHOD: i32 = -32_601;
    /// A parameter is wrong; `error.data.field` says which.
    pub const INVALID_PARAMS: i32 = -32_602;
    /// It is our fault.
    pub const INTERNAL: i32 = -32_603;
    /// The relay refused, or is stopping.
    pub const RELAY: i32 = -32_000;
    /// The token is missing or not accepted (HTTP 401).
    pub const UNAUTHORIZED: i32 = -32_001;
    /// Not permitted (HTTP 403).
    pub const FORBIDDEN: i32 = -32_003;
    /// There is no such thing (HTTP 404).
    pub const NOT_FOUND: i32 = -32_004;
    /// The server is stopping and lets nobody in (HTTP 503).
    pub const STOPPING: i32 = -32_002;
    /// `join` first.
    pub const NOT_JOINED: i32 = -32_005;
    /// It does not fit what is the case now (HTTP 409).
    pub const CONFLICT: i32 = -32_009;
    /// The plan was changed since the revision that the request names (HTTP 412).
    pub const STALE: i32 = -32_012;
    /// The disk fails: what is new is not granted, or could not be saved (HTTP 503).
    pub const STORE: i32 = -32_014;
    /// The room is full.
    pub const ROOM_FULL: i32 = -32_010;
    /// The frame is too long, or nested too deep.
    pub const TOO_LARGE: i32 = -32_013;
    /// Too many requests.
    pub const TOO_MANY: i32 = -32_029;
    /// `participants` is absent where it is mandatory, or not a number.
    pub const PARTICIPANTS_MISSING: i32 = 1724;
    /// `participants` does not fit the parent room's capacity.
    pub const PARTICIPANTS_RANGE: i32 = 1725;
    /// More rooms than a meeting may have.
    pub const TOO_MANY_ROOMS: i32 = 1726;
    /// The relay did not let somebody into a breakout.
    pub const NO_TOKEN: i32 = 1729;
    /// The relay did not open the rooms.
    pub const NOT_CREATED: i32 = 1731;
    /// Any other required parameter is absent.
    pub const PARAMETER_MISSING: i32 = 1734;
    /// No breakout rooms in lecture mode.
    pub const LECTURE: i32 = 5067;
}

/// A refusal. Nothing changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoomError {
    /// One of [`code`].
    pub code: i32,
    /// For people.
    pub message: String,
    /// `{"field": …}` when one parameter is meant; `{"in_force": true}` when it was done all the
    /// same.
    pub data: Option<Value>,
}

impl RoomError {
    /// A refusal for which no field is to blame.
    pub fn new(code: i32, message: impl Into<String>) -> RoomError {
        RoomError { code, message: message.into(), data: None }
    }

    /// A refusal because of one parameter.
    pub fn field(code: i32, field: &str, message: impl Into<String>) -> RoomError {
        RoomError { code, message: message.into(), data: Some(json!({ "field": field })) }
    }

    /// A required parameter is absent (1734).
    pub fn missing(field: &str) -> RoomError {
        let message = format!("required parameter missing: {field}");
        RoomError::field(code::PARAMETER_MISSING, field, message)
    }

    /// A parameter has a wrong value or type.
    pub fn invalid(field: &str, message: impl Into<String>) -> RoomError {
        RoomError::field(code::INVALID_PARAMS, field, message)
    }

    /// Only those who manage the meeting may do it.
    pub fn forbidden(what: &str) -> RoomError {
        RoomError::new(code::FORBIDDEN, format!("only a host may {what}"))
    }

    /// The role does not permit it.
    pub fn lacks(permission: Permission) -> RoomError {
        let word = permission.word();
        RoomError {
            code: code::FORBIDDEN,
            message: format!("your role lacks the permission \"{word}\""),
            data: Some(json!({ "permission": word })),
        }
    }

    /// It is done, and is lost if the process ends before the disk takes it.
    pub fn unsaved(why: &str) -> RoomError {
        let message = format!("it is in force, but could not be saved: {why}");
        let data = Some(json!({ "in_force": true }));
        RoomError { code: code::STORE, message, data }
    }

    /// Whether what it refuses is done all the same.
    pub fn is_in_force(&self) -> bool {
        self.data.as_ref().is_some_and(|data| data["in_force"] == json!(true))
    }

    /// It does not fit what is the case now.
    pub fn conflict(message: impl Into<String>) -> RoomError {
        RoomError::new(code::CONFLICT, message)
    }
}
