//! The people of a meeting: coming and going, invitations, moves, muting.

mod enter;
mod invite;
mod join_room;
mod mute;
mod person;
mod place;
mod recall;

pub use enter::Enter;
pub use invite::{Invitation, InvitationView, Invite};
pub use join_room::JoinRoom;
pub use mute::{Ban, TOKEN_S_MAX};
pub use person::{Person, RoomRole};
