//! What WHIP and WHEP have in common (RFC 9725): one offer, one answer, a URL to change and end it.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::time::Duration;

use crate::access::{self, Identity, Wish};
use crate::app::App;
use crate::meetings::{Attach, SessionCall, SessionReply};
use crate::problem::HttpProblem;
use crate::sdp::{BYTES_MAX, Fragment, Offer, Purpose};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// How long a client may take to send a body.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Query of the endpoint.
#[derive(Clone, Default, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    id: Option<String>,
    room: Option<String>,
    from: Option<String>,
    name: Option<String>,
}

/// `POST` and `OPTIONS` of an endpoint, `/whip/{meeting}` or `/whep/{meeting}`.
pub(crate) async fn endpoint(app: App, purpose: Purpose, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let method = parts.method.clone();
    let answered = match method {
        Method::OPTIONS => Ok(preflight("POST, OPTIONS", Some(SDP))),
        Method::POST => post(&app, purpose, &mut parts, body).await,
        _ => Err(not_allowed()),
    };
    finish(&app, purpose, answered, "POST, OPTIONS")
}

/// `PATCH`, `DELETE` and `OPTIONS` of a session's URL.
pub(crate) async fn session(app: App, purpose: Purpose, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let method = parts.method.clone();
    let answered = match method {
        Method::OPTIONS => Ok(preflight("PATCH, DELETE, OPTIONS", None)),
        Method::PATCH => patch(&app, purpose, &mut parts, body).await,
        Method::DELETE => delete(&app, purpose, &mut parts).await,
        _ => Err(not_allowed()),
    };
    finish(&app, purpose, answered, "PATCH, DELETE, OPTIONS")
}

async fn post(
    app: &App,
    purpose: Purpose,
    parts: &mut Parts,
    body: Body,
) -> Result<Response, HttpProblem> {
    let (meeting,) = path::<(String,)>(parts).await?;
    let query = Query::<Ask>::from_request_parts(parts, &()).await;
    let Query(ask) = query.map_err(|rejection| bad_request(rejection.body_text()))?;
    if purpose == Purpose::Whip && ask.from.is_some() {
        return Err(bad_request("from is for WHEP"));
    }
    // Who may not come learns nothing of what is here, nor makes us read an offer.
    let identity = identify(app, parts, &meeting, ask.id.as_deref(), ask.name.as_deref())?;
    let (allowed, grant) = match purpose {
        Purpose::Whip => (identity.publishes, "video.canPublish"),
        Purpose::Whep | Purpose::Page => (identity.subscribes, "video.canSubscribe"),
    };
    if !allowed {
        return Err(access::Denied::NoGrant(grant).into());
    }
    content_type(&parts.headers, SDP)?;
    acceptable(&parts.headers, SDP)?;
    let text = read(&parts.headers, body, BYTES_MAX).await?;
    let offer = Box::new(Offer::read(&text, purpose)?);
    let (room, from) = (ask.room, ask.from);
    let attach = Attach { identity, purpose, room, from, offer };
    let attached = app.meetings.attach(&meeting, attach).await?;
    let location = format!("/{}/{meeting}/{}", word(purpose), attached.session);
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, location),
        (header::ETAG, attached.etag),
        (HeaderName::from_static("accept-patch"), FRAGMENT.to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, attached.sdp).into_response())
}

async fn patch(
    app: &App,
    purpose: Purpose,
    parts: &mut Parts,
    body: Body,
) -> Result<Response, HttpProblem> {
    let (meeting, session) = path::<(String, String)>(parts).await?;
    let identity = identify(app, parts, &meeting, None, None)?;
    content_type(&parts.headers, FRAGMENT)?;
    let Some(if_match) = parts.headers.get(header::IF_MATCH) else {
        let detail = "send If-Match: the ETag to trickle, * to restart ICE (RFC 9725 §4.3)";
        let status = StatusCode::PRECONDITION_REQUIRED;
        return Err(HttpProblem::new(status, "if-match-missing", detail));
    };
    // RFC 9110 §13.1.1 writes *, the example of RFC 9725 §4.3.3 "*": clients copied either.
    let if_match = if_match.to_str().unwrap_or_default();
    let if_match = if if_match == "\"*\"" { "*" } else { if_match }.to_owned();
    let fragment = Fragment::read(&read(&parts.headers, body, 64 * 1024).await?)?;
    let call = SessionCall::Patch { if_match, fragment };
    match app.meetings.session(&meeting, &session, purpose, identity.id, call).await? {
        SessionReply::Restarted { ice, candidates, etag } => {
            let headers = [(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, etag)];
            Ok((StatusCode::OK, headers, Fragment::write(&ice, &candidates)).into_response())
        }
        SessionReply::Mismatch => {
            let detail = "If-Match names another ICE session than the current one";
            Err(HttpProblem::new(StatusCode::PRECONDITION_FAILED, "if-match", detail))
        }
        SessionReply::Trickled | SessionReply::Deleted => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
    }
}

async fn delete(app: &App, purpose: Purpose, parts: &mut Parts) -> Result<Response, HttpProblem> {
    let (meeting, session) = path::<(String, String)>(parts).await?;
    let identity = identify(app, parts, &meeting, None, None)?;
    let call = SessionCall::Delete;
    app.meetings.session(&meeting, &session, purpose, identity.id, call).await?;
    Ok(StatusCode::OK.into_response())
}

fn identify(
    app: &App,
    parts: &Parts,
    meeting: &str,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<Identity, HttpProblem> {
    let from = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let local = from.is_some_and(|from| access::is_local(from.0, &parts.headers));
    let token = access::bearer(&parts.headers);
    let wish = Wish { meeting, id, name, role: None };
    Ok(access::identify(&app.keys, token, app.development && local, wish)?)
}

async fn path<T: serde::de::DeserializeOwned + Send>(parts: &mut Parts) -> Result<T, HttpProblem> {
    let path = Path::<T>::from_request_parts(parts, &()).await;
    path.map(|Path(path)| path).map_err(|rejection| bad_request(rejection.body_text()))
}

/// Reads a body of at most `most` bytes.
async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<String, HttpProblem> {
    let too_large = || {
        let detail = format!("the body is over {most} bytes");
        HttpProblem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
    };
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    let bytes = tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, most)).await;
    let Ok(bytes) = bytes else {
        let detail = "the body did not come within 10 s";
        return Err(HttpProblem::new(StatusCode::REQUEST_TIMEOUT, "slow", detail));
    };
    let bytes = bytes.map_err(|_| too_large())?;
    String::from_utf8(bytes.into()).map_err(|_| bad_request("the body is no UTF-8"))
}

fn content_type(headers: &HeaderMap, wanted: &'static str) -> Result<(), HttpProblem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).map(str::trim);
    if kind.is_some_and(|kind| kind.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    let detail = format!("send Content-Type: {wanted}, not {}", given.unwrap_or("none"));
    Err(HttpProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail))
}

fn acceptable(headers: &HeaderMap, given: &'static str) -> Result<(), HttpProblem> {
    let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
    if accepts.peek().is_none() {
        return Ok(());
    }
    let mut ranges = accepts.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let fits = ranges.any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let refused = parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        !refused && (kind == "*/*" || kind == "application/*" || kind.eq_ignore_ascii_case(given))
    });
    if fits {
        return Ok(());
    }
    let detail = format!("the answer is {given}, which Accept does not allow");
    Err(HttpProblem::new(StatusCode::NOT_ACCEPTABLE, "not-acceptable", detail))
}

fn preflight(methods: &'static str, accept: Option<&'static str>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    let allowed = HeaderValue::from_static("Authorization, Content-Type, If-Match");
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    if let Some(kind) = accept {
        let name = HeaderName::from_static("accept-post");
        headers.insert(name, HeaderValue::from_static(kind));
    }
    response
}

/// Counts, and lets pages of any origin read the answer: tokens are bearer tokens, there are no
/// cookies.
fn finish(
    app: &App,
    purpose: Purpose,
    answered: Result<Response, HttpProblem>,
    methods: &'static str,
) -> Response {
    let mut response = answered.unwrap_or_else(IntoResponse::into_response);
    app.metrics.guest(word(purpose), response.status().as_u16());
    let not_allowed = response.status() == StatusCode::METHOD_NOT_ALLOWED;
    let headers = response.headers_mut();
    if not_allowed {
        headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let exposed = HeaderValue::from_static("Location, ETag, Accept-Patch, Accept-Post, Link");
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    response
}

fn word(purpose: Purpose) -> &'static str {
    if purpose == Purpose::Whip { "whip" } else { "whep" }
}

fn bad_request(detail: impl Into<String>) -> HttpProblem {
    HttpProblem::new(StatusCode::BAD_REQUEST, "bad-request", detail)
}

fn not_allowed() -> HttpProblem {
    let detail = "this path does not take this method";
    HttpProblem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}
