//! The edge to signaling: a closed set of requests behind `RelayHandle`, and the events that come
//! back.

use std::net::SocketAddr;

use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use crate::route::table::{Audience, Kinds, Role, Roles};
use crate::shard::command::{Gone, Mid};
use crate::transport::{Fingerprint, IceCredentials};
use crate::wire::extension::ExtensionIds;
use crate::wire::media::{Kind, PayloadMap};
use crate::wire::number::Ssrc;

/// One m-line the client sends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedTrack {
    /// Its mid.
    pub mid: Mid,
    /// Which source it is.
    pub source: Source,
    /// Announced SSRCs, each with that of its retransmissions.
    pub ssrcs: Vec<(Ssrc, Option<Ssrc>)>,
}

/// One m-line the client receives on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedSlot {
    /// Its mid.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// Whether retransmissions were negotiated on it.
    pub rtx: bool,
}

/// What signaling read out of an SDP offer and decided to accept.
#[derive(Clone, Debug)]
pub struct PeerOffer {
    /// The client's credentials.
    pub ice: IceCredentials,
    /// The client's certificate hash.
    pub fingerprint: Fingerprint,
    /// Accepted payload types.
    pub payloads: Vec<PayloadMap>,
    /// Accepted header extensions.
    pub extensions: ExtensionIds,
    /// What it sends.
    pub tracks: Vec<OfferedTrack>,
    /// What it receives.
    pub slots: Vec<OfferedSlot>,
    /// WHEP `from`.
    pub from: Option<ParticipantId>,
}

/// SSRCs given to a slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnsweredSlot {
    /// Its mid.
    pub mid: Mid,
    /// SSRC of what is forwarded.
    pub ssrc: Ssrc,
    /// SSRC of retransmissions.
    pub rtx_ssrc: Option<Ssrc>,
}

/// What signaling writes into the SDP answer.
#[derive(Clone, Debug)]
pub struct PeerAnswer {
    /// The new peer.
    pub peer: PeerId,
    /// Our credentials.
    pub ice: IceCredentials,
    /// Our certificate's hash.
    pub fingerprint: Fingerprint,
    /// Host candidates of the peer's shard, best first.
    pub candidates: Vec<SocketAddr>,
    /// The peer's tracks, in the order of the offer.
    pub tracks: Vec<TrackId>,
    /// The peer's slots, in the order of the offer.
    pub slots: Vec<AnsweredSlot>,
}

/// One change to a meeting's model. Several in one request are one epoch pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// The participant is now in this room (and hears it wholly; what it heard of its old room it
    /// hears no more, except the main room, which [`Change::Hear`] rules). Its tracks with the
    /// default audience are spoken to the new room.
    Move {
        /// Who.
        participant: ParticipantId,
        /// Whither.
        room: RoomId,
    },
    /// What the participant hears of a room that it is not in.
    Hear {
        /// Who.
        participant: ParticipantId,
        /// Of which room.
        room: RoomId,
        /// Which kinds; none: nothing.
        kinds: Kinds,
    },
    /// Which kinds the participant hears of the room it is in; all, until it is said. Stays over
    /// moves.
    HearOwn {
        /// Who.
        participant: ParticipantId,
        /// Which kinds.
        kinds: Kinds,
    },
    /// A source of a participant is spoken to these, instead of to its room; `None`: to its room
    /// again.
    Audience {
        /// Who.
        participant: ParticipantId,
        /// Which source.
        source: Source,
        /// To whom.
        audience: Option<Audience>,
    },
    /// A source of a participant is muted or not.
    Mute {
        /// Who.
        participant: ParticipantId,
        /// Which source.
        source: Source,
        /// Muted or not.
        muted: bool,
    },
    /// How many bits a second are taken of a source of a participant; `None`: no cap.
    Cap {
        /// Who.
        participant: ParticipantId,
        /// Which source.
        source: Source,
        /// Bits a second of payload.
        bps_max: Option<u32>,
    },
    /// A participant's role and whose tracks it may have.
    Role {
        /// Who.
        participant: ParticipantId,
        /// Its role.
        role: Role,
        /// Whose tracks it may have.
        receives: Roles,
    },
}

/// Why the relay refused a request. Nothing changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No such meeting.
    UnknownMeeting,
    /// No such room in the meeting.
    UnknownRoom,
    /// No such participant.
    UnknownParticipant,
    /// No such peer.
    UnknownPeer,
    /// Somebody is still in the room, or it is the main room.
    RoomInUse,
    /// More tracks or slots than a peer may have.
    TooManyLines,
    /// The shard that it needs hangs; others are not concerned. Worth another try.
    ShardStalled,
    /// The relay is draining or has stopped.
    Stopped,
}

/// What the relay tells signaling without being asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RelayEvent {
    /// ICE and DTLS are done.
    PeerConnected(PeerId),
    /// The peer ended by itself.
    PeerGone(PeerId, Gone),
    /// Who is in which slot of a peer: one entry a slot, in the order of the offer.
    Slots {
        /// Which peer.
        peer: PeerId,
        /// Whose source, by slot.
        slots: Vec<Option<(ParticipantId, Source)>>,
    },
    /// Who speaks, loudest first.
    Speaking {
        /// Which meeting.
        meeting: MeetingId,
        /// Who.
        participants: Vec<ParticipantId>,
    },
}
