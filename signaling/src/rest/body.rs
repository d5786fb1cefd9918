//! Bodies and headers of requests, read so that an error names the field and the mend.

use std::str::FromStr;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::refused::Refused;
use super::strict::Strict;
use crate::problem::HttpProblem;
use crate::rooms::{RoomError, code};
use crate::rpc::{DEPTH_MAX, depth};

/// How long a client may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Longest body of all: a list of people.
pub const BYTES_MAX: usize = 2 * 1024 * 1024;

/// A JSON body of at most so many KiB. An empty one is an empty object.
#[derive(Debug)]
pub struct Json<T, const KIB: usize = 64>(pub T);

/// A list as `text/csv`.
#[derive(Debug)]
pub struct Csv(pub String);

/// Parts of the path.
#[derive(FromRequestParts, Debug)]
#[from_request(via(axum::extract::Path), rejection(Refused))]
pub struct In<T>(pub T);

/// The query.
#[derive(FromRequestParts, Debug)]
#[from_request(via(axum::extract::Query), rejection(Refused))]
pub struct Query<T>(pub T);

/// `If-Match`: the revision of the plan that the client knows.
#[derive(Clone, Copy, Debug)]
pub struct IfMatch(pub Option<u64>);

impl<T: DeserializeOwned, const KIB: usize, S: Send + Sync> FromRequest<S> for Json<T, KIB> {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(&parts.headers, body, KIB * 1024).await?;
        if bytes.is_empty() {
            return parse("{}").map(Json);
        }
        content_type(&parts.headers, &["application/json", "application/merge-patch+json"])?;
        parse(&text(bytes)?).map(Json)
    }
}

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        content_type(&parts.headers, &["text/csv"])?;
        Ok(Csv(text(bytes(&parts.headers, body, BYTES_MAX).await?)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let mut given = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(first) = given.next() else { return Ok(IfMatch(None)) };
        let tag = first.to_str().unwrap_or_default().trim();
        if tag == "*" && given.next().is_none() {
            return Ok(IfMatch(None)); // whatever there is
        }
        let wrong = |status, detail| {
            Err(HttpProblem::new(status, "if-match", detail).at("If-Match").into())
        };
        let strong = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        let weak = tag.starts_with("W/\"") && tag.ends_with('"');
        let single = given.next().is_none();
        match strong.map(u64::from_str) {
            Some(Ok(revision)) if single => Ok(IfMatch(Some(revision))),
            // A tag, but none of ours; and weak ones never match (RFC 9110 §13.1.1).
            Some(_) if single && !tag.contains(',') => {
                wrong(StatusCode::PRECONDITION_FAILED, "If-Match is not the ETag of the plan")
            }
            None if weak => wrong(StatusCode::PRECONDITION_FAILED, "a weak ETag does not match"),
            _ => {
                let detail = "If-Match is not one ETag: send the one of GET …/breakouts, or *";
                wrong(StatusCode::BAD_REQUEST, detail)
            }
        }
    }
}

/// Whether `If-Match` was sent at all, be it an asterisk.
pub fn must_match(headers: &HeaderMap) -> Result<(), Refused> {
    if headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let detail = "send If-Match with the ETag of GET …/breakouts, so that nobody's change is lost";
    let status = StatusCode::PRECONDITION_REQUIRED;
    Err(HttpProblem::new(status, "if-match-missing", detail).at("If-Match").into())
}

/// Reads a body of at most `most` bytes.
pub async fn bytes(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Refused> {
    let too_large = || {
        let detail = format!("the body is over {most} bytes");
        let problem = HttpProblem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail);
        Refused::from(problem.coded(code::TOO_LARGE, None))
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let bytes = tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, most)).await;
    let Ok(bytes) = bytes else {
        let detail = "the body did not come within 10 s";
        return Err(HttpProblem::new(StatusCode::REQUEST_TIMEOUT, "slow", detail).into());
    };
    bytes.map_err(|_| too_large())
}

fn text(bytes: Bytes) -> Result<String, Refused> {
    let wrong = || HttpProblem::new(StatusCode::BAD_REQUEST, "bad-request", "the body is no UTF-8");
    String::from_utf8(bytes.into()).map_err(|_| wrong().into())
}

fn content_type(headers: &HeaderMap, wanted: &[&str]) -> Result<(), Refused> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).map(str::trim);
    if kind.is_some_and(|kind| wanted.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted))) {
        return Ok(());
    }
    let wanted = wanted.first().copied().unwrap_or_default();
    let detail = format!("send Content-Type: {wanted}, not {}", given.unwrap_or("none"));
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(HttpProblem::new(status, "media-type", detail).at("Content-Type").into())
}

/// Reads JSON. No JSON is 400, JSON of another shape 422 with its field.
fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Refused> {
    if depth(text) > DEPTH_MAX {
        let detail = format!("the JSON is nested deeper than {DEPTH_MAX}");
        let problem = HttpProblem::new(StatusCode::BAD_REQUEST, "bad-json", detail);
        return Err(problem.coded(code::TOO_LARGE, None).into());
    }
    let value = serde_json::from_str(text).map_err(|error| wrong(".", &error))?;
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        wrong(&path, error.inner())
    })
}

/// What is wrong with a body, with the seeds' number where they have one (Q4).
fn wrong(path: &str, error: &serde_json::Error) -> Refused {
    let message = error.to_string();
    if error.classify() != Category::Data {
        let detail = format!("the body is no JSON: {message}");
        let problem = HttpProblem::new(StatusCode::BAD_REQUEST, "bad-json", detail);
        return problem.coded(code::PARSE, None).into();
    }
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    let path = path.trim_matches('.');
    if let Some(missing) = missing {
        let dot = if path.is_empty() { "" } else { "." };
        return RoomError::missing(&format!("{path}{dot}{missing}")).into();
    }
    if path == "participants" && message.contains("expected u64") {
        let message = format!("participant count is not a number: {message}");
        return RoomError::field(code::PARTICIPANTS_MISSING, path, message).into();
    }
    let field = if path.is_empty() { "body" } else { path };
    RoomError::invalid(field, message).into()
}

impl From<PathRejection> for Refused {
    fn from(rejection: PathRejection) -> Refused {
        // A part of the path that can not be, like a number that is none, is nowhere.
        let status = match &rejection {
            PathRejection::FailedToDeserializePathParams(error)
                if !matches!(error.kind(), ErrorKind::InvalidUtf8InPathParam { .. }) =>
            {
                StatusCode::NOT_FOUND
            }
            _ => StatusCode::BAD_REQUEST,
        };
        HttpProblem::new(status, "path", rejection.body_text()).into()
    }
}

impl From<QueryRejection> for Refused {
    fn from(rejection: QueryRejection) -> Refused {
        HttpProblem::new(StatusCode::BAD_REQUEST, "query", rejection.body_text()).into()
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        name: String,
    }

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code)]
        rooms: Vec<Inner>,
        #[allow(dead_code)]
        participants: Option<u64>,
    }

    #[test]
    fn errors_name_the_field() {
        let deep = format!("{{\"rooms\":{}{}}}", "[".repeat(40), "]".repeat(40));
        for (text, status, code, field) in [
            ("{", 400, code::PARSE, None),
            ("", 400, code::PARSE, None),
            ("{\"rooms\":[]} x", 400, code::PARSE, None),
            (deep.as_str(), 400, code::TOO_LARGE, None),
            ("[]", 422, code::INVALID_PARAMS, Some("body")),
            ("[[], 3]", 422, code::INVALID_PARAMS, Some("body")), // fields by their place
            ("{\"rooms\":[[\"a\"]]}", 422, code::INVALID_PARAMS, Some("rooms[0]")),
            ("{}", 422, code::PARAMETER_MISSING, Some("rooms")),
            ("{\"rooms\":[{}]}", 422, code::PARAMETER_MISSING, Some("rooms[0].name")),
            ("{\"rooms\":[{\"name\":1}]}", 422, code::INVALID_PARAMS, Some("rooms[0].name")),
            ("{\"rooms\":[{\"nam\":1}]}", 422, code::INVALID_PARAMS, Some("rooms[0].nam")),
            ("{\"rooms\":[],\"x\":1}", 422, code::INVALID_PARAMS, Some("x")),
            (
                "{\"rooms\":[],\"participants\":\"3\"}",
                422,
                code::PARTICIPANTS_MISSING,
                Some("participants"),
            ),
        ] {
            let Refused { problem, .. } = parse::<Sample>(text).expect_err(text);
            let told: Value = serde_json::to_value(problem).unwrap();
            assert_eq!((&told["status"], &told["code"]), (&json!(status), &json!(code)), "{text}");
            assert_eq!(told.get("field").and_then(Value::as_str), field, "{text}: {told}");
        }
    }
}
