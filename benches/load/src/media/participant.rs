//! One connected participant: its streams, its keys, its consent.

use bytes::Bytes;
use rtcp::payload_feedbacks::full_intra_request::FullIntraRequest;
use rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtcp::receiver_report::ReceiverReport;
use rtcp::reception_report::ReceptionReport;
use rtp::packet::Packet;
use webrtc_util::marshal::{Marshal, Unmarshal};

use super::Peer;
use super::incoming::{Arrival, Incoming};
use super::payload::{self, Stamp};
use crate::options::VideoCodec;
use crate::report::Kind;
use crate::stun::{Said, transaction};

/// A move whose first packet of the new room is awaited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Switch {
    /// When the command left.
    pub issued: u64,
    /// The new room.
    pub to: u32,
    /// By which step of the breakouts.
    pub stage: Option<usize>,
}

/// The highest number of a source that a stream carries.
#[derive(Clone, Copy, Debug)]
struct Numbered {
    person: u32,
    number: u64,
}

/// Somebody who is connected.
pub struct Participant {
    /// Keys and addresses.
    pub peer: Peer,
    /// SSRCs, beside `streams`: looked through for each packet.
    ssrcs: Vec<u32>,
    streams: Vec<Incoming>,
    numbered: Vec<Option<Numbered>>,
    /// Where the last packet was found: packets of a train are of few streams.
    last: usize,
    /// Everything is opened until then.
    pub check_until: u64,
    /// A move under way.
    pub switch: Option<Switch>,
}

/// What a packet was, once opened.
pub enum Opened {
    /// As its publisher made it.
    Good(Stamp),
    /// It is not.
    Corrupt,
}

impl Participant {
    /// With nothing received yet.
    pub fn new(peer: Peer) -> Participant {
        let check_until = if peer.person.checked { u64::MAX } else { 0 };
        Participant {
            ssrcs: peer.streams.iter().map(|(ssrc, _)| *ssrc).collect(),
            streams: peer.streams.iter().map(|(_, kind)| Incoming::new(*kind)).collect(),
            numbered: vec![None; peer.streams.len()],
            last: 0,
            check_until,
            switch: None,
            peer,
        }
    }

    /// Finds the stream of a packet.
    #[inline]
    pub fn find(&mut self, ssrc: u32) -> Option<usize> {
        if self.ssrcs.get(self.last) == Some(&ssrc) {
            return Some(self.last);
        }
        self.last = self.ssrcs.iter().position(|known| *known == ssrc)?;
        Some(self.last)
    }

    /// Notes a packet; says its kind, what it is, and whether it has to be opened.
    #[inline]
    pub fn note(&mut self, stream: usize, number: u16, now: u64) -> (Kind, Arrival, bool) {
        let incoming = &mut self.streams[stream];
        let arrival = incoming.note(number);
        (incoming.kind, arrival, incoming.is_due() || now < self.check_until)
    }

    /// Opens and compares a packet.
    pub fn open(&mut self, stream: usize, datagram: &[u8], codec: VideoCodec) -> Opened {
        let kind = self.streams[stream].kind;
        self.streams[stream].opened();
        let Ok(mut plain) = self.peer.opener.decrypt_rtp(datagram) else { return Opened::Corrupt };
        let Ok(packet) = Packet::unmarshal(&mut plain) else { return Opened::Corrupt };
        let stamp = match kind {
            Kind::Audio => payload::read_audio(&packet.payload),
            Kind::Video => payload::read_video(codec, &packet.payload),
        };
        match stamp {
            Some(stamp) if stamp.video == (kind == Kind::Video) => Opened::Good(stamp),
            _ => Opened::Corrupt,
        }
    }

    /// How many packets of the source are missing before this one, by the publisher's own numbers.
    /// Only where everything is opened, and while the stream stays with its source.
    pub fn gap(&mut self, stream: usize, stamp: &Stamp) -> u64 {
        let now = Numbered { person: stamp.person, number: stamp.number };
        let Some(before) = self.numbered[stream].filter(|it| it.person == stamp.person) else {
            self.numbered[stream] = Some(now);
            return 0;
        };
        if stamp.number <= before.number {
            return 0; // late
        }
        self.numbered[stream] = Some(now);
        stamp.number - before.number - 1
    }

    /// Streams, for totals.
    pub fn streams(&self) -> &[Incoming] {
        &self.streams
    }

    /// Counting begins anew.
    pub fn measure(&mut self) {
        self.streams.iter_mut().for_each(Incoming::measure);
    }

    /// Sends, as far as the buffer takes it.
    pub fn send(&self, bytes: &[u8]) {
        let _ = self.peer.place.send(self.peer.server, bytes, None);
    }

    /// Answers the server's checks.
    pub fn handle_stun(&self, datagram: &[u8]) {
        if let Ok(Said::Check(id)) = self.peer.pair.read(datagram)
            && let Ok(answer) = self.peer.pair.answer(id, self.peer.server)
        {
            self.send(&answer);
        }
    }

    /// The SSRCs of our sources that a keyframe is asked of.
    pub fn keyframes_wanted(&mut self, datagram: &[u8]) -> Vec<u32> {
        let mut wanted = Vec::new();
        let Ok(mut plain) = self.peer.opener.decrypt_rtcp(datagram) else { return wanted };
        let Ok(packets) = rtcp::packet::unmarshal(&mut plain) else { return wanted };
        for packet in packets {
            if let Some(loss) = packet.as_any().downcast_ref::<PictureLossIndication>() {
                wanted.push(loss.media_ssrc);
            } else if let Some(request) = packet.as_any().downcast_ref::<FullIntraRequest>() {
                wanted.extend(request.fir.iter().map(|entry| entry.ssrc));
            }
        }
        wanted
    }

    /// Consent (RFC 7675) and a receiver report.
    pub fn keep_up(&mut self) -> anyhow::Result<()> {
        let check = self.peer.pair.check(transaction())?;
        self.send(&check);
        let heard = self.ssrcs.iter().zip(&self.streams).filter(|(_, it)| it.highest() > 0);
        let reports: Vec<ReceptionReport> = heard
            .take(31)
            .map(|(ssrc, stream)| ReceptionReport {
                ssrc: *ssrc,
                total_lost: stream.lost().min(0x7F_FFFF) as u32,
                last_sequence_number: stream.highest(),
                ..Default::default()
            })
            .collect();
        if reports.is_empty() {
            return Ok(());
        }
        let ssrc = self.peer.sources.first().map_or(1, |source| source.ssrc);
        let report = ReceiverReport { ssrc, reports, ..Default::default() }.marshal()?;
        self.send_control(&report)
    }

    /// Seals and sends RTCP.
    pub fn send_control(&mut self, plain: &Bytes) -> anyhow::Result<()> {
        let sealed = self.peer.sealer.encrypt_rtcp(plain)?;
        self.send(&sealed);
        Ok(())
    }
}
