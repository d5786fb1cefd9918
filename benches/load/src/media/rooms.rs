//! The judge: which packets are of a wrong room.
//!
//! The client knows of each participant since when it *may* be in a room (the move command left) and
//! until when it may still be in the old one (the server acknowledged the move). In between, both are
//! possible. A packet is stamped with the time it was sent; the kernel stamps when it arrived.
//!
//! A packet is right if, in some room x, the sender may have been in x when it sent it, and at some
//! moment of the last 50 ms before the arrival (not earlier than the sending) both the sender and the
//! receiver may have been in x; or x was the main room of their meeting, which everybody hears.
//!
//! So after the server's acknowledgement: a packet sent in another room is wrong at once, and one that
//! was under way is wrong if it comes more than 50 ms late. A publisher that moves must not bring
//! packets from its old room along: sent in the old room, they are wrong in the new one.

/// How long a datagram may lie in a socket buffer.
pub const IN_FLIGHT: u64 = 50_000_000;
/// Rooms of a participant that are remembered.
const REMEMBERED: usize = 4;

/// A room of a meeting, as packets are stamped with it.
pub fn room(meeting: u32, place: Option<u32>) -> u32 {
    meeting << 10 | place.map_or(0, |place| place + 1)
}

fn main_of(room: u32) -> u32 {
    room >> 10 << 10
}

/// Time in a room: from the command that led there to the acknowledgement of the one that led away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    room: u32,
    from: u64,
    until: u64,
}

impl Span {
    fn meets(&self, from: u64, until: u64) -> bool {
        self.from <= until && from <= self.until
    }
}

/// Where everybody was and is.
#[derive(Clone, Default, Debug)]
pub struct Rooms {
    people: Vec<Vec<Span>>,
}

impl Rooms {
    /// A participant is in `room` from now on, and was nowhere before.
    pub fn enter(&mut self, person: u32, room: u32) {
        let person = person as usize;
        if self.people.len() <= person {
            self.people.resize(person + 1, Vec::new());
        }
        self.people[person] = vec![Span { room, from: 0, until: u64::MAX }];
    }

    /// The command to move left.
    pub fn moving(&mut self, person: u32, to: u32, issued: u64) {
        let Some(spans) = self.people.get_mut(person as usize) else { return };
        spans.push(Span { room: to, from: issued, until: u64::MAX });
        if spans.len() > REMEMBERED {
            spans.remove(0);
        }
    }

    /// The server acknowledged the last move, or refused it.
    pub fn moved(&mut self, person: u32, accepted: bool, at: u64) {
        let Some(spans) = self.people.get_mut(person as usize) else { return };
        let Some((last, earlier)) = spans.split_last_mut() else { return };
        if !accepted {
            spans.pop();
        } else {
            let _ = last;
            earlier.iter_mut().for_each(|span| span.until = span.until.min(at));
        }
    }

    /// The room a participant was last sent to.
    pub fn current(&self, person: u32) -> u32 {
        let spans = self.people.get(person as usize);
        spans.and_then(|spans| spans.last()).map_or(0, |span| span.room)
    }

    /// The span a participant was in just before `issued`.
    fn before(&self, person: u32, issued: u64) -> Option<&Span> {
        self.people.get(person as usize)?.iter().rev().find(|span| span.from < issued)
    }

    /// Whether a packet that `sender` stamped with the room to which `receiver` was sent at `issued` shows that
    /// the receiver is there. Who was heard already tells nothing by it, until the move was acknowledged:
    /// those who move together take their stamp along at once.
    pub fn proves(&self, sender: u32, receiver: u32, issued: u64, sent: u64) -> bool {
        let Some(left) = self.before(receiver, issued) else { return true };
        let Some(from) = self.before(sender, issued) else { return true };
        let was_heard = from.room == left.room || from.room == main_of(left.room);
        !was_heard || left.until <= sent
    }

    /// Whether a packet of `sender` that left at `sent` may arrive at `receiver` at `arrived`.
    pub fn allows(&self, sender: u32, receiver: u32, sent: u64, arrived: u64) -> bool {
        let of = |person: u32| self.people.get(person as usize).map_or(&[][..], Vec::as_slice);
        let since = sent.max(arrived.saturating_sub(IN_FLIGHT)).min(arrived);
        let spoken = of(sender).iter();
        let spoken = spoken.filter(|it| it.meets(sent, sent) && it.meets(since, arrived));
        spoken.into_iter().any(|spoken| {
            let mut heard = of(receiver).iter().filter(|span| span.meets(since, arrived));
            heard.any(|heard| heard.room == spoken.room || main_of(heard.room) == spoken.room)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// 0 and 1 in room a; 2 in room b; 3 in the main room; 4 in another meeting's main room.
    fn rooms() -> Rooms {
        let mut rooms = Rooms::default();
        for (person, at) in [
            (0, room(1, Some(0))),
            (1, room(1, Some(0))),
            (2, room(1, Some(1))),
            (3, room(1, None)),
            (4, room(2, None)),
        ] {
            rooms.enter(person, at);
        }
        rooms
    }

    #[test]
    fn without_moves() {
        for (sender, receiver, expected) in [
            (0, 1, true),
            (0, 2, false), // another breakout
            (0, 3, false), // the main room does not hear breakouts
            (3, 0, true),  // breakouts hear the main room
            (4, 0, false), // another meeting's main room
            (4, 3, false),
            (9, 0, false), // nobody
        ] {
            let got = rooms().allows(sender, receiver, 1_000 * MS, 1_001 * MS);
            assert_eq!(got, expected, "{sender} -> {receiver}");
        }
    }

    #[test]
    fn around_a_move_of_the_receiver() {
        let mut rooms = rooms();
        rooms.moving(1, room(1, Some(1)), 1_000 * MS);
        assert!(rooms.allows(0, 1, 1_050 * MS, 1_051 * MS), "not acknowledged: the old one");
        assert!(rooms.allows(2, 1, 1_050 * MS, 1_051 * MS), "not acknowledged: the new one");
        assert!(!rooms.allows(2, 1, 900 * MS, 999 * MS), "before the command");
        rooms.moved(1, true, 1_100 * MS);
        for (sender, sent, arrived, expected) in [
            (0, 1_099, 1_101, true),  // under way when acknowledged
            (0, 1_099, 1_151, false), // too late to have been under way
            (0, 1_101, 1_102, false), // sent after the acknowledgement
            (2, 1_101, 1_102, true),
        ] {
            assert_eq!(rooms.allows(sender, 1, sent * MS, arrived * MS), expected, "{sent}");
        }
    }

    #[test]
    fn a_publisher_that_moves_brings_nothing_along() {
        let mut rooms = rooms();
        rooms.moving(0, room(1, Some(1)), 1_000 * MS);
        rooms.moved(0, true, 1_100 * MS);
        for (receiver, sent, arrived, expected) in [
            (2, 999, 1_110, false),  // said in the old room
            (2, 1_050, 1_110, true), // in between: may have been in the new one
            (2, 1_101, 1_102, true),
            (1, 1_101, 1_102, false), // the old room hears no more
            (1, 1_099, 1_149, true),  // under way
            (1, 1_099, 1_151, false),
        ] {
            assert_eq!(rooms.allows(0, receiver, sent * MS, arrived * MS), expected, "{sent}");
        }
    }

    #[test]
    fn what_shows_that_a_move_is_done() {
        let mut rooms = rooms();
        let (b, main) = (room(1, Some(1)), room(1, None));
        // 0 and 1 go from room a to b, where 2 is, and to which 3 comes from the main room.
        for person in [0, 1, 3] {
            rooms.moving(person, b, 1_000 * MS);
        }
        for (sender, sent, acknowledged, expected) in [
            (2, 1_001, None, true),         // was not heard before
            (0, 1_001, None, false),        // moves along: was heard in room a
            (3, 1_001, None, false),        // was heard as the main room
            (0, 1_050, Some(1_040), true),  // sent when the move was done
            (0, 1_030, Some(1_040), false), // and before
            (3, 1_050, Some(1_040), true),
        ] {
            let mut rooms = rooms.clone();
            if let Some(at) = acknowledged {
                [0, 1, 3].into_iter().for_each(|person| rooms.moved(person, true, at * MS));
            }
            let got = rooms.proves(sender, 1, 1_000 * MS, sent * MS);
            assert_eq!(got, expected, "{sender} at {sent}");
        }
        // Back into the main room, whose people were heard all the time.
        rooms.moved(1, true, 1_100 * MS);
        rooms.moving(1, main, 2_000 * MS);
        rooms.enter(5, main);
        assert!(!rooms.proves(5, 1, 2_000 * MS, 2_001 * MS));
        rooms.moved(1, true, 2_010 * MS);
        assert!(rooms.proves(5, 1, 2_000 * MS, 2_011 * MS));
    }

    #[test]
    fn a_refused_move_changes_nothing() {
        let mut rooms = rooms();
        rooms.moving(1, room(1, Some(1)), 1_000 * MS);
        rooms.moved(1, false, 1_100 * MS);
        assert!(rooms.allows(0, 1, 1_200 * MS, 1_201 * MS));
        assert!(!rooms.allows(2, 1, 1_200 * MS, 1_201 * MS));
        assert_eq!(rooms.current(1), room(1, Some(0)));
    }
}
