//! What a publisher may do to its streams, and what must not come of it.

use super::*;
use crate::route::packet::SourceIndex;

const CAMERA: Offer<'static> = &[(Source::Camera, &[(5, Some(6)), (8, Some(9))])];

/// A publisher with a camera of two announced SSRCs, and two subscribers.
fn meeting() -> (Bench, Far, Far, Far) {
    let mut bench = Bench::new();
    let publisher = bench.join(1, CAMERA, &[]);
    let a = bench.join(2, &[], &[Kind::Video]);
    let b = bench.join(3, &[], &[Kind::Video]);
    bench.install();
    bench.turn();
    (bench, publisher, a, b)
}

fn rtx(far: &mut Far, ssrc: u32, seq: u16, original: u16, key: bool) -> Vec<u8> {
    let mut payload = original.to_be_bytes().to_vec();
    payload.extend(vp8(original, key));
    far.say(ssrc, RTX, seq, &[], &payload)
}

#[test]
fn a_repair_of_another_ssrc_is_not_served() {
    let (mut bench, mut publisher, _, mut b) = meeting();
    bench.listen_to(3, SIDE);
    bench.install();
    for seq in 100..105 {
        let packet = publisher.picture(5, seq, seq == 100);
        bench.take(&publisher, packet);
    }
    bench.turn();
    bench.speak_to(1, SIDE);
    bench.install();
    bench.turn();
    // The camera goes on by its other SSRC, numbered below; then 103 comes again, as the repair of
    // the first SSRC: it was said to the main room.
    for seq in 50..53 {
        let packet = publisher.picture(8, seq, seq == 50);
        bench.take(&publisher, packet);
        bench.turn();
    }
    let repair = rtx(&mut publisher, 6, 0, 103, false);
    bench.take(&publisher, repair);
    bench.turn();
    let got: Vec<u16> = bench.media(&mut b).iter().map(said).collect();
    assert_eq!(got, [50, 51, 52], "nothing of what was said before");
    // The repair of the SSRC that is in use is served.
    let packet = publisher.picture(8, 54, false);
    bench.take(&publisher, packet);
    let repair = rtx(&mut publisher, 9, 0, 53, false);
    bench.take(&publisher, repair);
    bench.turn();
    let got: Vec<u16> = bench.media(&mut b).iter().map(said).collect();
    assert_eq!(got, [54, 53]);
}

#[test]
fn late_packets_of_before_the_cut_are_not_served() {
    let (mut bench, mut publisher, _, mut b) = meeting();
    bench.listen_to(3, SIDE);
    bench.install();
    let late: Vec<_> = (101..103).map(|seq| publisher.picture(5, seq, true)).collect();
    for seq in [100, 103] {
        let packet = publisher.picture(5, seq, true);
        bench.take(&publisher, packet);
    }
    bench.speak_to(1, SIDE);
    bench.install();
    bench.turn();
    let key = bench.shard.by_track[&track(1, Source::Camera)];
    let cached = |index| bench.shard.tracks.get(key).unwrap().cache.find(SourceIndex(index));
    assert!((100..104).all(|index| cached(index).is_none()), "nothing of it is kept");
    late.into_iter().for_each(|packet| bench.take(&publisher, packet));
    let packet = publisher.picture(5, 104, true);
    bench.take(&publisher, packet);
    bench.turn();
    assert_eq!(bench.media(&mut b).iter().map(said).collect::<Vec<_>>(), [104]);
    assert_eq!(bench.count(Counter::DropCut), 2);
}

#[test]
fn a_source_that_changes_its_ssrc_is_one_stream_for_its_subscribers() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    for (ssrc, seqs) in [(5, 65_530_u16..65_535), (8, 10..15)] {
        for seq in seqs {
            let key = matches!(seq, 65_530 | 65_531 | 10);
            let packet = publisher.picture(ssrc, seq, key);
            bench.take(&publisher, packet);
            bench.turn();
        }
    }
    let late = publisher.picture(5, 65_535, false);
    bench.take(&publisher, late);
    bench.turn();
    let got = bench.media(&mut a);
    let seqs: Vec<u16> = got.iter().map(|got| got.seq).collect();
    assert_eq!(seqs, (seqs[0]..seqs[0] + 9).collect::<Vec<_>>(), "without a gap");
    let expected: Vec<u16> = (65_531..65_535).chain(10..15).collect();
    assert_eq!(got.iter().map(said).collect::<Vec<_>>(), expected);
}

#[test]
fn a_packet_that_nobody_understands_takes_no_source_over() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    let packet = publisher.picture(5, 1, true);
    bench.take(&publisher, packet);
    bench.turn();
    let strange = publisher.say(99, PayloadType(126), 1, &[(MID, b"0")], &[1; 9]);
    bench.take(&publisher, strange);
    let packet = publisher.picture(5, 2, true);
    bench.take(&publisher, packet);
    bench.turn();
    assert_eq!(bench.media(&mut a).iter().map(said).collect::<Vec<_>>(), [2]);
}

#[test]
fn unknown_ssrcs_are_bounded_and_cost_no_keys() {
    let (mut bench, mut publisher, _, _) = meeting();
    for ssrc in 1_000..1_100 {
        let packet = publisher.say(ssrc, VP8, 1, &[(MID, b"0")], &vp8(1, true));
        bench.take(&publisher, packet);
    }
    let key = bench.shard.by_peer[&PeerId(1)];
    let peer = bench.shard.peers.get(key).unwrap();
    assert_eq!(peer.inbound.as_ref().unwrap().streams.len(), 2 + 4);
    assert_eq!(bench.count(Counter::DropUnknownSsrc), 100 - 6);
}

#[test]
fn nothing_changes_before_the_tag_is_checked() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    for seq in 1..4 {
        let packet = publisher.picture(5, seq, seq == 1);
        let mut forged = packet.clone();
        *forged.last_mut().unwrap() ^= 1;
        bench.take(&publisher, forged); // same number, first
        let mut other = packet.clone();
        other[11] ^= 0x40; // another SSRC
        bench.take(&publisher, other);
        bench.take(&publisher, packet);
        bench.turn();
    }
    assert_eq!(bench.count(Counter::DropBadTag), 6);
    let key = bench.shard.by_peer[&PeerId(1)];
    let peer = bench.shard.peers.get(key).unwrap();
    assert_eq!(peer.inbound.as_ref().unwrap().streams.len(), 1);
    // The first packet made the track live; seats follow at egress, pictures from the next key on.
    let packet = publisher.picture(5, 4, true);
    bench.take(&publisher, packet);
    bench.turn();
    assert_eq!(bench.media(&mut a).len(), 1);
}

#[test]
fn a_gap_is_asked_for_in_time_from_a_publisher_that_receives_nothing() {
    let (mut bench, mut publisher, _, _) = meeting();
    for seq in [1, 2, 4] {
        let packet = publisher.picture(5, seq, seq == 1);
        bench.take(&publisher, packet);
        bench.turn();
    }
    let _ = bench.rtcp(&mut publisher);
    bench.pass(ms(15));
    assert_eq!(bench.rtcp(&mut publisher).0, [(5, 3)]);
}

#[test]
fn what_is_over_the_cap_is_refused_and_a_picture_goes_on_with_a_keyframe() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    let say = |bench: &mut Bench, publisher: &mut Far, seq: u16, key: bool| {
        let mut payload = vec![0xA5; 1_000];
        payload[..6].copy_from_slice(&vp8(seq, key));
        let packet = publisher.say(5, VP8, seq, &[], &payload);
        bench.take(publisher, packet);
    };
    for seq in 1..3 {
        say(&mut bench, &mut publisher, seq, true);
        bench.turn();
    }
    assert_eq!(bench.media(&mut a).len(), 1, "under way");
    bench.table.tracks[0].bps_max = Some(80_000); // 12 packets in a second and a quarter
    bench.install();
    let _ = bench.rtcp(&mut publisher);
    for seq in 3..33 {
        say(&mut bench, &mut publisher, seq, seq % 8 == 1);
    }
    bench.turn();
    assert_eq!(bench.media(&mut a).len(), 12);
    assert_eq!(bench.count(Counter::DropOverCap), 18);
    assert_eq!(bench.rtcp(&mut publisher).1, [], "it would not be taken");
    bench.pass(ms(900));
    say(&mut bench, &mut publisher, 33, false);
    bench.pass(ms(100));
    assert_eq!(bench.media(&mut a), []);
    assert_eq!(bench.rtcp(&mut publisher).1, [5], "now it would");
    for seq in 34..36 {
        say(&mut bench, &mut publisher, seq, seq == 34);
    }
    bench.turn();
    assert_eq!(bench.media(&mut a).len(), 2);
}

#[test]
fn muted_is_muted_after_decryption_and_starts_from_a_keyframe() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    for seq in 1..3 {
        let packet = publisher.picture(5, seq, true);
        bench.take(&publisher, packet);
        bench.turn();
    }
    assert_eq!(bench.media(&mut a).len(), 1);
    for (muted, seqs, expected) in [
        (true, 3..6_u16, &[][..]),  // nothing
        (false, 6..9, &[7, 8][..]), // 7 is the next keyframe
    ] {
        bench.table.tracks[0].muted = muted;
        bench.table.tracks[0].audience_epoch.0 = bench.table.epoch.0 + 1;
        bench.install();
        for seq in seqs {
            let packet = publisher.picture(5, seq, seq % 2 == 1);
            bench.take(&publisher, packet);
            bench.turn();
        }
        let got: Vec<u16> = bench.media(&mut a).iter().map(said).collect();
        assert_eq!(got, expected, "muted: {muted}");
    }
    assert_eq!(bench.count(Counter::DropMuted), 3);
    let again = publisher.picture(5, 60, false); // the window went on meanwhile
    bench.take(&publisher, again.clone());
    bench.take(&publisher, again);
    assert_eq!(bench.count(Counter::DropReplayed), 1);
}

#[test]
fn a_codec_that_flips_all_the_time_reseats_nobody() {
    let (mut bench, mut publisher, _, _) = meeting();
    let packet = publisher.picture(5, 1, true);
    bench.take(&publisher, packet);
    bench.turn();
    for seq in 2..50 {
        let (payload_type, payload) =
            if seq % 2 == 0 { (H264, vec![0x65, 1]) } else { (VP8, vp8(seq, true)) };
        let packet = publisher.say(5, payload_type, seq, &[], &payload);
        bench.take(&publisher, packet);
        let reseat = bench.shard.reseat_due;
        assert!(!reseat, "{seq}");
    }
    assert_eq!(bench.count(Counter::DropUnsupported), 24);
}

#[test]
fn a_removed_publisher_leaves_nothing_behind() {
    let (mut bench, mut publisher, mut a, _) = meeting();
    for seq in 1..4 {
        let packet = publisher.picture(5, seq, true);
        bench.take(&publisher, packet);
        if seq == 1 {
            bench.turn();
        }
    }
    bench.shard.handle_command(bench.now, Command::RemovePeer(PeerId(1)));
    bench.turn();
    assert_eq!(bench.media(&mut a), [], "what was queued is not sent");
    let last = bench.reports.iter().rev().find_map(|report| match report {
        Report::Slots { peer: PeerId(2), slots } => Some(slots.clone()),
        _ => None,
    });
    assert_eq!(last, Some(vec![None]));
    let packet = publisher.picture(5, 9, true);
    bench.take(&publisher, packet);
    assert_eq!(bench.count(Counter::DropUnknownSource), 1);
    assert!(bench.shard.by_path.len() == 2 && bench.shard.by_track.is_empty());
    assert!(bench.shard.by_ufrag.len() == 2 && bench.shard.tracks.iter().next().is_none());
}
