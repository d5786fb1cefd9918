//! What goes between a shard and the other threads: commands, reports, timers, counters, the end.

mod io_echo_world;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use io_echo_world::*;
use ringfence::io::{Counter, Ended, IoConfig, Notify, Refused, Step, restart, start};
use ringfence::wire::path::Path;

#[test]
fn a_command_wakes_an_idle_shard() {
    for io in drivers() {
        let mut link = started(&config(io));
        for number in 0..200 {
            if number % 50 == 0 {
                thread::sleep(Duration::from_millis(150)); // published: sleeps for good
            }
            link.send(Command::Ping(number)).unwrap();
            assert_eq!(report(&mut link), Report::Pong(number), "{io:?}");
        }
        counted(&link, Counter::Commands, |count| count == 200);
    }
}

#[test]
fn an_idle_shard_sleeps() {
    for io in drivers() {
        let mut link = started(&config(io));
        link.send(Command::Ping(0)).unwrap();
        report(&mut link);
        counted(&link, Counter::Commands, |count| count == 1);
        let turns = link.published().io(Counter::Turns);
        thread::sleep(Duration::from_millis(500));
        link.send(Command::Ping(1)).unwrap();
        counted(&link, Counter::Commands, |count| count == 2);
        let turned = link.published().io(Counter::Turns) - turns;
        assert!(turned < 20, "{io:?}: {turned} turns in half a second of nothing");
    }
}

#[test]
fn commands_are_never_dropped_and_keep_their_order() {
    for io in drivers() {
        let mut link = started(&tuned(io, |tuning| tuning.commands = 4));
        link.send(Command::Stall(Duration::from_millis(50))).unwrap();
        let mut refused = 0;
        for number in 0..500 {
            let mut command = Command::Ping(number);
            command = match link.send(command) {
                Ok(()) => continue,
                Err(Refused::Full(command)) => command,
                Err(Refused::Ended(_)) => panic!("it has not ended"),
            };
            assert_eq!(command, Command::Ping(number), "it comes back");
            refused += 1;
            eventually("room for a command", || match link.send(command.clone()) {
                Ok(()) => Some(()),
                Err(_) => None,
            });
        }
        assert!(refused > 0, "the queue was full");
        for number in 0..500 {
            assert_eq!(report(&mut link), Report::Pong(number), "{io:?}");
        }
    }
}

#[test]
fn reports_wait_for_room() {
    for io in drivers() {
        let mut link = started(&tuned(io, |tuning| tuning.reports = 2));
        link.send(Command::Pings(300)).unwrap();
        thread::sleep(Duration::from_millis(20));
        for number in 0..300 {
            assert_eq!(report(&mut link), Report::Pong(number), "{io:?}");
        }
        assert_alive(&link, "127.0.0.1");
    }
}

#[test]
fn reports_and_the_end_are_notified() {
    for io in drivers() {
        let count = Arc::new(AtomicUsize::new(0));
        let notify = {
            let count = count.clone();
            Notify(Arc::new(move |shard| {
                assert_eq!(shard, 0);
                count.fetch_add(1, SeqCst);
            }))
        };
        let mut link = started(&IoConfig { notify, ..config(io) });
        link.send(Command::Ping(7)).unwrap();
        eventually("a notification", || (count.load(SeqCst) == 1).then_some(()));
        assert_eq!(link.poll_report(), Some(Report::Pong(7)), "it is there when notified");
        assert_eq!(link.stop(), Ended::Stopped);
        assert_eq!(count.load(SeqCst), 2, "{io:?}");
    }
}

#[test]
fn timers_go_off() {
    for io in drivers() {
        let mut link = started(&config(io));
        for (number, after) in
            [Duration::ZERO, Duration::from_micros(300), Duration::from_millis(30)]
                .into_iter()
                .enumerate()
        {
            link.send(Command::Timer(after, number as u32)).unwrap();
            assert_eq!(report(&mut link), Report::Pong(number as u32), "{io:?}");
        }
    }
}

#[test]
fn submissions_are_complete_in_the_end() {
    for io in drivers() {
        let mut link = started(&tuned(io, |tuning| tuning.send_slots = 3));
        let socket = client("127.0.0.1");
        let path =
            Path { local: "127.0.0.1".parse().unwrap(), remote: socket.local_addr().unwrap() };
        for number in 0..50 {
            for _ in 0..10 {
                link.send(Command::Train { path, len: 2_500, segment: 1_000 }).unwrap();
            }
            link.send(Command::Settle(number)).unwrap();
            assert_eq!(report(&mut link), Report::Settled(number), "{io:?}");
            // What is complete has been sent: all of it is here.
            socket.set_nonblocking(true).unwrap();
            for datagram in 0..30 {
                let mut buffer = [0; DATAGRAM_MAX];
                assert!(socket.recv(&mut buffer).is_ok(), "{io:?}: {number} {datagram}");
            }
        }
    }
}

#[test]
fn a_panic_ends_one_shard_and_it_can_be_started_again() {
    for io in drivers() {
        let config = IoConfig { shards: 2, ..config(io) };
        let mut links = start(&config, Echo::new).unwrap();
        let (mut broken, mut other) = (links.remove(0), links.remove(0));
        broken.send(Command::Ping(1)).unwrap();
        broken.send(Command::Panic).unwrap();
        let ended = eventually("the end", || broken.ended());
        assert_eq!(ended, Ended::Panicked, "{io:?}");
        assert_eq!(broken.send(Command::Ping(2)), Err(Refused::Ended(Command::Ping(2))));
        assert_alive(&other, "127.0.0.1");
        let port = broken.port;
        eventually("the port is free", || {
            restart(&config, &mut [&mut broken, &mut other], 0, Arc::new(Echo::new)).ok()
        });
        assert_eq!((broken.port, broken.ended()), (port, None));
        assert_alive(&broken, "127.0.0.1");
        assert_alive(&other, "127.0.0.1");
        broken.send(Command::Ping(3)).unwrap();
        assert_eq!(report(&mut broken), Report::Pong(3), "nothing of the former one is told");
        assert_eq!(broken.stop(), Ended::Stopped);
    }
}

#[test]
fn a_shard_is_not_started_again_while_another_can_not_be_told() {
    for io in drivers() {
        let config = IoConfig { shards: 2, ..tuned(io, |tuning| tuning.commands = 2) };
        let mut links = start(&config, Echo::new).unwrap();
        let (mut broken, mut other) = (links.remove(0), links.remove(0));
        broken.send(Command::Panic).unwrap();
        eventually("the end", || broken.ended());
        other.send(Command::Stall(Duration::from_secs(1))).unwrap();
        // It stalls once the queue has been full for a while: before, it takes what is sent.
        eventually("the queue stays full", || {
            let had_room = other.send(Command::Ping(0)).is_ok();
            thread::sleep(Duration::from_millis(50));
            (!had_room && other.send(Command::Ping(0)).is_err()).then_some(())
        });
        let refused = restart(&config, &mut [&mut broken, &mut other], 0, Arc::new(Echo::new));
        assert_eq!(refused.expect_err("the queue is full").refusal.step, Step::Queue);
        eventually("there is room", || {
            restart(&config, &mut [&mut broken, &mut other], 0, Arc::new(Echo::new)).ok()
        });
        assert_alive(&broken, "127.0.0.1");
    }
}

#[test]
fn a_world_that_can_not_be_made_ends_its_shard() {
    for io in drivers() {
        let links = start(&config(io), |_| -> Echo { panic!("as the test wants it") }).unwrap();
        assert_eq!(eventually("the end", || links[0].ended()), Ended::Panicked);
    }
}

#[test]
fn stopping_under_load() {
    for io in drivers() {
        for _ in 0..5 {
            let link = started(&config(io));
            let to = ("127.0.0.1".parse::<IpAddr>().unwrap(), link.port);
            let is_over = Arc::new(AtomicUsize::new(0));
            let load = {
                let is_over = is_over.clone();
                thread::spawn(move || {
                    let socket = client("127.0.0.1");
                    while is_over.load(SeqCst) == 0 {
                        let _ = socket.send_to(&[7; 1_200], to); // refused once the port is closed
                    }
                })
            };
            counted(&link, Counter::DatagramsOut, |count| count > 100);
            assert_eq!(link.stop(), Ended::Stopped, "{io:?}");
            is_over.store(1, SeqCst);
            load.join().unwrap();
        }
    }
}
