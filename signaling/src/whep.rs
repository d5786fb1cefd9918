//! WHEP: play by one HTTP request (draft-ietf-wish-whep), the mirror of WHIP.
//!
//! `POST /whep/{meeting}?id={participant}&room={room}&from={publisher}` with an offer → 201, an
//! answer, `Location` and `ETag`; `PATCH` and `DELETE` on the location.

use axum::extract::{Request, State};
use axum::response::Response;

use crate::app::App;
use crate::guest;
use crate::sdp::Purpose;

/// `/whep/{meeting}`.
pub async fn endpoint(State(app): State<App>, request: Request) -> Response {
    guest::endpoint(app, Purpose::Whep, request).await
}

/// `/whep/{meeting}/{session}`.
pub async fn session(State(app): State<App>, request: Request) -> Response {
    guest::session(app, Purpose::Whep, request).await
}
