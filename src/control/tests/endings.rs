//! Shards that end, and are started again.

use std::time::{Duration, Instant};

use super::fake::{Stage, offer};
use super::requests::go;
use crate::control::api::{Refusal, RelayEvent};
use crate::control::port::{BACKLOG_CROWDED, STALLED};
use crate::control::request::Request;
use crate::shard::command::Gone;

#[test]
fn a_shard_that_ends_takes_only_its_peers_along() {
    let mut stage = Stage::new(2, 100);
    let (meeting, main, side) = stage.meeting();
    let people: Vec<_> = (0..3).map(|_| stage.admit(meeting, main)).collect();
    let peers: Vec<_> = people.iter().map(|who| stage.join(meeting, *who).peer).collect();
    stage.settle();
    let mut moved = stage.ask(|reply| Request::Change(meeting, vec![go(people[1], side)], reply));
    stage.shards[0].books().ended = true;
    stage.settle();
    assert_eq!(moved.try_recv(), Ok(Ok(())), "the dead are not waited for");
    let events: Vec<_> = std::iter::from_fn(|| stage.control.poll_event()).collect();
    let gone = |peer| RelayEvent::PeerGone(peer, Gone::ShardEnded);
    assert_eq!(events, [gone(peers[0]), gone(peers[2])]);
    let tracks = stage.shards[1].books().tables[&meeting].tracks.clone();
    assert!(tracks.iter().all(|row| row.peer == peers[1]), "nothing of them is left");

    let again = stage.join(meeting, people[0]);
    assert_eq!(again.candidates, ["192.0.2.1:40001".parse().unwrap()]);
    stage.shards[1].books().ended = true;
    stage.control.collect();
    let refused = stage.now(|r| Request::AddPeer(meeting, people[0], Box::new(offer(1, 1)), r));
    assert_eq!(refused.err(), Some(Refusal::Stopped));
    stage.then(|reply| Request::CloseMeeting(meeting, reply)).unwrap();
}

/// A shard that ended and is started again knows nothing: it is sent whole tables, others are not
/// held up, and it is not told to forget what it never heard of.
#[test]
fn a_shard_that_is_started_again_is_one_like_any_other() {
    let mut stage = Stage::new(2, 100).with_revival();
    let (meeting, main, side) = stage.meeting();
    let people: Vec<_> = (0..4).map(|_| stage.admit(meeting, main)).collect();
    people.iter().for_each(|who| _ = stage.join(meeting, *who));
    stage.settle();
    for round in 1..=3_u64 {
        stage.shards[0].books().ended = true;
        let mut moved =
            stage.ask(|reply| Request::Change(meeting, vec![go(people[1], side)], reply));
        // The table in force still names peers of the dead: it stays dead until the next one.
        stage.control.collect();
        stage.control.revive();
        assert!(stage.shards[0].books().ended, "{round}");
        stage.settle();
        assert_eq!(moved.try_recv(), Ok(Ok(())), "the dead are not waited for");
        let left = stage.pass(Duration::from_secs(61));
        assert_eq!(left, None, "all live");
        assert!(!stage.shards[0].books().ended, "{round}: it is started");
        assert_eq!(stage.shards[0].books().tables.len(), 0, "it knows nothing");

        let again = stage.join(meeting, people[0]);
        assert_eq!(again.candidates, ["192.0.2.1:40000".parse().unwrap()], "its place is free");
        stage.settle();
        let (one, two) = (stage.shards[0].books(), stage.shards[1].books());
        assert_eq!(one.log, ["add", "install"]);
        assert_eq!(one.tables[&meeting].tracks, two.tables[&meeting].tracks);
        assert_eq!(one.tables[&meeting].epoch, two.tables[&meeting].epoch);
        drop((one, two));
        stage.then(|r| Request::Change(meeting, vec![go(people[1], main)], r)).unwrap();
        let stats = stage.now(Request::Stats).unwrap();
        assert_eq!(stats.shards[0].counters.last(), Some(&("restarts", round)));
    }
    stage.then(|reply| Request::CloseMeeting(meeting, reply)).unwrap();
}

#[test]
fn a_shard_that_keeps_ending_is_started_ever_later() {
    let mut stage = Stage::new(2, 100).with_revival();
    stage.pass(Duration::ZERO);
    let mut waited = Vec::new();
    for _ in 0..4 {
        stage.shards[1].books().ended = true;
        let (mut ms, mut left) = (0, stage.pass(Duration::ZERO));
        while left.is_some() {
            ms += 10;
            left = stage.pass(Duration::from_millis(10));
        }
        waited.push(ms);
    }
    assert_eq!(waited, [0, 100, 200, 400]);
}

/// A shard that takes no commands any more is felt by those who are on it, not by others: it is not
/// waited for, nobody is placed there, and what it can be asked for without end is refused.
#[test]
fn a_shard_that_hangs_holds_up_nobody_else() {
    let mut stage = Stage::new(2, 4);
    let mut meetings = [stage.meeting(), stage.meeting()];
    let mut peers = Vec::new();
    for (meeting, main, _) in meetings {
        let who = stage.admit(meeting, main);
        peers.push((who, stage.join(meeting, who).peer)); // a shard each
        stage.settle();
    }
    let start = Instant::now();
    stage.control.tell_time(start);
    let view = |stage: &mut Stage, at: usize| {
        stage.now(|reply| Request::View(peers[at].1, Vec::new(), reply))
    };
    // Nobody lets the first one work from here on.
    let mut taken = 0;
    while !stage.control.is_crowded() {
        view(&mut stage, 0).unwrap();
        taken += 1;
    }
    assert_eq!(taken, 4 + BACKLOG_CROWDED, "the queue, and what may wait in front of it");
    for ms in [0, 999] {
        stage.control.tell_time(start + Duration::from_millis(ms));
        assert!(stage.control.is_crowded(), "a moment is waited");
    }
    stage.control.tell_time(start + STALLED);
    assert!(!stage.control.is_crowded(), "but not for ever");
    assert_eq!(view(&mut stage, 0), Err(Refusal::ShardStalled));
    let stats = stage.now(Request::Stats).unwrap();
    assert_eq!(stats.shards[0].backlog, BACKLOG_CROWDED, "and nothing is added");
    view(&mut stage, 1).unwrap();
    let (meeting, main, side) = meetings[1];
    let who = stage.admit(meeting, main);
    let joined = stage.now(|r| Request::AddPeer(meeting, who, Box::new(offer(1, 1)), r)).unwrap();
    assert_eq!(joined.candidates, ["192.0.2.1:40001".parse().unwrap()]);
    let mut moved = stage.ask(|reply| Request::Change(meeting, vec![go(who, side)], reply));
    while stage.shards[1].books().work() {
        stage.shards[1].books().acknowledge();
        stage.control.collect();
    }
    assert_eq!(moved.try_recv(), Ok(Ok(())));
    // It goes on, and so does everything.
    stage.settle();
    stage.control.tell_time(start + 2 * STALLED);
    view(&mut stage, 0).unwrap();
    meetings.reverse();
    for (meeting, ..) in meetings {
        stage.then(|reply| Request::CloseMeeting(meeting, reply)).unwrap();
    }
}
