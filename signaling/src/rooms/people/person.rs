//! Somebody in the meeting: identity, role, where they are, what they muted and hear.

use std::collections::BTreeMap;

use ringfence::route::id::Source;
use serde::{Deserialize, Serialize};

use crate::rooms::roles::{RoleAsked, RoleName};
use crate::rooms::voices::{Announced, Listen, Target};
use crate::rooms::{MainRoom, MutedSources, Name};

/// As what somebody is in a breakout (R10).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRole {
    /// Like everybody.
    #[default]
    Participant,
    /// May mute and take out others of the room.
    Moderator,
}

/// Somebody in the meeting.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The name to show.
    pub name: Name,
    /// Their address, if the token names one: for lists of who belongs where.
    pub email: Option<Name>,
    /// What else the token says of them, for strategies (Q15).
    #[serde(default)]
    pub attributes: BTreeMap<Name, Name>,
    /// Their role.
    pub role: RoleName,
    /// The role their token names: the same token again does not undo a change of role.
    pub token_role: RoleName,
    /// The one room they are in.
    pub room: Name,
    /// As what they are in it.
    pub room_role: RoomRole,
    /// What they muted. Kept over every move (T1, T2).
    pub muted: MutedSources,
    /// Joined a room without the screen: not shown until they unmute it, or all that is seen.
    pub no_screen: bool,
    /// The same for the canvas.
    pub no_canvas: bool,
    /// Whether the token lets them send.
    pub publishes: bool,
    /// Whether the token lets them receive.
    pub subscribes: bool,
    /// What they have of the main room.
    pub main: MainRoom,
    /// Which sources they speak to all rooms.
    pub announces: Announced,
    /// To whom they whisper.
    pub whispers: Option<Target>,
    /// Rooms they see from elsewhere.
    pub monitors: Vec<Name>,
    /// Which of them they hear, too.
    #[serde(default)]
    pub listens: Listen,
    /// The role they were asked to take.
    pub role_asked: Option<RoleAsked>,
}

impl Person {
    /// Whether a source of theirs goes to others than the room they are in.
    pub fn speaks_elsewhere(&self) -> bool {
        !self.announces.is_none() || self.whispers.is_some()
    }

    /// Whether a source of theirs is muted.
    pub fn is_muted(&self, source: Source) -> bool {
        let withheld = match source {
            Source::Microphone | Source::Camera => false,
            Source::Screen | Source::ScreenAudio => self.no_screen,
            Source::Canvas => self.no_canvas,
        };
        withheld || self.muted.has(source)
    }
}
