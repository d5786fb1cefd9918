//! A long fan-out waits a moment for the rest of its frame, if the shard has nothing else to send:
//! the packets of a frame come one behind the other, and the first one alone would cost a train of
//! one for each subscriber. What it may cost in latency is a part of what those would take.
//!
//! A frame that comes slowly, as a pacer sends it, is not waited for: time is up, and it goes on.

use std::time::{Duration, Instant};

use super::Shard;
use super::dirty::{Fanout, LONG};
use crate::wire::media::Kind;

/// By how much a leg lengthens the wait: an eighth of what a send to it costs (MEASURED.md).
const FOR_A_LEG: Duration = Duration::from_nanos(400);
/// The longest wait: from 500 legs on.
const MOST: Duration = Duration::from_micros(200);

const _: () = assert!(LONG as u128 * FOR_A_LEG.as_nanos() < MOST.as_nanos());

impl Shard {
    /// Whether egress had better be called again at `patient_until`, or as soon as something comes.
    pub(super) fn is_patient(&mut self, now: Instant) -> bool {
        let Some(patience) = self.patience() else {
            self.patient_until = None;
            return false;
        };
        let until = *self.patient_until.get_or_insert(now + patience);
        if now >= until {
            self.patient_until = None;
            return false;
        }
        true
    }

    /// How long to wait in all. `None`: there is something to send at once, or nothing.
    fn patience(&self) -> Option<Duration> {
        let [run] = self.fresh.as_slice() else { return None };
        let is_idle = self.dirty.is_empty() && self.farewells.is_empty() && self.acks.is_empty();
        let track = self.tracks.get(run.track)?;
        let legs = track.active.len();
        if !(is_idle && self.config.trains && track.kind == Kind::Video)
            || Fanout::of(legs) == Fanout::Short
        {
            return None;
        }
        let is_whole = track.cache.find(run.last())?.packet.marker;
        (!is_whole).then(|| MOST.min(FOR_A_LEG * u32::try_from(legs).unwrap_or(u32::MAX)))
    }
}
