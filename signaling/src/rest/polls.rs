//! `/v1/meetings/{meeting}/polls`: polls that the server makes, and what people chose.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{In, Json};
use super::breakouts::Nothing;
use super::refused::{Refused, of_path};
use super::views::Done;
use crate::app::App;
use crate::rooms::{PollView, Reply, Request};

/// A question.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    /// At most 4,096 bytes.
    #[schema(min_length = 1, max_length = 4096, pattern = "\\S")]
    pub question: String,
    /// 2 to 20 answers to choose from.
    #[schema(min_items = 2, max_items = 20)]
    pub options: Vec<String>,
    /// Where it can be seen and voted in; absent: the main room.
    #[serde(default)]
    #[schema(min_items = 1)]
    pub rooms: Option<Vec<String>>,
}

/// Polls.
#[derive(Serialize, ToSchema, Debug)]
pub struct PollList {
    /// In the order in which they were made.
    pub polls: Vec<PollView>,
}

/// Makes a poll.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/polls", tag = "polls", request_body = NewPoll,
    responses((status = 201, description = "Its number", body = Reply))
)]
pub async fn create(
    State(app): State<App>,
    In(meeting): In<String>,
    Json(NewPoll { question, options, rooms }): Json<NewPoll>,
) -> Result<Response, Refused> {
    let request = Request::PollCreate { question, options, rooms };
    let reply = app.meetings.serve(&meeting, request, None).await?;
    Ok((StatusCode::CREATED, Done(reply)).into_response())
}

/// Lists the polls with what was chosen so far.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/polls", tag = "polls",
    responses((status = 200, description = "All", body = PollList))
)]
pub async fn list(
    State(app): State<App>,
    In(meeting): In<String>,
) -> Result<axum::Json<PollList>, Refused> {
    let polls = app.meetings.look(&meeting).await?.polls().collect();
    Ok(axum::Json(PollList { polls }))
}

/// Closes a poll, whoever made it.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/polls/{poll}/close", tag = "polls",
    request_body = Nothing, responses((status = 200, description = "Done", body = Reply))
)]
pub async fn close(
    State(app): State<App>,
    In((meeting, poll)): In<(String, u64)>,
    Json(_): Json<Nothing>,
) -> Result<Done, Refused> {
    let served = app.meetings.serve(&meeting, Request::PollClose { poll }, None).await;
    Ok(Done(served.map_err(|error| of_path(error, "poll"))?))
}
