//! Five times a second: who speaks, what fell silent, which keyframes are still waited for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::command::Report;
use super::due::due_audience;
use super::peer::Peer;
use super::slab::Key;
use super::track::Track;
use super::{Meeting, Shard};
use crate::route::id::{ParticipantId, TrackId};
use crate::wire::media::Kind;

/// Time between ticks.
pub const INTERVAL: Duration = Duration::from_millis(200);

impl Shard {
    pub(super) fn tick(&mut self, now: Instant) {
        let mut waiting: Vec<Key<Track>> = Vec::new();
        let mut silent: Vec<(Key<Peer>, TrackId)> = Vec::new();
        for (key, track) in self.tracks.iter_mut() {
            if track.tick(now) {
                silent.push((track.publisher, track.id));
            }
            if !track.waiting.is_empty() {
                waiting.push(key);
            }
        }
        for track in waiting {
            self.want_keyframe(now, track);
        }
        for (publisher, track) in silent {
            if let Some(meeting) = self.peers.get(publisher).map(|peer| peer.meeting) {
                self.due_track(meeting, track);
            }
        }
        self.rank_speakers();
    }

    /// Ranks who speaks by loudness. A change of rank may change who is heard and shown.
    fn rank_speakers(&mut self) {
        for (id, meeting) in &mut self.meetings {
            let mut loud: BTreeMap<ParticipantId, u8> = BTreeMap::new();
            for row in meeting.tables.tracks() {
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
            if speaking == meeting.speaking {
                continue;
            }
            let ids = |list: &[(u8, ParticipantId)]| -> Vec<ParticipantId> {
                list.iter().map(|entry| entry.1).collect()
            };
            let (before, now) = (ids(&meeting.speaking), ids(&speaking));
            meeting.hear(&speaking);
            self.reseat_due = true;
            meeting.speaking = speaking;
            if before != now {
                let report = Report::Speaking { meeting: *id, participants: now };
                self.reports.push_back(report);
            }
        }
    }
}

impl Meeting {
    /// Takes note of who speaks now, the loudest last. Whoever can hear somebody who began, ended,
    /// or grew louder or quieter is due.
    fn hear(&mut self, speaking: &[(u8, ParticipantId)]) {
        let then: BTreeMap<ParticipantId, u8> = by_person(&self.speaking);
        let now: BTreeMap<ParticipantId, u8> = by_person(speaking);
        for (_, who) in speaking.iter().rev() {
            if !then.contains_key(who) {
                self.spoken += 1;
                self.spoke.insert(*who, self.spoken);
            }
        }
        let changed = |who: &ParticipantId| then.get(who) != now.get(who);
        for row in self.tables.tracks().filter(|row| changed(&row.publisher)) {
            due_audience(&mut self.due, &self.tables, &row.audience);
        }
    }

    /// When a participant last began to speak, in order; 0: never.
    pub(super) fn spoke_at(&self, who: ParticipantId) -> u64 {
        self.spoke.get(&who).copied().unwrap_or(0)
    }
}

fn by_person(speaking: &[(u8, ParticipantId)]) -> BTreeMap<ParticipantId, u8> {
    speaking.iter().map(|(step, who)| (*who, *step)).collect()
}
