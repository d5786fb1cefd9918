//! One participant: says something on audio and video, listens, asks again for what it misses.
//!
//! Every packet it says carries a tag: who, which source, and the how-manieth packet it is.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ringfence::control::api::PeerAnswer;
use ringfence::crypto::{Ledger, Opener, Profile, Random, ReplayWindow, Sealer};
use ringfence::route::id::{ParticipantId, PeerId};
use ringfence::wire::media::Kind;
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::path::Path;
use ringfence::wire::rtcp;
use ringfence::wire::rtp::{HeaderWriter, Rtp};

use crate::net::below;

pub const OPUS: PayloadType = PayloadType(111);
pub const VP8: PayloadType = PayloadType(96);
pub const VP8_RTX: PayloadType = PayloadType(97);
pub const LEVEL_ID: u8 = 1;

/// What a packet says of itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tag {
    pub publisher: ParticipantId,
    pub video: bool,
    /// The how-manieth packet of the source it is, whatever SSRC the source uses.
    pub index: u64,
}

impl Tag {
    const MAGIC: [u8; 4] = *b"RFsm";

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Self::MAGIC.to_vec();
        bytes.extend(self.publisher.0.to_be_bytes());
        bytes.push(u8::from(self.video));
        bytes.extend(self.index.to_be_bytes());
        bytes
    }

    pub fn find(payload: &[u8]) -> Option<Tag> {
        let at = payload.windows(4).position(|four| four == Self::MAGIC)?;
        let rest = &payload[at + 4..];
        Some(Tag {
            publisher: ParticipantId(u64::from_be_bytes(rest.get(..8)?.try_into().ok()?)),
            video: *rest.get(8)? == 1,
            index: u64::from_be_bytes(rest.get(9..17)?.try_into().ok()?),
        })
    }
}

/// One source of a client.
struct Voice {
    ssrc: Ssrc,
    payload_type: PayloadType,
    ledger: Ledger,
    rtx: Option<(Ssrc, Ledger)>,
    next: u64,
    timestamp: u32,
    picture_id: u16,
    said: BTreeMap<u16, (Vec<u8>, usize)>,
}

/// How a client hears one SSRC.
#[derive(Default)]
pub struct Ear {
    pub window: ReplayWindow,
    pub highest: Option<u64>,
}

pub struct Client {
    pub who: usize,
    pub participant: ParticipantId,
    pub peer: PeerId,
    pub path: Path,
    /// Seals what it sends.
    sealer: Sealer,
    /// Opens what arrives over the network.
    pub opener: Opener,
    pub ears: BTreeMap<u32, Ear>,
    pub relay_rtcp: BTreeMap<u32, ringfence::crypto::RtcpWindow>,
    /// Microphone, camera, camera by its other SSRC.
    voices: Vec<Voice>,
    /// Which voice the camera uses.
    camera: usize,
    /// Packets said on audio and on video.
    counts: [u64; 2],
    pub slots: Vec<(Ssrc, Option<Ssrc>, Kind)>,
    wants_key: bool,
    feedback_ssrc: Ssrc,
    /// What it said by which number of which SSRC.
    sent: BTreeMap<(u32, u16), Tag>,
}

/// The keys of one direction, from a number.
pub fn keys(seed: u64) -> (Vec<u8>, Vec<u8>) {
    let byte =
        |at: u64| (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(at as u32) >> 8) as u8;
    ((0..32).map(byte).collect(), (32..44).map(byte).collect())
}

pub const PROFILE: Profile = Profile::AeadAes256Gcm;

impl Client {
    /// Somebody by a peer that was added. `who` is a number of its own for each peer that somebody ever has.
    pub fn new(
        who: usize,
        participant: ParticipantId,
        answer: &PeerAnswer,
        kinds: &[Kind],
    ) -> Self {
        let (key, salt) = keys(2 * who as u64);
        let mut sealer = Sealer::new(PROFILE, &key, &salt).expect("key lengths");
        let (key, salt) = keys(2 * who as u64 + 1);
        let opener = Opener::new(PROFILE, &key, &salt).expect("key lengths");
        let base = 1_000 * (who as u32 + 1);
        let mut voice = |ssrc: u32, payload_type, rtx: Option<u32>, next| Voice {
            ssrc: Ssrc(ssrc),
            payload_type,
            ledger: sealer.ledger(Ssrc(ssrc)).expect("own SSRC"),
            rtx: rtx.map(|rtx| (Ssrc(rtx), sealer.ledger(Ssrc(rtx)).expect("own SSRC"))),
            next,
            timestamp: ssrc,
            picture_id: 7,
            said: BTreeMap::new(),
        };
        // Numbers start close to a rollover, so that every run crosses one.
        let voices = vec![
            voice(base, OPUS, None, 65_300),
            voice(base + 1, VP8, Some(base + 2), 65_400),
            voice(base + 4, VP8, Some(base + 5), 65_350),
        ];
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let remote = SocketAddr::new(local, 10_000 + who as u16);
        let slots = answer.slots.iter().zip(kinds);
        Self {
            who,
            participant,
            peer: answer.peer,
            path: Path { local, remote },
            sealer,
            opener,
            ears: BTreeMap::new(),
            relay_rtcp: BTreeMap::new(),
            voices,
            camera: 1,
            counts: [0; 2],
            slots: slots.map(|(slot, kind)| (slot.ssrc, slot.rtx_ssrc, *kind)).collect(),
            wants_key: true,
            feedback_ssrc: Ssrc(base + 3),
            sent: BTreeMap::new(),
        }
    }

    /// The same person by another peer: says nothing that was said before.
    pub fn come_back(&self, who: usize, answer: &PeerAnswer, kinds: &[Kind]) -> Self {
        Self { counts: self.counts, ..Self::new(who, self.participant, answer, kinds) }
    }

    /// The announced SSRCs of microphone and camera.
    pub fn ssrcs(who: usize) -> [Vec<(Ssrc, Option<Ssrc>)>; 2] {
        let base = 1_000 * (who as u32 + 1);
        let camera = |first| (Ssrc(base + first), Some(Ssrc(base + first + 1)));
        [vec![(Ssrc(base), None)], vec![camera(1), camera(4)]]
    }

    /// The camera goes on by its other SSRC, once. What is asked for of the former is still sent again.
    pub fn change_ssrc(&mut self) {
        self.camera = 2;
        self.wants_key = true;
    }

    /// What it said in that packet.
    pub fn tag(&self, ssrc: Ssrc, seq: Seq) -> Option<Tag> {
        self.sent.get(&(ssrc.0, seq.0)).copied()
    }

    /// 20 ms of voice.
    pub fn speak(&mut self, loud: bool) -> Vec<u8> {
        let level = if loud { 20 } else { 60 };
        self.say(0, false, 960, true, Some(level))
    }

    /// One frame of video, in three packets.
    pub fn show(&mut self) -> Vec<Vec<u8>> {
        let key = std::mem::take(&mut self.wants_key);
        let at = self.camera;
        self.voices[at].picture_id = (self.voices[at].picture_id + 1) & 0x7FFF;
        (0..3)
            .map(|part| self.say(at, key, if part == 0 { 9_000 } else { 0 }, part == 2, None))
            .collect()
    }

    fn say(&mut self, at: usize, key: bool, ticks: u32, last: bool, level: Option<u8>) -> Vec<u8> {
        let voice = &mut self.voices[at];
        voice.timestamp = voice.timestamp.wrapping_add(ticks);
        let index = voice.next;
        voice.next += 1;
        let video = at > 0;
        let count = &mut self.counts[usize::from(video)];
        *count += 1;
        let tag = Tag { publisher: self.participant, video, index: *count };
        let mut payload = Vec::new();
        if video {
            let first = ticks > 0;
            let [high, low] = (voice.picture_id | 0x8000).to_be_bytes();
            // X S PID=0 | I L T K=0 | picture id | TL0PICIDX | TID (RFC 7741 §4.2), then the frame header.
            payload.extend([
                0x80 | u8::from(first) << 4,
                0xE0,
                high,
                low,
                voice.picture_id as u8,
                0,
            ]);
            payload.push(u8::from(!key)); // P bit: 0 = keyframe (RFC 7741 §4.3)
        }
        payload.extend(tag.bytes());
        let mut room = vec![0; 256];
        let (seq, timestamp) = (Seq(index as u16), Timestamp(voice.timestamp));
        let payload_type = voice.payload_type;
        let mut header =
            HeaderWriter::new(&mut room, last, payload_type, seq, timestamp, voice.ssrc)
                .expect("room");
        if let Some(level) = level {
            assert!(header.extension(LEVEL_ID, &[level]));
        }
        let header_len = header.finish();
        let len = header_len + payload.len();
        room[header_len..len].copy_from_slice(&payload);
        voice.said.insert(index as u16, (payload, header_len));
        self.sent.insert((voice.ssrc.0, index as u16), tag);
        let claim = voice.ledger.claim(Seq(index as u16)).expect("a new number");
        let sealed =
            self.sealer.seal_rtp(claim, header_len, len, &mut room).expect("room for the tag");
        room.truncate(sealed);
        room
    }

    /// What the relay's RTCP asks of this publisher: packets again, a keyframe.
    pub fn obey(&mut self, datagram: &mut [u8]) -> Vec<Vec<u8>> {
        let sender = u32::from_be_bytes(datagram[4..8].try_into().expect("eight bytes"));
        let window = self.relay_rtcp.entry(sender).or_default();
        let Ok(len) = self.opener.open_rtcp(window, datagram) else { return Vec::new() };
        let mut wanted = Vec::new();
        for packet in rtcp::parse(&datagram[..len]).expect("the relay's RTCP is valid") {
            match packet {
                rtcp::Packet::Nack { media, seqs, .. } => {
                    wanted.extend(seqs.map(|seq| (media, seq)))
                }
                rtcp::Packet::Pli { .. } => self.wants_key = true,
                _ => {}
            }
        }
        wanted.into_iter().filter_map(|(media, seq)| self.repeat(media, seq)).collect()
    }

    /// A packet again: as RTX (RFC 4588 §4) where there is one, else nothing.
    fn repeat(&mut self, media: Ssrc, seq: Seq) -> Option<Vec<u8>> {
        let voice = self.voices.iter_mut().find(|voice| voice.ssrc == media)?;
        let (payload, _) = voice.said.get(&seq.0)?.clone();
        let (rtx_ssrc, ledger) = voice.rtx.as_mut()?;
        let claim = ledger.claim_next().ok()?;
        self.sent.insert((rtx_ssrc.0, claim.seq().0), Tag::find(&payload)?);
        let mut room = vec![0; 256];
        let timestamp = Timestamp(voice.timestamp);
        let header =
            HeaderWriter::new(&mut room, false, VP8_RTX, claim.seq(), timestamp, *rtx_ssrc)?
                .finish();
        room[header..header + 2].copy_from_slice(&seq.0.to_be_bytes());
        let len = header + 2 + payload.len();
        room[header + 2..len].copy_from_slice(&payload);
        let sealed = self.sealer.seal_rtp(claim, header, len, &mut room).ok()?;
        room.truncate(sealed);
        Some(room)
    }

    /// Takes a media packet; what is missing before it is asked for. Sometimes asks for what it has no
    /// right to: numbers of long ago, keyframes all the time.
    pub fn listen(&mut self, datagram: &mut [u8], random: &mut Random) -> Vec<Vec<u8>> {
        let Ok(rtp) = Rtp::parse(datagram) else { panic!("the relay sent a broken packet") };
        let (ssrc, header_len) = (rtp.ssrc(), rtp.header_len());
        let ear = self.ears.entry(ssrc.0).or_default();
        let Ok((index, _)) = self.opener.open_rtp(&mut ear.window, header_len, datagram) else {
            return Vec::new(); // doubled by the network
        };
        let before = ear.highest.replace(ear.highest.unwrap_or(index.0).max(index.0));
        let media = self.slots.iter().find(|slot| slot.0 == ssrc);
        let Some(&(_, _, kind)) = media else { return Vec::new() };
        let mut missing: Vec<Seq> = Vec::new();
        if let Some(before) = before {
            missing.extend((before + 1..index.0).take(20).map(|index| Seq(index as u16)));
        }
        if below(random, 20) == 0 {
            let back = below(random, 600);
            missing.push(Seq((index.0 as u16).wrapping_sub(back as u16)));
        }
        let mut asks = Vec::new();
        if !missing.is_empty() {
            asks.push(self.ask(|out, own| rtcp::write_nack(out, own, ssrc, &missing)));
        }
        if kind == Kind::Video && below(random, 40) == 0 {
            asks.push(self.ask(|out, own| rtcp::write_pli(out, own, ssrc)));
        }
        asks
    }

    fn ask(&mut self, write: impl Fn(&mut [u8], Ssrc) -> Option<usize>) -> Vec<u8> {
        let mut room = vec![0; 1_000];
        let head = rtcp::write_receiver_report(&mut room, self.feedback_ssrc, &[]).expect("room");
        let len = head + write(&mut room[head..900], self.feedback_ssrc).expect("room");
        let sealed = self.sealer.seal_rtcp(len, &mut room).expect("room for the tag");
        room.truncate(sealed);
        room
    }
}
