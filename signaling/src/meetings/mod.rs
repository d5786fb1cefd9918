//! Meetings at work: one task each, that owns the meeting's people, rooms and peers.
//!
//! A request is tried on a copy of the pure model (`rooms`), put to the relay, and only then kept
//! and told to people. Since one task does it, requests of a meeting happen one after the other,
//! and none is cut short when the connection it came by goes away.

mod actor;
mod ahead;
mod ask;
mod carry_out;
mod connection;
mod counts;
mod directory;
mod guests;
mod held;
mod keep;
mod peers;
mod snapshot;
mod speaking;
mod told;
mod watched;
mod wire;

pub use ask::{Attach, Attached, Call, Seat, SessionCall, SessionReply};
pub use connection::{Connection, Frames};
pub use directory::{Keeping, LivePage, MEETINGS_MAX, Meetings, Timing};
pub use wire::{Answer, notification, source_name, source_of};
