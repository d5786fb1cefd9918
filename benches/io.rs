//! What sending and echoing costs over loopback: io_uring, plain sockets (mmsg), and `sendto` one
//! by one.
//!
//! Wall time of the whole, submission to last completion, with a receiver on another thread.
//! Compare arms of one run only: the machine's noise is larger than many differences.

#[path = "../tests/io_echo_world/mod.rs"]
mod io_echo_world;

use std::hint::black_box;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use io_echo_world::*;
use ringfence::wire::path::Path;

/// Bytes of a datagram.
const LEN: usize = 1_200;
/// Datagrams of one iteration.
const COUNT: usize = 960;
/// Datagrams of a train; 1: single ones.
const TRAINS: [usize; 4] = [1, 4, 8, 40];
/// Datagrams under way in the echo: no socket buffer overflows, so that none is lost.
const WINDOW: usize = 64;

fn set_udp_option(socket: &UdpSocket, name: i32, value: i32) {
    let value_at = (&raw const value).cast();
    // SAFETY: `value` is a live `int`, and its size is given.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, name, value_at, 4) };
}

/// Takes whatever comes, until it is dropped.
struct Sink {
    path: Path,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    fn new() -> Self {
        let socket = client("127.0.0.1");
        set_udp_option(&socket, libc::UDP_GRO, 1);
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let path =
            Path { local: "127.0.0.1".parse().unwrap(), remote: socket.local_addr().unwrap() };
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = {
            let is_over = is_over.clone();
            thread::spawn(move || {
                let mut buffer = vec![0; 1 << 16];
                while !is_over.load(Relaxed) {
                    let _ = black_box(socket.recv(&mut buffer));
                }
            })
        };
        Self { path, is_over, thread: Some(thread) }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn send(c: &mut Criterion) {
    let mut group = c.benchmark_group("io/send");
    group.throughput(Throughput::Elements(COUNT as u64));
    let sink = Sink::new();
    for train in TRAINS {
        for io in drivers() {
            let mut link = started(&config(io));
            let name = format!("{io:?}").to_lowercase();
            group.bench_function(BenchmarkId::new(name, train), |b| {
                b.iter(|| {
                    let (path, len, count) = (sink.path, LEN * train, COUNT / train);
                    link.send(Command::Trains { path, len, segment: LEN, count }).unwrap();
                    link.send(Command::Settle(0)).unwrap();
                    while link.poll_report().is_none() {
                        thread::yield_now();
                    }
                });
            });
        }
        let socket = client("127.0.0.1");
        set_udp_option(&socket, libc::UDP_SEGMENT, if train > 1 { LEN as i32 } else { 0 });
        let datagrams = vec![7; LEN * train];
        group.bench_function(BenchmarkId::new("sendto", train), |b| {
            b.iter(|| {
                for _ in 0..COUNT / train {
                    socket.send_to(&datagrams, sink.path.remote).unwrap();
                }
            });
        });
    }
}

/// Sends back single datagrams, one `recv_from` and one `send_to` each: the other arms' yardstick.
fn echo_one_by_one() -> u16 {
    let socket = client("127.0.0.1");
    socket.set_read_timeout(None).unwrap();
    let port = socket.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut buffer = [0; DATAGRAM_MAX];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..len], from);
        }
    });
    port
}

fn echo(c: &mut Criterion) {
    let mut group = c.benchmark_group("io/echo");
    group.throughput(Throughput::Elements(WINDOW as u64));
    for train in [1, 8] {
        let socket = client("127.0.0.1");
        set_udp_option(&socket, libc::UDP_SEGMENT, if train > 1 { LEN as i32 } else { 0 });
        let datagrams = vec![7; LEN * train];
        let round = |port: u16| {
            for _ in 0..WINDOW / train {
                socket.send_to(&datagrams, ("127.0.0.1", port)).unwrap();
            }
            let mut buffer = [0; DATAGRAM_MAX];
            for _ in 0..WINDOW {
                receive(&socket, &mut buffer);
            }
        };
        for io in drivers() {
            let link = started(&config(io));
            let name = format!("{io:?}").to_lowercase();
            group.bench_function(BenchmarkId::new(name, train), |b| b.iter(|| round(link.port)));
        }
        let port = echo_one_by_one();
        group.bench_function(BenchmarkId::new("sendto", train), |b| b.iter(|| round(port)));
    }
}

criterion_group!(benches, send, echo);
criterion_main!(benches);
