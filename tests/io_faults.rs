//! What happens at the edge: no buffers, no room for completions, a full send buffer, a system that
//! refuses io_uring.

mod io_echo_world;

use std::net::UdpSocket;
use std::thread;
use std::time::{Duration, Instant};

use io_echo_world::*;
use ringfence::io::{Counter, Driver, Ended, IoChoice, IoConfig, Refusal, Step, Tuning, start};
use ringfence::wire::path::Path;

/// Sends `count` datagrams while the shard does nothing.
fn burst(link: &mut Link, socket: &UdpSocket, count: u32, len: usize) {
    link.send(Command::Stall(Duration::from_millis(100))).unwrap();
    thread::sleep(Duration::from_millis(10));
    let to = (socket.local_addr().unwrap().ip(), link.port);
    for number in 0..count {
        socket.send_to(&numbered(number, len), to).unwrap();
    }
}

#[test]
fn all_arrive_or_are_counted_however_few_buffers() {
    for io in drivers() {
        for (receive_buffers, socket_buffer, count) in [
            (1, 4 << 20, 200), // all wait in the socket, also where it may have 208 KiB only
            (2, 4 << 20, 200),
            (16, 4 << 20, 200),
            (2, 64 << 10, 2_000), // the socket itself is full
        ] {
            let mut link = started(&tuned(io, |tuning| {
                (tuning.receive_buffers, tuning.socket_buffer) = (receive_buffers, socket_buffer);
            }));
            let socket = client("127.0.0.1");
            for round in 1..=3_u64 {
                burst(&mut link, &socket, count, 300);
                let sent = (round - 1) * u64::from(count + 1) + u64::from(count);
                let arrived = eventually("all are accounted for", || {
                    let received = link.published().io(Counter::DatagramsIn);
                    (received + link.published().io(Counter::KernelDrops) == sent)
                        .then_some(received)
                });
                assert_alive(&link, "127.0.0.1");
                if socket_buffer == 4 << 20 {
                    assert_eq!(
                        arrived, sent,
                        "{io:?} {receive_buffers}: nothing is lost for want of buffers"
                    );
                } else {
                    assert!(arrived < sent, "{io:?}: the socket was full");
                }
            }
            let shortages = link.published().io(Counter::BufferShortages);
            assert_eq!(
                shortages > 0,
                io == IoChoice::Uring,
                "{io:?} {receive_buffers}: {shortages}"
            );
        }
    }
}

#[test]
fn a_full_completion_queue_loses_nothing() {
    for io in drivers() {
        let mut link =
            started(&tuned(io, |tuning| (tuning.submissions, tuning.completions) = (64, 64)));
        let sockets: Vec<UdpSocket> = (0..8).map(|_| client("127.0.0.1")).collect();
        for _ in 0..3 {
            for socket in &sockets {
                burst(&mut link, socket, 30, 100);
            }
            for socket in &sockets {
                for number in 0..30 {
                    let mut buffer = [0; DATAGRAM_MAX];
                    let len = receive(socket, &mut buffer);
                    assert_eq!(buffer[..len], numbered(number, 100), "{io:?}");
                }
            }
        }
        let overflows = link.published().io(Counter::CompletionOverflows);
        assert_eq!(overflows > 0, io == IoChoice::Uring, "{io:?}: {overflows}");
    }
}

/// Runs `test` in a thread with a network of its own, made by `ip` with each of `commands`. It
/// takes root.
fn in_own_network(commands: &'static [&str], test: impl FnOnce() + Send + 'static) {
    let run = thread::spawn(move || {
        // SAFETY: takes no pointers; binds this thread, which was made for it, and those it starts.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            eprintln!("not tested: no network namespace without root");
            return;
        }
        if commands.iter().all(|command| ip(command)) {
            test();
        } else {
            eprintln!("not tested: `ip` can not make the network");
        }
    });
    run.join().unwrap();
}

fn ip(command: &str) -> bool {
    let status = std::process::Command::new("ip").args(command.split(' ')).status();
    status.is_ok_and(|status| status.success())
}

/// A network in which what is sent to 10.9.0.2 waits for an answer to ARP, and counts against the
/// send buffer.
const SILENT: &[&str] = &[
    "link set lo up",
    "link add v0 type veth peer name v1",
    "addr add 10.9.0.1/24 dev v0",
    "link set v0 up",
    "link set v1 up",
];
const TRAINS: u64 = 200;

/// A shard whose small send buffer is full.
fn blocked(io: IoChoice) -> Link {
    let mut link =
        started(&tuned(io, |tuning| (tuning.socket_buffer, tuning.send_slots) = (16 << 10, 8)));
    let path = Path { local: "10.9.0.1".parse().unwrap(), remote: "10.9.0.2:9".parse().unwrap() };
    for _ in 0..TRAINS {
        link.send(Command::Train { path, len: 1_500, segment: 500 }).unwrap();
    }
    link
}

#[test]
fn a_full_send_buffer_keeps_trains_until_there_is_room() {
    for io in drivers() {
        in_own_network(SILENT, move || {
            let mut link = blocked(io);
            link.send(Command::Settle(1)).unwrap();
            if io == IoChoice::Mmsg {
                counted(&link, Counter::SendBlocked, |count| count > 0);
            }
            thread::sleep(Duration::from_millis(200));
            assert_eq!(link.poll_report(), None, "{io:?}: nothing is complete that waits");
            link.send(Command::Ping(1)).unwrap();
            assert_eq!(report(&mut link), Report::Pong(1), "{io:?}: it goes on meanwhile");
            assert!(ip("neigh replace 10.9.0.2 lladdr 02:00:00:00:00:02 dev v0"));
            assert_eq!(report(&mut link), Report::Settled(1));
            counted(&link, Counter::DatagramsOut, |count| count == 3 * TRAINS);
            assert_eq!(link.published().io(Counter::SendDropped), 0);
            assert_alive(&link, "127.0.0.1");
        });
    }
}

#[test]
fn a_shard_with_stuck_sends_ends() {
    for io in drivers() {
        in_own_network(SILENT, move || {
            let link = blocked(io);
            thread::sleep(Duration::from_millis(200));
            let start = Instant::now();
            assert_eq!(link.stop(), Ended::Stopped, "{io:?}");
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "{io:?}: sends in flight were cancelled"
            );
        });
    }
}

#[test]
fn what_can_not_be_sent_is_counted() {
    for io in drivers() {
        let mut link = started(&config(io));
        for (local, remote, datagrams) in [
            ("192.0.2.7", "127.0.0.1:9", 2),       // not an address of ours
            ("127.0.0.1", "255.255.255.255:9", 2), // broadcast is not allowed
            ("::1", "127.0.0.1:9", 2),             // two families
        ] {
            let path = Path { local: local.parse().unwrap(), remote: remote.parse().unwrap() };
            let before = link.published().io(Counter::SendDropped);
            link.send(Command::Train { path, len: 200, segment: 100 }).unwrap();
            counted(&link, Counter::SendDropped, |count| count == before + datagrams);
        }
        link.send(Command::Settle(0)).unwrap();
        assert_eq!(report(&mut link), Report::Settled(0));
        assert_alive(&link, "::1");
    }
}

/// Makes system call `number` fail with `errno`, in this thread and those it starts, by a seccomp
/// filter (seccomp(2)).
fn refuse(number: libc::c_long, errno: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let is_it = libc::sock_filter {
        jt: 0,
        jf: 1,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number as u32)
    };
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0), // seccomp_data.nr
        is_it,
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | errno as u32),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the program lives through the call; the filter binds this thread, which the test made
    // for it.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter),
            0
        );
    }
}

#[test]
fn refused_io_uring_means_plain_sockets() {
    let has_uring = drivers().contains(&IoChoice::Uring);
    for (number, errno, step) in [
        (libc::SYS_io_uring_setup, libc::EPERM, Step::RingSetup), // Docker's seccomp profile
        (libc::SYS_io_uring_setup, libc::ENOSYS, Step::RingSetup), // gVisor, old kernels
        (libc::SYS_io_uring_setup, libc::ENOMEM, Step::RingSetup), // memlock too low
        (libc::SYS_io_uring_setup, libc::EINVAL, Step::RingSetup), // refuses all flags
        (libc::SYS_io_uring_register, libc::EPERM, Step::RingRegister),
        (libc::SYS_io_uring_register, libc::EINVAL, Step::RingRegister),
    ] {
        if !has_uring && number != libc::SYS_io_uring_setup {
            continue;
        }
        thread::spawn(move || {
            refuse(number, errno);
            let refusal = Refusal { step, errno };
            let link = started(&config(IoChoice::Auto));
            assert_eq!(link.driver, Driver::Mmsg(Some(refusal)));
            let line = link.driver.to_string();
            assert!(line.starts_with("io: mmsg, io_uring refused (io_uring_"), "{line}");
            assert!(!line.contains('\n'), "one line");
            assert_alive(&link, "127.0.0.1");
            let error = start(&config(IoChoice::Uring), Echo::new).expect_err("it was asked for");
            assert_eq!(error.refusal, refusal);
        })
        .join()
        .unwrap();
    }
}

#[test]
fn a_taken_port_is_an_error() {
    for io in drivers() {
        let link = started(&config(io));
        let config = IoConfig { port: link.port, ..config(io) };
        let error = start(&config, Echo::new).expect_err("the port is taken");
        assert_eq!((error.shard, error.port), (0, link.port));
        assert_eq!(error.refusal, Refusal { step: Step::Bind, errno: libc::EADDRINUSE });
    }
}

#[test]
fn a_port_that_becomes_free_is_waited_for() {
    for io in drivers() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let config = IoConfig { port: taken.local_addr().unwrap().port(), ..config(io) };
        let release = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(taken);
        });
        let links = start(&config, Echo::new).expect("the port is free soon");
        assert_eq!(links[0].port, config.port);
        release.join().unwrap();
    }
}

#[test]
fn any_tuning_works() {
    for io in drivers() {
        for tuning in [
            Tuning {
                receive_buffers: 0,
                send_slots: 0,
                submissions: 0,
                completions: 0,
                commands: 0,
                reports: 0,
                socket_buffer: 0,
                datagrams_per_turn: 0,
            },
            Tuning {
                receive_buffers: 3,
                send_slots: 5,
                submissions: 65,
                completions: 7,
                datagrams_per_turn: 1,
                ..Tuning::default()
            },
            Tuning {
                receive_buffers: 1_000,
                send_slots: 1_000,
                submissions: 1 << 20,
                completions: 1 << 20,
                ..Tuning::default()
            },
        ] {
            let link = started(&IoConfig { tuning, ..config(io) });
            for _ in 0..100 {
                assert_alive(&link, "127.0.0.1");
            }
        }
    }
}

/// The route's MTU is below the segment: the kernel refuses to cut the train.
#[test]
fn trains_that_are_refused_go_out_as_single_datagrams() {
    for io in drivers() {
        in_own_network(&["link set lo mtu 1400 up"], move || {
            let mut link = started(&config(io));
            let socket = client("127.0.0.1");
            let path =
                Path { local: "127.0.0.1".parse().unwrap(), remote: socket.local_addr().unwrap() };
            for train in 1..=3 {
                link.send(Command::Train { path, len: 4_100, segment: 2_000 }).unwrap();
                for expected in [2_000, 2_000, 100] {
                    let mut buffer = [0; DATAGRAM_MAX];
                    assert_eq!(receive(&socket, &mut buffer), expected, "{io:?}");
                }
                counted(&link, Counter::DatagramsOut, |count| count == 3 * train);
            }
            assert_eq!(
                link.published().io(Counter::TrainsSplit),
                1,
                "{io:?}: tried once, remembered"
            );
            // The way heals. After 1,024 trains it is tried again, and stays.
            assert!(ip("link set lo mtu 65536"));
            link.send(Command::Trains { path, len: 4_100, segment: 2_000, count: 1_030 }).unwrap();
            counted(&link, Counter::DatagramsOut, |count| count == 9 + 3 * 1_030);
            let messages = link.published().io(Counter::MessagesOut);
            assert_eq!(messages, 9 + 3 * (1_024 - 2) + 8, "{io:?}: the last 8 are whole");
            assert_eq!(link.published().io(Counter::TrainsSplit), 1);
            assert_eq!(link.published().io(Counter::SendDropped), 0);
        });
    }
}
