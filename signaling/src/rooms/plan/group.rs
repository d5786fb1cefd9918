//! `breakout.shuffle` by attribute (Q15): who has the same value goes to the same room.

use std::collections::BTreeMap;

use super::Strategy;
use crate::rooms::error::RoomError;
use crate::rooms::turn::Turn;
use crate::rooms::{Name, Permission};

impl Turn<'_> {
    /// Everybody anew: people with the same value of an attribute together; in the room that is
    /// called like the value, else in the one with the fewest. Who has no value is dealt out evenly
    /// after them.
    ///
    /// # Errors
    /// `FORBIDDEN`, `CONFLICT`, `INVALID_PARAMS` if nobody has the attribute, `ROOM_FULL`.
    pub(in crate::rooms) fn group(
        &mut self,
        attribute: &str,
        seed: Option<u64>,
    ) -> Result<(), RoomError> {
        self.require(Permission::Manage)?;
        self.check_breakouts_allowed()?;
        if self.next.plan.rooms.is_empty() {
            return Err(RoomError::conflict("there are no breakout rooms; create some first"));
        }
        let (groups, others) = self.by_value(attribute);
        if groups.is_empty() {
            let message = format!("nobody has the attribute \"{attribute}\"");
            return Err(RoomError::invalid("attribute", message));
        }
        self.next.plan.assigned.clear();
        for (room, people) in self.rooms_of(groups)? {
            self.next.plan.assigned.extend(people.into_iter().map(|id| (id, room.clone())));
        }
        let rooms: Vec<Name> = self.next.breakouts().map(|room| room.id.clone()).collect();
        for (room, people) in self.deal(&rooms, others, Strategy::Even, seed.unwrap_or(self.seed)) {
            self.next.plan.assigned.extend(people.into_iter().map(|id| (id, room.clone())));
        }
        self.follow_plan()
    }

    /// People who do not manage, by the value they have; and those who have none.
    fn by_value(&self, attribute: &str) -> (BTreeMap<Name, Vec<Name>>, Vec<Name>) {
        let (mut groups, mut others): (BTreeMap<Name, Vec<Name>>, Vec<Name>) = Default::default();
        for (id, person) in &self.next.people {
            if self.next.permissions(person).has(Permission::Manage) {
                continue;
            }
            match person.attributes.get(attribute) {
                Some(value) => groups.entry(value.clone()).or_default().push(id.clone()),
                None => others.push(id.clone()),
            }
        }
        (groups, others)
    }

    /// Which group goes where, the largest first.
    fn rooms_of(
        &self,
        groups: BTreeMap<Name, Vec<Name>>,
    ) -> Result<BTreeMap<Name, Vec<Name>>, RoomError> {
        let mut placed: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
        let mut groups: Vec<(Name, Vec<Name>)> = groups.into_iter().collect();
        groups.sort_by_key(|(_, people)| std::cmp::Reverse(people.len()));
        // Rooms that are called like a value are that group's, before others look for a place.
        let (named, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|(value, _)| self.room_called(value).is_some());
        for (value, people) in named.into_iter().chain(others) {
            let called = self.room_called(&value);
            let fits = |room: &&super::Breakout| {
                let there = placed.get(&room.id).map_or(0, Vec::len) + people.len();
                room.capacity.is_none_or(|capacity| there as u64 <= capacity)
            };
            let rooms = self
                .next
                .breakouts()
                .filter(|room| called.as_ref().is_none_or(|called| room.id == *called));
            let room =
                rooms.filter(fits).min_by_key(|room| placed.get(&room.id).map_or(0, Vec::len));
            let Some(room) = room else {
                let message = format!("no room takes the {} people of \"{value}\"", people.len());
                return Err(RoomError::new(crate::rooms::code::ROOM_FULL, message));
            };
            placed.entry(room.id.clone()).or_default().extend(people);
        }
        Ok(placed)
    }

    fn room_called(&self, value: &str) -> Option<Name> {
        let mut rooms = self.next.breakouts();
        rooms.find(|room| room.name.eq_ignore_ascii_case(value)).map(|room| room.id.clone())
    }
}
