//! Somebody who is posted webhooks: who may fail, be slow, or be well again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ringfence_signaling::tokens::{DEVELOPMENT_ISSUER, DEVELOPMENT_SECRET, Keys};
use ringfence_signaling::webhooks::{Endpoint, WebhookOptions};
use serde_json::Value;
use tokio::net::TcpListener;

/// How it answers.
#[derive(Default)]
pub struct Manner {
    pub fails: bool,
    pub takes: Duration,
    /// Everything that came, whether it was taken or not.
    pub came: Vec<Value>,
    pub taken: Vec<Value>,
}

#[derive(Clone)]
pub struct Receiver {
    pub url: String,
    manner: Arc<Mutex<Manner>>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let manner: Arc<Mutex<Manner>> = Arc::default();
        let router = Router::new().route("/hook", post(take)).with_state(manner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, manner }
    }

    pub fn endpoint(&self, events: Option<&[&str]>) -> Endpoint {
        let events = events.map(|events| events.iter().map(|event| (*event).into()).collect());
        let options = WebhookOptions { url: self.url.clone(), key: None, events };
        options.check(&Keys::development()).expect("good")
    }

    pub fn manner<T>(&self, act: impl FnOnce(&mut Manner) -> T) -> T {
        act(&mut self.manner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// `event` or `event participant`, of those taken.
    pub fn taken(&self) -> Vec<String> {
        self.manner(|manner| manner.taken.iter().map(words).collect())
    }

    pub async fn wait(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + Duration::from_secs(60); // of a busy machine
        while self.taken().len() < count {
            assert!(Instant::now() < until, "not {count}: {:?}", self.taken());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.taken()
    }
}

fn words(body: &Value) -> String {
    let about = [&body["participant"]["id"], &body["room_id"], &body["room"]["name"]];
    let about = about.into_iter().filter_map(Value::as_str);
    let words: Vec<&str> = body["event"].as_str().into_iter().chain(about).collect();
    words.join(" ")
}

async fn take(
    State(manner): State<Arc<Mutex<Manner>>>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    let takes = manner.lock().unwrap_or_else(PoisonError::into_inner).takes;
    tokio::time::sleep(takes).await;
    let mut manner = manner.lock().unwrap_or_else(PoisonError::into_inner);
    if !signed(&headers, &body) {
        return StatusCode::UNAUTHORIZED;
    }
    let body: Value = serde_json::from_str(&body).expect("JSON");
    manner.came.push(body.clone());
    if manner.fails {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    manner.taken.push(body);
    StatusCode::OK
}

/// As LiveKit's receivers check it.
pub fn signed(headers: &HeaderMap, body: &str) -> bool {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok());
    let key = DecodingKey::from_secret(DEVELOPMENT_SECRET.as_bytes());
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[DEVELOPMENT_ISSUER]);
    let claims =
        token.and_then(|token| jsonwebtoken::decode::<Value>(token, &key, &validation).ok());
    let hash = digest(&SHA256, body.as_bytes());
    let hash = base64::engine::general_purpose::STANDARD.encode(hash);
    claims.is_some_and(|claims| claims.claims["sha256"] == Value::String(hash))
}
