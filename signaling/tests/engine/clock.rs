//! Nobody is brought back by a timer before its time is over, and the grace with it (N7): a slow
//! memory of what was asked for.

use std::collections::BTreeMap;

use ringfence_signaling::rooms::{Event, MAIN, Meeting, Millis, Name, Outcome, Request};

/// When time is over, of the session and of rooms.
#[derive(Default)]
pub struct Clock {
    session: Option<Millis>,
    rooms: BTreeMap<Name, Millis>,
}

impl Clock {
    /// A request was granted.
    pub fn follow(
        &mut self,
        old: &Meeting,
        new: &Meeting,
        request: &Request,
        outcome: &Outcome,
        now: Millis,
    ) {
        self.check(old, outcome, now);
        let later = |from: Option<Millis>, seconds: u32| {
            from.unwrap_or(now).max(now).after_s(u64::from(seconds))
        };
        match request {
            Request::Start { timer_s, .. } => {
                self.session = timer_s.map(|seconds| later(None, seconds));
            }
            Request::Extend { seconds, room_id: Some(room) } if room != MAIN => {
                let room = Name::from(room.as_str());
                let ends = later(self.rooms.get(&room).copied(), *seconds);
                self.rooms.insert(room, ends);
            }
            Request::Extend { seconds, .. } => self.session = Some(later(self.session, *seconds)),
            Request::Stop { grace_s: Some(grace_s) } if *grace_s > 0 => {
                self.session = Some(now); // over; closing from now on
            }
            Request::ClearAll | Request::DestroyAll | Request::Reset => *self = Clock::default(),
            _ => {}
        }
        // What was said for one session does not hold for the next.
        if old.plan().is_started() && !new.plan().is_started() {
            *self = Clock::default();
            let timed = new.breakouts().find(|room| room.timer.is_some() || room.closed);
            assert!(timed.is_none(), "{timed:?} outlives its session: {request:?}");
        }
        self.rooms.retain(|room, ends| {
            new.breakout(room).is_some_and(|room| room.timer.is_some()) || *ends > now
        });
    }

    fn check(&self, old: &Meeting, outcome: &Outcome, now: Millis) {
        let grace_s = u64::from(old.rules().grace_s);
        for notice in &outcome.notices {
            let Event::BreakoutLeft { room_id, reason: "timer" } = &notice.event else { continue };
            let ends = self.session.into_iter().chain(self.rooms.get(room_id).copied());
            let over = ends.min().map(|ends| ends.after_s(grace_s));
            assert!(
                over.is_some_and(|over| over <= now),
                "{room_id} is closed at {now:?}: {over:?}"
            );
        }
    }
}
