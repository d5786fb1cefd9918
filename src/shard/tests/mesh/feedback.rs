//! What goes back to the home shard: what is missing, and keyframes.

use super::*;

#[test]
fn what_got_lost_between_shards_is_asked_for_at_home() {
    let (mut two, mut publisher, mut listener) = Two::new();
    for seq in 1..20 {
        two.say(&mut publisher, seq);
    }
    two.settle();
    let sent = two.heard(&mut listener);
    let video = slot_ssrc(LISTENER, 1);
    let last = sent.iter().rfind(|got| got.ssrc == video).unwrap().seq;
    two.ways[HOME].capacity = 0;
    two.say(&mut publisher, 20);
    two.turn(HOME);
    assert_eq!(two.ways[HOME].refused[Class::Video as usize], 1);
    two.ways[HOME].capacity = 256;
    two.say(&mut publisher, 21);
    two.settle();
    let got = two.heard(&mut listener);
    assert!(got.iter().any(|got| got.payload == vp8(21, true) && got.seq == last + 2), "{got:?}");
    let nack = listener.nack(video, &[last + 1]);
    two.shards[AWAY].take(&listener, nack);
    two.settle();
    let got = two.heard(&mut listener);
    assert_eq!(got.len(), 1, "{got:?}");
    assert_eq!((got[0].seq, &got[0].payload), (last + 1, &vp8(20, true)), "by its own number");
    // What nobody ever sent is not asked for without end.
    let before = two.shards[AWAY].count(Counter::Retransmitted);
    for _ in 0..1_000 {
        let nack = listener.nack(video, &[last + 1, last.wrapping_add(900)]);
        two.shards[AWAY].take(&listener, nack);
    }
    two.turn(AWAY);
    assert!(two.ways[AWAY].messages.len() <= 1);
    assert_eq!(two.shards[AWAY].count(Counter::Retransmitted), before);
}

/// Two keyframe requests a second reach the publisher, whoever asks on whichever shard.
#[test]
fn one_keyframe_budget_over_all_shards() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.say(&mut publisher, 1);
    two.settle();
    two.shards[HOME].rtcp(&mut publisher);
    let base = two.shards[HOME].count(Counter::KeyframeRequests);
    let mut asked = 0;
    for _ in 0..100 {
        let pli = listener.pli(77, slot_ssrc(LISTENER, 1));
        two.shards[AWAY].take(&listener, pli);
        two.turn(AWAY);
        asked += two.ways[AWAY].messages.len();
        two.pass(ms(20));
    }
    let (_, plis, _) = two.shards[HOME].rtcp(&mut publisher);
    assert!((3..=6).contains(&plis.len()), "{} in two seconds", plis.len());
    assert_eq!(two.shards[HOME].count(Counter::KeyframeRequests) - base, plis.len() as u64);
    assert!(asked <= 12, "{asked} asked of home: not more than one a tick");
}

#[test]
fn a_new_video_leg_gets_a_keyframe_from_home() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.both(|bench| bench.listen_to(LISTENER, SIDE));
    two.pass(ms(2_000));
    let picture = publisher.picture(CAMERA, 1, false);
    two.shards[HOME].take(&publisher, picture);
    two.pass(ms(20));
    two.shards[HOME].rtcp(&mut publisher);
    two.both(|bench| bench.listen_to(LISTENER, MAIN));
    two.pass(ms(40));
    assert_eq!(two.shards[HOME].rtcp(&mut publisher).1, [CAMERA]);
    two.heard(&mut listener);
    for (seq, key, shown) in [(2, false, 0), (3, true, 1), (4, false, 1)] {
        let picture = publisher.picture(CAMERA, seq, key);
        two.shards[HOME].take(&publisher, picture);
        two.settle();
        assert_eq!(two.heard(&mut listener).len(), shown, "{seq}");
    }
}

/// A keyframe got lost between shards, and somebody came since. Who was there misses it, asks, and
/// has it; who came gets nothing from before their time, and begins with the next keyframe.
#[test]
fn what_is_handed_over_again_is_not_for_who_came_since() {
    let (mut two, mut publisher, mut listener) = Two::new();
    let mut late = two.shards[AWAY].join(LATE, &[], &[Kind::Video]);
    two.share_tables();
    two.both(|bench| bench.listen_to(LATE, SIDE));
    for seq in 1..20 {
        two.say(&mut publisher, seq);
    }
    two.settle();
    let video = slot_ssrc(LISTENER, 1);
    let sent = two.heard(&mut listener);
    let last = sent.iter().rfind(|got| got.ssrc == video).unwrap().seq;
    two.ways[HOME].capacity = 0;
    two.say(&mut publisher, 20); // a keyframe, and lost
    two.turn(HOME);
    two.ways[HOME].capacity = 256;
    two.both(|bench| bench.listen_to(LATE, MAIN));
    let picture = publisher.picture(CAMERA, 21, false);
    two.shards[HOME].take(&publisher, picture);
    two.settle();
    let nack = listener.nack(video, &[last + 1]);
    two.shards[AWAY].take(&listener, nack);
    two.settle();
    let got = two.heard(&mut listener);
    assert!(got.iter().any(|got| got.payload == vp8(20, true)), "{got:?}");
    assert_eq!(two.heard(&mut late), [], "before their time");
    let picture = publisher.picture(CAMERA, 22, false);
    two.shards[HOME].take(&publisher, picture);
    two.say(&mut publisher, 23);
    two.settle();
    let got: Vec<_> = two.heard(&mut late).into_iter().map(|got| got.payload).collect();
    assert_eq!(got, [vp8(23, true)]);
}
