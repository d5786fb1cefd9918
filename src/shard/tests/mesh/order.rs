//! What is told comes before the packets it is about, whatever finds no room on the way.

use super::*;

/// A camera with two encodings, of which either may be sent: a change is a new numbering.
fn with_two_encodings() -> (Two, Far, Far) {
    let offer: &[(u32, Option<u32>)] = &[(CAMERA, Some(CAMERA + 100)), (CAMERA + 1, None)];
    let now = Instant::now();
    let mut two = Two {
        shards: [HOME, AWAY].map(|shard| Bench::on(ShardIndex(shard), now)),
        ways: [HOME, AWAY].map(|_| Way { capacity: 256, ..Way::default() }),
    };
    let publisher = two.shards[HOME].join(PUBLISHER, &[(Source::Camera, offer)], &[]);
    let listener = two.shards[AWAY].join(LISTENER, &[], &[Kind::Video]);
    two.share_tables();
    (two, publisher, listener)
}

fn show(two: &mut Two, publisher: &mut Far, ssrc: u32, seq: u16) {
    let picture = publisher.picture(ssrc, seq, true);
    two.shards[HOME].take(publisher, picture);
}

fn shown(two: &mut Two, listener: &mut Far) -> Vec<u16> {
    two.settle();
    two.heard(listener).iter().map(said).collect()
}

#[test]
fn a_source_that_is_numbered_anew_goes_on() {
    let (mut two, mut publisher, mut listener) = with_two_encodings();
    let mut seqs = Vec::new();
    for (ssrc, seq) in
        [(CAMERA, 9), (CAMERA, 10), (CAMERA, 11), (CAMERA + 1, 500), (CAMERA + 1, 501)]
    {
        show(&mut two, &mut publisher, ssrc, seq);
        two.settle();
        seqs.extend(two.heard(&mut listener).iter().map(|got| (said(got), got.seq)));
    }
    let numbers: Vec<_> = seqs.iter().map(|pair| pair.1.wrapping_sub(seqs[0].1)).collect();
    assert_eq!(seqs.iter().map(|pair| pair.0).collect::<Vec<_>>(), [10, 11, 500, 501], "{seqs:?}");
    assert_eq!(numbers, [0, 1, 2, 3], "one sequence for the subscriber");
}

/// That it is numbered anew finds no room, and a moment later there is some: the packets wait for
/// it, or are lost, but do not go ahead.
#[test]
fn no_packet_overtakes_what_was_to_be_told_before_it() {
    let (mut two, mut publisher, mut listener) = with_two_encodings();
    for seq in 9..12 {
        show(&mut two, &mut publisher, CAMERA, seq);
        two.settle();
    }
    two.heard(&mut listener);
    show(&mut two, &mut publisher, CAMERA + 1, 500);
    two.ways[HOME].full_for = 1;
    two.turn(HOME);
    assert_eq!(two.packets_on_the_way(), 0, "ahead of the word that it is numbered anew");
    two.pass(ms(20));
    assert_eq!(shown(&mut two, &mut listener), [], "lost, as anything may be on a full way");
    show(&mut two, &mut publisher, CAMERA + 1, 501);
    assert_eq!(shown(&mut two, &mut listener), [501]);
}

/// Numbered anew while nobody away wanted it, with packets by the old numbers still on the way.
#[test]
fn who_wants_it_again_is_told_of_new_numbers() {
    let (mut two, mut publisher, mut listener) = with_two_encodings();
    for seq in 900..903 {
        show(&mut two, &mut publisher, CAMERA, seq);
        two.settle();
    }
    two.heard(&mut listener);
    show(&mut two, &mut publisher, CAMERA, 903);
    two.turn(HOME); // on its way, and there it stays for a while
    let late: Vec<_> = two.ways[HOME].messages.drain(..).collect();
    two.both(|bench| bench.listen_to(LISTENER, SIDE));
    two.settle();
    show(&mut two, &mut publisher, CAMERA + 1, 7);
    two.settle();
    two.both(|bench| bench.listen_to(LISTENER, MAIN));
    two.turn(AWAY);
    two.ways[HOME].messages.extend(late);
    two.turn(AWAY);
    for seq in 8..11 {
        show(&mut two, &mut publisher, CAMERA + 1, seq);
        two.settle();
    }
    let got = shown(&mut two, &mut listener);
    assert!(got.ends_with(&[8, 9, 10]), "{got:?}");
}

/// A shard that takes nothing for long is told how things stand, not all that happened.
#[test]
fn what_waits_to_be_told_is_bounded() {
    let (mut two, _, _) = Two::new();
    let id = track(PUBLISHER, Source::Camera);
    let others = &mut two.shards[AWAY].shard.others;
    for round in 0..10_000 {
        others.tell(ShardIndex(HOME), Signal::Wanted(id, round % 2 == 0));
        others.tell(ShardIndex(HOME), Signal::Restarted(id));
    }
    two.ways[AWAY].capacity = 100_000;
    two.turn(AWAY);
    let told: Vec<_> = two.ways[AWAY].messages.iter().map(|message| &message.1).collect();
    assert!(told.len() <= 1_024 + 2, "{}", told.len());
    let last = told.iter().rev().find_map(|told| match told {
        Owned::Signal(Signal::Wanted(_, is_wanted)) => Some(*is_wanted),
        _ => None,
    });
    assert_eq!(last, Some(false), "the last word counts");
}
