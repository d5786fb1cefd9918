//! What is done with breakouts and the people in them: one path an action.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::body::{IfMatch, In, Json};
use super::refused::{Refused, of_path, renamed};
use super::views::{Done, yes};
use crate::app::App;
use crate::rooms::{Consent, Create, EmptyTtl, Invite, Media, Reply, Request, RoomError, Strategy};

/// Seconds, at most a year.
#[derive(Clone, Copy, PartialEq, Eq, ToSchema, Debug)]
#[schema(value_type = u32, maximum = 31622400)]
pub struct Seconds(u32);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seconds, D::Error> {
        let seconds = u32::deserialize(deserializer)?;
        match seconds <= 366 * 24 * 3_600 {
            true => Ok(Seconds(seconds)),
            false => Err(serde::de::Error::custom("more seconds than a year has")),
        }
    }
}

/// Rooms to make: the seeds' RoomDefinition.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct RoomDefinition {
    /// Most people in each.
    #[serde(default)]
    #[schema(minimum = 2)]
    pub participants: Option<u64>,
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
    /// How many rooms; absent: as many as names, or one.
    #[serde(default, alias = "maxRooms")]
    #[schema(minimum = 1)]
    pub max_rooms: Option<u64>,
    /// Their names; those without one are numbered.
    #[serde(default)]
    pub names: Vec<String>,
    /// When they are destroyed if empty; absent: as the meeting's options say.
    #[serde(default)]
    pub empty_ttl_s: Option<EmptyTtl>,
    /// Spreads those in the main room over the new rooms: asked with `false`, moved with `true`.
    #[serde(default, alias = "force_join")]
    pub invite: Option<bool>,
}

/// A room's new name.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// 1 to 256 bytes.
    #[schema(min_length = 1, max_length = 256, pattern = "\\S")]
    pub name: String,
}

/// People and a room.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct PeopleAndRoom {
    /// Their ids.
    #[serde(alias = "clients")]
    #[schema(min_items = 1)]
    pub participants: Vec<String>,
    /// The room's id; `main` is the main room.
    #[serde(alias = "room_id")]
    pub room: String,
}

/// People.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Their ids.
    #[serde(alias = "clients")]
    #[schema(min_items = 1)]
    pub participants: Vec<String>,
}

/// An invitation.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    /// Whom.
    #[serde(alias = "clients")]
    #[schema(min_items = 1)]
    pub participants: Vec<String>,
    /// Into which breakout.
    #[serde(alias = "room_id")]
    pub room: String,
    /// Moves them at once; absent: as the meeting's options say.
    #[serde(default)]
    pub force_join: Option<bool>,
    /// After how many seconds it lapses; absent: as the options say.
    #[serde(default)]
    pub timeout_s: Option<Seconds>,
}

/// Two people.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
}

/// How breakouts are opened.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Whether people are asked or moved; absent: moved.
    pub consent: Option<Consent>,
    /// After how many seconds they close; absent: never.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 31622400)]
    pub timer_s: Option<Seconds>,
}

/// How breakouts are closed.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// In how many seconds; absent: now.
    pub grace_s: Option<Seconds>,
}

/// A strategy.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Deal {
    /// Each into any room that takes one more.
    Random,
    /// Rooms differ by one person at most.
    Even,
    /// Each room in proportion to what it takes.
    ByCapacity,
    /// Who has the same value of an attribute together.
    ByAttribute,
}

/// How people are dealt out.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Shuffle {
    /// Absent: evenly.
    pub strategy: Option<Deal>,
    /// With `by_attribute`: which one. Who has the same value goes to the same room.
    pub attribute: Option<String>,
    /// The same seed deals the same people the same way.
    pub seed: Option<u64>,
}

/// More time.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Extend {
    /// How much more.
    pub seconds: Seconds,
    /// Of one room only.
    #[serde(default, alias = "room_id")]
    pub room: Option<String>,
}

/// A text.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Broadcast {
    /// At most 4,096 bytes.
    #[serde(alias = "message")]
    #[schema(min_length = 1, max_length = 4096, pattern = "\\S")]
    pub text: String,
    /// To these rooms; absent: to all breakouts.
    #[serde(default)]
    #[schema(min_items = 1)]
    pub rooms: Option<Vec<String>>,
}

fn deal(ask: Shuffle) -> Result<Request, RoomError> {
    let Shuffle { strategy, attribute, seed } = ask;
    let strategy = match strategy.unwrap_or(Deal::Even) {
        Deal::Random => Strategy::Random,
        Deal::Even => Strategy::Even,
        Deal::ByCapacity => Strategy::ByCapacity,
        Deal::ByAttribute => {
            let attribute = attribute.ok_or_else(|| RoomError::missing("attribute"))?;
            return Ok(Request::Group { attribute, seed });
        }
    };
    Ok(Request::Shuffle { strategy, seed })
}

/// What the engine calls otherwise than REST.
const NAMES: &[(&str, &str)] = &[("clients", "participants"), ("room_id", "room")];

async fn act(
    app: &App,
    meeting: &str,
    IfMatch(revision): IfMatch,
    request: Request,
) -> Result<Done, Refused> {
    let served = app.meetings.serve(meeting, request, revision).await;
    Ok(Done(served.map_err(|error| renamed(error, NAMES))?))
}

macro_rules! action {
    (
        $(#[doc = $doc:literal])*
        $name:ident, $path:literal, $body:ident, |$ask:ident| $request:expr
    ) => {
        $(#[doc = $doc])*
        #[utoipa::path(
            post, path = $path, tag = "breakouts", request_body = $body,
            responses((status = 200, description = "Done", body = Reply))
        )]
        pub async fn $name(
            State(app): State<App>,
            In(meeting): In<String>,
            when: IfMatch,
            Json($ask): Json<$body>,
        ) -> Result<Done, Refused> {
            act(&app, &meeting, when, $request).await
        }
    };
}

/// Nothing needs to be said.
#[derive(Deserialize, ToSchema, Debug)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

action! {
    /// Opens the breakouts: everybody who is assigned goes to their room, at once.
    start, "/v1/meetings/{meeting}/breakouts/start", Start,
    |ask| Request::Start { consent: ask.consent, timer_s: ask.timer_s.map(|s| s.0) }
}
action! {
    /// Closes them: everybody back, now or after a grace; rooms and groups stay.
    stop, "/v1/meetings/{meeting}/breakouts/stop", Stop,
    |ask| Request::Stop { grace_s: ask.grace_s.map(|s| s.0) }
}
action! {
    /// Assigns everybody anew; while breakouts are open, everybody moves, in one step.
    shuffle, "/v1/meetings/{meeting}/breakouts/shuffle", Shuffle,
    |ask| deal(ask)?
}
action! {
    /// Everybody back, nobody assigned; the rooms stay.
    reset, "/v1/meetings/{meeting}/breakouts/reset", Nothing, |_ask| Request::Reset
}
action! {
    /// Everybody back, with the main room resumed; rooms and groups stay.
    clear, "/v1/meetings/{meeting}/breakouts/clear", Nothing, |_ask| Request::ClearAll
}
action! {
    /// Everybody back, with the main room resumed and unmuted, and no room is left.
    destroy, "/v1/meetings/{meeting}/breakouts/destroy", Nothing, |_ask| Request::DestroyAll
}
action! {
    /// Gives the session, or one room, more time.
    extend, "/v1/meetings/{meeting}/breakouts/extend", Extend,
    |ask| Request::Extend { seconds: ask.seconds.0, room_id: ask.room }
}
action! {
    /// People belong to a room from now on; while breakouts are open, they go there.
    assign, "/v1/meetings/{meeting}/breakouts/assign", PeopleAndRoom,
    |ask| Request::Assign { room_id: ask.room, clients: ask.participants }
}
action! {
    /// People belong nowhere any more; who is inside comes back.
    unassign, "/v1/meetings/{meeting}/breakouts/unassign", People,
    |ask| Request::Unassign { clients: ask.participants }
}
action! {
    /// Asks people into a breakout, or moves them there.
    invite, "/v1/meetings/{meeting}/breakouts/invite", Invitation,
    |ask| Request::Invite(Invite {
        clients: ask.participants,
        room_id: ask.room,
        force: ask.force_join,
        timeout_s: ask.timeout_s.map(|s| s.0),
    })
}
action! {
    /// Two people, each into the other's room.
    exchange, "/v1/meetings/{meeting}/breakouts/exchange", Exchange,
    |ask| Request::Exchange { a: ask.a, b: ask.b }
}
action! {
    /// Moves people into a room, at once.
    move_people, "/v1/meetings/{meeting}/move", PeopleAndRoom,
    |ask| Request::Move { clients: ask.participants, room_id: ask.room }
}
action! {
    /// Writes to all breakouts, or to some rooms.
    broadcast, "/v1/meetings/{meeting}/broadcast", Broadcast,
    |ask| Request::Broadcast { text: ask.text, rooms: ask.rooms }
}

/// Makes one room or several, and with `invite` spreads people over them.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/breakouts/rooms", tag = "breakouts",
    request_body = RoomDefinition,
    responses((status = 201, description = "The ids of the rooms", body = Reply))
)]
pub async fn create(
    State(app): State<App>,
    In(meeting): In<String>,
    when: IfMatch,
    Json(ask): Json<RoomDefinition>,
) -> Result<Response, Refused> {
    let RoomDefinition { audio, video, share, canvas, .. } = ask;
    let media = Media { audio, video, share, canvas };
    let RoomDefinition { max_rooms, names, participants, empty_ttl_s, invite, .. } = ask;
    let create = Create { max_rooms, names, participants, media, empty_ttl: empty_ttl_s };
    let request = match invite {
        None => Request::Create(create),
        force => Request::CreateAndInvite { create, force },
    };
    let IfMatch(revision) = when;
    let reply = app.meetings.serve(&meeting, request, revision).await?;
    Ok((StatusCode::CREATED, Done(reply)).into_response())
}

/// Renames a room.
#[utoipa::path(
    patch, path = "/v1/meetings/{meeting}/breakouts/rooms/{room}", tag = "breakouts",
    request_body = Rename, responses((status = 200, description = "Done", body = Reply))
)]
pub async fn rename(
    State(app): State<App>,
    In((meeting, room_id)): In<(String, String)>,
    when: IfMatch,
    Json(Rename { name }): Json<Rename>,
) -> Result<Done, Refused> {
    on(&app, &meeting, when, Request::Rename { room_id, name }).await
}

/// Deletes a room; who is inside comes back first.
#[utoipa::path(
    delete, path = "/v1/meetings/{meeting}/breakouts/rooms/{room}", tag = "breakouts",
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(
    State(app): State<App>,
    In((meeting, room_id)): In<(String, String)>,
    when: IfMatch,
) -> Result<StatusCode, Refused> {
    on(&app, &meeting, when, Request::Delete { room_id }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says that a room's request for help is seen to.
#[utoipa::path(
    post, path = "/v1/meetings/{meeting}/breakouts/rooms/{room}/help/reset", tag = "breakouts",
    request_body = Nothing, responses((status = 200, description = "Done", body = Reply))
)]
pub async fn reset_help(
    State(app): State<App>,
    In((meeting, room_id)): In<(String, String)>,
    when: IfMatch,
    Json(_): Json<Nothing>,
) -> Result<Done, Refused> {
    on(&app, &meeting, when, Request::HelpReset { room_id }).await
}

/// Asks something about the room that the path names.
async fn on(
    app: &App,
    meeting: &str,
    IfMatch(revision): IfMatch,
    request: Request,
) -> Result<Done, Refused> {
    let served = app.meetings.serve(meeting, request, revision).await;
    Ok(Done(served.map_err(|error| renamed(of_path(error, "room_id"), NAMES))?))
}
