//! `/v1/meetings/{meeting}/participants`: tokens for those who shall come, and what is done with
//! those who are there.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::{In, Json};
use super::caller::Caller;
use super::refused::{Refused, of_path};
use super::views::{AddedParticipant, ParticipantList, ParticipantView};
use crate::access::{self, ATTRIBUTES_MAX, Denied, ID_BYTES_MAX, NAME_BYTES_MAX, Wish};
use crate::app::App;
use crate::problem::HttpProblem;
use crate::rooms::{Meeting, Mutable, Request, RoleName, RoomError, TOKEN_S_MAX};
use crate::tokens::{Claims, Grants, unix_now};

/// How long a token is valid, if nothing is said: a day.
const TTL_S: u64 = 24 * 3_600;

/// Somebody who shall come.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct AddParticipant {
    /// Their id; absent: one that is given to nobody else. `server`, `main` and ids of rooms (`b1`)
    /// are reserved.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.~@+:-]+$")]
    pub id: Option<String>,
    /// The name to show.
    #[schema(max_length = 256)]
    pub name: Option<String>,
    /// Their e-mail address: by it, or else the name, they are matched with lists.
    #[schema(min_length = 1, max_length = 256)]
    pub email: Option<String>,
    /// A role of the meeting; absent: `participant`.
    #[serde(alias = "presetName", alias = "preset_name")]
    pub role: Option<RoleName>,
    /// What else is known of them: people are spread by it (`shuffle` with `by_attribute`).
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// May send; absent: yes.
    pub can_publish: Option<bool>,
    /// May receive; absent: yes.
    pub can_subscribe: Option<bool>,
    /// For how many seconds the token is valid; absent: a day.
    #[schema(minimum = 1, maximum = 31622400)]
    pub ttl_s: Option<u64>,
}

/// A change of somebody.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct ChangeParticipant {
    /// The role they shall have.
    #[serde(alias = "presetName", alias = "preset_name")]
    pub role: RoleName,
    /// At once (the default), or after they agreed.
    #[serde(default = "super::views::yes")]
    pub force: bool,
}

/// What of somebody is muted.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct MuteParticipant {
    /// `audio`: microphone and screen audio; `video`: camera, screen and canvas; or one source:
    /// `microphone`, `camera`, `screen` (with its sound), `screen_audio`, `canvas`.
    pub kind: Mutable,
}

/// Makes a token with which somebody joins. They are in the meeting once they did.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/participants", tag = "participants",
    request_body = AddParticipant,
    responses((status = 201, description = "They may join now", body = AddedParticipant,
        headers(("Location" = String, description = "Their path"))))
)]
pub async fn add(
    State(app): State<App>,
    caller: Caller,
    In(meeting): In<String>,
    Json(ask): Json<AddParticipant>,
) -> Result<Response, Refused> {
    let model = app.meetings.look(&meeting).await?;
    let id = ask.id.clone().unwrap_or_else(|| format!("p-{:016x}", rand::random::<u64>()));
    check(&meeting, &id, &ask)?;
    let role = role(&model, ask.role.as_ref())?;
    let ttl_s = ask.ttl_s.unwrap_or(TTL_S);
    if !(1..=TOKEN_S_MAX).contains(&ttl_s) {
        let message = format!("ttl_s is not within 1 to {TOKEN_S_MAX}");
        return Err(RoomError::invalid("ttl_s", message).into());
    }
    let mut model = model;
    if model.is_banned(&id) {
        app.meetings.serve(&meeting, Request::Pardon { person: id.as_str().into() }, None).await?;
        model = app.meetings.look(&meeting).await?;
    }
    let issuer = caller.issuer.as_deref().or(app.keys.first_issuer()).unwrap_or_default();
    let expires_at = unix_now() + ttl_s;
    // Tokens from before they were taken out stay void; this one is told from them by its time.
    let made_at = unix_now().max(model.tokens_void_until(&id).map_or(0, |void| void + 1));
    let claims = Claims {
        sub: id.clone(),
        name: ask.name.clone(),
        email: ask.email.clone(),
        attributes: ask.attributes.clone(),
        iss: issuer.to_owned(),
        exp: expires_at,
        nbf: None,
        iat: Some(made_at),
        video: Grants {
            room: meeting.clone(),
            room_join: true,
            can_publish: ask.can_publish,
            can_subscribe: ask.can_subscribe,
            ..Grants::default()
        },
        role: Some(role.as_str().to_owned()),
    };
    let token = app.keys.sign(&claims).map_err(|error| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        HttpProblem::new(status, "internal", format!("no token can be made: {error}"))
    })?;
    let location = format!("/v1/meetings/{meeting}/participants/{id}");
    let AddParticipant { name, email, .. } = ask;
    let added = AddedParticipant { id, name, email, role, token, expires_at };
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, axum::Json(added)).into_response())
}

fn check(meeting: &str, id: &str, ask: &AddParticipant) -> Result<(), Refused> {
    let wish = Wish { meeting, id: Some(id), name: ask.name.as_deref(), role: None };
    access::check_names(wish).map_err(|denied| {
        let field = if let Denied::BadName { field, .. } = denied { field } else { "id" };
        RoomError::invalid(field, denied.to_string())
    })?;
    let email = ask.email.as_deref().map_or(Ok(()), access::check_email);
    email.map_err(|message| RoomError::invalid("email", message))?;
    let short = |(name, value): (&String, &String)| {
        (1..=ID_BYTES_MAX).contains(&name.len()) && value.len() <= NAME_BYTES_MAX
    };
    if ask.attributes.len() > ATTRIBUTES_MAX || !ask.attributes.iter().all(short) {
        let message = "at most 16 attributes, names of 1 to 128 bytes, values of up to 256";
        return Err(RoomError::invalid("attributes", message).into());
    }
    Ok(())
}

/// The role that is asked for, if the meeting has it.
fn role(model: &Meeting, asked: Option<&RoleName>) -> Result<RoleName, Refused> {
    match asked {
        None => Ok(model.roles().of(&RoleName::participant()).name.clone()),
        Some(role) if model.roles().named(role).is_some() => Ok(role.clone()),
        Some(role) => {
            let all: Vec<&str> =
                model.roles().all().iter().map(|role| role.name.as_str()).collect();
            let message = format!("there is no role \"{}\", but {}", role.as_str(), all.join(", "));
            Err(RoomError::invalid("role", message).into())
        }
    }
}

/// Lists who is in the meeting, with role and room.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/participants", tag = "participants",
    responses((status = 200, description = "Everybody", body = ParticipantList))
)]
pub async fn list(
    State(app): State<App>,
    In(meeting): In<String>,
) -> Result<axum::Json<ParticipantList>, Refused> {
    let model = app.meetings.look(&meeting).await?;
    let all = model.people().map(|(id, person)| ParticipantView::new(id, person, &model));
    Ok(axum::Json(ParticipantList { participants: all.collect() }))
}

/// Shows somebody.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/participants/{participant}", tag = "participants",
    responses((status = 200, description = "As they are now", body = ParticipantView))
)]
pub async fn show(
    State(app): State<App>,
    In((meeting, participant)): In<(String, String)>,
) -> Result<axum::Json<ParticipantView>, Refused> {
    let model = app.meetings.look(&meeting).await?;
    let found = model.people().find(|(id, _)| ***id == *participant);
    let view = found.map(|(id, person)| ParticipantView::new(id, person, &model));
    let unknown = || {
        let message = format!("\"{participant}\" is not in the meeting");
        of_path(RoomError::invalid("participant", message), "participant")
    };
    Ok(axum::Json(view.ok_or_else(unknown)?))
}

/// Changes somebody's role: at once, or after they agreed.
#[utoipa::path(
    patch, path = "/v1/meetings/{meeting}/participants/{participant}", tag = "participants",
    request_body = ChangeParticipant,
    responses((status = 200, description = "As they are now", body = ParticipantView))
)]
pub async fn change(
    State(app): State<App>,
    In((meeting, participant)): In<(String, String)>,
    Json(ask): Json<ChangeParticipant>,
) -> Result<axum::Json<ParticipantView>, Refused> {
    let ChangeParticipant { role, force } = ask;
    let request = Request::ChangeRole { client: participant.clone(), role, force };
    on(&app, &meeting, request).await?;
    show(State(app), In((meeting, participant))).await
}

/// Takes somebody out of the meeting, not to come back until they are added again. The token of
/// somebody who has not come yet lets them in no more.
#[utoipa::path(
    delete, path = "/v1/meetings/{meeting}/participants/{participant}", tag = "participants",
    responses((status = 204, description = "They are out"))
)]
pub async fn kick(
    State(app): State<App>,
    In((meeting, client)): In<(String, String)>,
) -> Result<StatusCode, Refused> {
    on(&app, &meeting, Request::Kick { client }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mutes somebody. They unmute themselves.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/participants/{participant}/mute", tag = "participants",
    request_body = MuteParticipant,
    responses((status = 200, description = "As they are now", body = ParticipantView))
)]
pub async fn mute(
    State(app): State<App>,
    In((meeting, participant)): In<(String, String)>,
    Json(MuteParticipant { kind }): Json<MuteParticipant>,
) -> Result<axum::Json<ParticipantView>, Refused> {
    on(&app, &meeting, Request::MutePerson { client: participant.clone(), kind }).await?;
    show(State(app), In((meeting, participant))).await
}

/// Asks something about the participant whom the path names.
async fn on(app: &App, meeting: &str, request: Request) -> Result<(), Refused> {
    let served = app.meetings.serve(meeting, request, None).await;
    served.map_err(|error| of_path(error, "client"))?;
    Ok(())
}
