//! `RelayHandle`: how signaling asks. Any number of clones, any thread, no executor of a certain
//! kind.
//!
//! Requests are taken in the order they come. The queue is bounded: who asks more than the relay
//! can take waits.

use tokio::sync::{mpsc, oneshot};

use super::api::{Change, PeerAnswer, PeerOffer, Refusal};
use super::request::{RelayStats, Reply, Request, Wanted};
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source};
use crate::route::table::{Role, Roles};
use crate::transport::IceCredentials;

/// The relay, for those who may command it. When the last clone is dropped, the relay ends.
///
/// Every method fails with [`Refusal::Stopped`] once the relay has ended.
#[derive(Clone, Debug)]
pub struct RelayHandle {
    requests: mpsc::Sender<Request>,
}

impl RelayHandle {
    /// A handle that asks through `requests`.
    pub fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| Refusal::Stopped)?;
        answer.await.unwrap_or(Err(Refusal::Stopped))
    }

    /// A new meeting, and its main room.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn open_meeting(&self) -> Result<(MeetingId, RoomId), Refusal> {
        self.ask(Request::OpenMeeting).await
    }

    /// Ends a meeting with its rooms, participants and peers. Resolves when nothing is sent any
    /// more.
    ///
    /// # Errors
    /// `UnknownMeeting`.
    pub async fn close_meeting(&self, meeting: MeetingId) -> Result<(), Refusal> {
        self.ask(|reply| Request::CloseMeeting(meeting, reply)).await
    }

    /// A new breakout room, empty.
    ///
    /// # Errors
    /// `UnknownMeeting`.
    pub async fn open_room(&self, meeting: MeetingId) -> Result<RoomId, Refusal> {
        self.ask(|reply| Request::OpenRoom(meeting, reply)).await
    }

    /// Ends a breakout room that nobody is in.
    ///
    /// # Errors
    /// `UnknownMeeting`, `UnknownRoom`, `RoomInUse`.
    pub async fn close_room(&self, meeting: MeetingId, room: RoomId) -> Result<(), Refusal> {
        self.ask(|reply| Request::CloseRoom(meeting, room, reply)).await
    }

    /// Lets a participant into a room. It has no peer yet.
    ///
    /// # Errors
    /// `UnknownMeeting`, `UnknownRoom`.
    pub async fn admit(
        &self,
        meeting: MeetingId,
        room: RoomId,
        role: Role,
        receives: Roles,
    ) -> Result<ParticipantId, Refusal> {
        self.ask(|reply| Request::Admit { meeting, room, role, receives, reply }).await
    }

    /// Takes a participant out; its peers lose their keys. Resolves when nothing is sent to them or
    /// of them any more.
    ///
    /// # Errors
    /// `UnknownMeeting`, `UnknownParticipant`.
    pub async fn dismiss(
        &self,
        meeting: MeetingId,
        participant: ParticipantId,
    ) -> Result<(), Refusal> {
        self.ask(|reply| Request::Dismiss(meeting, participant, reply)).await
    }

    /// A transport for a participant. Resolves when it can answer STUN; what the participant is
    /// entitled to flows a moment later.
    ///
    /// # Errors
    /// `UnknownMeeting`, `UnknownParticipant`, `TooManyLines`; `Stopped` if no shard runs,
    /// `ShardStalled` if all that run hang.
    pub async fn add_peer(
        &self,
        meeting: MeetingId,
        participant: ParticipantId,
        offer: PeerOffer,
    ) -> Result<PeerAnswer, Refusal> {
        let offer = Box::new(offer);
        self.ask(|reply| Request::AddPeer(meeting, participant, offer, reply)).await
    }

    /// Ends a transport and forgets its keys. Resolves when nothing of its tracks is sent any more.
    ///
    /// # Errors
    /// `UnknownPeer`.
    pub async fn remove_peer(&self, peer: PeerId) -> Result<(), Refusal> {
        self.ask(|reply| Request::RemovePeer(peer, reply)).await
    }

    /// ICE restart (RFC 8445 §9): takes the client's new credentials, returns ours.
    ///
    /// # Errors
    /// `UnknownPeer`, `ShardStalled`.
    pub async fn restart_ice(
        &self,
        peer: PeerId,
        remote: IceCredentials,
    ) -> Result<IceCredentials, Refusal> {
        self.ask(|reply| Request::RestartIce(peer, remote, reply)).await
    }

    /// What a peer's video slots should show, most wanted first. Stays until the next `view`, over
    /// moves and over publishers who leave and come back with a new peer; a wish never widens what
    /// the participant is entitled to.
    ///
    /// # Errors
    /// `UnknownPeer`, `TooManyLines`, `ShardStalled`.
    pub async fn view(
        &self,
        peer: PeerId,
        wanted: Vec<(ParticipantId, Source, u16)>,
    ) -> Result<(), Refusal> {
        let wanted = wanted.into_iter();
        let wanted =
            wanted.map(|(participant, source, height)| Wanted { participant, source, height });
        let wanted = wanted.collect();
        self.ask(|reply| Request::View(peer, wanted, reply)).await
    }

    /// Applies all changes, in their order, by one epoch pair, or none. Resolves when they are in
    /// force everywhere: nothing of what they took away is queued or in flight.
    ///
    /// # Errors
    /// `UnknownMeeting`, `UnknownRoom`, `UnknownParticipant`.
    pub async fn change(&self, meeting: MeetingId, changes: Vec<Change>) -> Result<(), Refusal> {
        self.ask(|reply| Request::Change(meeting, changes, reply)).await
    }

    /// How much there is of everything, and what the shards count.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn stats(&self) -> Result<RelayStats, Refusal> {
        self.ask(Request::Stats).await
    }
}
