//! `/v1/meetings`: making meetings before anybody comes, their options, their end.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::body::{In, Json, Query};
use super::caller::Caller;
use super::refused::{Refused, renamed};
use super::strict::Strict;
use super::views::{MeetingList, MeetingView};
use crate::access::{self, Wish};
use crate::app::App;
use crate::problem::HttpProblem;
use crate::rooms::{Meeting, Request, Role, RoomError, Rules, code};

/// Most meetings of one answer.
const PAGE_MAX: usize = 500;
/// Most breakout rooms that a meeting may be given, where the server's own rules have fewer.
const ROOMS_MAX: usize = 300;
/// Most active talkers of a main room: more than any meeting has.
const TALKERS_MAX: u64 = 1_000_000;
/// Longest time in the options, in seconds: a year.
const YEAR_S: u32 = 366 * 24 * 3_600;

/// A new meeting.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct CreateMeeting {
    /// Its id; absent: one that is given to no other meeting.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.~@+:-]+$")]
    pub id: Option<String>,
    /// Whose limits and policies it begins with; absent: those of the server's `[meeting]`.
    pub profile: Option<Profile>,
    /// Its roles by the name of a template (`/v1/roles`): `native`, `stage`, or one of your own.
    pub template: Option<String>,
    /// Its roles, one by one, in the place of a template.
    pub roles: Option<Vec<Role>>,
    /// What is other than in the profile.
    #[schema(value_type = Option<Rules>)]
    pub options: Option<Map<String, Value>>,
}

/// Limits and policies that are shipped.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Ours.
    Native,
    /// As EnableX documents it.
    Enablex,
}

/// A change of a meeting.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct ChangeMeeting {
    /// The options that change. Others stay.
    #[schema(value_type = Option<Rules>)]
    pub options: Option<Map<String, Value>>,
}

/// Which meetings.
#[derive(Deserialize, IntoParams, Debug)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// At most so many.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
    /// Those behind this id.
    pub after: Option<String>,
}

/// Makes a meeting; it stays, with people or without, until it is deleted.
#[utoipa::path(
    post, path = "/v1/meetings", tag = "meetings", request_body = CreateMeeting,
    responses((status = 201, description = "It is there", body = MeetingView,
        headers(("Location" = String, description = "Its path"))))
)]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(ask): Json<CreateMeeting>,
) -> Result<Response, Refused> {
    let unique = || format!("m-{:016x}", rand::random::<u64>());
    let id = ask.id.clone().or(caller.bound.clone()).unwrap_or_else(unique);
    check_id(&id)?;
    caller.check(&id)?;
    let model = model(&app, ask)?;
    let view = MeetingView::new(&id, &model);
    app.meetings.create(&id, model).await?;
    let location = [(header::LOCATION, format!("/v1/meetings/{id}"))];
    Ok((StatusCode::CREATED, location, axum::Json(view)).into_response())
}

fn model(app: &App, ask: CreateMeeting) -> Result<Meeting, Refused> {
    let fresh = app.meetings.fresh();
    let rules = match ask.profile {
        None => *fresh.rules(),
        Some(Profile::Native) => Rules::default(),
        Some(Profile::Enablex) => Rules::enablex(),
    };
    let rules = changed(app, &rules, ask.options.unwrap_or_default())?;
    let roles = match (ask.roles, ask.template) {
        (Some(_), Some(_)) => {
            let message = "name a template or roles, not both";
            return Err(RoomError::invalid("roles", message).into());
        }
        (Some(roles), None) => super::roles::roles(roles)?,
        (None, Some(template)) => app.rest.templates.find(&template).ok_or_else(|| {
            let message = format!("there is no template \"{template}\"; see /v1/roles");
            RoomError::invalid("template", message)
        })?,
        (None, None) => fresh.roles().clone(),
    };
    Ok(Meeting::with_roles(rules, roles))
}

/// The rules with some of them changed.
fn changed(app: &App, rules: &Rules, options: Map<String, Value>) -> Result<Rules, Refused> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(rules) else {
        return Err(RoomError::invalid("options", "options can not be read").into());
    };
    all.extend(options);
    let read = serde_path_to_error::deserialize::<_, Rules>(Strict(Value::Object(all)));
    let rules = read.map_err(|error| {
        let path = error.path().to_string();
        RoomError::invalid(&format!("options.{path}"), error.inner().to_string())
    })?;
    let most = ROOMS_MAX.max(app.meetings.fresh().rules().breakout_rooms_max);
    let too_much = |field: &str, most: u64| {
        let message = format!("{field} is over {most}");
        Err(RoomError::invalid(&format!("options.{field}"), message).into())
    };
    if rules.breakout_rooms_max > most {
        return too_much("breakout_rooms_max", most as u64);
    }
    if rules.active_talkers_max > TALKERS_MAX {
        return too_much("active_talkers_max", TALKERS_MAX);
    }
    for (field, seconds) in [
        ("invite_timeout_s", rules.invite_timeout_s.unwrap_or(0)),
        ("empty_ttl_s", rules.empty_ttl_s.unwrap_or(0)),
        ("warn_s", rules.warn_s),
        ("grace_s", rules.grace_s),
    ] {
        if seconds > YEAR_S {
            return too_much(field, u64::from(YEAR_S));
        }
    }
    Ok(rules)
}

fn check_id(id: &str) -> Result<(), Refused> {
    let wish = Wish { meeting: id, id: None, name: None, role: None };
    let bad = |denied: access::Denied| RoomError::invalid("id", denied.to_string());
    access::check_names(wish).map_err(|denied| bad(denied).into())
}

/// Lists meetings; a token for one meeting sees that one.
#[utoipa::path(
    get, path = "/v1/meetings", tag = "meetings", params(Page),
    responses((status = 200, description = "Some or all", body = MeetingList))
)]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<axum::Json<MeetingList>, Refused> {
    let limit = page.limit.unwrap_or(PAGE_MAX);
    if !(1..=PAGE_MAX).contains(&limit) {
        let detail = format!("limit is not within 1 to {PAGE_MAX}");
        return Err(HttpProblem::new(StatusCode::BAD_REQUEST, "query", detail).at("limit").into());
    }
    let mut names = app.meetings.names();
    names.retain(|name| caller.bound.as_ref().is_none_or(|bound| **bound == **name));
    names.retain(|name| page.after.as_ref().is_none_or(|after| **name > **after));
    let more = names.len() > limit;
    names.truncate(limit);
    let next = names.last().cloned().filter(|_| more);
    let mut meetings = Vec::new();
    for name in &names {
        // One that ended a moment ago is no longer there.
        if let Ok(meeting) = app.meetings.look(name).await {
            meetings.push(MeetingView::new(name, &meeting));
        }
    }
    Ok(axum::Json(MeetingList { meetings, next }))
}

/// Shows a meeting.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}", tag = "meetings",
    responses((status = 200, description = "As it is now", body = MeetingView))
)]
pub async fn show(
    State(app): State<App>,
    In(meeting): In<String>,
) -> Result<axum::Json<MeetingView>, Refused> {
    let model = app.meetings.look(&meeting).await?;
    Ok(axum::Json(MeetingView::new(&meeting, &model)))
}

/// Changes options of a meeting.
#[utoipa::path(
    patch, path = "/v1/meetings/{meeting}", tag = "meetings", request_body = ChangeMeeting,
    responses((status = 200, description = "As it is now", body = MeetingView))
)]
pub async fn change(
    State(app): State<App>,
    In(meeting): In<String>,
    Json(ask): Json<ChangeMeeting>,
) -> Result<axum::Json<MeetingView>, Refused> {
    loop {
        let from = *app.meetings.look(&meeting).await?.rules();
        let to = changed(&app, &from, ask.options.clone().unwrap_or_default())?;
        let request = Request::Reconfigure { from, to };
        match app.meetings.serve(&meeting, request, None).await {
            // Somebody else changed them in between.
            Err(error) if error.code == code::STALE => {}
            Err(error) => {
                return Err(renamed(error, &[("breakouts", "options.breakouts")]).into());
            }
            Ok(_) => return show(State(app), In(meeting)).await,
        }
    }
}

/// Ends a meeting: everybody leaves, and nothing of it is kept.
#[utoipa::path(
    delete, path = "/v1/meetings/{meeting}", tag = "meetings",
    responses((status = 204, description = "It is over"))
)]
pub async fn end(State(app): State<App>, In(meeting): In<String>) -> Result<StatusCode, Refused> {
    app.meetings.end(&meeting).await?;
    Ok(StatusCode::NO_CONTENT)
}
