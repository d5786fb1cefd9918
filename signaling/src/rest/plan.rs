//! `/v1/meetings/{meeting}/breakouts`: the whole plan, as a document or as a list of people.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{Csv, IfMatch, In, Json, must_match};
use super::refused::{Refused, renamed};
use super::views::{Done, Expected, PlanRoom, PlanView};
use crate::app::App;
use crate::rooms::{CSV_TEMPLATE, Media, PutPlan, PutRoom, Reply, Request, Reserved};

/// Most KiB of a plan: 3,000 people have room in it.
const PLAN_KIB: usize = 1_024;

/// A plan as it shall be. What `GET` gave, edited, is taken.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "what GET gave is taken whole, and not all of it is looked at")]
pub struct NewPlan {
    /// All its rooms: those that are there and not named here are deleted.
    pub rooms: Vec<PlanRoom>,
    /// Of `GET`; not looked at: `If-Match` counts.
    #[serde(default)]
    pub revision: Option<u64>,
    /// Of `GET`; not looked at.
    #[serde(default)]
    pub state: Option<String>,
}

/// Shows the plan.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/breakouts", tag = "breakouts",
    responses((status = 200, description = "As it is now", body = PlanView,
        headers(("ETag" = String, description = "For If-Match"))))
)]
pub async fn show(State(app): State<App>, In(meeting): In<String>) -> Result<PlanView, Refused> {
    Ok(PlanView::new(&app.meetings.look(&meeting).await?))
}

/// Puts another plan in the place of the present one, whole or not at all. Not while breakouts are
/// open.
#[utoipa::path(
    put, path = "/v1/meetings/{meeting}/breakouts", tag = "breakouts", request_body = NewPlan,
    responses((status = 200, description = "As it is now", body = PlanView,
        headers(("ETag" = String, description = "For If-Match"))))
)]
pub async fn put(
    State(app): State<App>,
    In(meeting): In<String>,
    headers: HeaderMap,
    IfMatch(revision): IfMatch,
    Json(plan): Json<NewPlan, PLAN_KIB>,
) -> Result<PlanView, Refused> {
    must_match(&headers)?;
    let rooms = plan.rooms.into_iter().map(put_room).collect();
    app.meetings.serve(&meeting, Request::PutPlan(PutPlan { rooms }), revision).await?;
    show(State(app), In(meeting)).await
}

fn put_room(room: PlanRoom) -> PutRoom {
    let PlanRoom { audio, video, share, canvas, .. } = room;
    let PlanRoom { id, name, capacity, assigned, expected, empty_ttl_s: empty_ttl, .. } = room;
    let reserved = |one: Expected| Reserved {
        room: "".into(),
        first_name: one.first_name,
        last_name: one.last_name,
        email: one.email,
        person: one.person.map(Into::into),
    };
    let media = Media { audio, video, share, canvas };
    let expected = expected.into_iter().map(reserved).collect();
    PutRoom { id, name, capacity, media, empty_ttl, assigned, expected }
}

/// The list to be filled in: columns `room_name,first_name,last_name,email`.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/breakouts/csv", tag = "breakouts",
    responses((status = 200, description = "A heading and no people", body = String,
        content_type = "text/csv"))
)]
pub async fn template(
    State(app): State<App>,
    In(meeting): In<String>,
) -> Result<Response, Refused> {
    app.meetings.look(&meeting).await?;
    let disposition = "attachment; filename=\"breakouts.csv\"";
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, CSV_TEMPLATE).into_response())
}

/// Makes the rooms of a list, and notes who belongs there; errors are told by line, and nothing is
/// half done.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/breakouts/csv", tag = "breakouts",
    request_body(content = String, content_type = "text/csv",
        description = "room_name,first_name,last_name,email"),
    responses((status = 200, description = "Rooms made, and how many people", body = Reply,
        headers(("ETag" = String, description = "For If-Match"))))
)]
pub async fn import(
    State(app): State<App>,
    In(meeting): In<String>,
    IfMatch(revision): IfMatch,
    Csv(text): Csv,
) -> Result<Done, Refused> {
    let served = app.meetings.serve(&meeting, Request::ImportCsv { text }, revision).await;
    Ok(Done(served.map_err(|error| renamed(error, &[("text", "body")]))?))
}
