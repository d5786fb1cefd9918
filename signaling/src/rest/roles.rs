//! `/v1/roles`: templates of roles; `/v1/meetings/{meeting}/roles`: the roles of one meeting.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{In, Json};
use super::refused::Refused;
use super::templates::{SHIPPED, unknown};
use crate::access::{self, Wish};
use crate::app::App;
use crate::rooms::{Request, Role, RoleName, Roles, RoomError, code};

/// Most KiB of roles: 64 of them with everything said.
const ROLES_KIB: usize = 256;

/// A template.
#[derive(Serialize, ToSchema, Debug)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Shipped ones stay as they are.
    pub shipped: bool,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// All templates.
#[derive(Serialize, ToSchema, Debug)]
pub struct TemplateList {
    /// In the order of their names.
    pub templates: Vec<Template>,
}

/// A new template.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct CreateTemplate {
    /// Its name.
    #[schema(min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.~@+:-]+$")]
    pub name: String,
    /// Its roles.
    #[schema(min_items = 1, max_items = 64)]
    pub roles: Vec<Role>,
}

/// Roles.
#[derive(Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct RoleList {
    /// 1 to 64, of different names.
    #[schema(min_items = 1, max_items = 64)]
    pub roles: Vec<Role>,
}

/// Roles of a meeting: by themselves, or by the name of a template.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct PutRoles {
    /// 1 to 64, of different names.
    #[schema(min_items = 1, max_items = 64)]
    pub roles: Option<Vec<Role>>,
    /// The name of a template.
    pub template: Option<String>,
}

fn template_of(name: &str, roles: &Roles) -> Template {
    let shipped = SHIPPED.contains(&name);
    Template { name: name.to_owned(), shipped, roles: roles.all().to_vec() }
}

fn list_of(roles: &Roles) -> axum::Json<RoleList> {
    axum::Json(RoleList { roles: roles.all().to_vec() })
}

/// Roles whose names can be in tokens.
pub(super) fn roles(roles: Vec<Role>) -> Result<Roles, RoomError> {
    for (at, role) in roles.iter().enumerate() {
        check_role(role, &format!("roles[{at}]."))?;
    }
    Roles::new(roles)
}

fn check_role(role: &Role, at: &str) -> Result<(), RoomError> {
    check_name(role.name.as_str(), &format!("{at}name"))?;
    let received = role.subscribe.roles.iter().flatten();
    received
        .into_iter()
        .try_for_each(|name| check_name(name.as_str(), &format!("{at}subscribe.roles")))
}

fn check_name(name: &str, field: &str) -> Result<(), RoomError> {
    let wish = Wish { meeting: name, id: None, name: None, role: None };
    access::check_names(wish).map_err(|_| {
        let message = "a name is 1 to 128 characters of A-Z a-z 0-9 - _ . ~ @ + :";
        RoomError::invalid(field, message)
    })
}

/// Lists the templates.
#[utoipa::path(
    get, path = "/v1/roles", tag = "roles",
    responses((status = 200, description = "All", body = TemplateList))
)]
pub async fn templates(State(app): State<App>) -> axum::Json<TemplateList> {
    let all = app.rest.templates.all();
    let templates = all.iter().map(|(name, roles)| template_of(name, roles)).collect();
    axum::Json(TemplateList { templates })
}

/// Makes a template.
#[utoipa::path(
    post, path = "/v1/roles", tag = "roles", request_body = CreateTemplate,
    responses((status = 201, description = "It is there", body = Template,
        headers(("Location" = String, description = "Its path"))))
)]
pub async fn create(
    State(app): State<App>,
    Json(ask): Json<CreateTemplate, ROLES_KIB>,
) -> Result<Response, Refused> {
    check_name(&ask.name, "name")?;
    let roles = roles(ask.roles)?;
    app.rest.templates.put(app.meetings.store(), &ask.name, roles.clone(), false).await?;
    let location = [(header::LOCATION, format!("/v1/roles/{}", ask.name))];
    let body = axum::Json(template_of(&ask.name, &roles));
    Ok((StatusCode::CREATED, location, body).into_response())
}

/// Shows a template.
#[utoipa::path(
    get, path = "/v1/roles/{template}", tag = "roles",
    responses((status = 200, description = "As it is now", body = Template))
)]
pub async fn show(
    State(app): State<App>,
    In(name): In<String>,
) -> Result<axum::Json<Template>, Refused> {
    let found = app.rest.templates.find(&name).ok_or_else(|| unknown(&name))?;
    Ok(axum::Json(template_of(&name, &found)))
}

/// Makes or changes a template. Meetings that have its roles keep those they have.
#[utoipa::path(
    put, path = "/v1/roles/{template}", tag = "roles", request_body = RoleList,
    responses(
        (status = 200, description = "It was there, and is as it should be", body = Template),
        (status = 201, description = "It is new", body = Template))
)]
pub async fn put(
    State(app): State<App>,
    In(name): In<String>,
    Json(ask): Json<RoleList, ROLES_KIB>,
) -> Result<Response, Refused> {
    check_name(&name, "template")?;
    let roles = roles(ask.roles)?;
    let fresh = app.rest.templates.put(app.meetings.store(), &name, roles.clone(), true).await?;
    let status = if fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(template_of(&name, &roles))).into_response())
}

/// Forgets a template. Meetings that have its roles keep them.
#[utoipa::path(
    delete, path = "/v1/roles/{template}", tag = "roles",
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(State(app): State<App>, In(name): In<String>) -> Result<StatusCode, Refused> {
    app.rest.templates.delete(app.meetings.store(), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the roles of a meeting.
#[utoipa::path(
    get, path = "/v1/meetings/{meeting}/roles", tag = "roles",
    responses((status = 200, description = "As they are now", body = RoleList))
)]
pub async fn of_meeting(
    State(app): State<App>,
    In(meeting): In<String>,
) -> Result<axum::Json<RoleList>, Refused> {
    Ok(list_of(app.meetings.look(&meeting).await?.roles()))
}

/// Gives a meeting other roles. What they no longer permit ends at once.
#[utoipa::path(
    put, path = "/v1/meetings/{meeting}/roles", tag = "roles", request_body = PutRoles,
    responses((status = 200, description = "As they are now", body = RoleList))
)]
pub async fn put_of_meeting(
    State(app): State<App>,
    In(meeting): In<String>,
    Json(ask): Json<PutRoles, ROLES_KIB>,
) -> Result<axum::Json<RoleList>, Refused> {
    let roles = match (ask.roles, ask.template) {
        (Some(given), None) => roles(given)?,
        (None, Some(template)) => app.rest.templates.find(&template).ok_or_else(|| {
            let message = format!("there is no template \"{template}\"; see /v1/roles");
            RoomError::invalid("template", message)
        })?,
        (None, None) => return Err(RoomError::missing("roles").into()),
        (Some(_), Some(_)) => {
            let message = "name a template or roles, not both";
            return Err(RoomError::invalid("roles", message).into());
        }
    };
    app.meetings.serve(&meeting, Request::SetRoles(roles), None).await?;
    of_meeting(State(app), In(meeting)).await
}

/// Makes or changes one role of a meeting.
#[utoipa::path(
    put, path = "/v1/meetings/{meeting}/roles/{role}", tag = "roles", request_body = Role,
    responses((status = 200, description = "All roles, as they are now", body = RoleList))
)]
pub async fn put_role(
    State(app): State<App>,
    In((meeting, name)): In<(String, String)>,
    Json(role): Json<Role, ROLES_KIB>,
) -> Result<axum::Json<RoleList>, Refused> {
    if role.name.as_str() != name {
        let message = format!("the name in the body is not \"{name}\"");
        return Err(RoomError::invalid("name", message).into());
    }
    check_role(&role, "")?;
    edit(&app, &meeting, |all| {
        match all.iter_mut().find(|other| other.name == role.name) {
            Some(other) => *other = role.clone(),
            None => all.push(role.clone()),
        }
        Ok(())
    })
    .await?;
    of_meeting(State(app), In(meeting)).await
}

/// Takes a role out of a meeting. Who has it is like a `participant`, or has the last role.
#[utoipa::path(
    delete, path = "/v1/meetings/{meeting}/roles/{role}", tag = "roles",
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete_role(
    State(app): State<App>,
    In((meeting, name)): In<(String, String)>,
) -> Result<StatusCode, Refused> {
    edit(&app, &meeting, |all| {
        let before = all.len();
        all.retain(|role| role.name != RoleName::new(&name));
        if all.len() == before {
            let message = format!("there is no role \"{name}\"");
            return Err(RoomError::field(code::NOT_FOUND, "role", message));
        }
        if all.is_empty() {
            let message = "it is the last role; a meeting has one at least";
            return Err(RoomError::field(code::CONFLICT, "role", message));
        }
        Ok(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes the roles of a meeting; anew, if somebody else did in between.
async fn edit(
    app: &App,
    meeting: &str,
    change: impl Fn(&mut Vec<Role>) -> Result<(), RoomError>,
) -> Result<(), Refused> {
    loop {
        let from = app.meetings.look(meeting).await?.roles().clone();
        let mut all = from.all().to_vec();
        change(&mut all)?;
        let request = Request::ExchangeRoles { from, to: Roles::new(all)? };
        match app.meetings.serve(meeting, request, None).await {
            Err(error) if error.code == code::STALE => {}
            served => return Ok(served.map(|_| ())?),
        }
    }
}
