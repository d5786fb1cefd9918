//! Send slots: the memory in which egress writes trains, and which the kernel reads until they are
//! sent.
//!
//! A slot is free, claimed, queued or in flight, in this order. While it is queued or in flight
//! nobody can borrow its bytes: the only way to them is [`Outbox::claim`], which takes free slots.
//! A completion names slot and generation; one that does not fit is refused. In debug builds a
//! finished slot is poisoned, so that a late reader sends recognisable rubbish instead of another
//! participant's packet.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::shard::outbox::{Outbox, Submission, TRAIN_MAX};
use crate::wire::path::Path;

use super::address::{self, Family, NAME_LEN};
use super::ancillary::{self, Room, SEND_LEN};
use super::counters::{Counter, Counters};
use super::pages::Pages;
use super::socket::Socket;
use super::unsegmented::Unsegmented;

/// `UDP_MAX_SEGMENTS` of Linux before 6.9.
pub(super) const SEGMENTS_MAX: usize = 64;
/// Bytes from slot to slot: an odd number of cache lines, so that packet headers of different slots
/// do not compete for the same lines of the cache.
const SLOT_LEN: usize = TRAIN_MAX.next_multiple_of(128) + 64;
/// What a finished slot is filled with in debug builds.
const POISON: u8 = 0xDB;
/// As a source: the kernel's choice.
const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// In `numbers`: nothing.
const NONE: u64 = u64::MAX;

const _: () = assert!(SLOT_LEN >= TRAIN_MAX && (SLOT_LEN / 64) % 2 == 1);

/// One `sendmsg`: the kernel reads it, the vector it points to, name and control messages of its
/// [`Head`], and the bytes.
#[repr(C)]
struct Message {
    header: libc::msghdr,
    bytes: libc::iovec,
}

/// What the kernel reads of a slot besides its bytes. One message for a train, one a datagram where
/// trains are refused.
#[repr(C)]
struct Head {
    name: Room<{ NAME_LEN.next_multiple_of(8) }>,
    control: Room<SEND_LEN>,
    messages: [Message; SEGMENTS_MAX],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Free,
    Claimed,
    Queued,
    InFlight,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    state: State,
    /// Grows each time the slot is finished.
    generation: u32,
    /// Bytes of the train, and of each datagram but the last.
    len: usize,
    segment: usize,
    path: Path,
    /// Messages it takes; 0 if this socket can not reach the destination. Those not completed yet.
    messages: u16,
    left: u16,
    /// Segmentation was refused, and no single datagram has got through yet.
    refused: bool,
}

impl Slot {
    const FREE: Self = Self {
        state: State::Free,
        generation: 0,
        len: 0,
        segment: 0,
        path: Path {
            local: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            remote: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
        },
        messages: 0,
        left: 0,
        refused: false,
    };

    fn is_train(&self) -> bool {
        self.messages == 1 && self.len > self.segment
    }

    fn datagrams_per_message(&self) -> usize {
        if self.is_train() { self.len.div_ceil(self.segment) } else { 1 }
    }
}

/// A slot that belongs to the kernel, as it is named in completions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct InFlight {
    pub slot: u16,
    pub generation: u32,
}

/// A completion named a slot that is not in flight: memory is not ours to reuse any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Foreign;

/// All send slots of a shard.
#[derive(Debug)]
pub(super) struct Outgoing {
    data: Pages,
    heads: Pages,
    slots: Box<[Slot]>,
    /// Number of the submission in each slot, [`NONE`] if there is none.
    numbers: Box<[u64]>,
    /// Last in, first out: the memory most likely still in the cache.
    free: Vec<u16>,
    claimed: Option<u16>,
    /// The last claim found no free slot.
    starved: bool,
    ready: VecDeque<u16>,
    next: u64,
    family: Family,
    /// The socket's address is the source of all.
    has_one_address: bool,
    segments: bool,
    unsegmented: Unsegmented,
}

/// A datagram that needs no control message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub bytes: *const u8,
    pub len: u32,
    pub name: *const libc::sockaddr,
    pub name_len: libc::socklen_t,
}

impl Outgoing {
    /// `count` slots for `socket`; `trains`: whether some may be sent by `UDP_SEGMENT`.
    pub fn of(socket: &Socket, count: u16, trains: bool) -> io::Result<Self> {
        let new = Self::new(count, socket.family, trains && socket.segments)?;
        Ok(Self { has_one_address: socket.has_one_address, ..new })
    }

    /// `count` slots for a socket of several addresses; `segments`: whether trains may be sent by
    /// `UDP_SEGMENT`.
    pub fn new(count: u16, family: Family, segments: bool) -> io::Result<Self> {
        let count = count.max(1);
        let slots = usize::from(count);
        Ok(Self {
            data: Pages::new(slots * SLOT_LEN)?,
            heads: Pages::new(slots * size_of::<Head>())?,
            slots: vec![Slot::FREE; slots].into(),
            numbers: vec![NONE; slots].into(),
            free: (0..count).rev().collect(),
            claimed: None,
            starved: false,
            ready: VecDeque::with_capacity(slots),
            next: 0,
            family,
            has_one_address: false,
            segments,
            unsegmented: Unsegmented::new(),
        })
    }

    /// The next queued train and how many messages it takes. Those that can not be sent at all are
    /// finished here.
    pub fn peek(&mut self, counters: &mut Counters) -> Option<(InFlight, u16)> {
        while let Some(&id) = self.ready.front() {
            let slot = &self.slots[usize::from(id)];
            if slot.messages > 0 {
                return Some((InFlight { slot: id, generation: slot.generation }, slot.messages));
            }
            counters.add(Counter::SendDropped, slot.len.div_ceil(slot.segment));
            self.ready.pop_front();
            self.finish(id);
        }
        None
    }

    /// Gives the train that [`Self::peek`] showed to the kernel.
    pub fn begin(&mut self) {
        if let Some(id) = self.ready.pop_front() {
            self.slots[usize::from(id)].state = State::InFlight;
        }
    }

    /// Message `index` of a train. It stays where it is, and unchanged, until its completion.
    pub fn message(&self, train: InFlight, index: u16) -> *const libc::msghdr {
        let messages = self.slots[usize::from(train.slot)].messages;
        assert!(index < messages, "the train has fewer messages");
        let head = self.heads.at(usize::from(train.slot) * size_of::<Head>(), size_of::<Head>());
        // SAFETY: `at` proved that a whole `Head` is there, aligned as all its parts are (the
        // mapping is aligned to a page, a `Head` is a multiple of 8 bytes long); `index` is inside
        // the array. Only an address is made, nothing is read.
        unsafe { &raw const (*head.cast::<Head>().as_ptr()).messages[usize::from(index)].header }
    }

    /// Message `index` of a train, if it is a datagram that needs no control message. All it points
    /// to stays where it is, and unchanged, until its completion.
    pub fn plain(&self, train: InFlight, index: u16) -> Option<Plain> {
        // SAFETY: `message` proved that it is in its `Head`, which `prepare` wrote; nobody writes
        // it while the slot is queued or in flight (`head_mut`), and the kernel only reads.
        let header = unsafe { &*self.message(train, index) };
        // SAFETY: as above; the vector lies beside the header.
        let bytes = unsafe { &*header.msg_iov };
        (header.msg_controllen == 0).then_some(Plain {
            bytes: bytes.iov_base.cast(),
            len: bytes.iov_len as u32, // at most TRAIN_MAX
            name: header.msg_name.cast(),
            name_len: header.msg_namelen,
        })
    }

    /// Messages of a train.
    pub fn messages(&self, train: InFlight) -> u16 {
        self.slots[usize::from(train.slot)].messages
    }

    /// Whether the kernel holds the train.
    pub fn is_in_flight(&self, train: InFlight) -> bool {
        let slot = &self.slots[usize::from(train.slot)];
        slot.state == State::InFlight && slot.generation == train.generation
    }

    /// Messages of a train that are not completed. A train's messages complete in order on mmsg.
    pub fn left(&self, train: InFlight) -> u16 {
        self.slots[usize::from(train.slot)].left
    }

    /// The kernel is done with one message of a train: sent `Ok`, or failed with an `errno`. A
    /// train that the kernel refused to segment is queued again, as single datagrams.
    pub fn complete(
        &mut self,
        train: InFlight,
        result: Result<(), i32>,
        counters: &mut Counters,
    ) -> Result<(), Foreign> {
        let slot = self.slots.get_mut(usize::from(train.slot)).ok_or(Foreign)?;
        if slot.state != State::InFlight || slot.generation != train.generation {
            return Err(Foreign);
        }
        match result {
            Ok(()) => {
                counters.add(Counter::MessagesOut, 1);
                counters.add(Counter::DatagramsOut, slot.datagrams_per_message());
                // Which of the datagrams it was is not known: bytes are counted with the last one.
                if slot.left == 1 {
                    counters.add(Counter::BytesOut, slot.len);
                }
                if std::mem::take(&mut slot.refused) {
                    self.unsegmented.remember(slot.path.remote.ip());
                }
            }
            Err(errno) if slot.is_train() && refuses_segments(errno) => {
                counters.add(Counter::TrainsSplit, 1);
                slot.refused = true;
                slot.state = State::Queued;
                self.prepare(train.slot, false);
                self.ready.push_front(train.slot);
                return Ok(());
            }
            // io_uring says so when it could not wait for room by itself. The train is still whole.
            Err(libc::EINTR | libc::EAGAIN) if slot.messages == 1 => {
                counters.add(Counter::SendBlocked, 1);
                slot.state = State::Queued;
                self.ready.push_front(train.slot);
                return Ok(());
            }
            Err(_) => counters.add(Counter::SendDropped, slot.datagrams_per_message()),
        }
        slot.left -= 1;
        if slot.left == 0 {
            self.finish(train.slot);
        }
        Ok(())
    }

    /// Whether a train waits to be given to the kernel.
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether egress ran out of slots.
    pub fn is_starved(&self) -> bool {
        self.starved
    }

    /// Whether egress ran out of slots, and there are some again.
    pub fn is_wanted(&self) -> bool {
        self.starved && !self.free.is_empty()
    }

    /// Slots whose bytes the kernel may be reading.
    pub fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| slot.state == State::InFlight).count()
    }

    /// Gives all memory up for good: the kernel may still hold some.
    pub fn leak(&mut self) {
        self.data.leak();
        self.heads.leak();
    }

    fn finish(&mut self, id: u16) {
        let index = usize::from(id);
        if cfg!(debug_assertions) {
            let len = self.slots[index].len;
            // SAFETY: all messages of the slot are completed (`left` is 0, or none was ever begun),
            // so the kernel holds none of its bytes.
            unsafe { self.data.bytes_mut(index * SLOT_LEN, len) }.fill(POISON);
        }
        let slot = &mut self.slots[index];
        slot.state = State::Free;
        slot.generation = slot.generation.wrapping_add(1);
        self.numbers[index] = NONE;
        self.free.push(id);
    }

    /// Writes what the kernel reads of slot `id`: one message for the train if `segmented`, else
    /// one a datagram; none if this socket has no way along the path.
    fn prepare(&mut self, id: u16, segmented: bool) {
        let index = usize::from(id);
        let Slot { len, segment, path, .. } = self.slots[index];
        let mut name = [0; NAME_LEN];
        let one_family =
            path.local.is_unspecified() || path.local.is_ipv4() == path.remote.is_ipv4();
        let name_len = address::encode(self.family, path.remote, &mut name).filter(|_| one_family);
        let Some(name_len) = name_len else {
            self.slots[index].messages = 0;
            return;
        };
        let step = if segmented { len } else { segment };
        let cut = (step > segment).then_some(segment as u16); // at most TRAIN_MAX
        let head = head_mut(&mut self.heads, &self.slots[index], index);
        head.name.0[..NAME_LEN].copy_from_slice(&name);
        let local = if self.has_one_address { ANY } else { path.local };
        let control_len = ancillary::encode(self.family, local, cut, &mut head.control);
        let (name, control) = ((&raw mut head.name).cast(), (&raw mut head.control).cast());
        let mut messages = 0;
        for (message, start) in head.messages.iter_mut().zip((0..len).step_by(step)) {
            let len = step.min(len - start);
            let bytes = self.data.at(index * SLOT_LEN + start, len);
            message.bytes = libc::iovec { iov_base: bytes.as_ptr().cast(), iov_len: len };
            message.header.msg_name = name;
            message.header.msg_namelen = name_len as _;
            message.header.msg_iov = &raw mut message.bytes;
            message.header.msg_iovlen = 1;
            message.header.msg_control = control;
            message.header.msg_controllen = control_len as _;
            messages += 1;
        }
        self.slots[index].messages = messages;
        self.slots[index].left = messages;
    }
}

impl Outbox for Outgoing {
    fn claim(&mut self) -> Option<&mut [u8]> {
        let id = match self.claimed {
            Some(id) => id,
            None => {
                self.starved = self.free.is_empty();
                *self.claimed.insert(self.free.pop()?)
            }
        };
        let index = usize::from(id);
        let state = &mut self.slots[index].state;
        assert!(matches!(state, State::Free | State::Claimed), "only free slots are lent");
        *state = State::Claimed;
        // SAFETY: the slot is neither queued nor in flight, so the kernel holds none of its bytes;
        // it can become so only by `send`, which needs `&mut self` and thus the end of this borrow.
        Some(unsafe { self.data.bytes_mut(index * SLOT_LEN, TRAIN_MAX) })
    }

    fn send(&mut self, len: usize, segment: usize, path: Path) {
        assert!((1..=TRAIN_MAX).contains(&len) && (1..=len).contains(&segment), "no such train");
        assert!(len.div_ceil(segment) <= SEGMENTS_MAX, "longer than a train may be");
        let Some(id) = self.claimed.take() else {
            debug_assert!(false, "nothing is claimed");
            return;
        };
        let index = usize::from(id);
        let slot = &mut self.slots[index];
        *slot = Slot {
            state: State::Queued,
            generation: slot.generation,
            len,
            segment,
            path,
            ..Slot::FREE
        };
        let segmented =
            len > segment && self.segments && !self.unsegmented.contains(path.remote.ip());
        self.prepare(id, segmented || len == segment);
        self.numbers[index] = self.next;
        self.next += 1;
        self.ready.push_back(id);
    }

    fn next(&self) -> Submission {
        Submission(self.next)
    }

    fn completed_below(&self) -> Submission {
        let oldest = self.numbers.iter().copied().fold(NONE, u64::min);
        Submission(oldest.min(self.next))
    }
}

/// The kernel's view of a slot that it does not hold.
fn head_mut<'a>(heads: &'a mut Pages, slot: &Slot, index: usize) -> &'a mut Head {
    assert!(slot.state != State::InFlight, "the slot belongs to the kernel");
    let head = heads.at(index * size_of::<Head>(), size_of::<Head>());
    // SAFETY: `at` proved that a whole `Head` is there, aligned (see `Outgoing::message`); its
    // bytes were zeroed when mapped, and zero is valid for all its fields (integers and raw
    // pointers). The slot is not in flight, so the kernel does not read it, and `&mut Pages` keeps
    // other borrows away.
    unsafe { head.cast::<Head>().as_mut() }
}

/// Whether `errno` may mean that this train can not be cut on its way out: no checksum offload or
/// an IPsec policy (EIO), a segment longer than the path's MTU (EINVAL, EMSGSIZE), no `UDP_SEGMENT`
/// at all (EOPNOTSUPP).
fn refuses_segments(errno: i32) -> bool {
    matches!(errno, libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(slots: u16) -> Outgoing {
        Outgoing::new(slots, Family::Dual, true).unwrap()
    }

    fn path(local: &str, remote: &str) -> Path {
        Path { local: local.parse().unwrap(), remote: remote.parse().unwrap() }
    }

    fn v4() -> Path {
        path("127.0.0.1", "127.0.0.1:9")
    }

    /// Sends a train of `len` bytes and gives it to the kernel.
    fn submit(outgoing: &mut Outgoing, len: usize, segment: usize) -> (InFlight, u16) {
        outgoing.claim().unwrap().fill(1);
        outgoing.send(len, segment, v4());
        let train = outgoing.peek(&mut Counters::new()).unwrap();
        outgoing.begin();
        train
    }

    #[test]
    fn claimed_until_sent_and_in_flight_until_completed() {
        let mut outgoing = outgoing(2);
        let first = outgoing.claim().unwrap().as_ptr();
        assert_eq!(outgoing.claim().unwrap().as_ptr(), first, "the same memory until it is sent");
        let mut counters = Counters::new();
        let (a, _) = submit(&mut outgoing, 100, 100);
        let (b, _) = submit(&mut outgoing, 100, 100);
        assert!(outgoing.claim().is_none(), "all are in flight");
        assert_eq!(outgoing.next(), Submission(2));
        assert_eq!(outgoing.completed_below(), Submission(0));
        outgoing.complete(b, Ok(()), &mut counters).unwrap();
        assert_eq!(outgoing.completed_below(), Submission(0), "the older one is not complete");
        assert_eq!(outgoing.complete(b, Ok(()), &mut counters), Err(Foreign), "completed twice");
        outgoing.complete(a, Ok(()), &mut counters).unwrap();
        assert_eq!(outgoing.completed_below(), outgoing.next());
        let memory = outgoing.claim().unwrap();
        assert_eq!(memory.as_ptr(), first);
        assert!(!cfg!(debug_assertions) || memory[..100] == [POISON; 100], "poisoned");
    }

    #[test]
    fn completions_that_do_not_fit_are_refused() {
        let mut outgoing = outgoing(2);
        let (train, _) = submit(&mut outgoing, 10, 10);
        for foreign in [
            InFlight { slot: 1, ..train },                          // free
            InFlight { slot: 2, ..train },                          // no such slot
            InFlight { generation: train.generation + 1, ..train }, // of another time
        ] {
            assert_eq!(
                outgoing.complete(foreign, Ok(()), &mut Counters::new()),
                Err(Foreign),
                "{foreign:?}"
            );
        }
        assert_eq!(outgoing.complete(train, Ok(()), &mut Counters::new()), Ok(()));
    }

    #[test]
    fn refused_trains_go_out_as_single_datagrams() {
        let mut outgoing = outgoing(1);
        let mut counters = Counters::new();
        let (train, messages) = submit(&mut outgoing, 250, 100);
        assert_eq!(messages, 1);
        outgoing.complete(train, Err(libc::EIO), &mut counters).unwrap();
        let (train, messages) = outgoing.peek(&mut counters).unwrap();
        assert_eq!(messages, 3);
        outgoing.begin();
        let lengths: Vec<usize> = (0..3)
            // SAFETY: the message and its vector are written, and nothing changes them meanwhile.
            .map(|index| unsafe { (*(*outgoing.message(train, index)).msg_iov).iov_len })
            .collect();
        assert_eq!(lengths, [100, 100, 50]);
        for left in (0..3).rev() {
            assert_eq!(outgoing.completed_below(), Submission(0));
            outgoing.complete(train, Ok(()), &mut counters).unwrap();
            assert_eq!(outgoing.left(train), left);
        }
        assert_eq!(outgoing.completed_below(), Submission(1));
        assert_eq!(submit(&mut outgoing, 250, 100).1, 3, "remembered");
        let counted =
            [Counter::TrainsSplit, Counter::MessagesOut, Counter::DatagramsOut, Counter::BytesOut];
        assert_eq!(counted.map(|counter| counters.value(counter)), [1, 3, 3, 250]);
    }

    #[test]
    fn failed_trains_are_counted_and_finished() {
        for (errno, dropped) in [(libc::ENETUNREACH, 3), (libc::EPERM, 3), (libc::ENOBUFS, 3)] {
            let mut outgoing = outgoing(1);
            let mut counters = Counters::new();
            let (train, _) = submit(&mut outgoing, 250, 100);
            outgoing.complete(train, Err(errno), &mut counters).unwrap();
            assert_eq!(counters.value(Counter::SendDropped), dropped, "{errno}");
            assert_eq!(outgoing.completed_below(), Submission(1));
        }
    }

    #[test]
    fn interrupted_trains_are_tried_again() {
        let mut outgoing = outgoing(1);
        let mut counters = Counters::new();
        let (train, _) = submit(&mut outgoing, 250, 100);
        for errno in [libc::EINTR, libc::EAGAIN] {
            outgoing.complete(train, Err(errno), &mut counters).unwrap();
            assert_eq!(
                outgoing.complete(train, Ok(()), &mut counters),
                Err(Foreign),
                "not in flight"
            );
            assert_eq!(outgoing.peek(&mut counters), Some((train, 1)), "{errno}");
            outgoing.begin();
        }
        outgoing.complete(train, Ok(()), &mut counters).unwrap();
        assert_eq!(outgoing.completed_below(), Submission(1));
        assert_eq!(counters.value(Counter::DatagramsOut), 3);
    }

    #[test]
    fn no_way_no_message() {
        let mut counters = Counters::new();
        for (family, local, remote) in [
            (Family::V4, "::1", "[::1]:9"),
            (Family::V6, "127.0.0.1", "127.0.0.1:9"),
            (Family::Dual, "127.0.0.1", "[::1]:9"), // two families in one path
        ] {
            let mut outgoing = Outgoing::new(1, family, true).unwrap();
            outgoing.claim().unwrap();
            outgoing.send(200, 100, path(local, remote));
            assert!(outgoing.peek(&mut counters).is_none(), "{family:?} {remote}");
            assert_eq!(outgoing.completed_below(), outgoing.next());
        }
        assert_eq!(counters.value(Counter::SendDropped), 6);
    }

    #[test]
    fn without_segmentation_trains_are_single_datagrams() {
        let mut outgoing = Outgoing::new(1, Family::Dual, false).unwrap();
        assert_eq!(submit(&mut outgoing, 6_400, 100).1, 64);
    }

    #[test]
    #[should_panic(expected = "longer than a train may be")]
    fn too_many_segments() {
        submit(&mut outgoing(1), 65, 1);
    }
}
