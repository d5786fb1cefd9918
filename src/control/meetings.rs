//! What requests do to meetings, rooms and participants.
//!
//! What takes something away is answered when it is in force everywhere; what only makes a name is
//! answered at once.

use super::api::Refusal;
use super::coordinator::{Coordinator, Entry, Waiter, answer};
use super::model::Meeting;
use super::port::ShardPort;
use super::request::Reply;
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId};
use crate::route::table::{Role, Roles};

impl<P: ShardPort> Coordinator<P> {
    pub(super) fn open_meeting(&mut self) -> (MeetingId, RoomId) {
        let (meeting, main) = (self.names.meeting(), self.names.room());
        self.meetings.insert(meeting, Entry::new(Meeting::new(meeting, main)));
        (meeting, main)
    }

    pub(super) fn close_meeting(&mut self, meeting: MeetingId, reply: Reply<()>) {
        let entry = match self.entry(meeting) {
            Ok(entry) => entry,
            Err(refusal) => return answer(reply, Err(refusal)),
        };
        let peers: Vec<PeerId> = entry.model.peers().keys().copied().collect();
        entry.closing = true;
        entry.changed = true;
        entry.epochs.wait(reply.into());
        let gone = self.forget_peers(peers);
        self.settle(meeting);
        self.end_peers(gone);
    }

    pub(super) fn open_room(&mut self, meeting: MeetingId) -> Result<RoomId, Refusal> {
        self.entry(meeting)?;
        let room = self.names.room();
        self.entry(meeting)?.model.open_room(room);
        Ok(room)
    }

    pub(super) fn admit(
        &mut self,
        meeting: MeetingId,
        room: RoomId,
        role: Role,
        receives: Roles,
    ) -> Result<ParticipantId, Refusal> {
        let participant = self.names.participant();
        self.entry(meeting)?.model.admit(participant, room, role, receives)?;
        Ok(participant)
    }

    pub(super) fn dismiss(
        &mut self,
        meeting: MeetingId,
        participant: ParticipantId,
        reply: Reply<()>,
    ) {
        let peers = self.entry(meeting).and_then(|entry| {
            let known = entry.model.participants().get(&participant);
            Ok(known.ok_or(Refusal::UnknownParticipant)?.peers().clone())
        });
        match peers {
            Ok(peers) => {
                let gone = self.forget_peers(peers);
                self.edit(meeting, reply, |model| model.dismiss(participant));
                self.end_peers(gone);
            }
            Err(refusal) => answer(reply, Err(refusal)),
        }
    }

    /// Edits a model; the reply goes out when the outcome is in force, or at once if refused.
    pub(super) fn edit(
        &mut self,
        meeting: MeetingId,
        waiter: impl Into<Waiter>,
        edit: impl FnOnce(&mut Meeting) -> Result<(), Refusal>,
    ) {
        let waiter = waiter.into();
        let entry = match self.entry(meeting) {
            Ok(entry) => entry,
            Err(refusal) => return waiter.refuse(refusal),
        };
        match edit(&mut entry.model) {
            Ok(()) => {
                entry.changed = true;
                entry.epochs.wait(waiter);
                self.settle(meeting);
            }
            Err(refusal) => waiter.refuse(refusal),
        }
    }

    /// A meeting that is not closing.
    pub(super) fn entry(&mut self, meeting: MeetingId) -> Result<&mut Entry, Refusal> {
        let entry = self.meetings.get_mut(&meeting).filter(|entry| !entry.closing);
        entry.ok_or(Refusal::UnknownMeeting)
    }
}
