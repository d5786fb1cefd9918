//! What can be asked of the relay: a closed set, each with the place its answer goes to.

use tokio::sync::oneshot;

use super::api::{Change, PeerAnswer, PeerOffer, Refusal};
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source};
use crate::route::table::{Role, Roles};
use crate::transport::IceCredentials;

/// Where the answer to a request goes. Nobody need be there any more to take it.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// One entry of a `view` request: whose source, at about this height in pixels. 0: not now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Whose.
    pub participant: ParticipantId,
    /// Which source.
    pub source: Source,
    /// Pixels.
    pub height: u16,
}

/// What one shard counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardStats {
    /// Whether it runs.
    pub alive: bool,
    /// Peers placed there.
    pub peers: usize,
    /// Commands that wait for it.
    pub backlog: usize,
    /// Its counters, by name.
    pub counters: Vec<(&'static str, u64)>,
    /// What it counts of the ways between it and other shards: from and to which, name, count.
    pub mesh: Vec<(usize, usize, &'static str, u64)>,
}

/// How much there is of everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelayStats {
    /// Meetings.
    pub meetings: usize,
    /// Rooms of all meetings, main rooms among them.
    pub rooms: usize,
    /// Participants.
    pub participants: usize,
    /// Peers.
    pub peers: usize,
    /// Tracks.
    pub tracks: usize,
    /// What control itself counts, by name.
    pub control: Vec<(&'static str, u64)>,
    /// By shard.
    pub shards: Vec<ShardStats>,
}

/// A request to the relay.
#[derive(Debug)]
pub enum Request {
    /// A new meeting with its main room.
    OpenMeeting(Reply<(MeetingId, RoomId)>),
    /// Ends a meeting with all that is in it.
    CloseMeeting(MeetingId, Reply<()>),
    /// A new breakout room.
    OpenRoom(MeetingId, Reply<RoomId>),
    /// Ends an empty breakout room.
    CloseRoom(MeetingId, RoomId, Reply<()>),
    /// Lets a participant into a room.
    Admit {
        /// Which meeting.
        meeting: MeetingId,
        /// Which room of it.
        room: RoomId,
        /// Its role.
        role: Role,
        /// Whose tracks it may have.
        receives: Roles,
        /// The answer.
        reply: Reply<ParticipantId>,
    },
    /// Takes a participant out, with all its peers.
    Dismiss(MeetingId, ParticipantId, Reply<()>),
    /// A transport for a participant.
    AddPeer(MeetingId, ParticipantId, Box<PeerOffer>, Reply<PeerAnswer>),
    /// Ends a transport.
    RemovePeer(PeerId, Reply<()>),
    /// New ICE credentials for a transport.
    RestartIce(PeerId, IceCredentials, Reply<IceCredentials>),
    /// What a peer's video slots should show.
    View(PeerId, Vec<Wanted>, Reply<()>),
    /// Changes to the model, all in one epoch pair.
    Change(MeetingId, Vec<Change>, Reply<()>),
    /// How much there is of everything.
    Stats(Reply<RelayStats>),
}
