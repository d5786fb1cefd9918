//! Both drivers on real loopback sockets: what goes in comes out, from the right address, in the
//! right sizes.

mod io_echo_world;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use io_echo_world::*;
use ringfence::io::{Counter, IoConfig, local_addresses};
use ringfence::wire::path::Path;

/// Makes the client send trains of datagrams of `size` bytes.
fn set_segment(socket: &UdpSocket, size: i32) {
    // SAFETY: `size` is a live `int`, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            (&raw const size).cast(),
            4,
        )
    };
    assert_eq!(result, 0, "UDP_SEGMENT");
}

#[test]
fn single_datagrams_come_back() {
    for io in drivers() {
        for (bind, ip) in [
            (None, "127.0.0.1"),
            (None, "::1"),
            (Some("127.0.0.1"), "127.0.0.1"),
            (Some("0.0.0.0"), "127.0.0.1"),
            (Some("::1"), "::1"),
        ] {
            let bind = bind.map(|ip| ip.parse().unwrap());
            let link = started(&IoConfig { bind, ..config(io) });
            let socket = client(ip);
            let mut buffer = [0; DATAGRAM_MAX];
            for len in [4, 5, 100, 1_199, 1_200, 1_472, 2_048] {
                let datagram = numbered(len as u32, len);
                socket.send_to(&datagram, (ip.parse::<IpAddr>().unwrap(), link.port)).unwrap();
                let (got, _) = receive_from(&socket, &mut buffer);
                assert_eq!(buffer[..got], datagram, "{io:?} {bind:?} {len}");
            }
            counted(&link, Counter::DatagramsIn, |count| count == 7);
            counted(&link, Counter::DatagramsOut, |count| count == 7);
            counted(&link, Counter::BytesOut, |count| count == 6_028);
        }
    }
}

#[test]
fn answers_come_from_the_address_that_was_asked() {
    for io in drivers() {
        let link = started(&config(io));
        let mut asked: Vec<IpAddr> = link.local.clone();
        asked.extend(["127.0.0.2", "127.1.2.3", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        assert_eq!(link.local, local_addresses());
        for ip in asked {
            let socket = client(if ip.is_ipv4() { "0.0.0.0" } else { "::" });
            let mut buffer = [0; 16];
            socket.send_to(b"who?", (ip, link.port)).unwrap();
            let (_, from) = receive_from(&socket, &mut buffer);
            assert_eq!(from, SocketAddr::new(ip, link.port), "{io:?}");
        }
    }
}

#[test]
fn joined_datagrams_come_apart() {
    for io in drivers() {
        for ip in ["127.0.0.1", "::1"] {
            let link = started(&config(io));
            let socket = client(ip);
            set_segment(&socket, 1_000);
            let to = (ip.parse::<IpAddr>().unwrap(), link.port);
            for (len, expected) in [
                (3_500, vec![1_000, 1_000, 1_000, 500]), // the last one is shorter
                (64_000, vec![1_000; 64]),               // as long as a train may be
                (1_000, vec![1_000]),
                (10, vec![10]),
            ] {
                let train: Vec<u8> = (0..len).map(|at| (at / 1_000 + len) as u8).collect();
                socket.send_to(&train, to).unwrap();
                let mut buffer = [0; DATAGRAM_MAX];
                let mut joined = Vec::new();
                for expected in &expected {
                    let (got, _) = receive_from(&socket, &mut buffer);
                    assert_eq!(got, *expected, "{io:?} {len}");
                    joined.extend_from_slice(&buffer[..got]);
                }
                assert!(joined == train, "{io:?}: {len} bytes come back in order");
            }
            counted(&link, Counter::DatagramsIn, |count| count == 70);
            counted(&link, Counter::BuffersIn, |count| count == 4);
            counted(&link, Counter::DatagramsOut, |count| count == 70);
            counted(&link, Counter::MessagesOut, |count| count == 4);
            assert_eq!(link.published().io(Counter::Truncated), 0);
        }
    }
}

#[test]
fn trains_have_the_sizes_they_were_sent_with() {
    for io in drivers() {
        for trains in [true, false] {
            let mut link = started(&IoConfig { trains, ..config(io) });
            for ip in ["127.0.0.1", "::1"] {
                let socket = client(ip);
                let path =
                    Path { local: ip.parse().unwrap(), remote: socket.local_addr().unwrap() };
                for (len, segment) in [
                    (1, 1),
                    (1_200, 1_200),
                    (2_400, 1_200),
                    (2_401, 1_200),
                    (64_000, 1_000),
                    (65_000, 1_100),
                    (64, 1),
                ] {
                    link.send(Command::Train { path, len, segment }).unwrap();
                    let mut buffer = [0; DATAGRAM_MAX];
                    for number in 0..len.div_ceil(segment) {
                        let got = receive(&socket, &mut buffer);
                        assert_eq!(
                            got,
                            segment.min(len - number * segment),
                            "{io:?} {len} {segment} {number}"
                        );
                        assert!(buffer[..got].iter().all(|byte| *byte == number as u8), "in order");
                    }
                }
            }
            let datagrams = 2 * (1 + 1 + 2 + 3 + 64 + 60 + 64);
            counted(&link, Counter::DatagramsOut, |count| count == datagrams);
            let messages = if trains { 14 } else { datagrams };
            counted(&link, Counter::MessagesOut, |count| count == messages);
        }
    }
}

#[test]
fn many_sources_each_get_their_own() {
    for io in drivers() {
        let link = started(&config(io));
        let sockets: Vec<UdpSocket> = (0..100)
            .map(|number| client(if number % 2 == 0 { "127.0.0.1" } else { "::1" }))
            .collect();
        for round in 0..5 {
            for (number, socket) in sockets.iter().enumerate() {
                let ip = socket.local_addr().unwrap().ip();
                socket
                    .send_to(&numbered(number as u32 + 1_000 * round, 200), (ip, link.port))
                    .unwrap();
            }
            for (number, socket) in sockets.iter().enumerate() {
                let mut buffer = [0; DATAGRAM_MAX];
                let len = receive(socket, &mut buffer);
                assert_eq!(
                    buffer[..len],
                    numbered(number as u32 + 1_000 * round, 200),
                    "{io:?} {round}"
                );
            }
        }
    }
}

#[test]
fn several_shards_have_ports_in_a_row() {
    for io in drivers() {
        // A free port with a free one behind it.
        let links = eventually("two free ports", || {
            let port = client("127.0.0.1").local_addr().unwrap().port();
            let config = IoConfig { shards: 2, port, ..config(io) };
            ringfence::io::start(&config, Echo::new).ok()
        });
        assert_eq!(links[0].port + 1, links[1].port);
        for link in &links {
            assert_alive(link, "127.0.0.1");
        }
    }
}
