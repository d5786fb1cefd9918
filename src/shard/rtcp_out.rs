//! What a peer is told by RTCP: reports, missing packets, keyframes wanted. RFC 3550 §6.4, RFC 4585
//! §6.
//!
//! Polled at egress: a compound is built into the caller's memory when one is due. Every compound
//! begins with a receiver report, so it is valid with and without RFC 5506.

use std::time::{Duration, Instant};

use super::peer::{Peer, Slot};
use super::slab::Slab;
use super::stats::{Counter, Stats};
use super::track::Track;
use crate::transport::sender::NtpClock;
use crate::wire::number::{Seq, Ssrc, Timestamp};
use crate::wire::rtcp;

/// Time between reports to one peer: RFC 3550 §6.2 with the reduced minimum for two parties.
const INTERVAL: Duration = Duration::from_secs(1);

/// Packet numbers asked for in one NACK.
const NACK_MAX: usize = 64;

/// A peer's RTCP state.
pub struct Feedback {
    /// The SSRC that our receiver side speaks by.
    pub ssrc: Ssrc,
    /// Round-trip time, from report blocks about what we sent (RFC 3550 §6.4.1).
    pub round_trip: Duration,
    next_report: Instant,
}

impl Feedback {
    /// First report after one interval.
    pub fn new(now: Instant, ssrc: Ssrc) -> Self {
        Self { ssrc, round_trip: Duration::from_millis(100), next_report: now + INTERVAL }
    }

    /// When the next report is due.
    pub fn next_report(&self) -> Instant {
        self.next_report
    }
}

/// The next compound that is due to `peer`, written into `out`. Its length; `None`: nothing is due.
pub fn poll(
    now: Instant,
    clock: &NtpClock,
    peer: &mut Peer,
    tracks: &Slab<Track>,
    stats: &mut Stats,
    out: &mut [u8],
) -> Option<usize> {
    if now >= peer.feedback.next_report {
        peer.feedback.next_report = now + INTERVAL;
        return report(now, clock, peer, tracks, out);
    }
    let (sender, round_trip) = (peer.feedback.ssrc, peer.feedback.round_trip);
    let inbound = peer.inbound.as_mut()?;
    for stream in &mut inbound.streams {
        let mut seqs = [Seq(0); NACK_MAX];
        let wanted = stream.missing.poll(now, round_trip, &mut seqs);
        if let Some(seqs) = seqs.get(..wanted).filter(|seqs| !seqs.is_empty()) {
            let head = rtcp::write_receiver_report(out, sender, &[])?;
            let nack = rtcp::write_nack(out.get_mut(head..)?, sender, stream.ssrc, seqs)?;
            stats.add(Counter::Nacked, wanted as u64);
            return Some(head + nack);
        }
        if std::mem::take(&mut stream.ask_keyframe) || stream.keyframes.poll(now) {
            let head = rtcp::write_receiver_report(out, sender, &[])?;
            let pli = rtcp::write_pli(out.get_mut(head..)?, sender, stream.ssrc)?;
            stats.count(Counter::KeyframeRequests);
            return Some(head + pli);
        }
    }
    None
}

fn report(
    now: Instant,
    clock: &NtpClock,
    peer: &mut Peer,
    tracks: &Slab<Track>,
    out: &mut [u8],
) -> Option<usize> {
    let ours = clock.at(now);
    let streams = peer.inbound.iter_mut().flat_map(|inbound| &mut inbound.streams);
    // At most 31 blocks fit one report (RFC 3550 §6.4.2); a peer has fewer streams than that.
    let blocks: Vec<_> = streams
        .filter_map(|stream| stream.reception.report_block(now, stream.ssrc))
        .take(31)
        .collect();
    let mut len = rtcp::write_receiver_report(out, peer.feedback.ssrc, &blocks)?;
    for slot in &mut peer.sending.slots {
        let Some((ntp, rtp)) = media_time(slot, tracks, ours, now) else { continue };
        let rest = out.get_mut(len..)?;
        let ssrc = slot.cold.spec.ssrc;
        let cname = &slot.cold.spec.mid;
        match rtcp::write_sender_report(rest, ssrc, ntp, rtp, slot.packets, slot.octets, cname) {
            Some(written) => len += written,
            None => break, // the rest has its turn with the next report
        }
        slot.reported = true;
    }
    Some(len)
}

/// What a sender report of the slot says: a wall-clock time and the slot's media time at it.
fn media_time(
    slot: &Slot,
    tracks: &Slab<Track>,
    ours: u64,
    now: Instant,
) -> Option<(u64, Timestamp)> {
    if slot.reported {
        return None;
    }
    let leg = slot.leg.as_ref().filter(|leg| leg.mask.is_active())?;
    let track = tracks.get(leg.track)?;
    let (clock_rate, offset) = (track.codec?.clock_rate(), slot.rewriter.timestamp_offset()?);
    track.clock.report(&track.publisher_clock, now, ours, clock_rate, offset)
}
