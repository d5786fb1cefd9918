//! What the mesh between shards rests on: a packet copied through a ring against a shared buffer, and
//! a sleeping shard woken by eventfd against `IORING_OP_MSG_RING`.
//!
//! `cargo bench --bench mesh`. Two threads on two cores; CPU time of each, in nanoseconds a packet or a
//! wake-up. Of several runs the middle one.

mod thread_time;

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use io_uring::{IoUring, opcode, types};

use thread_time::{median, thread_time};

const PACKETS: usize = 80_000;
const RUNS: usize = 5;
const BYTES_MAX: usize = 2_048;
const SLOTS: usize = 1_024;
/// Packets that the receiver keeps, as a cache does.
const KEPT: usize = 512;

struct Slot {
    len: usize,
    bytes: [MaybeUninit<u8>; BYTES_MAX],
}

fn pin(core: usize) {
    // SAFETY: all zero is the empty set; it is live and its size is given.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &raw const set);
    }
}

/// Nanoseconds a packet of sender and receiver: by turns of `burst`, in step, so that no ring is full.
fn paced<T: Send + 'static>(
    burst: usize,
    mut send: impl FnMut(&mut rtrb::Producer<T>) + Send + 'static,
    mut receive: impl FnMut(&mut rtrb::Consumer<T>, usize),
) -> (f64, f64) {
    let (mut into, mut out) = rtrb::RingBuffer::<T>::new(SLOTS);
    let turn = Arc::new(AtomicU64::new(0));
    let sending = turn.clone();
    let sender = thread::spawn(move || {
        pin(0);
        let mut spent = Duration::ZERO;
        for at in 0..(PACKETS / burst) as u64 {
            while sending.load(Acquire) != 2 * at {
                std::hint::spin_loop();
            }
            let start = thread_time();
            (0..burst).for_each(|_| send(&mut into));
            spent += thread_time() - start;
            sending.store(2 * at + 1, Release);
        }
        spent
    });
    pin(1);
    let mut spent = Duration::ZERO;
    for at in 0..(PACKETS / burst) as u64 {
        while turn.load(Acquire) != 2 * at + 1 {
            std::hint::spin_loop();
        }
        let start = thread_time();
        receive(&mut out, burst);
        spent += thread_time() - start;
        turn.store(2 * at + 2, Release);
    }
    let each = |spent: Duration| spent.as_nanos() as f64 / PACKETS as f64;
    (each(sender.join().expect("no panic")), each(spent))
}

/// Copied from the sender's cache into a slot, and from it into the receiver's.
fn copied(len: usize, burst: usize) -> (f64, f64) {
    let source = vec![7_u8; KEPT * len];
    let (mut at, mut kept, mut place) = (0, vec![0_u8; KEPT * len], 0);
    paced(
        burst,
        move |ring: &mut rtrb::Producer<Slot>| {
            let mut chunk = ring.write_chunk_uninit(1).expect("room");
            let slot = chunk.as_mut_slices().0[0].as_mut_ptr();
            at = (at + 1) % KEPT;
            // SAFETY: the slot is ours to write; `bytes` may stay uninitialised behind `len`.
            unsafe {
                (&raw mut (*slot).len).write(len);
                let bytes = &mut (*slot).bytes;
                bytes[..len].write_copy_of_slice(&source[at * len..(at + 1) * len]);
                chunk.commit_all();
            }
        },
        move |ring, burst| {
            let chunk = ring.read_chunk(burst).expect("sent");
            let (first, second) = chunk.as_slices();
            for slot in first.iter().chain(second) {
                place = (place + 1) % KEPT;
                // SAFETY: the sender wrote `len` bytes.
                let bytes = unsafe { slot.bytes[..slot.len].assume_init_ref() };
                kept[place * len..(place + 1) * len].copy_from_slice(bytes);
            }
            chunk.commit_all();
        },
    )
}

/// The sender's cache keeps each packet in a buffer of its own, and the receiver's cache the same one.
fn shared(len: usize, burst: usize) -> (f64, f64) {
    let source = vec![7_u8; len];
    let mut own: Vec<Bytes> = vec![Bytes::new(); KEPT];
    let (mut at, mut kept, mut place) = (0, vec![Bytes::new(); KEPT], 0);
    paced(
        burst,
        move |ring: &mut rtrb::Producer<Bytes>| {
            at = (at + 1) % KEPT;
            own[at] = Bytes::from(Box::<[u8]>::from(&source[..]));
            let _ = ring.push(own[at].clone());
        },
        move |ring, burst| {
            for _ in 0..burst {
                place = (place + 1) % KEPT;
                kept[place] = ring.pop().expect("sent");
                std::hint::black_box(kept[place][0]); // it is read when it is sealed
            }
        },
    )
}

const WAKES: usize = 4_000;

/// How a thread is woken that waits in its ring.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    Eventfd,
    /// Submitted by itself.
    Message,
    /// Submitted with something else that is submitted anyway.
    MessageWithOthers,
    /// What that costs without it.
    Others,
}

fn eventfd() -> OwnedFd {
    // SAFETY: takes no pointers; the descriptor is new and nobody else's.
    unsafe { OwnedFd::from_raw_fd(libc::eventfd(0, libc::EFD_CLOEXEC)) }
}

fn ring() -> IoUring {
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_coop_taskrun();
    builder.build(64).expect("io_uring")
}

/// Nanoseconds a wake-up of waker and sleeper, and from the one to the other.
fn woken(by: By) -> (f64, f64, f64) {
    let event = Arc::new(eventfd());
    let (base, stamp) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let (tell_fd, told_fd) = std::sync::mpsc::channel::<RawFd>();
    let (round, slept) = (Arc::new(AtomicU64::new(0)), event.clone());
    let (sleeping, sent) = (round.clone(), stamp.clone());
    let sleeper = thread::spawn(move || {
        pin(1);
        let mut ring = ring();
        tell_fd.send(ring.as_raw_fd()).expect("somebody waits");
        let mut word = [0_u8; 8];
        let (mut spent, mut late) = (Duration::ZERO, 0);
        for at in 0..WAKES as u64 {
            let start = thread_time();
            if by == By::Eventfd {
                let fd = types::Fd(slept.as_raw_fd());
                let read = opcode::Read::new(fd, word.as_mut_ptr(), 8).build();
                // SAFETY: `word` and the descriptor live until the completion below.
                unsafe { ring.submission().push(&read).expect("room") };
            }
            sleeping.store(2 * at + 1, Release);
            if by != By::Others {
                ring.submit_and_wait(1).expect("woken");
                late += base.elapsed().as_nanos() as u64 - sent.load(Acquire);
                ring.completion().for_each(drop);
            }
            spent += thread_time() - start;
            sleeping.store(2 * at + 2, Release);
        }
        (spent, late)
    });
    pin(0);
    let (mut own, target) = (ring(), told_fd.recv().expect("it is told"));
    let mut spent = Duration::ZERO;
    for at in 0..WAKES as u64 {
        while round.load(Acquire) < 2 * at + 1 {
            std::hint::spin_loop();
        }
        let asleep_at = Instant::now() + Duration::from_micros(30);
        while Instant::now() < asleep_at {}
        let start = thread_time();
        stamp.store(base.elapsed().as_nanos() as u64, Release);
        wake(by, &mut own, target, event.as_raw_fd());
        spent += thread_time() - start;
        while round.load(Acquire) < 2 * at + 2 {
            std::hint::spin_loop();
        }
    }
    let (slept, late) = sleeper.join().expect("no panic");
    let each = |spent: Duration| spent.as_nanos() as f64 / WAKES as f64;
    (each(spent), each(slept), late as f64 / WAKES as f64)
}

fn wake(by: By, own: &mut IoUring, target: RawFd, event: RawFd) {
    if by == By::Eventfd {
        let one = 1_u64;
        // SAFETY: `one` is live and has the 8 bytes that an eventfd takes.
        unsafe { libc::write(event, (&raw const one).cast(), 8) };
        return;
    }
    let message = opcode::MsgRingData::new(types::Fd(target), 0, 1, None).build();
    let message = message.flags(io_uring::squeue::Flags::SKIP_SUCCESS);
    // SAFETY: neither operation points to memory.
    unsafe {
        if by != By::Message {
            own.submission().push(&opcode::Nop::new().build()).expect("room");
        }
        if by != By::Others {
            own.submission().push(&message).expect("room");
        }
    }
    own.submit().expect("submitted");
    own.completion().for_each(drop);
}

fn main() {
    println!("ns a packet                       sender  receiver   both");
    for (len, burst) in [(1_200, 16), (120, 16)] {
        for (name, run) in [("copied", copied as fn(usize, usize) -> _), ("shared", shared)] {
            let mut runs: Vec<(f64, f64)> = (0..RUNS).map(|_| run(len, burst)).collect();
            let mut sums: Vec<f64> = runs.iter().map(|run| run.0 + run.1).collect();
            let middle = median(&mut sums);
            runs.retain(|run| run.0 + run.1 == middle);
            let (sender, receiver) = runs[0];
            println!(
                "{name}, {len:>5} B, {burst:>2} a turn      {sender:>8.0} {receiver:>9.0} {middle:>6.0}"
            );
        }
    }
    println!("\nns a wake-up                       waker   sleeper   later");
    for by in [By::Eventfd, By::Message, By::MessageWithOthers, By::Others] {
        let mut runs: Vec<_> = (0..RUNS).map(|_| woken(by)).collect();
        runs.sort_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)));
        let (waker, sleeper, late) = runs[RUNS / 2];
        println!("{:<28} {waker:>10.0} {sleeper:>9.0} {late:>7.0}", format!("{by:?}"));
    }
}
