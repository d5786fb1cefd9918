//! What comes out of a request: steps for the relay, notices for people. Wire names: FEATURES.md
//! 1.20.

use ringfence::route::id::Source;
use serde::Serialize;

use super::{Name, RoleName};

/// One change for the relay. All steps of an outcome are one epoch pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// This person is now in this room and hears it.
    Move {
        /// Who.
        person: Name,
        /// Whither.
        room: Name,
    },
    /// This person hears nothing of this room.
    HearNothing {
        /// Who.
        person: Name,
        /// Of which room.
        room: Name,
    },
    /// A source of a person is spoken to their room, or to nobody.
    Speak {
        /// Who.
        person: Name,
        /// Which source.
        source: Source,
        /// To the room, or to nobody.
        spoken: bool,
    },
    /// A person muted a source, or unmuted it.
    Mute {
        /// Who.
        person: Name,
        /// Which source.
        source: Source,
        /// Muted or not.
        muted: bool,
    },
}

/// Which kinds a person muted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Muted {
    /// Microphone and screen audio.
    pub audio: bool,
    /// Camera, screen and canvas.
    pub video: bool,
}

/// A person as others see them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PersonView {
    /// Their id.
    pub id: Name,
    /// The name to show.
    pub name: Name,
    /// Their role.
    pub role: RoleName,
    /// The room they are in.
    pub room: Name,
    /// What they muted.
    pub muted: Muted,
}

/// A room with the people in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RoomView {
    /// Its id.
    pub id: Name,
    /// Its name.
    pub name: Name,
    /// Ids of those in it.
    pub participants: Vec<Name>,
}

/// A room without people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RoomName {
    /// Its id.
    pub id: Name,
    /// Its name.
    pub name: Name,
}

/// A durable notification: `method` and `params` of a JSON-RPC notification, without `seq`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Event {
    /// Somebody came into a room: into the meeting, or from another room.
    UserJoined {
        /// Who.
        participant: PersonView,
        /// Into which room.
        room_id: Name,
    },
    /// Somebody left a room for another (`moved`), or the meeting (`left`, `lost`).
    UserLeft {
        /// Who.
        participant: Name,
        /// Which room.
        room_id: Name,
        /// Why.
        reason: &'static str,
    },
    /// To hosts: there are new rooms.
    BreakoutCreated {
        /// Which.
        rooms: Vec<RoomName>,
    },
    /// To the one who moved: in a breakout now.
    BreakoutConnected {
        /// In which.
        room_id: Name,
    },
    /// To the one who moved: out of a breakout.
    BreakoutLeft {
        /// Out of which.
        room_id: Name,
    },
    /// To hosts: somebody was taken out of a breakout.
    BreakoutUserDisconnected {
        /// Out of which.
        room_id: Name,
        /// Who.
        client_id: Name,
        /// Their name.
        name: Name,
        /// Why.
        reason: &'static str,
    },
    /// To the one who moved: the room whom they hear and see now.
    MeetingChanged {
        /// Which.
        room_id: Name,
    },
    /// To everybody: who is in which room.
    PlanChanged {
        /// Grows by one a change.
        revision: u64,
        /// All rooms, the main room first.
        rooms: Vec<RoomView>,
    },
    /// To everybody: somebody muted or unmuted.
    PeerUpdated {
        /// Who, as they are now.
        participant: PersonView,
    },
}

/// One event for some people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// For whom.
    pub to: Vec<Name>,
    /// What.
    pub event: Event,
}

/// What a request brings about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// For the relay.
    pub steps: Vec<Step>,
    /// For people, in order, once the relay took the steps.
    pub notices: Vec<Notice>,
}
