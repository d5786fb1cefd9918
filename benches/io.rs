//! What sending and echoing costs over loopback: io_uring, plain sockets (mmsg), tokio-uring from
//! many tasks, and `sendto` one by one.
//!
//! Wall time of the whole, submission to last completion, with a receiver on another thread.
//! Compare arms of one run only: the machine's noise is larger than many differences. The last part
//! tells CPU time of the shard's thread alone, medians of interleaved runs.

#[path = "../tests/io_echo_world/mod.rs"]
mod io_echo_world;

use std::hint::black_box;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use io_echo_world::*;
use ringfence::io::{Counter, IoChoice, IoConfig};
use ringfence::wire::path::Path;

/// Bytes of a datagram.
const LEN: usize = 1_200;
/// Datagrams of one iteration.
const COUNT: usize = 960;
/// Datagrams of a train; 1: single ones.
const TRAINS: [usize; 4] = [1, 4, 8, 40];
/// Datagrams under way in the echo: no socket buffer overflows, so that none is lost.
const WINDOW: usize = 64;
/// Of each arm: the whole bench is over in a minute and a half.
const WARM_UP: Duration = Duration::from_millis(500);
const MEASURE: Duration = Duration::from_secs(2);
const SAMPLES: usize = 30;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn set_udp_option(socket: &UdpSocket, name: i32, value: i32) {
    let value_at = (&raw const value).cast();
    // SAFETY: `value` is a live `int`, and its size is given.
    unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_UDP, name, value_at, 4) };
}

/// Moves the calling thread to the last core; shard 0 sits on the first. On one core the scheduler's
/// way of alternating between sender and receiver would be measured.
fn leave_the_shard_alone() {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    // SAFETY: `cpu_set_t` is an array of integers, all zero is the empty set; the core is within it
    // (a machine of this test has fewer than 1,024), and 0 is the calling thread. If it is refused
    // the thread stays where it is.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET((cores - 1).min(1_023), &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
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
                leave_the_shard_alone();
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

/// Sends single datagrams by tokio-uring, from so many tasks at a time. It knows no trains.
fn send_by_tokio_uring(group: &mut Group<'_>, path: Path, tasks: usize) {
    let name = format!("tokio-uring, {tasks} tasks");
    group.bench_function(BenchmarkId::new(name, 1), |b| {
        b.iter_custom(|iterations| {
            tokio_uring::start(async move {
                let to: SocketAddr = "127.0.0.1:0".parse().unwrap();
                let socket = Rc::new(tokio_uring::net::UdpSocket::bind(to).await.unwrap());
                let start = Instant::now();
                for _ in 0..iterations {
                    let senders = (0..tasks).map(|_| {
                        let socket = socket.clone();
                        tokio_uring::spawn(async move {
                            let mut datagram = vec![7; LEN];
                            for _ in 0..COUNT / tasks {
                                let (sent, back) = socket.send_to(datagram, path.remote).await;
                                assert_eq!(sent.unwrap(), LEN);
                                datagram = back;
                            }
                        })
                    });
                    for sender in senders.collect::<Vec<_>>() {
                        sender.await.unwrap();
                    }
                }
                start.elapsed()
            })
        });
    });
}

fn send(c: &mut Criterion) {
    let mut group = c.benchmark_group("io/send");
    group.warm_up_time(WARM_UP).measurement_time(MEASURE).sample_size(SAMPLES).nresamples(10_000);
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
        if train == 1 && drivers().contains(&IoChoice::Uring) {
            for tasks in [1, 64] {
                send_by_tokio_uring(&mut group, sink.path, tasks);
            }
        }
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
    group.warm_up_time(WARM_UP).measurement_time(MEASURE).sample_size(SAMPLES).nresamples(10_000);
    group.throughput(Throughput::Elements(WINDOW as u64));
    for train in TRAINS.into_iter().filter(|train| WINDOW.is_multiple_of(*train)) {
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

/// Runs of which the median is told.
const RUNS: usize = 7;
/// Datagrams of one run, of whatever train length.
const PER_RUN: usize = 48_000;

/// CPU time of a shard's thread for each datagram it sends, in nanoseconds: what a run costs the
/// shard itself, whoever else is on the machine. `local`: the address sent from (PKTINFO), or
/// unspecified.
fn cpu_of_shard(io: IoChoice, to: Path, train: usize) -> f64 {
    let bind = Some("127.0.0.1".parse().unwrap());
    let mut link = started(&IoConfig { bind, ..config(io) });
    let (path, len, count) = (to, LEN * train, PER_RUN / train);
    link.send(Command::Trains { path, len, segment: LEN, count }).unwrap();
    let sent = counted(&link, Counter::DatagramsOut, |sent| sent == PER_RUN as u64);
    link.published().io(Counter::CpuNs) as f64 / sent as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Arms in turn, so that what disturbs the machine disturbs all of them.
fn cpu(_: &mut Criterion) {
    let sink = Sink::new();
    let unspecified = Path { local: "0.0.0.0".parse().unwrap(), ..sink.path };
    for train in TRAINS {
        let mut arms = Vec::new();
        for io in drivers() {
            arms.push((format!("{io:?}").to_lowercase(), io, sink.path, Vec::new()));
            arms.push((format!("{io:?} without PKTINFO").to_lowercase(), io, unspecified, vec![]));
        }
        for _ in 0..RUNS {
            for (_, io, path, values) in &mut arms {
                values.push(cpu_of_shard(*io, *path, train));
            }
        }
        for (name, _, _, values) in arms {
            let cost = median(values);
            println!(
                "CPU of the shard's thread, trains of {train}, {name}: {cost:.0} ns a datagram"
            );
        }
    }
}

criterion_group!(benches, send, echo, cpu);
criterion_main!(benches);
