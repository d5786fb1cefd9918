//! Five times a second: who speaks, what fell silent, which keyframes are still waited for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::command::Report;
use super::slab::Key;
use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::ParticipantId;
use crate::wire::media::Kind;

/// Time between ticks.
pub const INTERVAL: Duration = Duration::from_millis(200);

impl Shard {
    pub(super) fn tick(&mut self, now: Instant) {
        let mut waiting: Vec<Key<Track>> = Vec::new();
        let mut silent = false;
        for (key, track) in self.tracks.iter_mut() {
            silent |= track.tick(now);
            if !track.waiting.is_empty() {
                waiting.push(key);
            }
        }
        for track in waiting {
            self.want_keyframe(now, track);
        }
        for meeting in self.meetings.values_mut() {
            meeting.reseat |= silent;
        }
        self.reseat_due |= silent;
        self.rank_speakers();
    }

    /// Ranks who speaks by loudness. A change of rank may change who is heard and shown.
    fn rank_speakers(&mut self) {
        for (id, meeting) in &mut self.meetings {
            let mut loud: BTreeMap<ParticipantId, u8> = BTreeMap::new();
            for row in &meeting.table.tracks {
                let track = self.by_track.get(&row.track).and_then(|key| self.tracks.get(*key));
                let speaks = |track: &&Track| row.kind == Kind::Audio && track.loudness.speaks();
                if let Some(track) = track.filter(|track| !track.muted).filter(speaks) {
                    let step = loud.entry(row.publisher).or_default();
                    *step = track.loudness.step().max(*step);
                }
            }
            let mut speaking: Vec<(u8, ParticipantId)> =
                loud.into_iter().map(|(who, step)| (u8::MAX - step, who)).collect();
            speaking.sort_unstable();
            let speaking: Vec<ParticipantId> = speaking.into_iter().map(|entry| entry.1).collect();
            if speaking == meeting.speaking {
                continue;
            }
            meeting.hear(&speaking);
            meeting.reseat = true;
            self.reseat_due = true;
            meeting.speaking.clone_from(&speaking);
            let report = Report::Speaking { meeting: *id, participants: speaking };
            self.reports.push_back(report);
        }
    }
}

impl Meeting {
    /// Takes note of who speaks now, the loudest last.
    fn hear(&mut self, speaking: &[ParticipantId]) {
        for who in speaking.iter().rev() {
            if self.speaking.contains(who) {
                continue; // went on speaking
            }
            self.spoken += 1;
            self.spoke.insert(*who, self.spoken);
        }
    }

    /// When a participant last began to speak, in order; 0: never.
    pub(super) fn spoke_at(&self, who: ParticipantId) -> u64 {
        self.spoke.get(&who).copied().unwrap_or(0)
    }
}
