//! WHIP: publish by one HTTP request (RFC 9725).
//!
//! `POST /whip/{meeting}?id={participant}&room={room}` with an offer → 201, an answer,
//! `Location` and `ETag`; `PATCH` and `DELETE` on the location.

use axum::extract::{Request, State};
use axum::response::Response;

use crate::app::App;
use crate::guest;
use crate::sdp::Purpose;

/// `/whip/{meeting}`.
pub async fn endpoint(State(app): State<App>, request: Request) -> Response {
    guest::endpoint(app, Purpose::Whip, request).await
}

/// `/whip/{meeting}/{session}`.
pub async fn session(State(app): State<App>, request: Request) -> Response {
    guest::session(app, Purpose::Whip, request).await
}
