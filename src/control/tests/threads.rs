//! The control thread, asked from several threads, with shards that answer from their own.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::fake::{Fake, coordinator, offer};
use crate::control::api::{Change, Refusal, RelayEvent};
use crate::control::handle::RelayHandle;
use crate::control::relay::{Bell, Relay};
use crate::route::id::Source;
use crate::route::table::{Role, Roles};
use crate::shard::command::Report;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs one future to its end.
fn wait_for<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

fn start(shards: u16) -> (RelayHandle, mpsc::Receiver<RelayEvent>, Vec<Fake>, Bell) {
    let shards: Vec<_> = (0..shards).map(|index| Fake::new(index, 16)).collect();
    let bell = Bell::default();
    let (handle, events) = Relay::spawn(coordinator(shards.clone()), bell.clone()).unwrap();
    (handle, events, shards, bell)
}

#[test]
fn a_handle_works_from_any_thread() {
    let (handle, _events, shards, bell) = start(2);
    shards.iter().for_each(|shard| shard.books().at_once = Some(bell.clone()));
    let meetings = |_| {
        let handle = handle.clone();
        thread::spawn(move || {
            wait_for(async {
                let (meeting, main) = handle.open_meeting().await.unwrap();
                let side = handle.open_room(meeting).await.unwrap();
                for _ in 0..20 {
                    let who = handle.admit(meeting, main, Role(0), Roles::ALL).await.unwrap();
                    let peer = handle.add_peer(meeting, who, offer(2, 2)).await.unwrap().peer;
                    handle.view(peer, vec![(who, Source::Camera, 180)]).await.unwrap();
                    let moved = vec![Change::Move { participant: who, room: side }];
                    handle.change(meeting, moved).await.unwrap();
                    handle.restart_ice(peer, offer(0, 0).ice).await.unwrap();
                    handle.remove_peer(peer).await.unwrap();
                }
                handle.close_room(meeting, side).await.unwrap_err();
                handle.close_meeting(meeting).await.unwrap();
            });
        })
    };
    let threads: Vec<_> = (0..8).map(meetings).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let stats = wait_for(handle.stats()).unwrap();
    assert_eq!((stats.meetings, stats.peers), (0, 0));
    // Join, revoke and grant of the move, leave: 20 times in 8 meetings.
    let installs: u64 = stats.shards.iter().map(|shard| shard.counters[0].1).sum();
    assert_eq!(installs, 8 * 20 * 4);
}

/// Shards on threads of their own ring; nobody waits longer than they take.
#[test]
fn control_sleeps_until_it_is_rung() {
    let (handle, _events, shards, bell) = start(1);
    let shard = shards[0].clone();
    thread::spawn(move || {
        while !shard.books().ended {
            if shard.books().work() {
                shard.books().acknowledge();
                bell.ring();
            }
            thread::yield_now();
        }
    });
    wait_for(async {
        let (meeting, main) = handle.open_meeting().await.unwrap();
        let side = handle.open_room(meeting).await.unwrap();
        let who = handle.admit(meeting, main, Role(0), Roles::ALL).await.unwrap();
        handle.add_peer(meeting, who, offer(1, 1)).await.unwrap();
        for turn in 0..500 {
            let room = if turn % 2 == 0 { side } else { main };
            handle.change(meeting, vec![Change::Move { participant: who, room }]).await.unwrap();
        }
    });
    shards[0].books().ended = true;
    assert_eq!(shards[0].books().installs, 1 + 2 * 500);
}

/// Signaling that does not listen holds nobody up, and loses nothing but old states.
#[test]
fn a_full_event_queue_does_not_block() {
    let (handle, mut events, shards, bell) = start(1);
    shards[0].books().at_once = Some(bell.clone());
    let (meeting, main) = wait_for(handle.open_meeting()).unwrap();
    let who = wait_for(handle.admit(meeting, main, Role(0), Roles::ALL)).unwrap();
    let peer = wait_for(handle.add_peer(meeting, who, offer(1, 1))).unwrap().peer;
    const SLOTS: usize = 20_000;
    for n in 0..SLOTS {
        let slots = vec![None; n];
        shards[0].books().reports.push_back(Report::Slots { peer, slots });
        if n % 3 == 0 {
            bell.ring();
            thread::yield_now();
        }
    }
    shards[0].books().reports.push_back(Report::Connected(peer));
    bell.ring();
    wait_for(handle.stats()).unwrap();
    let (mut connected, mut last) = (0, 0);
    while connected == 0 || last + 1 < SLOTS {
        match events.blocking_recv().unwrap() {
            RelayEvent::PeerConnected(_) => connected += 1,
            RelayEvent::Slots { slots, .. } => {
                assert!(last == 0 || slots.len() > last, "in order");
                last = slots.len();
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(connected, 1);
}

#[test]
fn with_the_last_handle_the_relay_ends() {
    let (handle, mut events, shards, _bell) = start(1);
    let clone = handle.clone();
    drop(handle);
    wait_for(clone.open_meeting()).unwrap();
    drop(clone);
    assert_eq!(events.blocking_recv(), None, "the control thread is gone");
    let deadline = Instant::now() + Duration::from_secs(10);
    while shards[0].holders() > 1 {
        assert!(Instant::now() < deadline, "the ports are dropped");
        thread::yield_now();
    }
}

#[test]
fn a_relay_that_stopped_says_so() {
    let (sender, requests) = mpsc::channel(1);
    drop(requests);
    let handle = RelayHandle::new(sender);
    assert_eq!(wait_for(handle.open_meeting()), Err(Refusal::Stopped));
    let (sender, mut requests) = mpsc::channel(1);
    let handle = RelayHandle::new(sender);
    let asked = thread::spawn(move || wait_for(handle.stats()));
    drop(requests.blocking_recv()); // taken, and never answered
    assert_eq!(asked.join().unwrap(), Err(Refusal::Stopped));
}
