//! One request after the other.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use tokio::sync::oneshot::error::TryRecvError;

use super::fake::{Stage, offer};
use crate::control::api::{Change, PeerOffer, Refusal, RelayEvent};
use crate::control::port::BACKLOG_CROWDED;
use crate::control::request::{Request, Wanted};
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source, TrackId};
use crate::route::table::{Audience, Role, Roles};
use crate::shard::command::{Gone, Report, Wish};
use crate::transport::IceCredentials;

const PENDING: Result<Result<(), Refusal>, TryRecvError> = Err(TryRecvError::Empty);

pub fn go(participant: ParticipantId, room: RoomId) -> Change {
    Change::Move { participant, room }
}

#[test]
fn a_peer_gets_what_it_offered() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let who = stage.admit(meeting, main);
    let answer = stage.join(meeting, who);
    assert_eq!(answer.candidates, ["192.0.2.1:40000".parse().unwrap()]);
    assert_eq!(answer.slots.iter().map(|slot| &*slot.mid).collect::<Vec<_>>(), ["s0", "s1", "s2"]);
    let rtx: Vec<_> = answer.slots.iter().map(|slot| slot.rtx_ssrc.is_some()).collect();
    assert_eq!(rtx, [false, true, true], "where it was negotiated");
    stage.settle();

    let books = stage.shards[0].books();
    assert_eq!(books.log, ["add", "install"], "added before it is named");
    let spec = &books.peers[&answer.peer];
    assert_eq!(spec.local_ice, answer.ice);
    assert_eq!(&*spec.remote_ice.ufrag, "them");
    let tracks: Vec<_> = spec.tracks.iter().map(|track| track.track).collect();
    assert_eq!(tracks, answer.tracks);
    let rows: Vec<_> =
        books.tables[&meeting].tracks.iter().map(|row| (row.track, row.source)).collect();
    assert_eq!(rows, [(tracks[0], Source::Microphone), (tracks[1], Source::Camera)]);
}

#[test]
fn names_are_unique() {
    let mut stage = Stage::new(2, 1_000);
    let (meeting, main, _) = stage.meeting();
    let (mut ssrcs, mut ufrags, mut tracks) = (HashSet::new(), HashSet::new(), HashSet::new());
    for _ in 0..50 {
        let who = stage.admit(meeting, main);
        let answer = stage.join(meeting, who);
        for slot in &answer.slots {
            assert!(slot.ssrc.0 != 0 && ssrcs.insert(slot.ssrc));
            assert!(slot.rtx_ssrc.is_none_or(|ssrc| ssrcs.insert(ssrc)));
        }
        assert!(ufrags.insert(answer.ice.ufrag));
        assert!(answer.tracks.iter().all(|track| tracks.insert(*track)));
        let remote =
            IceCredentials { ufrag: "new".into(), pwd: "a new password, long enough".into() };
        let ours = stage.now(|reply| Request::RestartIce(answer.peer, remote, reply)).unwrap();
        assert!(ufrags.insert(ours.ufrag), "new with every restart");
    }
    stage.settle();
    assert_eq!(stage.shards[0].books().log.iter().filter(|name| **name == "restart").count(), 25);
}

/// A client must not be sent the SSRC it sends itself.
#[test]
fn no_slot_has_an_ssrc_of_the_client() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let who = stage.admit(meeting, main);
    let free = stage.join(meeting, who).slots[0].ssrc;
    let mut stage = Stage::new(1, 100); // the same seed once more
    let (meeting, main, _) = stage.meeting();
    let who = stage.admit(meeting, main);
    let mut taken = offer(1, 1);
    taken.tracks[0].ssrcs = vec![(free, None)];
    let taken = Box::new(taken);
    let answer = stage.now(|reply| Request::AddPeer(meeting, who, taken, reply)).unwrap();
    assert_ne!(answer.slots[0].ssrc, free);
}

#[test]
fn refusals() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, side) = stage.meeting();
    let who = stage.admit(meeting, main);
    let (no_meeting, no_room) = (MeetingId(99), RoomId(99));
    let (nobody, no_peer) = (ParticipantId(99), PeerId(99));
    let unknown_meeting = Err(Refusal::UnknownMeeting);

    for (meeting, room, expected) in [
        (meeting, main, Err(Refusal::RoomInUse)),
        (meeting, no_room, Err(Refusal::UnknownRoom)),
        (no_meeting, side, unknown_meeting),
        (meeting, side, Ok(())),
        (meeting, side, Err(Refusal::UnknownRoom)),
    ] {
        assert_eq!(stage.now(|reply| Request::CloseRoom(meeting, room, reply)), expected);
    }
    for (meeting, room, expected) in
        [(meeting, no_room, Refusal::UnknownRoom), (no_meeting, main, Refusal::UnknownMeeting)]
    {
        let (role, receives) = (Role(0), Roles::ALL);
        let refused = stage.now(|reply| Request::Admit { meeting, room, role, receives, reply });
        assert_eq!(refused, Err(expected));
    }
    let from = |from| PeerOffer { from: Some(from), ..offer(0, 1) };
    for (meeting, who, offer, expected) in [
        (no_meeting, who, offer(1, 1), Err(Refusal::UnknownMeeting)),
        (meeting, nobody, offer(1, 1), Err(Refusal::UnknownParticipant)),
        (meeting, who, from(nobody), Err(Refusal::UnknownParticipant)),
        (meeting, who, offer(5, 60), Err(Refusal::TooManyLines)),
        (meeting, who, offer(4, 60), Ok(())),
        (meeting, who, from(who), Ok(())),
    ] {
        let answer = stage.now(|reply| Request::AddPeer(meeting, who, Box::new(offer), reply));
        assert_eq!(answer.map(|_| ()), expected);
    }
    let ice = IceCredentials { ufrag: "new".into(), pwd: "a new password, long enough".into() };
    let restarted = stage.now(|reply| Request::RestartIce(no_peer, ice, reply));
    assert_eq!(restarted, Err(Refusal::UnknownPeer));
    assert_eq!(stage.now(|reply| Request::RemovePeer(no_peer, reply)), Err(Refusal::UnknownPeer));
    assert_eq!(stage.now(|r| Request::View(no_peer, vec![], r)), Err(Refusal::UnknownPeer));
    let dismissed = stage.now(|reply| Request::Dismiss(meeting, nobody, reply));
    assert_eq!(dismissed, Err(Refusal::UnknownParticipant));
    assert_eq!(stage.now(|reply| Request::Dismiss(no_meeting, who, reply)), unknown_meeting);
    assert_eq!(stage.now(|r| Request::Change(no_meeting, vec![], r)), unknown_meeting);
    let moved = stage.now(|reply| Request::Change(meeting, vec![go(who, no_room)], reply));
    assert_eq!(moved, Err(Refusal::UnknownRoom));
    assert_eq!(
        stage.now(|reply| Request::OpenRoom(no_meeting, reply)).err(),
        unknown_meeting.err()
    );
    assert_eq!(stage.now(|reply| Request::CloseMeeting(no_meeting, reply)), unknown_meeting);
}

/// Two epochs, each acknowledged by both shards; the reply comes with the last of the four.
#[test]
fn a_move_is_answered_when_it_is_granted_everywhere() {
    let mut stage = Stage::new(2, 100);
    let (meeting, main, side) = stage.meeting();
    let people = [stage.admit(meeting, main), stage.admit(meeting, main)];
    people.iter().for_each(|who| _ = stage.join(meeting, *who));
    stage.settle();
    let accepted = Instant::now();
    stage.control.tell_time(accepted);
    let mut answer = stage.ask(|reply| Request::Change(meeting, vec![go(people[0], side)], reply));
    for acknowledgement in 1..=4 {
        stage.control.tell_time(accepted + Duration::from_micros(100) * acknowledgement as u32);
        assert_eq!(answer.try_recv(), PENDING, "before acknowledgement {acknowledgement}");
        let shard = stage.shards[acknowledgement % 2].clone();
        assert!(shard.books().work() && !shard.books().work(), "one table at a time");
        shard.books().acknowledge();
        stage.control.collect();
    }
    assert_eq!(answer.try_recv(), Ok(Ok(())));
    let counted = stage.now(Request::Stats).unwrap().control;
    let seen: Vec<_> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(seen, [("change_us/le=500", 1), ("change_us/sum", 400)], "until the last of them");
}

#[test]
fn three_hundred_rooms_of_ten_are_one_epoch_pair() {
    let mut stage = Stage::new(2, 10_000);
    let (meeting, main) = stage.now(Request::OpenMeeting).unwrap();
    let people: Vec<_> = (0..3_000).map(|_| stage.admit(meeting, main)).collect();
    for who in &people {
        stage.now(|reply| Request::AddPeer(meeting, *who, Box::new(offer(2, 1)), reply)).unwrap();
    }
    stage.settle();
    let installs =
        |stage: &Stage| stage.shards.iter().map(|s| s.books().installs).collect::<Vec<_>>();
    let before = installs(&stage);
    assert_eq!(before, [2, 1], "the first peer, then all who came while it was installed");

    let moves = people.chunks(10).flat_map(|group| {
        let room = stage.now(|reply| Request::OpenRoom(meeting, reply)).unwrap();
        group.iter().map(move |who| go(*who, room))
    });
    let moves: Vec<_> = moves.collect();
    stage.then(|reply| Request::Change(meeting, moves, reply)).unwrap();
    assert_eq!(installs(&stage), [4, 3], "revoke and grant, once");
    let books = stage.shards[1].books();
    let table = &books.tables[&meeting];
    let mut rooms: HashMap<_, usize> = HashMap::new();
    for row in &table.tracks {
        assert_eq!(row.audience.rooms.len(), 1);
        *rooms.entry(row.audience.rooms[0]).or_default() += 1;
    }
    assert_eq!(rooms.len(), 300, "nobody in the main room");
    assert!(rooms.values().all(|count| *count == 20), "ten people with two tracks");
}

/// What comes while a pair is under way is served by the next, all of it by one.
#[test]
fn changes_gather_while_a_pair_is_under_way() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, side) = stage.meeting();
    let people: Vec<_> = (0..4).map(|_| stage.admit(meeting, main)).collect();
    people.iter().for_each(|who| _ = stage.join(meeting, *who));
    stage.settle();
    let before = stage.shards[0].books().installs;
    let change = |who| move |reply| Request::Change(meeting, vec![go(who, side)], reply);
    let mut answers: Vec<_> = people.iter().map(|who| stage.ask(change(*who))).collect();
    stage.settle();
    assert!(answers.iter_mut().all(|answer| answer.try_recv() == Ok(Ok(()))));
    assert_eq!(stage.shards[0].books().installs - before, 4, "the first; then three at once");
}

#[test]
fn who_leaves_loses_keys_at_once() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, side) = stage.meeting();
    let people: Vec<_> = (0..3).map(|_| stage.admit(meeting, main)).collect();
    let peers: Vec<_> = people.iter().map(|who| stage.join(meeting, *who).peer).collect();
    stage.settle();
    stage.shards[0].books().log.clear();
    // Nothing under way: right behind the table without it.
    let mut answer = stage.ask(|reply| Request::Dismiss(meeting, people[0], reply));
    while stage.shards[0].books().work() {}
    assert_eq!(stage.shards[0].books().log, ["install", "remove"]);
    assert_eq!(answer.try_recv(), PENDING, "nothing is acknowledged");
    stage.settle();
    assert_eq!(answer.try_recv(), Ok(Ok(())));
    // A pair under way that no shard acknowledges: keys go all the same.
    let mut moved = stage.ask(|reply| Request::Change(meeting, vec![go(people[1], side)], reply));
    let mut removed = stage.ask(|reply| Request::RemovePeer(peers[2], reply));
    while stage.shards[0].books().work() {}
    assert_eq!(stage.shards[0].books().log, ["install", "remove", "install", "remove"]);
    assert_eq!((moved.try_recv(), removed.try_recv()), (PENDING, PENDING));
    stage.settle();
    assert_eq!((moved.try_recv(), removed.try_recv()), (Ok(Ok(())), Ok(Ok(()))));
    let names = |books: &super::fake::Books| {
        books.tables[&meeting].participants.iter().map(|row| row.participant).collect::<Vec<_>>()
    };
    assert_eq!(names(&stage.shards[0].books()), [people[1]]);
    assert_eq!(stage.now(|reply| Request::RemovePeer(peers[0], reply)), Err(Refusal::UnknownPeer));
}

#[test]
fn a_shard_without_peers_of_a_meeting_forgets_it() {
    let mut stage = Stage::new(2, 100);
    let (meeting, main, _) = stage.meeting();
    let people: Vec<_> = (0..2).map(|_| stage.admit(meeting, main)).collect();
    people.iter().for_each(|who| _ = stage.join(meeting, *who));
    stage.settle();
    stage.then(|reply| Request::Dismiss(meeting, people[0], reply)).unwrap();
    let heard = |stage: &Stage| -> Vec<_> {
        stage.shards.iter().map(|shard| shard.books().tables.len()).collect()
    };
    assert_eq!(heard(&stage), [0, 1]);
    // Whoever comes next is on the empty shard, while the other goes: no table is lost in between.
    let last = stage.ask(|reply| Request::Dismiss(meeting, people[1], reply));
    let late = stage.admit(meeting, main);
    stage.join(meeting, late);
    stage.settle();
    assert!(last.blocking_recv().unwrap().is_ok());
    assert_eq!(heard(&stage), [1, 0]);

    stage.then(|reply| Request::CloseMeeting(meeting, reply)).unwrap();
    assert_eq!(heard(&stage), [0, 0]);
    assert!(stage.shards.iter().all(|shard| shard.books().peers.is_empty()));
    assert_eq!(stage.now(|r| Request::OpenRoom(meeting, r)), Err(Refusal::UnknownMeeting));
    let stats = stage.now(Request::Stats).unwrap();
    assert_eq!((stats.meetings, stats.rooms, stats.participants), (0, 0, 0));
    assert_eq!((stats.peers, stats.tracks), (0, 0));
    assert!(stats.shards.iter().all(|shard| shard.peers == 0 && shard.backlog == 0));
}

#[test]
fn a_meeting_that_closes_takes_no_requests() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let who = stage.admit(meeting, main);
    let peer = stage.join(meeting, who).peer;
    stage.settle();
    let mut closed = stage.ask(|reply| Request::CloseMeeting(meeting, reply));
    assert_eq!(closed.try_recv(), PENDING);
    assert_eq!(stage.now(|r| Request::CloseMeeting(meeting, r)), Err(Refusal::UnknownMeeting));
    assert_eq!(stage.now(|r| Request::Change(meeting, vec![], r)), Err(Refusal::UnknownMeeting));
    assert_eq!(stage.now(|r| Request::View(peer, vec![], r)), Err(Refusal::UnknownPeer));
    stage.settle();
    assert_eq!(closed.try_recv(), Ok(Ok(())));
    assert_eq!(stage.shards[0].books().log, ["add", "install", "install", "remove", "forget"]);
    assert!(!stage.control.has_events(), "it went on request");
}

/// Wishes are by participant and source, and follow the tracks.
#[test]
fn wishes_are_kept() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, side) = stage.meeting();
    let (viewer, star) = (stage.admit(meeting, main), stage.admit(meeting, main));
    let peer = stage.join(meeting, viewer).peer;
    stage.settle();
    let wanted = vec![
        Wanted { participant: star, source: Source::Camera, height: 720 },
        Wanted { participant: ParticipantId(99), source: Source::Camera, height: 360 },
        Wanted { participant: star, source: Source::Screen, height: 0 },
    ];
    stage.now(|reply| Request::View(peer, wanted, reply)).unwrap();
    let seen = |stage: &mut Stage| {
        stage.settle();
        stage.shards[0].books().views[&peer].clone()
    };
    let wish = |track: TrackId, height| Wish { track, height };
    assert_eq!(seen(&mut stage), [], "no such track yet");

    stage.shards[0].books().log.clear();
    let first = stage.join(meeting, star);
    assert_eq!(seen(&mut stage), [wish(first.tracks[1], 720)]);
    assert_eq!(
        stage.shards[0].books().log,
        ["add", "install", "view"],
        "behind the table that names it"
    );
    let second = offer(3, 0);
    let second = stage.now(|r| Request::AddPeer(meeting, star, Box::new(second), r)).unwrap();
    let both = [wish(second.tracks[1], 720), wish(first.tracks[1], 720), wish(second.tracks[2], 0)];
    assert_eq!(seen(&mut stage), both, "the newest first");

    // Out of sight and back: the shard still knows.
    stage.shards[0].books().log.clear();
    stage.then(|reply| Request::Change(meeting, vec![go(star, side)], reply)).unwrap();
    stage.then(|reply| Request::Change(meeting, vec![go(star, main)], reply)).unwrap();
    assert_eq!(stage.shards[0].books().log, ["install"; 4]);
    // Away and back with a new peer.
    for old in [first.peer, second.peer] {
        stage.then(|reply| Request::RemovePeer(old, reply)).unwrap();
    }
    let again = stage.join(meeting, star);
    assert_eq!(seen(&mut stage), [wish(again.tracks[1], 720)]);
    let many = vec![Wanted { participant: star, source: Source::Camera, height: 1 }; 1_025];
    assert_eq!(stage.now(|r| Request::View(peer, many, r)), Err(Refusal::TooManyLines));
}

/// A `view` that overtakes the table naming its track is repeated behind it.
#[test]
fn a_view_for_a_track_that_is_on_its_way() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let (viewer, star) = (stage.admit(meeting, main), stage.admit(meeting, main));
    let peer = stage.join(meeting, viewer).peer; // this table is not acknowledged:
    let track = stage.join(meeting, star).tracks[1]; // this one waits
    let wanted = vec![Wanted { participant: star, source: Source::Camera, height: 720 }];
    stage.now(|reply| Request::View(peer, wanted, reply)).unwrap();
    stage.settle();
    let books = stage.shards[0].books();
    assert_eq!(books.log, ["add", "install", "add", "view", "install", "view"]);
    assert_eq!(books.views[&peer], [Wish { track, height: 720 }]);
}

#[test]
fn reports_become_events() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let (a, b) = (stage.admit(meeting, main), stage.admit(meeting, main));
    let (answer_a, answer_b) = (stage.join(meeting, a), stage.join(meeting, b));
    stage.settle();
    let nobody = PeerId(99);
    stage.shards[0].books().reports.extend([
        Report::Slots { peer: nobody, slots: vec![None] },
        Report::Slots { peer: answer_a.peer, slots: vec![None] },
        Report::Slots {
            peer: answer_a.peer,
            slots: vec![Some(answer_b.tracks[0]), None, Some(TrackId(99))],
        },
        Report::Speaking { meeting: MeetingId(99), loudest: vec![(9, a)] },
        Report::Speaking { meeting, loudest: vec![(8, b), (9, a)] },
        Report::Connected(answer_a.peer),
        Report::Connected(nobody),
        Report::Gone(nobody, Gone::Closed),
        Report::Gone(answer_b.peer, Gone::ConsentExpired),
        Report::Gone(answer_b.peer, Gone::Closed),
    ]);
    stage.settle();
    let events: Vec<_> = std::iter::from_fn(|| stage.control.poll_event()).collect();
    let expected = [
        RelayEvent::PeerConnected(answer_a.peer),
        RelayEvent::PeerGone(answer_b.peer, Gone::ConsentExpired),
        RelayEvent::Slots {
            peer: answer_a.peer,
            slots: vec![Some((b, Source::Microphone)), None, None],
        },
        RelayEvent::Speaking { meeting, participants: vec![b, a] },
    ];
    assert_eq!(events, expected);
    let books = stage.shards[0].books();
    let rows: Vec<_> =
        books.tables[&meeting].participants.iter().map(|row| row.participant).collect();
    assert_eq!(rows, [a], "who is gone is in no table");
    assert!(!books.log.contains(&"remove"), "the shard dropped it by itself");
}

#[test]
fn commands_wait_for_room_and_keep_their_order() {
    let mut stage = Stage::new(1, 1);
    let (meeting, main, side) = stage.meeting();
    let who = stage.admit(meeting, main);
    let peer = stage.join(meeting, who).peer;
    let most = BACKLOG_CROWDED as u16 - 1; // the table waits, too
    for height in 1..=most {
        assert!(!stage.control.is_crowded());
        let wanted = vec![Wanted { participant: who, source: Source::Camera, height }];
        stage.now(|reply| Request::View(peer, wanted, reply)).unwrap();
    }
    assert!(stage.control.is_crowded() && stage.control.has_backlog());
    let mut moved = stage.ask(|reply| Request::Change(meeting, vec![go(who, side)], reply));
    stage.settle();
    assert!(!stage.control.is_crowded());
    assert_eq!(moved.try_recv(), Ok(Ok(())));
    let books = stage.shards[0].books();
    assert_eq!(books.log[..3], ["add", "install", "view"]);
    assert_eq!(books.views[&peer][0].height, most, "the last one is last");
}

/// Nothing but the new audience may be named while a whisper changes hands.
#[test]
fn an_audience_changes_in_one_pair() {
    let mut stage = Stage::new(1, 100);
    let (meeting, main, _) = stage.meeting();
    let people: Vec<_> = (0..3).map(|_| stage.admit(meeting, main)).collect();
    people.iter().for_each(|who| _ = stage.join(meeting, *who));
    let whisper = |to| Change::Audience {
        participant: people[0],
        source: Source::Microphone,
        audience: Some(Audience { rooms: vec![], participants: vec![to] }),
    };
    stage.then(|reply| Request::Change(meeting, vec![whisper(people[1])], reply)).unwrap();
    let mut changed = stage.ask(|reply| Request::Change(meeting, vec![whisper(people[2])], reply));
    let named = |stage: &Stage| {
        let mut books = stage.shards[0].books();
        assert!(books.work() && !books.work());
        books.acknowledge();
        books.tables[&meeting].tracks[0].audience.participants.clone()
    };
    assert_eq!(named(&stage), []);
    stage.control.collect();
    assert_eq!(named(&stage), [people[2]]);
    assert_eq!(changed.try_recv(), PENDING);
    stage.control.collect();
    assert_eq!(changed.try_recv(), Ok(Ok(())));
}
