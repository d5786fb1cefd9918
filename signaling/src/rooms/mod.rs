//! The breakout engine: who is in which room of a meeting, who may change that, and who is told.
//!
//! Pure: a request goes in; out come steps for the relay and notices for named people, or an error
//! and nothing changed. No clock, no randomness, no sockets, no ids of the relay: people and rooms
//! have names here, time and seed are arguments. A [`Meeting`] is cheap to clone, so a request is
//! tried on a copy, and the caller keeps the copy once the relay agreed.
//!
//! A request (`request`) changes the copy in a `turn`; what the relay must do (`masks`) and what
//! people must be told (`telling`) is read off the difference, so that neither can be forgotten.

mod changes;
mod error;
mod event;
mod main_room;
mod masks;
mod media;
mod meeting;
mod name;
mod people;
mod plan;
mod request;
mod roles;
mod rows;
mod rules;
mod telling;
mod timer;
mod turn;
mod view;
mod voices;

pub use error::{RoomError, code};
pub use event::{Event, Notice, ParentView, RoomName};
pub use main_room::MainRoom;
pub use masks::{Mask, SourceMask, Spoken, Step};
pub use media::{Heard, Media, Mutable, Muted, MutedSources, SOURCES};
pub use meeting::Meeting;
pub use name::{ID_BYTES_MAX, Name, RESERVED, is_id, is_reserved, is_room_id};
pub use people::{Ban, Enter, InvitationView, Invite, JoinRoom, Person, RoomRole, TOKEN_S_MAX};
pub use plan::{
    Breakout, CSV_TEMPLATE, Create, Plan, PutPlan, PutRoom, Reserved, Session, Strategy,
};
pub use request::{By, Outcome, Reply, Request};
pub use roles::{
    Caps, PERMISSIONS, Permission, Permissions, Publish, Role, RoleAsked, RoleName, Roles,
    Subscribe,
};
pub use rows::{Row, RowKey, Rows};
pub use rules::{Consent, EmptyTtl, Late, OnEnter, OnReturn, Rules};
pub use timer::Millis;
pub use view::{MutedView, PersonView, RoomCount, RoomView, Viewer};
pub use voices::{Announced, Listen, NAMED_MAX, PollView, Speakers, Target, VoiceView};

/// The main room's id on the wire.
pub const MAIN: &str = "main";
