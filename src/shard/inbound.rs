//! What one peer sends: its key, and one stream per SSRC. A stream comes into being with its first
//! authentic packet, never before.

use std::time::{Duration, Instant};

use super::peer::Published;
use super::slab::Key;
use super::track::Track;
use crate::crypto::{Index, Opener, ReplayWindow, RtcpWindow};
use crate::route::packet::SourceIndex;
use crate::transport::keyframe::Budget;
use crate::transport::nack::Missing;
use crate::transport::reception::Reception;
use crate::wire::number::{Ssrc, Timestamp};

/// SSRCs beside the announced ones that a peer may use (THREATS.md 11).
const UNANNOUNCED_MAX: usize = 4;

/// What a stream is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Media of a track.
    Media(Key<Track>),
    /// Retransmissions (RFC 4588) of this media stream of a track, and of no other: the numbers
    /// they carry mean nothing in another.
    Rtx(Key<Track>, Ssrc),
}

/// One SSRC of a publisher.
pub struct Stream {
    /// Its SSRC.
    pub ssrc: Ssrc,
    /// What it is for.
    pub role: Role,
    /// The RTP stream id it came with (RFC 8852), if its SSRC was not announced; empty: none.
    pub rid: Box<[u8]>,
    /// Which packets came.
    pub window: ReplayWindow,
    /// What receiver reports say of it.
    pub reception: Reception,
    /// Which packets to ask for again.
    pub missing: Missing,
    /// When a keyframe may be asked for.
    pub keyframes: Budget,
    /// The budget allowed a request that has not been sent yet.
    pub ask_keyframe: bool,
    /// The highest packet when the track's audience last changed: it and all before are not served.
    pub cut: Option<SourceIndex>,
}

impl Stream {
    /// A stream of which one packet has come.
    pub fn new(ssrc: Ssrc, role: Role, window: ReplayWindow) -> Self {
        Self {
            ssrc,
            role,
            rid: Box::default(),
            window,
            reception: Reception::default(),
            missing: Missing::default(),
            keyframes: Budget::default(),
            ask_keyframe: false,
            cut: None,
        }
    }

    /// Takes note of a packet that came in its place.
    pub fn received(&mut self, now: Instant, index: Index, time: Timestamp, clock_rate: u32) {
        self.reception.received(now, index, time, clock_rate);
        self.missing.received(now, index);
    }
}

/// Everything needed to read a peer's SRTP and SRTCP.
pub struct Inbound {
    /// The key.
    pub opener: Box<Opener>,
    /// Its streams; few, so searched in order.
    pub streams: Vec<Stream>,
    /// One window per SSRC that sends RTCP.
    pub rtcp: Vec<(Ssrc, RtcpWindow)>,
}

impl Inbound {
    /// Nothing received yet.
    pub fn new(opener: Box<Opener>) -> Self {
        Self { opener, streams: Vec::new(), rtcp: Vec::new() }
    }

    /// Where the stream of `ssrc` stands.
    pub fn position(&self, ssrc: Ssrc) -> Option<usize> {
        self.streams.iter().position(|stream| stream.ssrc == ssrc)
    }

    /// The media stream of a track.
    pub fn media(&mut self, track: Key<Track>) -> Option<&mut Stream> {
        self.streams.iter_mut().rev().find(|stream| stream.role == Role::Media(track))
    }

    /// Whether the peer may use one more SSRC.
    pub fn has_room(&self, published: &[Published]) -> bool {
        self.streams.len() < 2 * published.len() + UNANNOUNCED_MAX
    }

    /// Whether one more SSRC may send RTCP. Some clients have one for each m-line they receive on.
    pub fn has_rtcp_room(&self, published: &[Published], slots: usize) -> bool {
        self.rtcp.len() < 2 * published.len() + slots + UNANNOUNCED_MAX
    }

    /// When something is to be asked of the publisher.
    pub fn next_due(&self, now: Instant, round_trip: Duration) -> Option<Instant> {
        let of = |stream: &Stream| {
            let asked = stream.ask_keyframe.then_some(now);
            let missing = stream.missing.poll_timeout(round_trip);
            [asked, missing, stream.keyframes.poll_timeout(now)].into_iter().flatten().min()
        };
        self.streams.iter().filter_map(of).min()
    }
}

/// What the header extensions of a packet say of its SSRC (RFC 9143 §15, RFC 8852 §3).
#[derive(Clone, Copy, Debug, Default)]
pub struct Named<'a> {
    /// Its m-line.
    pub mid: Option<&'a [u8]>,
    /// Which of the m-line's streams.
    pub rid: &'a [u8],
    /// Which of the m-line's streams it repairs.
    pub repaired: &'a [u8],
}

impl Inbound {
    /// What an SSRC is for, by what SDP announced (RFC 5576), else by the extensions of its packet.
    /// `None`: nothing. Unannounced retransmissions belong to a stream that came before them.
    pub fn bind(
        &self,
        published: &[Published],
        ssrc: Ssrc,
        named: &Named<'_>,
        rtx: bool,
    ) -> Option<Role> {
        for source in published {
            for (media, repair) in &source.ssrcs {
                if *media == ssrc {
                    return Some(Role::Media(source.track));
                }
                if *repair == Some(ssrc) {
                    return Some(Role::Rtx(source.track, *media));
                }
            }
        }
        let source = published.iter().find(|source| Some(source.mid.as_bytes()) == named.mid)?;
        let media = Role::Media(source.track);
        if !rtx {
            return Some(media);
        }
        let mut newest = self.streams.iter().rev();
        let repaired = newest.find(|it| it.role == media && *it.rid == *named.repaired)?;
        Some(Role::Rtx(source.track, repaired.ssrc))
    }
}
