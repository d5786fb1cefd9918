//! `/v1/drain`: the operator's switch that lets nobody new in, and can be switched back.
//!
//! SIGTERM is the way without return: what it began is not ended here.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::refused::Refused;
use crate::app::App;
use crate::problem::HttpProblem;

/// How the switch shall stand.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct SetDrain {
    /// `true`: nobody new is let in; who is here stays, and may come back after a lost connection.
    /// `false`: as usual.
    pub draining: bool,
}

/// How the switch stands.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Drain)]
pub struct DrainView {
    /// Nobody new is let in.
    pub draining: bool,
    /// The process got SIGTERM and ends with its last session: the switch does nothing any more.
    pub stopping: bool,
    /// How many clients are here: pages, WHIP and WHEP sessions.
    pub live: usize,
}

impl DrainView {
    fn new(app: &App) -> DrainView {
        let stopping = app.meetings.is_stopping();
        let draining = stopping || app.meetings.is_draining();
        DrainView { draining, stopping, live: app.meetings.live() }
    }
}

/// Shows whether new people and meetings are let in.
#[utoipa::path(
    get, path = "/v1/drain", tag = "server",
    responses((status = 200, description = "As it is now", body = DrainView))
)]
pub async fn show(State(app): State<App>) -> axum::Json<DrainView> {
    axum::Json(DrainView::new(&app))
}

/// Lets nobody new in, or lets them in again. It is not kept over a restart.
#[utoipa::path(
    put, path = "/v1/drain", tag = "server", request_body = SetDrain,
    responses((status = 200, description = "As it is now", body = DrainView))
)]
pub async fn put(
    State(app): State<App>,
    Json(SetDrain { draining }): Json<SetDrain>,
) -> Result<axum::Json<DrainView>, Refused> {
    if app.meetings.is_stopping() && !draining {
        let detail = "the server is stopping (SIGTERM) and takes nobody any more: start it again";
        return Err(HttpProblem::new(StatusCode::CONFLICT, "stopping", detail)
            .at("draining")
            .into());
    }
    app.meetings.drain(draining);
    tracing::info!(draining, live = app.meetings.live(), "the drain switch was set");
    Ok(axum::Json(DrainView::new(&app)))
}
