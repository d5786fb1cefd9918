//! The limit: what it costs to seal packets and to send them as trains, with nothing else around.
//!
//! `cargo bench --bench limit -- --segments 6 --size 1200 --destinations 400 --seconds 2`
//!
//! One thread on core 0 copies a payload, seals it under each destination's own key and hands
//! trains to a plain `sendmsg` with `UDP_SEGMENT`; a sink on core 1 takes them with `UDP_GRO`, as the
//! load client does. Printed: CPU time of the sending thread per packet, as one line of JSON. The
//! relay's CPU per forwarded packet is compared to it (`RESULTS.md`, figure a).

use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use ringfence::crypto::{Ledger, Profile, Sealer};
use ringfence::wire::number::{PayloadType, Seq, Ssrc, Timestamp};
use ringfence::wire::rtp::HeaderWriter;

/// Bytes of an RTP header without extensions.
const HEADER_LEN: usize = 12;
/// Most bytes of a train.
const TRAIN_MAX: usize = 65_000;

/// How often the sink looks.
const POLL_EVERY: Duration = Duration::from_micros(200);

/// What is measured.
struct Work {
    segments: usize,
    /// Bytes of a sealed packet.
    size: usize,
    destinations: u32,
    time: Duration,
}

impl Work {
    fn from_arguments() -> Result<Work, String> {
        let mut work =
            Work { segments: 6, size: 1_200, destinations: 400, time: Duration::from_secs(2) };
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a number"))?;
            let value: usize =
                value.parse().map_err(|_| format!("{name}: {value} is no number"))?;
            match name.as_str() {
                "--segments" => work.segments = value,
                "--size" => work.size = value,
                "--destinations" => work.destinations = value as u32,
                "--seconds" => work.time = Duration::from_secs(value as u64),
                _ => {
                    return Err(format!(
                        "{name}: there are --segments, --size, --destinations, --seconds"
                    ));
                }
            }
        }
        if !(1..=64).contains(&work.segments) || work.segments * work.size > TRAIN_MAX {
            return Err("--segments: 1 to 64, and a train has at most 65,000 bytes".into());
        }
        if !(64..=1_472).contains(&work.size) || !(1..=60_000).contains(&work.destinations) {
            return Err("--size: 64 to 1472; --destinations: 1 to 60000".into());
        }
        Ok(work)
    }
}

/// One receiver: its key, its numbers, its address on loopback.
struct Destination {
    sealer: Sealer,
    ledger: Ledger,
    seq: Seq,
    address: Ipv4Addr,
}

fn destinations(count: u32) -> Vec<Destination> {
    (0..count)
        .map(|index| {
            let profile = Profile::AeadAes128Gcm;
            let mut key = [7; 16];
            key[..4].copy_from_slice(&index.to_be_bytes());
            let mut sealer = Sealer::new(profile, &key, &[9; 12]).expect("the profile's lengths");
            let ledger = sealer.ledger(Ssrc(index + 1)).expect("the first");
            let address = Ipv4Addr::from_bits(0x7F01_0000 + index);
            Destination { sealer, ledger, seq: Seq(0), address }
        })
        .collect()
}

fn main() {
    let work = match Work::from_arguments() {
        Ok(work) => work,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2);
        }
    };
    let sink = UdpSocket::bind("0.0.0.0:0").expect("a port");
    set(&sink, libc::SOL_UDP, libc::UDP_GRO, 1);
    set(&sink, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, 64 << 20);
    sink.set_nonblocking(true).expect("a socket");
    let port = sink.local_addr().expect("bound").port();
    let (over, received) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            let mut buffer = vec![0; 1 << 16];
            while !over.load(Relaxed) {
                match sink.recv(&mut buffer) {
                    Ok(len) => {
                        received.fetch_add(len.div_ceil(work.size) as u64, Relaxed);
                    }
                    // Never waits in the kernel: to wake it would be the sender's cost.
                    Err(_) => thread::sleep(POLL_EVERY),
                }
            }
        });
        pin(0);
        let (packets, cpu, wall) = send(&work, port);
        thread::sleep(Duration::from_millis(100));
        over.store(true, Relaxed);
        println!(
            "{{\"segments\":{},\"size\":{},\"destinations\":{},\"packets\":{packets},\"received\":{},\
             \"cpu_ns_per_packet\":{:.1},\"busy_pct\":{:.1}}}",
            work.segments,
            work.size,
            work.destinations,
            received.load(Relaxed),
            cpu.as_nanos() as f64 / packets as f64,
            100.0 * cpu.as_secs_f64() / wall.as_secs_f64(),
        );
    });
}

/// Sends until the time is over. Packets, CPU time of this thread, wall time.
fn send(work: &Work, port: u16) -> (u64, Duration, Duration) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    set(&socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, 4 << 20);
    let mut destinations = destinations(work.destinations);
    let payload = vec![0x5A; work.size];
    let mut train = vec![0; TRAIN_MAX];
    let mut packets = 0;
    let (start, cpu) = (Instant::now(), cpu_time());
    while start.elapsed() < work.time {
        for destination in &mut destinations {
            for segment in 0..work.segments {
                let room = &mut train[segment * work.size..(segment + 1) * work.size];
                seal(destination, room, &payload);
            }
            send_train(
                &socket,
                &train[..work.segments * work.size],
                work.size,
                destination.address,
                port,
            );
            packets += work.segments as u64;
        }
    }
    (packets, cpu_time() - cpu, start.elapsed())
}

fn seal(destination: &mut Destination, room: &mut [u8], payload: &[u8]) {
    let overhead = destination.sealer.profile().rtp_overhead();
    let plain_len = room.len() - overhead;
    destination.seq = Seq(destination.seq.0.wrapping_add(1));
    let (seq, time) = (destination.seq, Timestamp(3_000));
    let header = HeaderWriter::new(room, false, PayloadType(96), seq, time, Ssrc(0));
    assert_eq!(header.expect("room").finish(), HEADER_LEN);
    room[HEADER_LEN..plain_len].copy_from_slice(&payload[HEADER_LEN..plain_len]);
    let claim = destination.ledger.claim(seq).expect("the next");
    destination.sealer.seal_rtp(claim, HEADER_LEN, plain_len, room).expect("sealed");
}

/// One `sendmsg`; with `UDP_SEGMENT` if there is more than one datagram in it.
fn send_train(socket: &UdpSocket, train: &[u8], size: usize, to: Ipv4Addr, port: u16) {
    let name = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(to).to_be() },
        sin_zero: [0; 8],
    };
    let mut bytes =
        libc::iovec { iov_base: train.as_ptr().cast_mut().cast(), iov_len: train.len() };
    let mut control = [0_usize; 4];
    // SAFETY: `CMSG_LEN` and `CMSG_SPACE` only compute.
    let (cmsg_len, space) = unsafe { (libc::CMSG_LEN(2), libc::CMSG_SPACE(2)) };
    // SAFETY: integers and pointers, for which zero is valid.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_name = (&raw const name).cast_mut().cast();
    message.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
    message.msg_iov = &raw mut bytes;
    message.msg_iovlen = 1;
    if train.len() > size {
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = space as usize;
        let header = libc::cmsghdr {
            cmsg_len: cmsg_len as usize,
            cmsg_level: libc::SOL_UDP,
            cmsg_type: libc::UDP_SEGMENT,
        };
        // SAFETY: `control` has room for a header (16 bytes) and the two bytes behind it, aligned.
        unsafe {
            control.as_mut_ptr().cast::<libc::cmsghdr>().write(header);
            control.as_mut_ptr().cast::<u8>().add(16).cast::<u16>().write(size as u16);
        }
    }
    // SAFETY: everything `message` points to lives through the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    assert_eq!(sent, train.len() as isize, "{}", std::io::Error::last_os_error());
}

fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) {
    let value_at = (&raw const value).cast();
    // SAFETY: `value` is a live `int`, and its size is given.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value_at, 4) };
}

fn pin(core: usize) {
    // SAFETY: an all-zero set is valid; the set outlives the call. A machine with one core stays as
    // it is.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is live; this clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
