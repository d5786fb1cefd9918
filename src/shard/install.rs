//! A new epoch of a meeting: rows are swapped between batches, all of an epoch at once. DESIGN.md
//! §4.

use std::time::Instant;

use super::command::{Report, Wish};
use super::due::is_live;
use super::inbound::Role;
use super::outbox::Submission;
use super::stats::Counter;
use super::track::Home;
use super::{Ack, Shard};
use crate::route::id::{MeetingId, PeerId};
use crate::route::packet::SourceIndex;
use crate::route::table::{MeetingTable, TableChange, TrackRow};
use crate::route::tables::Tables;

impl Shard {
    /// Tables as a whole: what is other than before is found out here.
    pub(super) fn install(&mut self, now: Instant, table: MeetingTable) {
        let change = match self.meetings.get(&table.meeting) {
            Some(meeting) => meeting.tables.towards(table),
            None => Tables::default().towards(table),
        };
        self.change(now, Box::new(change));
    }

    /// Rows that are other than before, all of one epoch.
    pub(super) fn change(&mut self, now: Instant, mut change: Box<TableChange>) {
        self.stats.count(Counter::Epochs);
        let (id, epoch) = (change.meeting, change.epoch);
        change.tracks.iter().filter_map(|(_, row)| row.as_ref()).for_each(|row| self.cut(row));
        if !self.meetings.contains_key(&id) {
            self.next_tick = self.next_tick.max(now);
        }
        let meeting = self.meetings.entry(id).or_default();
        let (by_track, tracks) = (&self.by_track, &self.tracks);
        meeting.change(&mut change, |track| is_live(by_track, tracks, track));
        self.meet_others(id, &change.shards);
        self.reports.push_back(Report::Retired(change));
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
        track.cap.set(row.bps_max);
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
            self.reports.push_back(Report::Closed(Box::new(meeting.tables)));
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
