//! What is given out: ids, SSRCs, ICE credentials.
//!
//! Ids are counters and never come back. SSRCs (RFC 3550 §8.1) and credentials (RFC 8445 §5.3) are
//! random, and drawn again when somebody has them: SSRCs are unique per meeting, ufrags per relay.

use std::collections::HashSet;
use std::sync::Arc;

use crate::crypto::Random;
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, TrackId};
use crate::transport::IceCredentials;
use crate::wire::number::Ssrc;

/// Gives names out.
#[derive(Debug)]
pub struct Names {
    random: Random,
    ufrags: HashSet<Arc<str>>,
    meetings: u64,
    rooms: u64,
    participants: u64,
    peers: u64,
    tracks: u64,
}

/// The next of a counter, from 1.
fn next(counter: &mut u64) -> u64 {
    *counter += 1;
    *counter
}

impl Names {
    /// Nothing is given out yet.
    pub fn new(random: Random) -> Self {
        let ufrags = HashSet::new();
        Self { random, ufrags, meetings: 0, rooms: 0, participants: 0, peers: 0, tracks: 0 }
    }

    /// A new meeting's.
    pub fn meeting(&mut self) -> MeetingId {
        MeetingId(next(&mut self.meetings))
    }

    /// A new room's.
    pub fn room(&mut self) -> RoomId {
        RoomId(next(&mut self.rooms))
    }

    /// A new participant's.
    pub fn participant(&mut self) -> ParticipantId {
        ParticipantId(next(&mut self.participants))
    }

    /// A new peer's.
    pub fn peer(&mut self) -> PeerId {
        PeerId(next(&mut self.peers))
    }

    /// A new track's.
    pub fn track(&mut self) -> TrackId {
        TrackId(next(&mut self.tracks))
    }

    /// An SSRC that is neither 0 nor in `taken`, which it joins.
    pub fn ssrc(&mut self, taken: &mut HashSet<Ssrc>) -> Ssrc {
        loop {
            let ssrc = Ssrc(self.random.next_u32());
            if ssrc.0 != 0 && taken.insert(ssrc) {
                return ssrc;
            }
        }
    }

    /// Credentials whose ufrag nobody has.
    pub fn credentials(&mut self) -> IceCredentials {
        loop {
            let credentials = IceCredentials::generate(&mut self.random);
            if self.ufrags.insert(Arc::clone(&credentials.ufrag)) {
                return credentials;
            }
        }
    }

    /// A ufrag is nobody's any more.
    pub fn release(&mut self, ufrag: &Arc<str>) {
        self.ufrags.remove(ufrag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssrcs_are_not_zero_and_not_taken() {
        let first = Names::new(Random::from_seed([9; 32])).ssrc(&mut HashSet::new());
        let mut taken = HashSet::from([first]);
        let again = Names::new(Random::from_seed([9; 32])).ssrc(&mut taken);
        assert_ne!(again, first, "the same seed draws the taken one first");
        assert_eq!(taken, HashSet::from([first, again]));
        assert!(first.0 != 0 && again.0 != 0);
    }

    #[test]
    fn nothing_is_given_out_twice() {
        let mut names = Names::new(Random::from_seed([9; 32]));
        let ids: HashSet<u64> = (0..1_000).map(|_| names.peer().0).collect();
        let ufrags: HashSet<_> = (0..1_000).map(|_| names.credentials().ufrag).collect();
        assert_eq!((ids.len(), ufrags.len()), (1_000, 1_000));
    }
}
