//! Voices that wait for company on a busy shard.

use super::*;

const VOICES: Offer<'static> = &[(Source::Microphone, &[(5, None)])];
const OTHERS: Offer<'static> =
    &[(Source::Microphone, &[(8, None)]), (Source::Camera, &[(6, Some(7))])];

/// Two who speak, one of whom shows a picture too, and a listener with so many slots for pictures;
/// everything is under way, and voices may wait for 5 ms from now on.
fn meeting(pictures: usize) -> (Bench, [Far; 2], Far) {
    let mut bench = Bench::new();
    let mut speakers = [bench.join(1, VOICES, &[]), bench.join(2, OTHERS, &[])];
    let mut slots = vec![Kind::Audio; 2];
    slots.resize(2 + pictures, Kind::Video);
    let mut listener = bench.join(3, &[], &slots);
    bench.install();
    for seq in 0..20 {
        let _ = bench.media(&mut listener);
        let voices = [speakers[0].voice(5, seq), speakers[1].voice(8, seq)];
        let picture = speakers[1].picture(6, seq, true);
        for (speaker, datagram) in [(0, &voices[0]), (1, &voices[1]), (1, &picture)] {
            bench.take(&speakers[speaker], datagram.clone());
        }
        bench.pass(ms(20));
    }
    assert_eq!(bench.media(&mut listener).len(), 2 + pictures.min(1), "everybody is heard");
    bench.shard.hold_voices(ms(5));
    (bench, speakers, listener)
}

/// One voice comes in, and a turn follows. How many packets left.
fn speak(bench: &mut Bench, speaker: &mut Far, ssrc: u32, seq: u16, listener: &mut Far) -> usize {
    let voice = speaker.voice(ssrc, seq);
    bench.take(speaker, voice);
    bench.turn();
    bench.media(listener).len()
}

#[test]
fn a_voice_waits_for_another_one_and_both_leave_as_one_train() {
    let (mut bench, [mut one, mut two], mut listener) = meeting(0);
    assert_eq!(speak(&mut bench, &mut one, 5, 30, &mut listener), 0);
    bench.now += ms(4);
    assert_eq!(speak(&mut bench, &mut two, 8, 30, &mut listener), 0, "the first one's 5 ms count");
    let due = bench.now + ms(1);
    assert_eq!(bench.shard.poll_voices(bench.now), Some(due));
    let had = bench.count(Counter::Trains);
    bench.now = due;
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 2);
    assert_eq!(bench.count(Counter::Trains) - had, 1);
    assert_eq!(bench.shard.poll_voices(bench.now), None);
}

#[test]
fn what_was_taken_along_does_not_shorten_the_next_wait() {
    let (mut bench, [mut one, _], mut listener) = meeting(0);
    assert_eq!(speak(&mut bench, &mut one, 5, 30, &mut listener), 0);
    bench.shard.touch(bench.shard.by_peer[&PeerId(3)]); // RTCP, say
    bench.now += ms(1);
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 1, "goes with whatever goes");
    bench.now += ms(2);
    assert_eq!(speak(&mut bench, &mut one, 5, 31, &mut listener), 0);
    bench.now += ms(3); // 6 ms behind the first one
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 0);
    bench.now += ms(2);
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 1);
}

#[test]
fn who_is_shown_pictures_is_not_made_to_wait() {
    let (mut bench, [mut one, _], mut listener) = meeting(1);
    assert_eq!(speak(&mut bench, &mut one, 5, 30, &mut listener), 1);
    bench.table.participants.retain(|row| row.participant != ParticipantId(2));
    bench.table.tracks.retain(|row| row.publisher != ParticipantId(2));
    bench.install(); // nobody shows anything any more
    assert_eq!(speak(&mut bench, &mut one, 5, 31, &mut listener), 0);
}

#[test]
fn a_core_with_time_forwards_at_once_and_so_does_one_without_trains() {
    let (mut bench, [mut one, _], mut listener) = meeting(0);
    assert_eq!(speak(&mut bench, &mut one, 5, 30, &mut listener), 0);
    bench.shard.hold_voices(Duration::ZERO);
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 1, "the load went");
    assert_eq!(speak(&mut bench, &mut one, 5, 31, &mut listener), 1);
    bench.shard.config.trains = false;
    bench.shard.hold_voices(ms(5));
    assert_eq!(speak(&mut bench, &mut one, 5, 32, &mut listener), 1, "nothing to gain");
}

#[test]
fn a_voice_that_waits_is_not_sent_once_its_listener_has_left() {
    let (mut bench, [mut one, _], mut listener) = meeting(0);
    assert_eq!(speak(&mut bench, &mut one, 5, 30, &mut listener), 0);
    bench.listen_to(3, SIDE);
    bench.install();
    bench.now += ms(9);
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 0);
    assert_eq!(bench.count(Counter::DropRevoked), 1);
}
