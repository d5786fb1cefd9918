//! `/healthz`: the process answers. `/readyz`: it takes new participants. `/metrics`: Prometheus'
//! text.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::app::App;

/// `GET /healthz`.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 503 while stopping or draining, and when the relay does not answer.
pub async fn readyz(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.meetings.is_stopping() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    if app.meetings.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match app.meetings.relay().stats().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the relay has stopped\n"),
    }
}

/// `GET /metrics`: our counters, and the relay's as they are now.
pub async fn metrics(State(app): State<App>) -> Response {
    let relay = app.meetings.relay().stats().await.ok();
    let text = app.metrics.scrape(app.connections.count(), relay.as_ref());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
