//! The plan: breakouts, who belongs where, whether it is draft or started, and its revision.

mod assign;
mod create;
mod csv;
mod edit;
mod group;
mod put;
mod reserved;
mod session;
mod spread;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use create::Create;
pub use csv::TEMPLATE as CSV_TEMPLATE;
pub use put::{PutPlan, PutRoom};
pub use reserved::Reserved;
pub use session::Session;
pub use spread::Strategy;

use super::timer::{Millis, Timer};
use super::{EmptyTtl, Media, Name, Rules};

/// A breakout room.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Breakout {
    /// `b1`, `b2`, …; never used again in a meeting.
    pub id: Name,
    /// The name to show.
    pub name: Name,
    /// Most people in it.
    pub capacity: Option<u64>,
    /// What may be spoken in it.
    pub media: Media,
    /// When it is destroyed if it is empty; none: as the meeting's rules say (Q17).
    #[serde(default)]
    pub empty_ttl: Option<EmptyTtl>,
    /// Who created it (C9); none: the server.
    pub owner: Option<Name>,
    /// Its own timer (N7).
    pub timer: Option<Timer>,
    /// Its time was over: nobody goes there by themselves until it is opened again, by more time,
    /// by somebody who manages and goes or puts people there, or with the next session.
    #[serde(default)]
    pub closed: bool,
    /// Since when nobody is in it, where that matters (Q17).
    pub empty_since: Option<Millis>,
    /// Who asked for help.
    pub help: Option<Name>,
}

impl Breakout {
    /// After how many seconds without people it is destroyed, if at all.
    pub(super) fn empty_ttl_s(&self, rules: &Rules) -> Option<u32> {
        self.empty_ttl.map_or(rules.empty_ttl_s, EmptyTtl::seconds)
    }
}

/// See the fields.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// By the number in their id: in the order of creation.
    pub(super) rooms: BTreeMap<u64, Arc<Breakout>>,
    /// How many breakouts there ever were.
    pub(super) created: u64,
    /// Who belongs where, whether they are here or not. Kept over sessions (N11).
    pub(super) assigned: BTreeMap<Name, Name>,
    /// People of a list who were not seen yet.
    pub(super) reserved: Vec<Reserved>,
    /// Draft or started (L3).
    pub(super) session: Session,
    /// Number of the last change (N9).
    pub(super) revision: u64,
}

impl Plan {
    /// Whether breakouts are open: started, or about to close.
    pub fn is_started(&self) -> bool {
        !matches!(self.session, Session::Draft)
    }

    /// Draft, started or closing.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Where somebody belongs.
    pub fn assigned_to(&self, id: &str) -> Option<&Name> {
        self.assigned.get(id)
    }

    /// Who is assigned to a room, whether they are here or not.
    pub fn assigned_in<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a Name> {
        let assigned = self.assigned.iter().filter(move |(_, assigned)| ***assigned == *room);
        assigned.map(|(id, _)| id)
    }

    /// The rows of a list that belong to a room.
    pub fn reserved_in<'a>(&'a self, room: &'a str) -> impl Iterator<Item = &'a Reserved> {
        self.reserved.iter().filter(move |one| *one.room == *room)
    }

    /// How many people of a list are still expected in a room.
    pub fn expected_in(&self, room: &str) -> usize {
        self.reserved.iter().filter(|one| one.person.is_none() && *one.room == *room).count()
    }

    /// Whether both say the same to those who see the plan.
    pub(super) fn says_as(&self, other: &Plan) -> bool {
        let shown = |room: &Breakout| {
            let ends_at = room.timer.map(|timer| timer.ends_at);
            let what = (room.name.clone(), room.capacity, room.media, room.empty_ttl);
            (what, room.help.is_some(), ends_at, room.closed)
        };
        self.assigned == other.assigned
            && self.reserved == other.reserved
            && self.session.word() == other.session.word()
            && self.rooms.keys().eq(other.rooms.keys())
            && self
                .rooms
                .values()
                .zip(other.rooms.values())
                .all(|(one, two)| Arc::ptr_eq(one, two) || shown(one) == shown(two))
    }
}
