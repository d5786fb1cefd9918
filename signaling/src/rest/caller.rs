//! Who may call what: a bearer token with the grant that the route needs (FEATURES.md 1.15, V1).
//!
//! Grants are LiveKit's: `roomCreate` makes meetings, `roomList` lists them, `roomAdmin` does
//! everything in one. A token whose `room` names a meeting acts on that one only.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::refused::Refused;
use crate::access::{self, Denied};
use crate::app::App;
use crate::problem::HttpProblem;
use crate::rooms::code;
use crate::tokens::Grants;

/// Who calls. Put into the request by [`authorise`], after it looked whether they may.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Whose key signed the token; none: a developer on this machine.
    pub issuer: Option<String>,
    /// The one meeting that the token is for.
    pub bound: Option<String>,
}

/// What a route needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need<'a> {
    /// To make meetings.
    Create,
    /// To list them.
    List,
    /// To manage this one.
    Manage(&'a str),
    /// To end this one.
    End(&'a str),
    /// To manage what belongs to no meeting.
    Server,
}

/// Lets through who may, and remembers who it is.
pub async fn authorise(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match look(&app, &mut parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refused) => refused.into_response(),
    }
}

async fn look(app: &App, parts: &mut Parts) -> Result<Caller, Refused> {
    let path = MatchedPath::from_request_parts(parts, &()).await;
    let path = path.map(|path| path.as_str().to_owned()).unwrap_or_default();
    let params = RawPathParams::from_request_parts(parts, &()).await;
    let params = params.map_err(|rejection| {
        HttpProblem::new(StatusCode::BAD_REQUEST, "path", rejection.body_text())
    })?;
    let mut params = params.iter();
    let meeting = params.find(|(name, _)| *name == "meeting").map(|(_, value)| value);
    let caller = identify(app, parts, need(&parts.method, &path, meeting));
    let caller = caller.map_err(HttpProblem::from)?;
    if !app.rest.limits.take(caller.issuer.as_deref().unwrap_or_default()) {
        let detail = "too many requests; slow down and come again in a second";
        let status = StatusCode::TOO_MANY_REQUESTS;
        return Err(HttpProblem::new(status, "too-many", detail)
            .coded(code::TOO_MANY, None)
            .into());
    }
    Ok(caller)
}

fn need<'a>(method: &Method, path: &str, meeting: Option<&'a str>) -> Need<'a> {
    match meeting {
        Some(meeting) if *method == Method::DELETE && path == "/v1/meetings/{meeting}" => {
            Need::End(meeting)
        }
        Some(meeting) => Need::Manage(meeting),
        None if path == "/v1/meetings" && *method == Method::POST => Need::Create,
        None if path == "/v1/meetings" => Need::List,
        None => Need::Server,
    }
}

fn identify(app: &App, parts: &Parts, need: Need<'_>) -> Result<Caller, Denied> {
    let Some(token) = access::bearer(&parts.headers) else {
        let from = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let local = from.is_some_and(|from| access::is_local(from.0, &parts.headers));
        let developer = Caller { issuer: None, bound: None };
        return if app.development && local { Ok(developer) } else { Err(Denied::Missing) };
    };
    let claims = app.keys.verify(token).map_err(Denied::Token)?;
    permits(&claims.video, need)?;
    let bound = Some(claims.video.room).filter(|room| !room.is_empty());
    Ok(Caller { issuer: Some(claims.iss), bound })
}

fn permits(grants: &Grants, need: Need<'_>) -> Result<(), Denied> {
    let Grants { room, room_create, room_list, room_admin, .. } = grants;
    let free = room.is_empty();
    let (granted, name) = match need {
        Need::Create => (*room_create || (*room_admin && free), "video.roomCreate"),
        Need::List => (*room_list || *room_admin, "video.roomList"),
        Need::Manage(_) => (*room_admin, "video.roomAdmin"),
        Need::End(_) => (*room_admin || *room_create, "video.roomAdmin"),
        Need::Server => (*room_admin && free, "video.roomAdmin without video.room"),
    };
    if !granted {
        return Err(Denied::NoGrant(name));
    }
    match need {
        Need::Manage(meeting) | Need::End(meeting) if !free && *room != *meeting => {
            Err(Denied::OtherMeeting)
        }
        _ => Ok(()),
    }
}

impl Caller {
    /// Refuses a meeting that the token is not for.
    ///
    /// # Errors
    /// 403.
    pub fn check(&self, meeting: &str) -> Result<(), Refused> {
        match &self.bound {
            Some(bound) if *bound != *meeting => {
                Err(HttpProblem::from(Denied::OtherMeeting).into())
            }
            _ => Ok(()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        // Absent only if a route were not behind `authorise`: then nobody is let in.
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| HttpProblem::from(Denied::Missing).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_by_need() {
        let grants = |room: &str, create, list, admin| Grants {
            room: room.into(),
            room_create: create,
            room_list: list,
            room_admin: admin,
            ..Grants::default()
        };
        let (create, list) = (grants("", true, false, false), grants("", false, true, false));
        let (admin, bound) = (grants("", false, false, true), grants("a", false, false, true));
        let maker = grants("a", true, false, false);
        let guest = Grants { room_join: true, ..grants("a", false, false, false) };
        let no = |grant| Some(Denied::NoGrant(grant));
        let (manage, server) = ("video.roomAdmin", "video.roomAdmin without video.room");
        for (grants, need, expected) in [
            (&create, Need::Create, None),
            (&create, Need::List, no("video.roomList")),
            (&create, Need::Manage("a"), no(manage)),
            (&create, Need::End("a"), None),
            (&list, Need::List, None),
            (&list, Need::Create, no("video.roomCreate")),
            (&admin, Need::Create, None),
            (&admin, Need::Manage("a"), None),
            (&admin, Need::Server, None),
            (&bound, Need::Create, no("video.roomCreate")),
            (&bound, Need::List, None), // itself
            (&bound, Need::Manage("a"), None),
            (&bound, Need::Manage("b"), Some(Denied::OtherMeeting)),
            (&bound, Need::End("b"), Some(Denied::OtherMeeting)),
            (&bound, Need::Server, no(server)),
            (&maker, Need::Create, None), // the handler looks at the name
            (&maker, Need::End("b"), Some(Denied::OtherMeeting)),
            (&guest, Need::List, no("video.roomList")),
            (&guest, Need::Manage("a"), no(manage)),
            (&guest, Need::End("a"), no(manage)),
        ] {
            assert_eq!(permits(grants, need).err(), expected, "{grants:?} {need:?}");
        }
    }

    #[test]
    fn routes_by_need() {
        for (method, path, meeting, expected) in [
            (Method::POST, "/v1/meetings", None, Need::Create),
            (Method::GET, "/v1/meetings", None, Need::List),
            (Method::GET, "/v1/meetings/{meeting}", Some("a"), Need::Manage("a")),
            (Method::DELETE, "/v1/meetings/{meeting}", Some("a"), Need::End("a")),
            (Method::DELETE, "/v1/meetings/{meeting}/roles/{role}", Some("a"), Need::Manage("a")),
            (Method::GET, "/v1/roles", None, Need::Server),
            (Method::PUT, "/v1/roles/{template}", None, Need::Server),
            (Method::GET, "/v1/drain", None, Need::Server),
            (Method::PUT, "/v1/drain", None, Need::Server),
        ] {
            assert_eq!(need(&method, path, meeting), expected, "{method} {path}");
        }
    }
}
