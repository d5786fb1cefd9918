//! What subscribers ask for: packets again, keyframes; and what is reported to them.

use super::*;

const CAMERA: Offer<'static> = &[(Source::Camera, &[(5, Some(6))])];

fn meeting() -> (Bench, Far, Far) {
    let mut bench = Bench::new();
    let publisher = bench.join(1, CAMERA, &[]);
    let viewer = bench.join(2, &[], &[Kind::Video]);
    bench.install();
    bench.turn();
    (bench, publisher, viewer)
}

/// Shows `seqs`, the first with a keyframe, and returns what reached the viewer.
fn show(
    bench: &mut Bench,
    publisher: &mut Far,
    viewer: &mut Far,
    seqs: std::ops::Range<u16>,
) -> Vec<Got> {
    for seq in seqs.clone() {
        let packet = publisher.picture(5, seq, seq == seqs.start || seq == seqs.start + 1);
        bench.take(publisher, packet);
        bench.turn();
    }
    bench.media(viewer)
}

#[test]
fn only_what_was_sent_is_sent_again_and_only_as_rtx() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let got = show(&mut bench, &mut publisher, &mut viewer, 100..140);
    let (first, last) = (got[0].seq, got.last().unwrap().seq);
    let ssrc = slot_ssrc(2, 0);
    for (media, asked, expected) in [
        (ssrc, first + 5, true),
        (ssrc, last + 1, false),      // not sent yet
        (ssrc, first - 1, false),     // before the first
        (ssrc + 1, first + 6, false), // nobody's
        (ssrc + 1_000, 0, false),     // RTX itself
        (5, first + 7, false),        // the publisher's own name
    ] {
        let nack = viewer.nack(media, &[asked]);
        bench.take(&viewer, nack);
        bench.turn();
        let again = bench.media(&mut viewer);
        assert_eq!(again.len(), usize::from(expected), "{media} {asked}");
        for got in again {
            assert_eq!((got.ssrc, got.payload_type), (ssrc + 1_000, RTX.0));
            assert_eq!(got.payload[..2], asked.to_be_bytes(), "the number it had");
            assert_eq!(said(&got), 106, "the first one came before there was a leg");
        }
    }
    let nack = viewer.nack(ssrc, &[first + 5]);
    bench.take(&viewer, nack);
    bench.turn();
    assert_eq!(bench.media(&mut viewer), [], "not again within a round trip");
}

#[test]
fn a_leg_that_switched_repeats_nothing_of_before() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let mut other = bench.join(3, CAMERA, &[]);
    bench.speak_to(3, SIDE);
    bench.install();
    let before = show(&mut bench, &mut publisher, &mut viewer, 100..120);
    bench.listen_to(2, SIDE);
    bench.install();
    let after = show(&mut bench, &mut other, &mut viewer, 700..720);
    assert_eq!(after[0].seq, before.last().unwrap().seq + 1, "one stream");
    let asked: Vec<u16> = before.iter().chain(&after).map(|got| got.seq).collect();
    let nack = viewer.nack(slot_ssrc(2, 0), &asked);
    bench.take(&viewer, nack);
    bench.turn();
    let again: Vec<u16> = bench.media(&mut viewer).iter().map(said).collect();
    assert!(!again.is_empty() && again.iter().all(|seq| *seq >= 700), "{again:?}");
    // Nor what was sent before a pause of the same track.
    let wish = |height| vec![Wish { track: track(3, Source::Camera), height }];
    for height in [0, 90] {
        let view = Command::View { peer: PeerId(2), wishes: wish(height) };
        bench.shard.handle_command(bench.now, view);
        bench.turn();
    }
    bench.pass(ms(2_000));
    let _ = show(&mut bench, &mut other, &mut viewer, 720..723);
    let asked: Vec<u16> = after.iter().map(|got| got.seq).collect();
    let nack = viewer.nack(slot_ssrc(2, 0), &asked);
    bench.take(&viewer, nack);
    bench.turn();
    assert_eq!(bench.media(&mut viewer), []);
}

#[test]
fn keyframes_are_asked_for_twice_a_second_whoever_asks() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let _ = show(&mut bench, &mut publisher, &mut viewer, 1..10);
    bench.pass(ms(3_000));
    let _ = bench.rtcp(&mut publisher);
    for _ in 0..300 {
        let pli = viewer.pli(77, slot_ssrc(2, 0));
        bench.take(&viewer, pli);
        bench.pass(ms(10));
    }
    let plis = bench.rtcp(&mut publisher).1;
    assert!((5..=7).contains(&plis.len()) && plis.iter().all(|ssrc| *ssrc == 5), "{plis:?}");
}

#[test]
fn a_keyframe_is_asked_for_until_it_comes() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    for seq in 1..3 {
        let packet = publisher.picture(5, seq, false);
        bench.take(&publisher, packet);
        bench.turn();
    }
    let _ = bench.rtcp(&mut publisher); // lost
    bench.pass(ms(3_000));
    let plis = bench.rtcp(&mut publisher).1.len();
    assert!((4..=7).contains(&plis), "{plis}");
    let packet = publisher.picture(5, 3, true);
    bench.take(&publisher, packet);
    bench.turn();
    assert_eq!(bench.media(&mut viewer).len(), 1);
    bench.pass(ms(1_000));
    let _ = bench.rtcp(&mut publisher);
    let turns = bench.pass(ms(3_000));
    assert_eq!(bench.rtcp(&mut publisher).1.len(), 0);
    assert!(turns < 60, "nothing to do, and yet {turns} turns");
}

/// Some clients send the RTCP of each m-line they receive by an SSRC of its own.
#[test]
fn every_slot_may_have_its_own_voice() {
    let mut bench = Bench::new();
    let mut publisher = bench.join(1, CAMERA, &[]);
    let mut viewer = bench.join(2, &[], &[Kind::Video; 20]);
    bench.install();
    let _ = show(&mut bench, &mut publisher, &mut viewer, 1..5);
    for own in 1..=20 {
        let pli = viewer.pli(own, slot_ssrc(2, 0));
        bench.take(&viewer, pli);
    }
    assert_eq!(bench.count(Counter::DropUnknownSsrc), 0);
    for own in 21..60 {
        let pli = viewer.pli(own, slot_ssrc(2, 0));
        bench.take(&viewer, pli);
    }
    assert_eq!(bench.count(Counter::DropUnknownSsrc), 35, "but not any number");
}

#[test]
fn no_report_speaks_of_a_track_that_is_not_heard() {
    let (mut bench, mut publisher, mut viewer) = meeting();
    let _ = show(&mut bench, &mut publisher, &mut viewer, 1..5);
    let ntp = 0x1234_0000_0000;
    let report = publisher
        .ask(5, |out| rtcp::write_sender_report(out, Ssrc(5), ntp, Timestamp(960), 4, 24, "c"));
    bench.take(&publisher, report);
    bench.pass(ms(1_100));
    assert_eq!(bench.rtcp(&mut viewer).2, [slot_ssrc(2, 0)]);
    let _ = show(&mut bench, &mut publisher, &mut viewer, 5..9);
    bench.table.tracks[0].muted = true;
    bench.table.tracks[0].audience_epoch.0 = 99;
    bench.install();
    bench.pass(ms(3_000));
    assert_eq!(bench.rtcp(&mut viewer).2, [0; 0]);
}

#[test]
fn credentials_of_many_restarts_are_not_kept() {
    let (mut bench, _, _) = meeting();
    for n in 0..50 {
        let ice = |side: &str| IceCredentials {
            ufrag: format!("{side}{n}").into(),
            pwd: "q".repeat(22).into(),
        };
        let (local, remote) = (ice("a"), ice("b"));
        let restart = Command::RestartIce { peer: PeerId(2), local, remote };
        bench.shard.handle_command(bench.now, restart);
    }
    assert!(bench.shard.by_ufrag.len() <= 3, "{}", bench.shard.by_ufrag.len());
}

#[test]
fn an_injected_session_lasts() {
    let (mut bench, _, _) = meeting();
    bench.pass(Duration::from_secs(100));
    assert_eq!(bench.count(Counter::Peers), 2);
}
