//! What people are told. Wire names: FEATURES.md 1.20; who may know what: `telling`.

use serde::Serialize;
use utoipa::ToSchema;

use super::view::{PersonView, RoomView};
use super::voices::PollView;
use super::{Name, RoleName};

/// A room without people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct RoomName {
    /// Its id.
    pub id: Name,
    /// Its name.
    pub name: Name,
}

/// What the client does with the main room's media, told to each who moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, ToSchema)]
pub struct ParentView {
    /// Paused.
    pub paused: bool,
    /// Its audio is muted.
    pub audio_muted: bool,
    /// Its video is muted.
    pub video_muted: bool,
    /// How loud to play it, in percent (N4, duck).
    pub gain: u8,
}

/// A notification: `method` and `params` of JSON-RPC, without `seq`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
#[allow(missing_docs, reason = "fields are named as in FEATURES.md 1.20")]
pub enum Event {
    /// Somebody came into a room: into the meeting, or from another room.
    UserJoined { participant: PersonView, room_id: Option<Name> },
    /// Somebody left a room for another (`moved`), or the meeting (`left`, `lost`, `kicked`); or it
    /// is over (`ended`).
    UserLeft { participant: Name, room_id: Name, reason: &'static str },
    /// To the creator and those who manage: there are new rooms.
    BreakoutCreated { rooms: Vec<RoomName> },
    /// To the invited: into which room, by whom. To the inviter and those who manage: whom, too.
    BreakoutInvited {
        room_id: Name,
        name: Name,
        requestor: Name,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        clients: Vec<Name>,
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_s: Option<u64>,
    },
    /// To those who are moved by force: it begins.
    BreakoutJoining { room_id: Name, requestor: Name },
    /// To those who moved: in a breakout now.
    BreakoutConnected { room_id: Name, name: Name },
    /// To those who should have moved: they did not.
    BreakoutError { result: i32, msg: String },
    /// To the inviter and those who manage: an invitation came to nothing.
    InviteRejected { room_id: Name, client_id: Name, name: Name, reason: &'static str },
    /// To those who moved: out of a breakout.
    BreakoutLeft { room_id: Name, reason: &'static str },
    /// To those who manage: somebody was taken out of a breakout.
    BreakoutUserDisconnected { room_id: Name, client_id: Name, name: Name, reason: &'static str },
    /// To the creator, those who manage, and who was inside: a room is gone.
    BreakoutDestroyed { room_id: Name, reason: &'static str },
    /// To the same: all of them.
    AllDestroyed {},
    /// To those who moved: the room whom they hear and see now.
    MeetingChanged { room_id: Name, parent: ParentView },
    /// Who is in which room, as far as they may see it.
    PlanChanged {
        revision: u64,
        /// `draft` (also: there are none), `started`, `closing`.
        state: &'static str,
        rooms: Vec<RoomView>,
        /// Those of whom not everything was told before.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        people: Vec<PersonView>,
    },
    /// How long it still goes.
    Timer {
        remaining_s: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        room_id: Option<Name>,
        closing: bool,
    },
    /// Text for rooms.
    Broadcast {
        from: Name,
        /// What they are called: who is told may not see them.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        text: String,
    },
    /// To those who help.
    HelpAsked { room_id: Name, from: Name },
    /// To those who asked and those who help: it is seen to.
    HelpReset { room_id: Name },
    /// To the one who shall have another role, if they agree.
    RoleChangeAsked { role: RoleName, requestor: Name },
    /// To the one whose role it is, the asker and those who may change roles.
    RoleChanged { participant: Name, role: RoleName, accepted: bool },
    /// Somebody muted, was renamed, has another role, paused the main room.
    PeerUpdated { participant: PersonView },
    /// Text in a room, or to one person.
    Chat {
        from: Name,
        /// What they are called: who is told may not see them.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        text: String,
        room_id: Option<Name>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<Name>,
    },
    /// A poll and its votes.
    PollChanged(PollView),
    /// Somebody speaks to more or others than their room.
    Voice {
        from: Name,
        /// What they are called: who is told may not see them.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        kind: &'static str,
        on: bool,
    },
}

impl Event {
    /// Whether it has a number and is told again on resume. States are not: the next one counts.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Event::Timer { .. })
    }

    /// Of whom it says that they are there, gone, or other than before, if it says no more.
    pub fn subject(&self) -> Option<&Name> {
        match self {
            Event::UserJoined { participant, .. } | Event::PeerUpdated { participant } => {
                Some(&participant.id)
            }
            Event::UserLeft { participant, .. } => Some(participant),
            _ => None,
        }
    }
}

/// One event for some people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// For whom.
    pub to: Vec<Name>,
    /// What.
    pub event: Event,
}
