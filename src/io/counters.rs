//! What a shard counts of its I/O, and how others read it: relaxed atomics stored a few times a
//! second.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::mesh;

use crate::shard::histogram::{Histogram, Scale, scale};

/// What `io` counts; the discriminant is the index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[non_exhaustive]
pub enum Counter {
    /// Turns of the loop.
    Turns,
    /// Turns that a waker asked for.
    Wakes,
    /// Commands handed over.
    Commands,
    /// Messages taken that other shards sent.
    MeshIn,
    /// Datagrams received.
    DatagramsIn,
    /// Their bytes.
    BytesIn,
    /// Buffers they came in: fewer than datagrams when `UDP_GRO` joined some.
    BuffersIn,
    /// Buffers dropped because what they hold was cut off (`MSG_TRUNC`).
    Truncated,
    /// Receiving failed otherwise.
    ReceiveErrors,
    /// The buffer ring was empty (io_uring); nothing is lost by it, the socket keeps the datagrams.
    BufferShortages,
    /// Multishot receives armed again (io_uring).
    Rearmed,
    /// The completion queue was full (io_uring); nothing is lost by it, the kernel keeps
    /// completions.
    CompletionOverflows,
    /// Datagrams the kernel dropped because the socket's receive buffer was full
    /// (`SK_MEMINFO_DROPS`).
    KernelDrops,
    /// Datagrams sent.
    DatagramsOut,
    /// Their bytes.
    BytesOut,
    /// `sendmsg` operations they took.
    MessagesOut,
    /// Datagrams that could not be sent (no route, device queue full, …).
    SendDropped,
    /// Sending waited for room in the socket's send buffer (mmsg; io_uring mostly waits by itself).
    SendBlocked,
    /// Trains that the system refused to segment and that were sent as single datagrams.
    TrainsSplit,
    /// System calls that gave something to the kernel: `io_uring_enter` with submissions, or
    /// `sendmmsg`.
    Submissions,
    /// Turns after which datagrams were let gather.
    Holds,
    /// Nanoseconds spent in turns: per second, the busy share.
    BusyNs,
    /// Nanoseconds of CPU that the shard's thread used, waits and all (`CLOCK_THREAD_CPUTIME_ID`).
    CpuNs,
    /// Now: thousandths of the last seconds spent in turns.
    BusyPermille,
    /// Now: send slots the kernel holds.
    SendInFlight,
    /// Now: receive buffers filled and not handed over.
    ReceiveFilled,
    /// Now: receive buffers the kernel can choose from (io_uring).
    ReceiveLent,
}

impl Counter {
    /// All, in order of their indices.
    pub const ALL: [Counter; 27] = [
        Counter::Turns,
        Counter::Wakes,
        Counter::Commands,
        Counter::MeshIn,
        Counter::DatagramsIn,
        Counter::BytesIn,
        Counter::BuffersIn,
        Counter::Truncated,
        Counter::ReceiveErrors,
        Counter::BufferShortages,
        Counter::Rearmed,
        Counter::CompletionOverflows,
        Counter::KernelDrops,
        Counter::DatagramsOut,
        Counter::BytesOut,
        Counter::MessagesOut,
        Counter::SendDropped,
        Counter::SendBlocked,
        Counter::TrainsSplit,
        Counter::Submissions,
        Counter::Holds,
        Counter::BusyNs,
        Counter::CpuNs,
        Counter::BusyPermille,
        Counter::SendInFlight,
        Counter::ReceiveFilled,
        Counter::ReceiveLent,
    ];

    /// Its name towards `control`: `family`, or `family/label=value`.
    pub fn name(self) -> &'static str {
        match self {
            Counter::Turns => "turns",
            Counter::Wakes => "wakes",
            Counter::Commands => "commands",
            Counter::MeshIn => "mesh_messages_in",
            Counter::DatagramsIn => "datagrams_in",
            Counter::BytesIn => "bytes_in",
            Counter::BuffersIn => "buffers_in",
            Counter::Truncated => "truncated",
            Counter::ReceiveErrors => "receive_errors",
            Counter::BufferShortages => "buffer_shortages",
            Counter::Rearmed => "receive_rearmed",
            Counter::CompletionOverflows => "completion_overflows",
            Counter::KernelDrops => "kernel_drops",
            Counter::DatagramsOut => "datagrams_out",
            Counter::BytesOut => "bytes_out",
            Counter::MessagesOut => "messages_out",
            Counter::SendDropped => "send_dropped",
            Counter::SendBlocked => "send_blocked",
            Counter::TrainsSplit => "trains_split",
            Counter::Submissions => "submissions",
            Counter::Holds => "holds",
            Counter::BusyNs => "busy_ns",
            Counter::CpuNs => "cpu_ns",
            Counter::BusyPermille => "busy_permille",
            Counter::SendInFlight => "buffers_in_flight/kind=send",
            Counter::ReceiveFilled => "buffers_in_flight/kind=receive_filled",
            Counter::ReceiveLent => "buffers_in_flight/kind=receive_lent",
        }
    }
}

const COUNTERS: usize = Counter::ALL.len();

/// How long turns take, in microseconds.
static TURNS: Scale =
    scale!("turn_us", 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 50000);

/// The counters of one shard, on its own thread.
#[derive(Debug)]
pub(super) struct Counters {
    counts: [u64; COUNTERS],
    turns: Histogram,
}

impl Counters {
    pub fn new() -> Self {
        Self { counts: [0; COUNTERS], turns: Histogram::new(&TURNS) }
    }

    /// A turn took so long.
    pub fn turned(&mut self, work: Duration) {
        self.add(Counter::Turns, 1);
        self.add(Counter::BusyNs, work.as_nanos() as usize);
        self.turns.record(work.as_micros() as u64, 1);
    }

    pub fn add(&mut self, counter: Counter, count: usize) {
        let cell = &mut self.counts[counter as usize];
        *cell = cell.wrapping_add(count as u64);
    }

    pub fn set(&mut self, counter: Counter, count: u64) {
        self.counts[counter as usize] = count;
    }

    /// Changes with every piece of work, but not with idle turns.
    pub fn work(&self) -> u64 {
        [
            Counter::BuffersIn,
            Counter::Commands,
            Counter::MeshIn,
            Counter::MessagesOut,
            Counter::SendDropped,
        ]
        .into_iter()
        .fold(0, |sum, counter| sum.wrapping_add(self.counts[counter as usize]))
    }

    #[cfg(test)]
    pub fn value(&self, counter: Counter) -> u64 {
        self.counts[counter as usize]
    }
}

/// Counters of one shard as last published: at most 100 ms old while the shard has work.
#[derive(Debug)]
pub struct Published {
    io: [AtomicU64; COUNTERS],
    turns: Box<[AtomicU64]>,
    world: Box<[AtomicU64]>,
    shard: usize,
    mesh: Box<[AtomicU64]>,
}

impl Published {
    /// Of shard `shard` of so many, whose world counts `world` numbers.
    pub(super) fn new(world: usize, shard: usize, shards: usize) -> Self {
        let mesh = if shards > 1 { shards * mesh::CELLS } else { 0 };
        Self {
            shard,
            mesh: (0..mesh).map(|_| AtomicU64::new(0)).collect(),
            io: [const { AtomicU64::new(0) }; COUNTERS],
            turns: TURNS.names.iter().map(|_| AtomicU64::new(0)).collect(),
            world: (0..world).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    pub(super) fn store_mesh(&self, cells: impl Iterator<Item = u64>) {
        for (cell, value) in self.mesh.iter().zip(cells) {
            cell.store(value, Relaxed);
        }
    }

    pub(super) fn store(&self, io: &Counters, world: &[u64]) {
        let of_io = self.io.iter().zip(&io.counts);
        let of_turns = self.turns.iter().zip(io.turns.cells());
        for (cell, value) in of_io.chain(of_turns).chain(self.world.iter().zip(world)) {
            cell.store(*value, Relaxed);
        }
    }

    /// One of the counters of `io`.
    pub fn io(&self, counter: Counter) -> u64 {
        self.io[counter as usize].load(Relaxed)
    }

    /// All that `io` counts, by name; a histogram as counters named by its bounds.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counters = Counter::ALL.iter().map(|counter| (counter.name(), self.io(*counter)));
        let turns = TURNS.names.iter().copied();
        counters.chain(turns.zip(self.turns.iter().map(|cell| cell.load(Relaxed))))
    }

    /// What is counted of the ways between this shard and the others: from and to which, by name.
    pub fn mesh(&self) -> impl Iterator<Item = (usize, usize, &'static str, u64)> + '_ {
        let cells = self.mesh.iter().enumerate();
        cells.filter_map(|(place, cell)| {
            let (from, to, name) = mesh::name(self.shard, place);
            (from != to).then(|| (from, to, name, cell.load(Relaxed)))
        })
    }

    /// The counters of the world, in its own order.
    pub fn world(&self) -> impl Iterator<Item = u64> + '_ {
        self.world.iter().map(|cell| cell.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_stands_at_its_index() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index, "{}", counter.name());
        }
        let mut names: Vec<_> = Counter::ALL.iter().map(|counter| counter.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTERS, "names are unique");
    }
}
