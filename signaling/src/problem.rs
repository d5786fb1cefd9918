//! Errors of the HTTP interface as problem documents (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::access::Denied;
use crate::rooms::{RoomError, code};

/// A problem document. `type` is a URN that names the problem and is not meant to be fetched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct HttpProblem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    /// What is wrong, and how it is mended.
    detail: String,
    /// The seeds' number of the error, or one of JSON-RPC's range: as `error.code` there.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    /// What else is known, as `error.data` of JSON-RPC: `field`, `errors` by line, `revision`.
    #[serde(flatten)]
    #[schema(value_type = More)]
    data: Option<Box<Value>>,
    /// What is wrong in an SDP: m-line, attribute, mend.
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp: Option<Box<SdpPlace>>,
}

/// Where in an SDP something is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
struct SdpPlace {
    #[serde(skip_serializing_if = "Option::is_none")]
    m_line: Option<usize>,
    attribute: String,
    mend: String,
}

impl HttpProblem {
    /// A problem with a short name for its `type`.
    pub fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> HttpProblem {
        HttpProblem {
            kind: format!("urn:ringfence:problem:{kind}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code: None,
            data: None,
            sdp: None,
        }
    }
}

/// What a problem may say beyond its text.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `HttpProblem::data` holds")]
struct More {
    /// Which field of the request, `rooms[2].name`; or a header or part of the path.
    #[schema(required = false)]
    field: String,
    /// What is wrong with a list, line by line.
    #[schema(required = false)]
    errors: Vec<LineError>,
    /// It is done all the same; only the disk did not take it (503).
    #[schema(required = false)]
    in_force: bool,
    /// The plan's present revision.
    #[schema(required = false)]
    revision: u64,
}

/// What is wrong in one line of a list.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes what `HttpProblem::data` holds")]
struct LineError {
    line: u64,
    message: String,
}

impl HttpProblem {
    /// The same, with the field that is to blame.
    pub fn at(mut self, field: &str) -> HttpProblem {
        self.data = Some(Box::new(json!({ "field": field })));
        self
    }

    /// The same, with the number of the error and what is known besides.
    pub fn coded(mut self, code: i32, data: Option<Value>) -> HttpProblem {
        self.code = Some(code);
        self.data = data.map(Box::new);
        self
    }
}

impl IntoResponse for HttpProblem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

impl From<Denied> for HttpProblem {
    fn from(denied: Denied) -> HttpProblem {
        let (status, kind) = match denied.status() {
            401 => (StatusCode::UNAUTHORIZED, "unauthorized"),
            403 => (StatusCode::FORBIDDEN, "forbidden"),
            _ => (StatusCode::BAD_REQUEST, "bad-name"),
        };
        let problem = HttpProblem::new(status, kind, denied.to_string());
        match denied {
            Denied::BadName { field, .. } => problem.at(field),
            _ => problem,
        }
    }
}

impl From<crate::sdp::Problem> for HttpProblem {
    fn from(problem: crate::sdp::Problem) -> HttpProblem {
        let (status, kind) = match problem.too_large {
            true => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            false => (StatusCode::BAD_REQUEST, "bad-sdp"),
        };
        let detail = problem.to_string();
        let place = SdpPlace {
            m_line: problem.m_line.map(|(number, _)| number),
            attribute: problem.attribute.into_owned(),
            mend: problem.mend,
        };
        HttpProblem { sdp: Some(Box::new(place)), ..HttpProblem::new(status, kind, detail) }
    }
}

impl From<RoomError> for HttpProblem {
    fn from(error: RoomError) -> HttpProblem {
        let (status, kind) = match error.code {
            code::NOT_FOUND => (StatusCode::NOT_FOUND, "not-found"),
            code::FORBIDDEN => (StatusCode::FORBIDDEN, "forbidden"),
            code::CONFLICT | code::ROOM_FULL => (StatusCode::CONFLICT, "conflict"),
            code::STOPPING => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            code::INVALID_PARAMS => (StatusCode::BAD_REQUEST, "bad-request"),
            code::TOO_MANY => (StatusCode::TOO_MANY_REQUESTS, "too-many"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        HttpProblem::new(status, kind, error.message)
    }
}
