//! How many people are in which room, for those who may go to other rooms but not see into them
//! (N12): a state, one text for all of them, at a capped rate for the whole meeting.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::actor::Actor;
use super::wire::notification;
use crate::rooms::{Name, RoomCount};

/// How often it is told at most.
const EVERY: Duration = Duration::from_secs(2);
/// In a large meeting less often: so many bytes a second to all together.
const BYTES_PER_S: usize = 4_000_000;

/// What was told last, and when there may be more to tell.
#[derive(Default)]
pub(super) struct Counts {
    /// Something changed: then it is looked at what.
    due: Option<Instant>,
    /// Nothing before that.
    not_before: Option<Instant>,
    told: Vec<RoomCount>,
    /// To whom.
    to: HashSet<Name>,
}

impl Counts {
    /// When [`Actor::tell_counts`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The meeting is another than it was.
    pub(super) fn changed(&mut self) {
        if self.due.is_none() {
            let now = Instant::now();
            self.due = Some(self.not_before.map_or(now, |time| time.max(now)));
        }
    }
}

impl Actor {
    /// Tells those who may know, where it is something new to them.
    pub(super) fn tell_counts(&mut self) {
        if self.counts.due.is_none_or(|due| due > Instant::now()) {
            return;
        }
        self.counts.due = None;
        // Also while there is nobody to tell: to look is as much work as a request.
        self.counts.not_before = Some(Instant::now() + EVERY);
        let to: HashSet<Name> = self.model.who_sees_counts().cloned().collect();
        let rooms = if to.is_empty() { Vec::new() } else { self.model.room_counts() };
        let before = std::mem::replace(&mut self.counts.to, to.clone());
        let same = rooms == self.counts.told;
        let fresh = |id: &&Name| !(same && before.contains(*id));
        let told: Vec<&Name> = to.iter().filter(fresh).collect();
        if !told.is_empty() {
            let event = json!({"method": "room_counts", "params": {"rooms": rooms}});
            let frame = notification(event, None);
            let paced = (frame.len() * told.len() * 1_000).div_ceil(BYTES_PER_S) as u64;
            let pause = EVERY.max(Duration::from_millis(paced));
            self.counts.not_before = Some(Instant::now() + pause);
            for person in told {
                self.send_state(person, "room_counts", frame.clone());
            }
        }
        self.counts.told = rooms;
    }
}
