//! The routes of REST with their OpenAPI 3.1 document: one list for both.
//!
//! What all operations have in common (parts of the path, the token, problem documents) is written
//! into the document here, so that no handler repeats it.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{breakouts, drain, meetings, participants, plan, polls, roles};
use crate::app::App;
use crate::problem::HttpProblem;

const ABOUT: &str = "What a server does with meetings: makes them ahead, hands out tokens, plans \
and runs breakouts, changes roles. Every error is a problem document (RFC 9457) that names the \
field and the mend. A `POST` with `Idempotency-Key` that is sent again is answered again and not \
done again. `If-Match` with the ETag of the plan refuses (412) what was meant for another plan.";

#[derive(OpenApi)]
#[openapi(
    info(title = "Ringfence", description = ABOUT, license(identifier = "Apache-2.0 OR MIT")),
    components(schemas(HttpProblem)),
    tags(
        (name = "meetings", description = "Made before anybody comes; they stay until deleted"),
        (name = "participants", description = "Tokens, and the people who are there"),
        (name = "breakouts", description = "Rooms, who belongs where, opening and closing"),
        (name = "polls", description = "Questions to rooms"),
        (name = "roles", description = "What people may do, send and receive"),
        (name = "server", description = "The process itself"))
)]
struct Api;

/// Every route.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Api::openapi())
        .routes(routes!(meetings::create, meetings::list))
        .routes(routes!(meetings::show, meetings::change, meetings::end))
        .routes(routes!(participants::add, participants::list))
        .routes(routes!(participants::show, participants::change, participants::kick))
        .routes(routes!(participants::mute))
        .routes(routes!(plan::show, plan::put))
        .routes(routes!(plan::template, plan::import))
        .routes(routes!(breakouts::create))
        .routes(routes!(breakouts::rename, breakouts::delete))
        .routes(routes!(breakouts::reset_help))
        .routes(routes!(breakouts::start))
        .routes(routes!(breakouts::stop))
        .routes(routes!(breakouts::shuffle))
        .routes(routes!(breakouts::reset))
        .routes(routes!(breakouts::clear))
        .routes(routes!(breakouts::destroy))
        .routes(routes!(breakouts::extend))
        .routes(routes!(breakouts::assign))
        .routes(routes!(breakouts::unassign))
        .routes(routes!(breakouts::invite))
        .routes(routes!(breakouts::exchange))
        .routes(routes!(breakouts::move_people))
        .routes(routes!(breakouts::broadcast))
        .routes(routes!(polls::create, polls::list))
        .routes(routes!(polls::close))
        .routes(routes!(roles::templates, roles::create))
        .routes(routes!(roles::show, roles::put, roles::delete))
        .routes(routes!(roles::of_meeting, roles::put_of_meeting))
        .routes(routes!(roles::put_role, roles::delete_role))
        .routes(routes!(drain::show, drain::put))
}

/// The document, as it is served and checked in.
pub fn document() -> Value {
    let (_, api) = routes().split_for_parts();
    let mut document = serde_json::to_value(api).unwrap_or_default();
    document["security"] = json!([{"token": []}]);
    document["components"]["securitySchemes"] = json!({"token": {
        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
        "description": "HS256, claims as LiveKit's: video.roomAdmin for everything in a meeting, \
            roomCreate to make meetings, roomList to list them; video.room binds it to one \
            meeting. In development mode none is needed from the same machine.",
    }});
    let schemas = document["components"]["schemas"].clone();
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths {
            let parts = path_parts(path);
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                let planned = path.contains("/breakouts") || path.ends_with("/move");
                optional_body(operation, &schemas);
                complete(method, operation, &parts, planned && method != "get");
            }
        }
    }
    document
}

/// `{meeting}` and the like, described.
fn path_parts(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let described = names.map(|name| {
        if name == "poll" {
            let schema = json!({"type": "integer", "minimum": 1, "maximum": u64::MAX >> 1});
            return json!({"name": name, "in": "path", "required": true,
                "description": "The poll's number", "schema": schema});
        }
        let what = match name {
            "meeting" => "The meeting's id",
            "participant" => "The participant's id",
            "room" => "A breakout's id, such as b1",
            "template" => "The template's name",
            _ => "The role's name",
        };
        let schema = json!({"type": "string", "minLength": 1, "maxLength": 128,
            "pattern": "^[A-Za-z0-9_.~@+:-]+$"});
        json!({"name": name, "in": "path", "required": true, "description": what, "schema": schema})
    });
    described.collect()
}

/// An empty body is an empty object: where no field is required, none is needed.
fn optional_body(operation: &mut Value, schemas: &Value) {
    let Some(body) = operation.get_mut("requestBody") else { return };
    let name = body["content"]["application/json"]["schema"]["$ref"].as_str();
    let name = name.and_then(|name| name.rsplit('/').next()).unwrap_or_default().to_owned();
    if schemas.get(&name).is_some_and(|schema| schema.get("required").is_none()) {
        body["required"] = json!(false);
    }
}

/// Adds to an operation what all have in common; `planned`: it may be bound to a state of the plan.
fn complete(method: &str, operation: &mut Value, parts: &[Value], planned: bool) {
    let mut parameters = parts.to_vec();
    if let Some(own) = operation["parameters"].as_array() {
        parameters.extend(own.iter().cloned());
    }
    if planned {
        let required = method == "put";
        parameters.push(json!({"name": "If-Match", "in": "header", "required": required,
            "description": "The ETag of the plan as it was read, or *: whatever it is",
            "schema": {"type": "string", "minLength": 1, "pattern": "^(\\*|\"[0-9]{1,15}\")$"},
            "example": "\"12\""}));
    }
    if method == "post" {
        parameters.push(json!({"name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Any text of 1 to 255 characters; the same request with the same key is \
                done once, within 24 hours and for as long as the server runs: after a restart, \
                look what became of it before it is sent again",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255,
                "pattern": "^[!-~]+$"}}));
    }
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    let has_body = operation.get("requestBody").is_some();
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, text, when) in [
        ("400", "It can not be read: the body is no JSON, or a header or the query is wrong", true),
        ("401", "There is no token, or one that is not accepted", true),
        ("403", "The token does not grant it, or the meeting does not allow it", true),
        ("404", "There is no such meeting, person, room, role or template", !parts.is_empty()),
        ("408", "The body did not come in time", has_body),
        ("409", "It does not fit what is the case now", method != "get"),
        ("412", "The plan was changed since the revision that If-Match names", planned),
        ("413", "The body is too long", has_body),
        ("415", "The body is of another type", has_body),
        ("422", "A field is wrong; the problem names it", method != "get"),
        ("428", "If-Match is missing", planned && method == "put"),
        ("429", "Too many requests, or meetings", true),
        ("503", "The server is stopping, or the relay refused", true),
    ] {
        if when {
            problem(responses, status, text);
        }
    }
}

fn problem(responses: &mut Map<String, Value>, status: &str, text: &str) {
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    let answer = json!({"description": text,
        "content": {"application/problem+json": {"schema": schema}}});
    responses.entry(status).or_insert(answer);
}

/// `GET /v1/openapi.json`.
pub(super) async fn serve() -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, document().to_string()).into_response()
}
