//! `Idempotency-Key`: a `POST` that is sent again is answered again, and not done again.
//!
//! After draft-ietf-httpapi-idempotency-key-header: the same key with the same request gets the
//! first answer; with another request 422; while the first is being answered 409. A key belongs to
//! the path and to the token's issuer and meeting. What is begun is carried out, also when the
//! client goes away, so that it finds the answer when it asks again.
//!
//! Answers live in memory: a restart forgets them, and the document says so. Written after the
//! change they would be missing in just the case that a restart makes (done, and not answered); and
//! with the change they can not be written, since it is done when the answer is made.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::body::{self, BYTES_MAX};
use super::caller::Caller;
use super::refused::{InForce, Refused};
use crate::app::App;
use crate::problem::HttpProblem;

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;
/// How long answers are kept.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Most bytes of all answers; those not asked for the longest go first.
const ALL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// What an answer takes beside its body.
const OVERHEAD_BYTES: usize = 512;
/// Longest answer that is kept.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Whose key for what.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Place {
    issuer: Option<String>,
    bound: Option<String>,
    path: String,
    key: String,
}

/// What is known under a key.
#[derive(Debug)]
struct Known {
    /// SHA-256 of the request.
    digest: [u8; 32],
    /// None: it is being answered.
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers by key.
#[derive(Clone, Debug)]
pub struct Answers(Cache<Place, Arc<Known>>);

impl Default for Answers {
    fn default() -> Answers {
        let weigh = |place: &Place, known: &Arc<Known>| {
            let body = known.answer.as_ref().map_or(0, |answer| answer.body.len());
            let bytes = OVERHEAD_BYTES + place.path.len() + place.key.len() + body;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(ALL_BYTES_MAX).weigher(weigh);
        // The newest answer is the one that is asked for again: none is too seldom to be kept.
        let cache = cache.eviction_policy(EvictionPolicy::lru()).time_to_live(KEPT);
        Answers(cache.build())
    }
}

/// Answers again what was answered; else lets through, and keeps the answer.
pub async fn remember(State(app): State<App>, request: Request, next: Next) -> Response {
    let name = HeaderName::from_static("idempotency-key");
    let Some(key) = request.headers().get(name).cloned() else {
        return next.run(request).await;
    };
    if *request.method() != Method::POST {
        return next.run(request).await; // these are idempotent by themselves
    }
    match once(&app, &key, request, next).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn once(
    app: &App,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let place = place(&parts, key)?;
    let body = body::bytes(&parts.headers, body, BYTES_MAX).await?;
    let digest = digest(&parts, &body);
    let answers = &app.rest.answers.0;
    let begun = || Arc::new(Known { digest, answer: None });
    let entry = answers.entry(place.clone()).or_insert_with(begun);
    if !entry.is_fresh() {
        return again(entry.value(), digest);
    }
    let begun = Begun { answers: answers.clone(), place, done: false };
    let request = Request::from_parts(parts, Body::from(body));
    // On a task of its own: the client may go away, the answer is kept all the same.
    let task = tokio::spawn(async move { begun.keep(digest, next.run(request).await).await });
    task.await.map_err(|_| {
        let detail = "the request could not be carried out";
        HttpProblem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into()
    })
}

fn place(parts: &Parts, key: &HeaderValue) -> Result<Place, Refused> {
    let wrong = || {
        let detail = format!("Idempotency-Key is not 1 to {KEY_BYTES_MAX} visible characters");
        let problem = HttpProblem::new(StatusCode::BAD_REQUEST, "idempotency-key", detail);
        Refused::from(problem.at("Idempotency-Key"))
    };
    let key = key.to_str().map_err(|_| wrong())?;
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(wrong());
    }
    let caller = parts.extensions.get::<Caller>();
    Ok(Place {
        issuer: caller.and_then(|caller| caller.issuer.clone()),
        bound: caller.and_then(|caller| caller.bound.clone()),
        path: parts.uri.path().to_owned(),
        key: key.to_owned(),
    })
}

/// All of the request that changes what it does.
fn digest(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let headers = [header::CONTENT_TYPE, header::IF_MATCH];
    let headers = headers.iter().map(|name| parts.headers.get(name).map(HeaderValue::as_bytes));
    for part in headers.chain([parts.uri.query().map(str::as_bytes)]).map(Option::unwrap_or_default)
    {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    context.update(body);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn again(known: &Known, digest: [u8; 32]) -> Result<Response, Refused> {
    if known.digest != digest {
        let detail = "this Idempotency-Key was used for another request; take a new one";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        let problem = HttpProblem::new(status, "idempotency-reused", detail);
        return Err(problem.at("Idempotency-Key").into());
    }
    let Some(answer) = known.answer.clone() else {
        let detail = "the first request with this Idempotency-Key is being answered; ask again";
        let problem = HttpProblem::new(StatusCode::CONFLICT, "idempotency-running", detail);
        return Err(problem.at("Idempotency-Key").into());
    };
    let mut response = (answer.status, answer.headers, answer.body).into_response();
    let name = HeaderName::from_static("idempotent-replayed");
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
    Ok(response)
}

/// A request that is being answered; forgotten if it comes to no answer.
struct Begun {
    answers: Cache<Place, Arc<Known>>,
    place: Place,
    done: bool,
}

impl Begun {
    /// Keeps an answer that will be the same again; what failed for the time being may be tried
    /// again, unless it is in force.
    async fn keep(mut self, digest: [u8; 32], response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers.clone());
        let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let done = parts.extensions.get::<InForce>().is_some();
        let for_now = status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
        let transient = for_now && !done;
        if !transient && body.len() <= ANSWER_BYTES_MAX {
            let answer = Some(Answer { status, headers, body: body.clone() });
            self.answers.insert(self.place.clone(), Arc::new(Known { digest, answer }));
            self.done = true;
        }
        Response::from_parts(parts, Body::from(body))
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if !self.done {
            self.answers.invalidate(&self.place);
        }
    }
}
