//! What a shard is told, and what it tells. Closed: `control` speaks to a shard in no other way.

use std::sync::Arc;

use crate::route::id::{Epoch, MeetingId, ParticipantId, PeerId, Source, TrackId};
use crate::route::table::{MeetingTable, TableChange};
use crate::route::tables::Tables;
use crate::transport::{Certificate, Fingerprint, IceCredentials};
use crate::wire::extension::ExtensionIds;
use crate::wire::media::{Kind, PayloadMap};
use crate::wire::number::Ssrc;

/// A mid (RFC 8843 §8): at most 16 bytes, as the client wrote it.
pub type Mid = Arc<str>;

/// One source a peer may publish: an m-line it sends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackSpec {
    /// The track.
    pub track: TrackId,
    /// Its m-line.
    pub mid: Mid,
    /// What it shows or says.
    pub source: Source,
    /// Audio or video.
    pub kind: Kind,
    /// SSRCs announced in SDP (RFC 5576), each with that of its retransmissions (`ssrc-group:FID`).
    /// Empty: the MID header extension tells.
    pub ssrcs: Vec<(Ssrc, Option<Ssrc>)>,
}

/// One slot: an outgoing m-line with fixed SSRCs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotSpec {
    /// Its m-line.
    pub mid: Mid,
    /// Audio or video.
    pub kind: Kind,
    /// SSRC of what is forwarded, ours.
    pub ssrc: Ssrc,
    /// SSRC of retransmissions (RFC 4588 §4), ours; `None` if the peer has no RTX for it.
    pub rtx_ssrc: Option<Ssrc>,
}

/// Everything a shard needs for one peer.
#[derive(Clone, Debug)]
pub struct PeerSpec {
    /// Which.
    pub peer: PeerId,
    /// In which meeting.
    pub meeting: MeetingId,
    /// Whose.
    pub participant: ParticipantId,
    /// Our credentials; `ufrag` finds the peer.
    pub local_ice: IceCredentials,
    /// The client's credentials.
    pub remote_ice: IceCredentials,
    /// What the client's certificate must hash to (RFC 8122 §5).
    pub fingerprint: Fingerprint,
    /// Ours.
    pub certificate: Arc<Certificate>,
    /// Payload types of this peer, both directions (one map per BUNDLE group).
    pub payloads: Vec<PayloadMap>,
    /// Header extension ids of this peer.
    pub extensions: ExtensionIds,
    /// What it may publish.
    pub tracks: Vec<TrackSpec>,
    /// What it can receive.
    pub slots: Vec<SlotSpec>,
    /// WHEP `from`: only this publisher's tracks, whatever else it is entitled to.
    pub from: Option<ParticipantId>,
}

/// One wish of a `view` request: this track, at about this height in pixels. 0: not now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Which track.
    pub track: TrackId,
    /// Pixels.
    pub height: u16,
}

/// From `control` to one shard. Never dropped.
#[derive(Debug)]
pub enum Command {
    /// A new peer; it waits for STUN.
    AddPeer(Box<PeerSpec>),
    /// Forget a peer and its keys.
    RemovePeer(PeerId),
    /// ICE restart (RFC 8445 §9): new credentials, the same DTLS association and keys.
    RestartIce {
        /// Which peer.
        peer: PeerId,
        /// Ours, new.
        local: IceCredentials,
        /// Theirs, new.
        remote: IceCredentials,
    },
    /// The next epoch of a meeting, all of it. Acknowledged by [`Report::Acknowledged`] when
    /// nothing of an edge it took away is queued or in flight any more.
    Install(Box<MeetingTable>),
    /// The same as what is other than in the epoch before, for a shard that has that one.
    Change(Box<TableChange>),
    /// The meeting is over.
    Forget(MeetingId),
    /// What a peer's video slots should show, most wanted first.
    View {
        /// Which peer.
        peer: PeerId,
        /// In order of preference.
        wishes: Vec<Wish>,
    },
}

/// Why a peer is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// It never came: no handshake within 30 s.
    HandshakeTimeout,
    /// Its certificate is not the one of its SDP (RFC 8122 §6.2).
    WrongFingerprint,
    /// DTLS failed or offered no SRTP profile of ours.
    HandshakeFailed,
    /// No consent for 30 s (RFC 7675 §5.1).
    ConsentExpired,
    /// It closed DTLS (`close_notify`).
    Closed,
    /// Its shard ended. Said by `control`, never by a shard.
    ShardEnded,
}

/// From one shard to `control`.
#[derive(Debug)]
pub enum Report {
    /// `epoch` of `meeting` is in force: what it revoked is neither queued nor in flight.
    Acknowledged {
        /// Which meeting.
        meeting: MeetingId,
        /// Which epoch.
        epoch: Epoch,
    },
    /// Rows that were swapped out, to be freed elsewhere.
    Retired(Box<TableChange>),
    /// The tables of a meeting that is over, to be freed elsewhere.
    Closed(Box<Tables>),
    /// ICE and DTLS are done; media flows.
    Connected(PeerId),
    /// The peer ended by itself; the shard has dropped it.
    Gone(PeerId, Gone),
    /// Who is in which slot of a peer now: index into [`PeerSpec::slots`] → track.
    Slots {
        /// Which peer.
        peer: PeerId,
        /// One entry a slot.
        slots: Vec<Option<TrackId>>,
    },
    /// Who speaks in a room, loudest first (RFC 6464 levels, smoothed).
    Speaking {
        /// Which meeting.
        meeting: MeetingId,
        /// Which participants, loudest first.
        participants: Vec<ParticipantId>,
    },
}
