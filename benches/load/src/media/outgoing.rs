//! What one source sends and when: Opus every 20 ms or less often, video in frames, each frame one burst.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rtp::extension::HeaderExtension;
use rtp::extension::audio_level_extension::AudioLevelExtension;
use rtp::header::Header;
use rtp::packet::Packet;
use webrtc_srtp::context::Context;
use webrtc_util::marshal::Marshal;

use super::engine::Settings;
use super::payload::{self, Part, Stamp};
use crate::report::Kind;
use crate::sdp::{AUDIO_TYPE, LEVEL_ID, MID_ID, RID_ID, Source, VIDEO_TYPE};

const MILLISECOND: u64 = 1_000_000;
/// Milliseconds that a voice of the lengths below lasts.
const AUDIO_FRAME: usize = 20;
const SECOND: u64 = 1_000_000_000;
/// Longest payload: with header and tag a datagram stays below 1,200 bytes.
const PAYLOAD_MAX: usize = 1_160;
/// A keyframe is so many times as long as another frame.
const KEY_FACTOR: f64 = 4.0;
/// Levels of RFC 6464, in -dBov: who speaks, and who is only there.
const LOUD: u8 = 20;
const QUIET: u8 = 75;

/// A source that sends.
pub struct Outgoing {
    /// Which participant it is of.
    pub person: u32,
    /// What was offered.
    pub source: Source,
    /// When it sends next.
    pub due: u64,
    loud: bool,
    every: u64,
    sequence: u16,
    timestamp: u32,
    number: u64,
    picture: u16,
    key_due: u64,
    octets: u32,
    packets: u32,
    random: StdRng,
}

impl Outgoing {
    /// A source that is not due yet.
    pub fn new(person: u32, source: Source, loud: bool, settings: &Settings) -> Outgoing {
        let seed = settings.seed ^ u64::from(source.ssrc).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = StdRng::seed_from_u64(seed);
        let every = match source.kind {
            Kind::Audio => MILLISECOND * u64::from(settings.audio_frame),
            Kind::Video => SECOND / u64::from(settings.frame_rate),
        };
        Outgoing {
            person,
            source,
            due: u64::MAX,
            loud,
            every,
            sequence: random.random(),
            timestamp: random.random(),
            number: 0,
            picture: 0,
            key_due: 0,
            octets: 0,
            packets: 0,
            random,
        }
    }

    /// It begins, at a phase of its own unless all are in step. Returns when it is due.
    pub fn begin(&mut self, now: u64, settings: &Settings) -> u64 {
        // In step means: at multiples of the interval, for whoever starts whenever.
        let phase = if settings.in_step { 0 } else { self.random.random_range(0..self.every) };
        self.due = now.next_multiple_of(self.every) + phase;
        self.due
    }

    /// Somebody needs a keyframe: the next frame is one.
    pub fn want_keyframe(&mut self) {
        self.key_due = 0;
    }

    /// Seals what is due into `out`. Returns the packets.
    pub fn send(
        &mut self,
        now: u64,
        room: u32,
        sealer: &mut Context,
        settings: &Settings,
        out: &mut Vec<Bytes>,
    ) -> anyhow::Result<()> {
        // Who is far behind (a paused process) does not send everything at once.
        self.due = (self.due + self.every).max(now.saturating_sub(self.every * 2));
        let clock = if self.source.kind == Kind::Audio { 48_000 } else { 90_000 };
        let step = self.every as f64 * f64::from(clock) / SECOND as f64;
        self.timestamp = self.timestamp.wrapping_add(step.round() as u32);
        match self.source.kind {
            Kind::Audio => self.send_audio(now, room, sealer, settings, out),
            Kind::Video => self.send_frame(now, room, sealer, settings, out),
        }
    }

    fn send_audio(
        &mut self,
        now: u64,
        room: u32,
        sealer: &mut Context,
        settings: &Settings,
        out: &mut Vec<Bytes>,
    ) -> anyhow::Result<()> {
        // The sum of uniform lengths: most near the middle, as an encoder with variable rate has it.
        let (length, level) = match self.loud {
            true => {
                let length: usize = (0..4).map(|_| self.random.random_range(0..=25usize)).sum();
                (60 + length, LOUD + self.random.random_range(0..10u8))
            }
            false => (60 + self.random.random_range(0..=8usize), QUIET),
        };
        let length = length * settings.audio_frame as usize / AUDIO_FRAME;
        let mut body = Vec::with_capacity(length);
        payload::write_audio(&self.stamp(now, room), length, &mut body);
        let mut header = self.header(AUDIO_TYPE, false);
        let level = HeaderExtension::AudioLevel(AudioLevelExtension { level, voice: self.loud });
        let HeaderExtension::AudioLevel(value) = &level else { return Ok(()) };
        header.set_extension(LEVEL_ID, value.marshal()?)?;
        self.seal(header, body, sealer, out)
    }

    fn send_frame(
        &mut self,
        now: u64,
        room: u32,
        sealer: &mut Context,
        settings: &Settings,
        out: &mut Vec<Bytes>,
    ) -> anyhow::Result<()> {
        let key = now >= self.key_due;
        if key {
            self.key_due = now + settings.keyframe_every;
        }
        let mean = self.bitrate(settings) / 8.0 / f64::from(settings.frame_rate);
        let factor = if key { KEY_FACTOR } else { self.random.random_range(0.8..1.2) };
        let length = ((mean * factor) as usize).max(100);
        let parts = length.div_ceil(PAYLOAD_MAX);
        for part in 0..parts {
            // Equal parts, the first ones a byte longer, as encoders split.
            let length = length / parts + usize::from(part < length % parts);
            let last = part + 1 == parts;
            let place = Part { first: part == 0, last, key, picture: self.picture & 0x7FFF };
            let mut body = Vec::with_capacity(length + 48);
            let stamp = self.stamp(now, room);
            payload::write_video(settings.codec, &stamp, place, length, &mut body);
            let mut header = self.header(VIDEO_TYPE, last);
            if let Some(layer) = self.source.layer {
                header.set_extension(MID_ID, Bytes::from(layer.mid.to_string()))?;
                header.set_extension(RID_ID, Bytes::from_static(layer.rid.as_bytes()))?;
            }
            self.seal(header, body, sealer, out)?;
        }
        self.picture = self.picture.wrapping_add(1);
        Ok(())
    }

    /// Bits a second of the picture, or of this layer of it.
    fn bitrate(&self, settings: &Settings) -> f64 {
        let divisor = self.source.layer.map_or(1, |layer| layer.divisor);
        settings.video_bitrate as f64 / divisor as f64
    }

    fn stamp(&self, sent: u64, room: u32) -> Stamp {
        let video = self.source.kind == Kind::Video;
        Stamp { person: self.person, room, number: self.number, sent, video }
    }

    fn header(&self, payload_type: u8, marker: bool) -> Header {
        Header {
            version: 2,
            marker,
            payload_type,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.source.ssrc,
            ..Header::default()
        }
    }

    fn seal(
        &mut self,
        header: Header,
        body: Vec<u8>,
        sealer: &mut Context,
        out: &mut Vec<Bytes>,
    ) -> anyhow::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        self.number += 1;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(body.len() as u32);
        let packet = Packet { header, payload: Bytes::from(body) };
        out.push(sealer.encrypt_rtp(&packet.marshal()?)?);
        Ok(())
    }

    /// A sender report.
    pub fn report(&self, now: u64) -> rtcp::sender_report::SenderReport {
        /// Seconds from 1900 to 1970.
        const NTP_EPOCH: u64 = 2_208_988_800;
        let (seconds, rest) = (now / SECOND + NTP_EPOCH, now % SECOND);
        rtcp::sender_report::SenderReport {
            ssrc: self.source.ssrc,
            ntp_time: (seconds << 32) | ((rest << 32) / SECOND),
            rtp_time: self.timestamp,
            packet_count: self.packets,
            octet_count: self.octets,
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use webrtc_srtp::protection_profile::ProtectionProfile;
    use webrtc_util::marshal::Unmarshal;

    use super::*;
    use crate::options::Options;

    #[test]
    fn longer_frames_of_sound_are_fewer_and_as_many_octets() {
        let second = |frame: &str| {
            let line = ["load", "--audio-frame", frame, "--seed", "7"];
            let settings = Settings::of(&Options::parse_from(line), true);
            let profile = ProtectionProfile::AeadAes128Gcm;
            let mut sealer = Context::new(&[1; 16], &[2; 12], profile, None, None).expect("keys");
            let source = Source { kind: Kind::Audio, ssrc: 10, layer: None };
            let (mut outgoing, mut sealed) =
                (Outgoing::new(3, source, true, &settings), Vec::new());
            let first = outgoing.begin(0, &settings);
            while outgoing.due < first + SECOND {
                outgoing.send(outgoing.due, 9, &mut sealer, &settings, &mut sealed).expect("keys");
            }
            let ticks = outgoing.report(first).rtp_time;
            outgoing.send(outgoing.due, 9, &mut sealer, &settings, &mut Vec::new()).expect("keys");
            let step = outgoing.report(first).rtp_time.wrapping_sub(ticks);
            (sealed.len(), step, outgoing.octets)
        };
        let (packets, step, octets) = second("20");
        assert_eq!((packets, step), (50, 960));
        let (packets, step, longer) = second("40");
        assert_eq!((packets, step), (25, 1_920));
        let ratio = f64::from(longer) / f64::from(octets);
        assert!((0.9..1.1).contains(&ratio), "{longer} octets, not {octets}");
    }

    #[test]
    fn layers_bear_their_names_and_share_the_bitrate() {
        let line = ["load", "--video-bitrate", "1600000", "--seed", "7"];
        let settings = Settings::of(&Options::parse_from(line), true);
        let context = || {
            let profile = ProtectionProfile::AeadAes128Gcm;
            Context::new(&[1; 16], &[2; 12], profile, None, None).expect("key lengths")
        };
        let source = Source { kind: Kind::Video, ssrc: 20, layer: None };
        let expected = [("f", 1_600), ("h", 400), ("q", 100)];
        for (layer, (rid, kbps)) in source.layers(1).into_iter().zip(expected) {
            let (mut sealer, mut opener) = (context(), context());
            let (mut outgoing, mut sealed) = (Outgoing::new(3, layer, true, &settings), Vec::new());
            outgoing.begin(0, &settings);
            for frame in 1..=300u64 {
                outgoing.send(frame * SECOND / 30, 9, &mut sealer, &settings, &mut sealed).unwrap();
            }
            let mut bytes = 0;
            for packet in sealed {
                let plain = opener.decrypt_rtp(&packet).expect("sealed for us");
                let packet = Packet::unmarshal(&mut plain.clone()).expect("RTP");
                assert_eq!(packet.header.ssrc, layer.ssrc);
                assert_eq!(packet.header.get_extension(RID_ID).unwrap(), rid.as_bytes());
                assert_eq!(packet.header.get_extension(MID_ID).unwrap(), "1".as_bytes());
                bytes += packet.payload.len();
            }
            let got = bytes as f64 * 8.0 / 10_000.0;
            assert!((0.9..1.5).contains(&(got / f64::from(kbps))), "{rid}: {got} kbit/s");
        }
    }
}
