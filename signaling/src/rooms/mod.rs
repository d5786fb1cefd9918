//! The breakout engine: who is in which room of a meeting, and who may change that.
//!
//! Pure: a request goes in; out come steps for the relay and notices for named people, or an error
//! and nothing changed. No clock, no sockets, no ids of the relay: people and rooms have names
//! here. A [`Meeting`] is cheap to clone, so a caller tries a request on a copy and keeps the copy
//! once the relay agreed.

mod error;
mod meeting;
mod name;
mod notice;
mod plan;
mod role;

pub use error::{RoomError, code};
pub use meeting::{Breakout, Media, Meeting, Person, Rules};
pub use name::Name;
pub use notice::{Event, Muted, Notice, Outcome, PersonView, RoomName, RoomView, Step};
pub use plan::Create;
pub use role::RoleName;

/// The main room's id on the wire.
pub const MAIN: &str = "main";
