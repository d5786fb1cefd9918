//! What REST answers: meetings, people and plans as documents.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rooms::{
    EmptyTtl, MAIN, Media, Meeting, Millis, MutedView, Name, Person, Reply, Reserved, RoleName,
    Rules,
};

/// A meeting.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Meeting)]
pub struct MeetingView {
    /// Its id, as in `join` and in `/whip/{meeting}`.
    pub id: Name,
    /// The plan's revision: the ETag of its breakouts.
    pub revision: u64,
    /// Whether its breakouts are open: `draft`, `started`, `closing`.
    pub state: &'static str,
    /// When they close, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Millis>,
    /// How many people are in it.
    pub participants: usize,
    /// How many breakout rooms it has.
    pub rooms: usize,
    /// Its limits, modes and policies.
    pub options: Rules,
}

impl MeetingView {
    /// A meeting by its name.
    pub fn new(id: &str, meeting: &Meeting) -> MeetingView {
        let session = meeting.plan().session();
        MeetingView {
            id: id.into(),
            revision: meeting.revision(),
            state: session.word(),
            ends_at: session.ends_at(),
            participants: meeting.people().count(),
            rooms: meeting.breakouts().count(),
            options: *meeting.rules(),
        }
    }
}

/// Meetings, in the order of their ids.
#[derive(Serialize, ToSchema, Debug)]
pub struct MeetingList {
    /// As many as were asked for.
    pub meetings: Vec<MeetingView>,
    /// The `after` that brings the next ones, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Name>,
}

/// Somebody who is in a meeting.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Participant)]
pub struct ParticipantView {
    /// Their id: the token's `sub`.
    pub id: Name,
    /// The name to show.
    pub name: Name,
    /// Their e-mail address, if the token names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Name>,
    /// Their role.
    pub role: RoleName,
    /// The role they were asked to take and have not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_asked: Option<RoleName>,
    /// The room they are in: `main` or a breakout's id.
    pub room: Name,
    /// Its name.
    pub room_name: Name,
    /// The breakout they belong to by the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned: Option<Name>,
    /// What is muted of theirs.
    pub muted: MutedView,
    /// In a breakout, with the main room paused.
    pub paused: bool,
}

impl ParticipantView {
    /// Somebody of a meeting.
    pub fn new(id: &Name, person: &Person, meeting: &Meeting) -> ParticipantView {
        let room = meeting.breakout(&person.room);
        ParticipantView {
            id: id.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
            role: person.role.clone(),
            role_asked: person.role_asked.as_ref().map(|asked| asked.role.clone()),
            room: person.room.clone(),
            room_name: room.map_or_else(|| "Main room".into(), |room| room.name.clone()),
            assigned: meeting.plan().assigned_to(id).cloned(),
            muted: MutedView::new(person),
            paused: *person.room != *MAIN && person.main.paused,
        }
    }
}

/// Everybody who is in a meeting.
#[derive(Serialize, ToSchema, Debug)]
pub struct ParticipantList {
    /// In the order of their ids.
    pub participants: Vec<ParticipantView>,
}

/// Somebody who may join now.
#[derive(Serialize, ToSchema, Debug)]
pub struct AddedParticipant {
    /// Their id.
    pub id: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Their role.
    pub role: RoleName,
    /// What they join with: `join{token}`, or `Authorization: Bearer` of WHIP and WHEP.
    pub token: String,
    /// Until when it is valid, in seconds since 1970.
    pub expires_at: u64,
}

/// The whole plan: which breakouts there are, and who belongs where.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = Plan)]
pub struct PlanView {
    /// Number of its last change; the ETag.
    pub revision: u64,
    /// `draft`, `started`, `closing`.
    pub state: &'static str,
    /// In the order of their creation.
    pub rooms: Vec<PlanRoom>,
}

/// One breakout of the plan. Sent back by `PUT` as it came, it says the same.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct PlanRoom {
    /// A room that is there; absent in `PUT`: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name; absent in `PUT`: the one it has, or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 256)]
    pub name: Option<String>,
    /// Most people in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2)]
    pub capacity: Option<u64>,
    /// Microphones may be used.
    #[serde(default = "yes")]
    pub audio: bool,
    /// Cameras may be used.
    #[serde(default = "yes")]
    pub video: bool,
    /// Screens may be shared.
    #[serde(default = "yes", alias = "screen")]
    pub share: bool,
    /// Canvases may be used.
    #[serde(default)]
    pub canvas: bool,
    /// When it is destroyed if it is empty; absent: as the meeting's options say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub empty_ttl_s: Option<EmptyTtl>,
    /// Ids of those who belong there, whether they are in the meeting or not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<String>,
    /// Those who are known by e-mail address or name only, and matched when they join.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
}

pub(super) fn yes() -> bool {
    true
}

/// Somebody who is expected.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// First name.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub first_name: String,
    /// Last name.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub last_name: String,
    /// E-mail address; it decides, where it is known of the one who joins.
    #[serde(default)]
    #[schema(max_length = 256)]
    pub email: String,
    /// Who it turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
}

impl PlanView {
    /// A meeting's plan.
    pub fn new(meeting: &Meeting) -> PlanView {
        let plan = meeting.plan();
        let text = |name: &Name| name.to_string();
        let expected = |one: &Reserved| Expected {
            first_name: one.first_name.clone(),
            last_name: one.last_name.clone(),
            email: one.email.clone(),
            person: one.person.as_ref().map(text),
        };
        let rooms = meeting.breakouts().map(|room| {
            let Media { audio, video, share, canvas } = room.media;
            PlanRoom {
                id: Some(text(&room.id)),
                name: Some(text(&room.name)),
                capacity: room.capacity,
                audio,
                video,
                share,
                canvas,
                empty_ttl_s: room.empty_ttl,
                assigned: plan.assigned_in(&room.id).map(text).collect(),
                expected: plan.reserved_in(&room.id).map(expected).collect(),
            }
        });
        PlanView {
            revision: meeting.revision(),
            state: plan.session().word(),
            rooms: rooms.collect(),
        }
    }
}

impl IntoResponse for PlanView {
    fn into_response(self) -> Response {
        ([(header::ETAG, etag(self.revision))], axum::Json(self)).into_response()
    }
}

/// The plan's entity tag.
pub fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// Something was done; `ETag` where it changed the plan.
#[derive(Debug)]
pub struct Done(pub Reply);

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        match self.0.revision {
            Some(revision) => {
                ([(header::ETAG, etag(revision))], axum::Json(self.0)).into_response()
            }
            None => axum::Json(self.0).into_response(),
        }
    }
}
