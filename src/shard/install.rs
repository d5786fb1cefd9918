//! A new epoch of a meeting: tables are swapped whole, between batches. DESIGN.md §4.

use std::time::Instant;

use super::command::{Report, Wish};
use super::inbound::Role;
use super::outbox::Submission;
use super::stats::Counter;
use super::track::Home;
use super::{Ack, Meeting, Shard};
use crate::route::id::{MeetingId, PeerId};
use crate::route::packet::SourceIndex;
use crate::route::table::{MeetingTable, TrackRow};

impl Shard {
    pub(super) fn install(&mut self, now: Instant, table: Box<MeetingTable>) {
        self.stats.count(Counter::Epochs);
        let (id, epoch) = (table.meeting, table.epoch);
        for row in &table.tracks {
            self.cut(row);
        }
        match self.meetings.get_mut(&id) {
            Some(meeting) => {
                let retired = std::mem::replace(&mut meeting.table, table);
                meeting.named = super::named(&meeting.table);
                meeting.hearers = super::due::hearers(&meeting.table);
                let (by_track, tracks) = (&self.by_track, &self.tracks);
                meeting.due_since(&retired, |track| {
                    let track = by_track.get(&track).and_then(|key| tracks.get(*key));
                    track.is_some_and(|track| !track.is_live())
                });
                let here = &meeting.table;
                meeting.spoke.retain(|who, _| here.participant(*who).is_some());
                self.reports.push_back(Report::Retired(retired));
            }
            None => {
                self.meetings.insert(id, Meeting::new(table));
                self.next_tick = self.next_tick.max(now);
            }
        }
        self.meet_others(id);
        self.reseat_due = true;
        // At once, not with the next egress: from here on no queued packet of an old edge is
        // active.
        self.reseat(now);
        self.acks.push_back(Ack { meeting: id, epoch, mark: None });
    }

    /// What a track says from now on is for another audience: nothing of what it said before is
    /// served again, be it cached, late or repaired.
    fn cut(&mut self, row: &TrackRow) {
        let Some(&key) = self.by_track.get(&row.track) else { return };
        let Some(track) = self.tracks.get_mut(key) else { return };
        track.muted = row.muted;
        if track.audience_epoch == row.audience_epoch {
            return;
        }
        track.audience_epoch = row.audience_epoch;
        track.cache.purge();
        let Home::Here(publisher) = track.home else { return }; // the other shard draws the line
        let Some(peer) = self.peers.get_mut(publisher) else { return };
        let streams = peer.inbound.iter_mut().flat_map(|inbound| &mut inbound.streams);
        for stream in streams.filter(|stream| stream.role == Role::Media(key)) {
            stream.cut = stream.window.highest().map(|index| SourceIndex(index.0));
        }
    }

    /// Tables whose predecessors have nothing queued or in flight are acknowledged. `mark`: the
    /// first submission of this turn; what came before it may be of an old epoch.
    pub(super) fn acknowledge(&mut self, mark: Submission, completed: Submission) {
        for ack in &mut self.acks {
            ack.mark.get_or_insert(mark);
        }
        while let Some(ack) = self.acks.front() {
            if ack.mark.is_none_or(|mark| mark > completed) {
                break;
            }
            let (meeting, epoch) = (ack.meeting, ack.epoch);
            self.acks.pop_front();
            self.reports.push_back(Report::Acknowledged { meeting, epoch });
        }
    }

    /// Whether an acknowledgement waits for what is in flight.
    pub fn awaits_completion(&self) -> bool {
        !self.acks.is_empty()
    }

    /// The meeting is over. Its peers are removed by `control`; any that is left gets nothing.
    pub(super) fn forget(&mut self, now: Instant, meeting: MeetingId) {
        let left = self.members.get(&meeting).cloned().unwrap_or_default();
        if let Some(meeting) = self.meetings.remove(&meeting) {
            self.reports.push_back(Report::Retired(meeting.table));
        }
        for key in left {
            self.seat(now, key);
        }
    }

    pub(super) fn view(&mut self, peer: PeerId, wishes: Vec<Wish>) {
        let Some(peer) = self.by_peer.get(&peer).and_then(|key| self.peers.get_mut(*key)) else {
            return;
        };
        peer.wishes = wishes;
        let (meeting, peer) = (peer.meeting, peer.id);
        self.due_peer(meeting, peer);
    }
}
