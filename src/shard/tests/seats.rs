//! Who sits where, who is told, and when a table is acknowledged.

use super::*;

const VOICE: Offer<'static> = &[(Source::Microphone, &[(5, None)])];

fn slots_of(bench: &Bench, id: u64) -> Option<Vec<Option<TrackId>>> {
    bench.reports.iter().rev().find_map(|report| match report {
        Report::Slots { peer, slots } if peer.0 == id => Some(slots.clone()),
        _ => None,
    })
}

/// Five who speak, and a listener with three slots for voices.
fn five() -> (Bench, Vec<Far>, Far) {
    let mut bench = Bench::new();
    let speakers = (1..6).map(|id| bench.join(id, VOICE, &[])).collect();
    let listener = bench.join(9, &[], &[Kind::Audio, Kind::Audio, Kind::Audio]);
    bench.install();
    (bench, speakers, listener)
}

fn speak(bench: &mut Bench, speakers: &mut [Far], seq: u16, levels: &[u8]) {
    for (far, level) in speakers.iter_mut().zip(levels) {
        let packet = far.say(5, OPUS, seq, &[(1, &[*level])], &[seq as u8; 20]);
        bench.take(far, packet);
    }
    bench.pass(ms(20));
}

#[test]
fn the_loudest_have_the_slots_and_the_report_says_what_is_sent() {
    let (mut bench, mut speakers, mut listener) = five();
    for seq in 0..100 {
        speak(&mut bench, &mut speakers, seq, &[127, 20, 127, 30, 40]);
    }
    let seats: Vec<u64> =
        slots_of(&bench, 9).unwrap().into_iter().flatten().map(|track| track.0 / 100).collect();
    let mut sorted = seats.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [2, 4, 5]);
    let _ = bench.media(&mut listener);
    for id in 1..6 {
        let far = &mut speakers[id as usize - 1];
        let packet = far.say(5, OPUS, 200, &[], &[id as u8; 20]);
        bench.take(&speakers[id as usize - 1], packet);
    }
    bench.turn();
    let mut got: Vec<(u32, u8)> =
        bench.media(&mut listener).iter().map(|got| (got.ssrc, got.payload[0])).collect();
    got.sort_unstable();
    let expected: Vec<_> =
        (0..).zip(&seats).map(|(slot, id)| (slot_ssrc(9, slot), *id as u8)).collect();
    assert_eq!(got, expected);
}

#[test]
fn two_who_are_about_as_loud_do_not_take_turns() {
    let (mut bench, mut speakers, _) = five();
    // 1 and 2 hold two slots; 3 and 4 compete for the third, each a little louder now and then,
    // while 5 begins and ends to speak, so that everybody is ranked anew.
    for seq in 0..200 {
        speak(&mut bench, &mut speakers, seq, &[10, 10, 30, 36, 127]);
    }
    bench.reports.clear();
    for seq in 200..2_200 {
        let (third, fourth) = if seq / 200 % 2 == 0 { (33, 30) } else { (30, 33) };
        let fifth = if seq / 50 % 2 == 0 { 50 } else { 127 };
        speak(&mut bench, &mut speakers, seq, &[10, 10, third, fourth, fifth]);
    }
    let changes = bench.reports.iter().filter(|report| matches!(report, Report::Slots { .. }));
    assert!(changes.count() <= 1);
}

#[test]
fn a_peer_that_no_table_names_is_sent_nothing() {
    let (mut bench, mut speakers, mut listener) = five();
    for seq in 0..3 {
        speak(&mut bench, &mut speakers[..1], seq, &[20]);
    }
    assert_eq!(bench.media(&mut listener).len(), 2);
    // The participant stays, this peer of theirs does not.
    let row = bench.table.participants.iter_mut().find(|row| row.participant.0 == 9).unwrap();
    row.peers.clear();
    bench.install();
    speak(&mut bench, &mut speakers[..1], 3, &[20]);
    assert_eq!(bench.media(&mut listener), []);
    row_of(&mut bench, 9).peers.push(PeerId(9));
    bench.install();
    speak(&mut bench, &mut speakers[..1], 4, &[20]);
    assert_eq!(bench.media(&mut listener).len(), 1);
    bench.shard.handle_command(bench.now, Command::Forget(MEETING));
    speak(&mut bench, &mut speakers[..1], 5, &[20]);
    assert_eq!(bench.media(&mut listener), [], "the meeting is over");
}

fn row_of(bench: &mut Bench, id: u64) -> &mut ParticipantRow {
    bench.table.participants.iter_mut().find(|row| row.participant.0 == id).unwrap()
}

#[test]
fn wishes_rank_and_height_0_pauses() {
    let camera: Offer<'_> = &[(Source::Camera, &[(5, None)])];
    let mut bench = Bench::new();
    let mut fars: Vec<Far> = (1..5).map(|id| bench.join(id, camera, &[])).collect();
    let mut viewer = bench.join(9, &[], &[Kind::Video, Kind::Video]);
    bench.install();
    let mut show = |bench: &mut Bench, seq| {
        for (at, far) in (0_u16..).zip(&mut fars) {
            let packet = far.say(5, VP8, seq, &[], &vp8(at, true));
            bench.take(far, packet);
        }
        bench.turn();
        let mut seen: Vec<u16> = bench.media(&mut viewer).iter().map(said).collect();
        seen.sort_unstable();
        seen
    };
    show(&mut bench, 1);
    assert_eq!(show(&mut bench, 2), [0, 1], "first come");
    let wish = |id, height| Wish { track: track(id, Source::Camera), height };
    for (wishes, expected) in [
        (vec![wish(1, 0), wish(2, 0)], &[2, 3][..]), // who is not wanted is in nobody's place
        (vec![wish(3, 180)], &[0, 2]),
        (vec![wish(3, 180), wish(2, 180)], &[1, 2]),
        (vec![wish(1, 0)], &[1, 2]),
        (vec![wish(1, 0), wish(2, 0), wish(4, 0), wish(3, 90)], &[2]), // seated, but paused
    ] {
        let view = Command::View { peer: PeerId(9), wishes: wishes.clone() };
        bench.shard.handle_command(bench.now, view);
        bench.turn();
        let seq = 10 + bench.count(Counter::ReceivedPackets) as u16;
        assert_eq!(show(&mut bench, seq), expected, "{wishes:?}");
    }
}

#[test]
fn a_table_is_acknowledged_when_what_was_submitted_before_is_complete() {
    let (mut bench, mut speakers, mut listener) = five();
    bench.pass(ms(1));
    bench.reports.clear();
    bench.queue.instant = false;
    let acknowledged = |bench: &Bench| {
        let epochs = bench.reports.iter().filter_map(|report| match report {
            Report::Acknowledged { epoch, .. } => Some(epoch.0),
            _ => None,
        });
        epochs.collect::<Vec<_>>()
    };
    for seq in 0..3 {
        speak(&mut bench, &mut speakers[..1], seq, &[20]);
    }
    bench.install();
    bench.turn();
    assert!(acknowledged(&bench).is_empty(), "in flight");
    bench.install();
    bench.turn();
    bench.queue.complete();
    bench.turn();
    assert_eq!(acknowledged(&bench), [2, 3]);
    // All memory is in flight: it comes all the same, and what is queued is not lost.
    bench.queue.room = 0;
    let packet = speakers[0].voice(5, 9);
    bench.take(&speakers[0], packet);
    bench.install();
    bench.turn();
    assert_eq!(acknowledged(&bench), [2, 3, 4]);
    let _ = bench.media(&mut listener);
    bench.queue.room = 9;
    bench.turn();
    assert_eq!(bench.media(&mut listener).len(), 1);
}

/// What waits in a queue when its leg goes is not sent, though the slot has another leg by then.
#[test]
fn what_is_queued_for_an_edge_goes_with_it() {
    let mut bench = Bench::new();
    let mut speakers: Vec<Far> = (1..3).map(|id| bench.join(id, VOICE, &[])).collect();
    let mut listener = bench.join(9, &[], &[Kind::Audio]);
    bench.install();
    speak(&mut bench, &mut speakers[..2], 0, &[20, 20]);
    let packet = speakers[0].say(5, OPUS, 1, &[], &[1; 20]);
    bench.take(&speakers[0], packet);
    bench.listen_to(9, SIDE);
    bench.speak_to(2, SIDE);
    bench.install();
    let packet = speakers[1].say(5, OPUS, 1, &[], &[2; 20]);
    bench.take(&speakers[1], packet);
    bench.turn();
    let said: Vec<u8> = bench.media(&mut listener).iter().map(|got| got.payload[0]).collect();
    assert_eq!(said, [2]);
}

/// What came in the same turn, before the table, is for who could hear it then.
#[test]
fn a_new_leg_gets_nothing_from_before_it() {
    let mut bench = Bench::new();
    let mut speaker = bench.join(1, VOICE, &[]);
    let mut here = bench.join(2, &[], &[Kind::Audio]);
    let mut comes = bench.join(3, &[], &[Kind::Audio]);
    bench.listen_to(3, SIDE);
    bench.install();
    for seq in 0..2 {
        speak(&mut bench, std::slice::from_mut(&mut speaker), seq, &[20]);
    }
    let _ = bench.media(&mut here);
    let before = speaker.voice(5, 2);
    bench.take(&speaker, before);
    bench.listen_to(3, MAIN);
    bench.install();
    let after = speaker.voice(5, 3);
    bench.take(&speaker, after);
    bench.turn();
    let said = |got: Vec<Got>| got.iter().map(|got| got.payload[0]).collect::<Vec<_>>();
    assert_eq!(said(bench.media(&mut here)), [2, 3]);
    assert_eq!(said(bench.media(&mut comes)), [3]);
}

#[test]
fn a_full_queue_drops_video_before_audio() {
    let mut bench = Bench::new();
    let both: Offer<'_> = &[(Source::Microphone, &[(5, None)]), (Source::Camera, &[(6, None)])];
    let mut far = bench.join(1, both, &[]);
    let mut listener = bench.join(9, &[], &[Kind::Audio, Kind::Video]);
    bench.install();
    for seq in 0..2 {
        let (voice, picture) = (far.voice(5, seq), far.picture(6, seq, true));
        bench.take(&far, voice);
        bench.take(&far, picture);
        bench.turn();
    }
    let _ = bench.media(&mut listener);
    bench.queue.room = 0;
    for seq in 2..1_200 {
        let picture = far.picture(6, seq, false);
        bench.take(&far, picture);
    }
    for seq in 2..50 {
        let voice = far.voice(5, seq);
        bench.take(&far, voice);
    }
    bench.queue.room = 5_000;
    bench.turn();
    let got = bench.media(&mut listener);
    let voices = got.iter().filter(|got| got.ssrc == slot_ssrc(9, 0)).count();
    assert_eq!(voices, 48);
    assert!(bench.count(Counter::DropQueueFull) >= 100);
}

fn hears(bench: &mut Bench, id: u64, rooms: &[(RoomId, Kinds)]) {
    row_of(bench, id).hears = Hears { rooms: rooms.to_vec() };
}

/// N5: who monitors has the voices of the room that was picked after those of the own room, however
/// loud, and pictures of all; and nothing more from the table on that ends it.
#[test]
fn a_monitored_room_competes_after_the_own_and_ends_with_the_table() {
    let both: Offer<'_> = &[(Source::Microphone, &[(5, None)]), (Source::Camera, &[(6, None)])];
    let mut bench = Bench::new();
    let mut fars: Vec<Far> = (1..5).map(|id| bench.join(id, both, &[])).collect();
    let mut guest = bench.join(8, &[], &[Kind::Audio, Kind::Audio, Kind::Video]);
    let mut host = bench.join(9, both, &[Kind::Audio, Kind::Audio, Kind::Video, Kind::Video]);
    // 1 is with the host in the main room; 2, 3, 4 and the guest are in another.
    for id in [2, 3, 4] {
        bench.speak_to(id, SIDE);
        bench.listen_to(id, SIDE);
    }
    bench.listen_to(8, SIDE);
    let (video, all) = (Kinds::only(Kind::Video), Kinds::ALL);
    hears(&mut bench, 9, &[(MAIN, all), (SIDE, video)]);
    bench.install();
    let mut seq = 0;
    let mut said = |bench: &mut Bench, host: &mut Far, guest: &mut Far| {
        for _ in 0..40 {
            seq += 1;
            for (far, level) in fars.iter_mut().zip([60, 20, 30, 40]) {
                let packet = far.say(5, OPUS, seq, &[(1, &[level])], &[0; 20]);
                bench.take(far, packet);
                let packet = far.picture(6, seq, true);
                bench.take(far, packet);
            }
            let (voice, picture) = (host.voice(5, seq), host.picture(6, seq, true));
            bench.take(host, voice);
            bench.take(host, picture);
            bench.pass(ms(20));
        }
        let seated = slots_of(bench, 9).unwrap();
        let from = |slot: Option<TrackId>| slot.map_or(0, |track| track.0 / 100);
        let heard: Vec<u64> = seated[..2].iter().copied().map(from).collect();
        let got = bench.media(host);
        let elsewhere = got.iter().filter(|got| {
            let slot = (0..4).find(|slot| slot_ssrc(9, *slot) == got.ssrc).unwrap();
            from(seated[slot]) != 1
        });
        let elsewhere = elsewhere.count();
        let own = slots_of(bench, 8).unwrap();
        assert!(!own.iter().any(|slot| from(*slot) == 9), "the guest has nothing of the host");
        assert!(!bench.media(guest).is_empty());
        (heard, elsewhere > 0)
    };
    assert_eq!(said(&mut bench, &mut host, &mut guest), (vec![1, 0], true), "thumbnails only");
    hears(&mut bench, 9, &[(MAIN, all), (SIDE, all)]);
    bench.install();
    let (heard, _) = said(&mut bench, &mut host, &mut guest);
    assert_eq!(heard, [1, 2], "the quiet one of the own room, then the loudest of the other");
    hears(&mut bench, 9, &[(MAIN, all)]);
    bench.install();
    let _ = bench.media(&mut host);
    let (heard, elsewhere) = said(&mut bench, &mut host, &mut guest);
    assert_eq!((heard, elsewhere), (vec![1, 0], false), "not one packet after it");
}
