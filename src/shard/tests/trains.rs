//! What leaves together, with how much padding, who is served when, and what is counted of it.

use bytes::Bytes;
use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;
use webrtc_util::marshal::Unmarshal;

use super::*;
use crate::shard::plan::Padding;

const BOTH: Offer<'static> =
    &[(Source::Microphone, &[(5, None)]), (Source::Camera, &[(6, Some(7))])];

/// A picture of `len` bytes that says which packet it is.
fn large(far: &mut Far, seq: u16, len: usize, key: bool) -> Vec<u8> {
    let mut payload = vec![0xA5; len];
    payload[..6].copy_from_slice(&vp8(seq, key));
    far.say(6, VP8, seq, &[], &payload)
}

/// A publisher with microphone and camera that are both under way, and somebody who gets both.
fn meeting() -> (Bench, Far, Far) {
    let mut bench = Bench::new();
    let mut publisher = bench.join(1, BOTH, &[]);
    let mut viewer = bench.join(2, &[], &[Kind::Audio, Kind::Video]);
    bench.install();
    for seq in 0..3 {
        let (voice, picture) = (publisher.voice(5, seq), large(&mut publisher, seq, 500, true));
        bench.take(&publisher, voice);
        bench.take(&publisher, picture);
        bench.pass(ms(1));
    }
    let _ = bench.media(&mut viewer);
    (bench, publisher, viewer)
}

/// Which packet a payload of [`large`] was.
fn shown(got: &Got) -> u16 {
    u16::from_be_bytes([got.payload[4], got.payload[5]])
}

/// Lengths of the datagrams that left for `far`, without taking them.
fn lengths(bench: &Bench, far: &Far) -> Vec<usize> {
    let mine = bench.queue.sent.iter().filter(|(path, _)| *path == far.path);
    mine.map(|(_, bytes)| bytes.len()).collect()
}

/// Opened and parsed by code that is not ours.
fn independently(far: &Far, id: u64, bench: &mut Bench) -> Vec<(u32, Vec<u8>, bool)> {
    let mine = |(path, _): &(Path, Vec<u8>)| *path == far.path;
    let sent: Vec<_> = bench.queue.sent.extract_if(.., |sent| mine(sent)).collect();
    let key = [id as u8 ^ 0xFF; 16];
    let profile = ProtectionProfile::AeadAes128Gcm;
    let mut context = Context::new(&key, &[7; 12], profile, None, None).unwrap();
    let open = |(_, bytes): (Path, Vec<u8>)| {
        let plain: Bytes = context.decrypt_rtp(&bytes).expect("sealed for it");
        let padded = plain[0] & 0x20 != 0;
        let packet = rtp::packet::Packet::unmarshal(&mut plain.clone()).expect("RTP");
        (packet.header.ssrc, packet.payload.to_vec(), padded)
    };
    sent.into_iter().map(open).collect()
}

#[test]
fn near_equal_sizes_leave_together_and_the_payload_is_what_it_was() {
    let sizes = [1_000, 998, 1_003, 972, 1_001];
    let over = 12 + 16; // header and tag
    for (trains, padding, expected, padded) in [
        (true, Padding::default(), 1, [true, true, false, true, false]),
        (true, Padding { bytes_max: 5, percent_max: 100 }, 2, [true, true, false, false, false]),
        (true, Padding { bytes_max: 99, percent_max: 0 }, 3, [false; 5]),
        (true, Padding::OFF, 3, [false; 5]),
        (false, Padding::default(), 5, [false; 5]),
    ] {
        let (mut bench, mut publisher, viewer) = meeting();
        (bench.shard.config.trains, bench.shard.config.padding) = (trains, padding);
        let octets = |bench: &Bench| {
            let peer = bench.shard.peers.get(bench.shard.by_peer[&PeerId(2)]).unwrap();
            peer.sending.slots[1].octets
        };
        let (before, had) = (octets(&bench), bench.count(Counter::Trains));
        for (seq, len) in (10..).zip(sizes) {
            let packet = large(&mut publisher, seq, len, false);
            bench.take(&publisher, packet);
        }
        bench.turn();
        assert_eq!(bench.count(Counter::Trains) - had, expected, "{trains} {padding:?}");
        let bytes: usize = lengths(&bench, &viewer).iter().map(|len| len - over).sum();
        let padding_bytes = bench.count(Counter::PaddingBytes) as usize;
        assert_eq!(bytes - padding_bytes, sizes.iter().sum::<usize>());
        let count = padded.iter().filter(|padded| **padded).count();
        assert_eq!(bench.count(Counter::PaddedPackets), count as u64);
        assert_eq!(octets(&bench) - before, sizes.iter().sum::<usize>() as u32, "no padding");
        let got = independently(&viewer, 2, &mut bench);
        for (at, (ssrc, payload, was_padded)) in got.iter().enumerate() {
            let mut expected = vec![0xA5; sizes[at]];
            expected[..6].copy_from_slice(&vp8(10 + at as u16, false));
            assert!(*payload == expected, "{at}: {} bytes", payload.len());
            assert_eq!((*ssrc, *was_padded), (slot_ssrc(2, 1), padded[at]), "{at}");
        }
        assert_eq!(got.len(), sizes.len());
    }
}

#[test]
fn voices_ride_on_pictures_and_every_stream_keeps_its_order() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let had = bench.count(Counter::Trains);
    let voice = publisher.voice(5, 10);
    bench.take(&publisher, voice); // before them all
    for seq in 10..13 {
        let picture = large(&mut publisher, seq, 1_100, false);
        bench.take(&publisher, picture);
    }
    bench.turn();
    assert_eq!(bench.count(Counter::Trains) - had, 1);
    assert_eq!(bench.count(Counter::PaddingBytes), 0, "nothing had to grow");
    let got = bench.media(&mut viewer);
    let pictures: Vec<u16> = got.iter().filter(|it| it.payload.len() > 99).map(shown).collect();
    assert_eq!((got.len(), pictures), (4, vec![10, 11, 12]));
}

#[test]
fn what_is_repeated_is_not_padded() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let first = {
        for (seq, len) in (10..).zip([900, 910, 905]) {
            let packet = large(&mut publisher, seq, len, false);
            bench.take(&publisher, packet);
        }
        bench.turn();
        bench.media(&mut viewer)[0].seq
    };
    let padded = bench.count(Counter::PaddedPackets);
    let nack = viewer.nack(slot_ssrc(2, 1), &[first, first + 1, first + 2]);
    for seq in 13..23 {
        let packet = large(&mut publisher, seq, 900, false);
        bench.take(&publisher, packet); // earns repairs
        bench.turn();
    }
    let _ = bench.media(&mut viewer);
    bench.take(&viewer, nack);
    bench.turn();
    let got = bench.media(&mut viewer);
    assert_eq!(got.iter().map(|got| got.payload.len()).collect::<Vec<_>>(), [902, 912, 907]);
    assert_eq!(bench.count(Counter::PaddedPackets), padded);
}

#[test]
fn what_finds_no_buffer_waits_in_its_order() {
    for room in 1..5 {
        let (mut bench, mut publisher, mut viewer) = meeting();
        bench.shard.config.padding = Padding::OFF;
        bench.queue.instant = false;
        bench.queue.complete();
        for seq in 10..60 {
            let len = 400 + usize::from(seq % 7) * 50;
            let picture = large(&mut publisher, seq, len, false);
            bench.take(&publisher, picture);
            let voice = publisher.voice(5, seq);
            bench.take(&publisher, voice);
        }
        bench.queue.room = room;
        let mut turns = 0;
        while bench.count(Counter::ForwardedPackets) < 100 + 4 {
            bench.turn();
            assert!(!bench.shard.has_more(), "there are no buffers: nothing to do at once");
            bench.queue.complete();
            turns += 1;
            assert!(turns < 200, "{} sent", bench.count(Counter::ForwardedPackets));
        }
        let got = bench.media(&mut viewer);
        for slot in 0..2 {
            let seqs = got.iter().filter(|got| got.ssrc == slot_ssrc(2, slot));
            let seqs: Vec<u16> = seqs.map(|got| got.seq).collect();
            assert_eq!(seqs.len(), 50);
            assert!(seqs.is_sorted_by(|a, b| b.wrapping_sub(*a) == 1), "{room}: {seqs:?}");
        }
    }
}

const MANY: u64 = 150;
const CAMERA: Offer<'static> = &[(Source::Camera, &[(6, None)])];
const VOICE: Offer<'static> = &[(Source::Microphone, &[(5, None)])];

/// One camera for very many, and next to them somebody who speaks to one person.
struct Hall {
    bench: Bench,
    camera: Far,
    many: Vec<Far>,
    speaker: Far,
    listener: Far,
}

fn hall() -> Hall {
    let mut bench = Bench::new();
    let mut camera = bench.join(1, CAMERA, &[]);
    let many = (10..10 + MANY).map(|id| bench.join(id, &[], &[Kind::Video])).collect();
    let mut speaker = bench.join(200, VOICE, &[]);
    let listener = bench.join(201, &[], &[Kind::Audio]);
    bench.speak_to(200, SIDE);
    bench.listen_to(201, SIDE);
    bench.install();
    for seq in 0..3 {
        let (picture, voice) = (large(&mut camera, seq, 900, true), speaker.voice(5, seq));
        bench.take(&camera, picture);
        bench.take(&speaker, voice);
        bench.pass(ms(5));
    }
    bench.queue.sent.clear();
    Hall { bench, camera, many, speaker, listener }
}

impl Hall {
    fn frame(&mut self, first: u16) {
        for seq in first..first + 6 {
            let picture = large(&mut self.camera, seq, 900, false);
            self.bench.take(&self.camera, picture);
        }
    }

    fn egress(&mut self) -> usize {
        let before = self.bench.queue.sent.len();
        self.bench.shard.egress(self.bench.now, &mut self.bench.queue);
        self.bench.queue.sent.len() - before
    }
}

#[test]
fn a_long_fan_out_is_cut_and_loses_nothing() {
    let mut hall = hall();
    hall.frame(100);
    let mut turns = 0;
    loop {
        let sent = hall.egress();
        turns += 1;
        // 500 µs at 3.3 µs a train and 0.7 µs a datagram.
        assert!(sent <= 67 * 6, "{sent} datagrams in one turn");
        let at_once = hall.bench.shard.poll_timeout().is_some_and(|at| at <= hall.bench.now);
        assert_eq!(at_once, hall.bench.shard.has_more());
        if !at_once {
            break;
        }
        assert!(sent >= 66 * 6, "{sent}: a turn is used up");
    }
    assert_eq!(turns, 3);
    for far in &mut hall.many {
        let got: Vec<u16> = hall.bench.media(far).iter().map(shown).collect();
        assert_eq!(got, [100, 101, 102, 103, 104, 105]);
    }
}

#[test]
fn a_long_fan_out_waits_for_the_rest_of_its_frame() {
    let (piece, whole) = (false, true);
    for (what, ends, voice, later, expected) in [
        ("whole", vec![whole], false, 0, true),
        ("begun", vec![piece], false, 0, false),
        ("begun, and time is nearly up", vec![piece], false, 59, false),
        ("begun, and time is up", vec![piece], false, 60, true),
        ("it became whole", vec![piece, piece, whole], false, 0, true),
        ("somebody else has something to say", vec![piece], true, 0, true),
    ] {
        let mut hall = hall();
        let now = hall.bench.now;
        for (end, seq) in ends.iter().zip(100..) {
            hall.camera.ends_frames = *end;
            let picture = large(&mut hall.camera, seq, 900, false);
            hall.bench.take(&hall.camera, picture);
            if !*end && !voice {
                assert_eq!(hall.egress(), 0, "{what}");
                let at = hall.bench.shard.poll_timeout();
                assert_eq!(at, Some(now + Duration::from_micros(60)), "{what}: 400 ns a leg");
            }
        }
        if voice {
            let said = hall.speaker.voice(5, 3);
            hall.bench.take(&hall.speaker, said);
        }
        hall.bench.now += Duration::from_micros(later);
        let goes = hall.egress() > 0;
        assert_eq!(goes, expected, "{what}");
        while hall.egress() > 0 {}
        if goes {
            for far in &mut hall.many {
                assert_eq!(hall.bench.media(far).len(), ends.len(), "{what}");
            }
        }
    }
}

#[test]
fn a_small_room_does_not_wait_for_a_large_one() {
    let mut hall = hall();
    hall.frame(100);
    hall.egress();
    assert!(hall.bench.shard.has_more());
    hall.frame(106); // and so on
    let voice = hall.speaker.voice(5, 3);
    hall.bench.take(&hall.speaker, voice);
    hall.bench.queue.sent.clear();
    hall.egress();
    let first = hall.bench.queue.sent.iter().position(|sent| sent.0 == hall.listener.path);
    assert!(first.is_some_and(|at| at <= 12), "{first:?}: after one or two others");
    let large = hall.bench.queue.sent.iter().filter(|sent| sent.0 != hall.listener.path);
    assert!(large.count() > 100, "and the large one goes on");
}

#[test]
fn who_is_first_rotates() {
    let mut hall = hall();
    let mut firsts = std::collections::BTreeSet::new();
    for turn in 0..60 {
        hall.frame(100 + 6 * turn);
        while hall.egress() > 0 {}
        firsts.insert(hall.bench.queue.sent[0].0.remote.port());
        hall.bench.queue.sent.clear();
    }
    assert!(firsts.len() > 40, "{firsts:?}");
}

#[test]
fn what_a_cut_left_for_a_revoked_edge_is_never_sealed() {
    let mut hall = hall();
    hall.frame(100);
    let sent = hall.egress() / 6;
    assert!(hall.bench.shard.has_more());
    (10..10 + MANY).for_each(|id| hall.bench.listen_to(id, SIDE));
    hall.bench.install();
    hall.bench.queue.sent.clear();
    while hall.egress() > 0 || hall.bench.shard.has_more() {}
    let pictures = |sent: &&(Path, Vec<u8>)| classify(&sent.1) == Class::Rtp;
    assert_eq!(hall.bench.queue.sent.iter().filter(pictures).count(), 0);
    let left = (MANY - sent as u64) * 6;
    assert!(left > 100 && hall.bench.count(Counter::DropRevoked) == left);
    let reports: Vec<_> = std::iter::from_fn(|| hall.bench.shard.poll_report()).collect();
    assert!(reports.iter().any(|report| matches!(report, Report::Acknowledged { .. })));
}

#[test]
fn latency_and_train_lengths_are_counted() {
    let (mut bench, mut publisher, _) = meeting();
    bench.shard.transmitted(bench.now);
    let values = |bench: &Bench| {
        let all = Shard::counter_names().zip(bench.shard.counter_values());
        all.collect::<BTreeMap<&str, u64>>()
    };
    let before = values(&bench);
    for seq in 10..13 {
        let picture = large(&mut publisher, seq, 900, false);
        bench.take(&publisher, picture);
    }
    bench.queue.room = 0;
    bench.turn();
    bench.shard.transmitted(bench.now); // nothing was
    bench.now += ms(4);
    for seq in 13..15 {
        let picture = large(&mut publisher, seq, 900, false);
        bench.take(&publisher, picture);
    }
    bench.queue.room = 9;
    bench.turn();
    bench.shard.transmitted(bench.now + Duration::from_micros(80));
    let after = values(&bench);
    let grew: Vec<(&str, u64)> = (after.iter())
        .map(|(name, value)| (*name, value - before[name]))
        .filter(|(name, grown)| {
            *grown > 0 && (name.starts_with("added") || name.starts_with("train_"))
        })
        .collect();
    assert_eq!(
        grew,
        [
            ("added_latency_us/le=100", 2),
            ("added_latency_us/le=5000", 3),
            ("added_latency_us/sum", 2 * 80 + 3 * 4_080),
            ("train_datagrams/le=6", 1),
            ("train_datagrams/sum", 5),
        ]
    );
}
