//! What REST answers when the engine refuses: the status that fits its code.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::problem::HttpProblem;
use crate::rooms::{RoomError, code};

/// A problem document as an error, so that the engine's and HTTP's own end in one type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    pub(super) problem: HttpProblem,
    in_force: bool,
}

/// Marks a response to something that is done, though the response is an error: it was not saved.
#[derive(Clone, Copy, Debug)]
pub struct InForce;

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if self.in_force {
            response.extensions_mut().insert(InForce);
        }
        response
    }
}

impl From<HttpProblem> for Refused {
    fn from(problem: HttpProblem) -> Refused {
        Refused { problem, in_force: false }
    }
}

impl From<RoomError> for Refused {
    fn from(error: RoomError) -> Refused {
        let (status, kind) = match error.code {
            code::NOT_FOUND | code::NOT_JOINED => (StatusCode::NOT_FOUND, "not-found"),
            code::FORBIDDEN => (StatusCode::FORBIDDEN, "forbidden"),
            code::CONFLICT | code::ROOM_FULL | code::LECTURE => (StatusCode::CONFLICT, "conflict"),
            code::STALE => (StatusCode::PRECONDITION_FAILED, "if-match"),
            code::STOPPING | code::STORE | code::RELAY | code::NO_TOKEN | code::NOT_CREATED => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            code::TOO_LARGE => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            code::TOO_MANY => (StatusCode::TOO_MANY_REQUESTS, "too-many"),
            code::INTERNAL => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
        };
        let in_force = error.is_in_force();
        let RoomError { code, message, data } = error;
        let problem = HttpProblem::new(status, kind, message).coded(code, data);
        Refused { problem, in_force }
    }
}

/// The engine's word for a field, as this request calls it.
pub fn renamed(mut error: RoomError, names: &[(&str, &str)]) -> RoomError {
    let field = error.data.as_mut().and_then(|data| data.get_mut("field"));
    if let Some(Value::String(field)) = field
        && let Some((_, ours)) = names.iter().find(|(theirs, _)| theirs == field)
    {
        (*ours).clone_into(field);
    }
    error
}

/// What the path names and is not there, is not found (404) instead of invalid (422).
pub fn of_path(mut error: RoomError, field: &str) -> RoomError {
    let named = error.data.as_ref().and_then(|data| data.get("field")).and_then(Value::as_str);
    if error.code == code::INVALID_PARAMS && named == Some(field) {
        error.code = code::NOT_FOUND;
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_path_are_not_found() {
        let error = RoomError::invalid("client", "there is no participant \"x\"");
        assert_eq!(of_path(error.clone(), "client").code, code::NOT_FOUND);
        assert_eq!(of_path(error.clone(), "role").code, code::INVALID_PARAMS);
        let renamed = renamed(error, &[("client", "participant")]);
        assert_eq!(renamed.data, Some(serde_json::json!({"field": "participant"})));
    }
}
