//! The io_uring driver: multishot `recvmsg` into a provided buffer ring, `sendmsg` from send slots,
//! one submission a turn and one wait.

mod receive;
mod setup;

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode, squeue};

use crate::wire::path::Path;

use super::ancillary::RECEIVE_LEN;
use super::config::Tuning;
use super::counters::{Counter, Counters};
use super::drive::Drive;
use super::incoming::{self, NAME_FIELD, PAYLOAD_AT, Received};
use super::outgoing::{Foreign, InFlight, Outgoing, Plain};
use super::pages::Pages;
use super::refusal::{Granted, Refusal, Step};
use super::socket::Socket;
use super::system::dropped_datagrams;
use super::wake::Wake;
use receive::{GROUP, ReceiveRing};

/// What a completion belongs to: the top byte of its user data.
const RECEIVE: u64 = 1 << 56;
const WAKE: u64 = 2 << 56;
const CANCEL: u64 = 3 << 56;
/// With the slot in bits 32..48 and its generation in bits 0..32.
const SEND: u64 = 4 << 56;

const FOREIGN: &str = "the kernel completed what it was never given";

/// An eventfd is read by 8 bytes.
const WAKE_LEN: usize = 8;
/// When to try again what the submission queue could not take.
const RETRY: Duration = Duration::from_millis(1);
/// One call makes a multishot receive take this many datagrams at most (Linux,
/// `MULTISHOT_MAX_RETRY`); where it took as many there may be more.
const RECEIVED_AT_ONCE: usize = 32;
/// How long sends in flight may take to finish by themselves when the driver ends, and when they
/// are cancelled.
const GRACE: Duration = Duration::from_millis(200);
const CANCEL_TIME_MAX: Duration = Duration::from_secs(2);

/// A receive buffer that the kernel filled, with how many bytes.
#[derive(Clone, Copy, Debug)]
struct Filled {
    buffer: u16,
    len: usize,
}

/// One shard's socket, driven by completions. The ring goes first when it is dropped, and only
/// after everything in flight completed; else all memory that the kernel may hold is leaked.
pub(super) struct Uring<'a> {
    ring: IoUring,
    outgoing: Outgoing,
    receive: ReceiveRing,
    /// What the read of the eventfd writes to.
    wake_word: Pages,
    /// Layout of what a multishot receive writes; `io_uring` reads it when it is armed.
    layout: Box<libc::msghdr>,
    /// Filled and not handed over yet, oldest first.
    filled: VecDeque<Filled>,
    is_receiving: bool,
    is_reading_wake: bool,
    /// A wake-up was read, or the receive has ended, and no turn has seen it yet.
    has_news: bool,
    /// Messages submitted and not completed.
    in_flight: usize,
    /// `errno` of a receive that failed for another reason than want of buffers.
    refused: Option<i32>,
    socket: Arc<Socket>,
    wake: &'a Wake,
    /// What a turn handles: no more is taken from the socket for it.
    datagrams_per_turn: usize,
}

impl<'a> Uring<'a> {
    /// Sets up and arms everything. Must be called on the thread that will drive it.
    pub fn new(
        socket: Arc<Socket>,
        wake: &'a Wake,
        trains: bool,
        tuning: &Tuning,
    ) -> Result<(Self, Granted), Refusal> {
        let memory = Refusal::at(Step::Memory);
        let outgoing = Outgoing::of(&socket, tuning.send_slots, trains).map_err(&memory)?;
        let mut receive = ReceiveRing::new(tuning.receive_buffers).map_err(&memory)?;
        let wake_word = Pages::new(WAKE_LEN).map_err(&memory)?;
        // Last, so that it goes first if something below is refused.
        let (ring, granted) = setup::open(&socket, wake, tuning)?;
        receive.register(&ring).map_err(Refusal::at(Step::BufferRing))?;
        // SAFETY: integers and raw pointers, for which zero is valid.
        let mut layout: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        layout.msg_namelen = NAME_FIELD as _;
        layout.msg_controllen = RECEIVE_LEN as _;
        let mut driver = Self {
            filled: VecDeque::with_capacity(usize::from(receive.lent())),
            ring,
            outgoing,
            receive,
            wake_word,
            layout,
            is_receiving: false,
            is_reading_wake: false,
            has_news: false,
            in_flight: 0,
            refused: None,
            socket,
            wake,
            datagrams_per_turn: tuning.datagrams_per_turn,
        };
        driver.try_out()?;
        Ok((driver, granted))
    }

    /// Arms what is always armed, and looks whether the kernel refuses it at once.
    fn try_out(&mut self) -> Result<(), Refusal> {
        self.arm();
        self.ring.submit().map_err(Refusal::at(Step::RingSetup))?;
        let mut counters = Counters::new();
        let collected = self.collect(&mut counters);
        match (collected, self.refused.take()) {
            (Ok(()), None) => Ok(()),
            (_, errno) => Err(Refusal { step: Step::MultishotReceive, errno: errno.unwrap_or(0) }),
        }
    }

    /// Puts an operation into the submission queue; makes room by a submission if there is none.
    fn push(&mut self, entry: &squeue::Entry) -> bool {
        // SAFETY: what the entry points to is memory of `layout` (read when submitted),
        // `wake_word`, or a slot of `outgoing` that is in flight: it stays where it is until its
        // completion, or is leaked (`Drop`).
        if unsafe { self.ring.submission().push(entry) }.is_ok() {
            return true;
        }
        let _ = self.ring.submit();
        // SAFETY: as above.
        unsafe { self.ring.submission().push(entry) }.is_ok()
    }

    /// Free entries of the submission queue.
    fn room(&mut self) -> usize {
        let queue = self.ring.submission();
        queue.capacity() - queue.len()
    }

    /// Arms the multishot receive and the read of the eventfd, unless they are.
    fn arm(&mut self) {
        if !self.is_receiving && self.receive.lent() > 0 {
            let entry =
                opcode::RecvMsgMulti::new(Fixed(setup::SOCKET), &raw const *self.layout, GROUP)
                    .build()
                    .user_data(RECEIVE);
            self.is_receiving = self.push(&entry);
        }
        if !self.is_reading_wake {
            let word = self.wake_word.at(0, WAKE_LEN).as_ptr();
            let entry = opcode::Read::new(Fixed(setup::EVENT), word, WAKE_LEN as u32)
                .build()
                .user_data(WAKE);
            self.is_reading_wake = self.push(&entry);
        }
    }

    /// Takes all completions. Arms nothing.
    fn collect(&mut self, counters: &mut Counters) -> Result<(), Foreign> {
        let Self { ring, outgoing, receive, filled, .. } = self;
        if ring.submission().cq_overflow() {
            // The kernel keeps what did not fit, and delivers it with the next wait.
            counters.add(Counter::CompletionOverflows, 1);
        }
        for entry in ring.completion() {
            let (result, flags) = (entry.result(), entry.flags());
            match entry.user_data() {
                RECEIVE => {
                    if !cqueue::more(flags) {
                        (self.is_receiving, self.has_news) = (false, true);
                    }
                    let buffer = cqueue::buffer_select(flags);
                    if buffer.is_some_and(|buffer| !receive.take(buffer)) {
                        return Err(Foreign);
                    }
                    match (usize::try_from(result), buffer) {
                        (Ok(len), Some(buffer)) => filled.push_back(Filled { buffer, len }),
                        (Ok(_), None) => {}
                        (Err(_), buffer) => {
                            buffer.into_iter().for_each(|buffer| receive.give(buffer));
                            match -result {
                                libc::ENOBUFS => counters.add(Counter::BufferShortages, 1),
                                libc::ECANCELED => {}
                                errno => {
                                    self.refused = Some(errno);
                                    counters.add(Counter::ReceiveErrors, 1);
                                }
                            }
                        }
                    }
                }
                WAKE => (self.is_reading_wake, self.has_news) = (false, true),
                CANCEL => {}
                data => {
                    if data >> 48 != SEND >> 48 {
                        return Err(Foreign);
                    }
                    let train = InFlight { slot: (data >> 32) as u16, generation: data as u32 };
                    let result = if result < 0 { Err(-result) } else { Ok(()) };
                    self.in_flight = self.in_flight.saturating_sub(1);
                    outgoing.complete(train, result, counters)?;
                }
            }
        }
        Ok(())
    }

    /// Submits what is queued, without waiting. What the kernel can not take now stays queued.
    fn submit(&mut self, counters: &mut Counters) {
        counters.add(Counter::Submissions, 1);
        let _ = self.ring.submit();
    }

    /// Submits what is queued, and waits until something completes or `timeout` is over.
    fn enter(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let result = match timeout {
            // Completions that are deferred to us (DEFER_TASKRUN) are made only by a call that
            // wants events.
            Some(Duration::ZERO) => {
                let count = self.ring.submission().len() as u32;
                let flags = EnterFlags::GETEVENTS.bits();
                // SAFETY: no argument is passed; entries are covered by `push`.
                unsafe { self.ring.submitter().enter::<libc::sigset_t>(count, 0, flags, None) }
            }
            Some(timeout) => {
                let timeout = Timespec::from(timeout);
                self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&timeout))
            }
            None => self.ring.submit_and_wait(1),
        };
        match result.map_err(|error| error.raw_os_error()) {
            Ok(_) => Ok(()),
            // Over; a signal; short of memory, or of room for completions: all pass with the next
            // turn.
            Err(Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY)) => Ok(()),
            Err(errno) => Err(io::Error::from_raw_os_error(errno.unwrap_or(libc::EIO))),
        }
    }

    /// Waits until the kernel holds nothing of ours. `false` if it does not let go.
    fn quiesce(&mut self) -> bool {
        let start = Instant::now();
        let mut counters = Counters::new();
        let mut cancelled = [false; 2];
        loop {
            if self.collect(&mut counters).is_err() {
                return false;
            }
            if !self.is_receiving && !self.is_reading_wake && self.in_flight == 0 {
                return true;
            }
            let elapsed = start.elapsed();
            if elapsed > CANCEL_TIME_MAX {
                return false;
            }
            // First only what never ends by itself; sends have a while to complete.
            let (stage, all): (usize, _) = if elapsed < GRACE && self.in_flight > 0 {
                (0, [CancelBuilder::user_data(RECEIVE), CancelBuilder::user_data(WAKE)])
            } else {
                (1, [CancelBuilder::any(), CancelBuilder::any()])
            };
            if !std::mem::replace(&mut cancelled[stage], true) {
                for what in all {
                    self.push(&opcode::AsyncCancel2::new(what).build().user_data(CANCEL));
                }
            }
            if self.enter(Some(Duration::from_millis(5))).is_err() {
                return false;
            }
        }
    }
}

impl Drop for Uring<'_> {
    fn drop(&mut self) {
        if !self.quiesce() {
            self.outgoing.leak();
            self.receive.leak();
            self.wake_word.leak();
        }
        // The kernel tears a ring down after it was closed: without this the port would stay taken
        // for a while.
        let _ = self.ring.submitter().unregister_files();
    }
}

impl Drive for Uring<'_> {
    fn reap(&mut self, counters: &mut Counters) {
        loop {
            let before = self.filled.len();
            let known = self.collect(counters);
            assert!(known.is_ok(), "{FOREIGN}");
            let may_have_more = self.filled.len() - before >= RECEIVED_AT_ONCE
                && self.filled.len() < self.datagrams_per_turn
                && self.is_receiving;
            // What fails here fails again at the wait, which tells.
            if !may_have_more || self.enter(Some(Duration::ZERO)).is_err() {
                break;
            }
        }
        self.has_news = false;
    }

    fn ingress(
        &mut self,
        mut budget: usize,
        counters: &mut Counters,
        handle: &mut impl FnMut(Path, &mut [u8]),
    ) {
        while budget > 0 {
            let Some(Filled { buffer, len }) = self.filled.pop_front() else { break };
            let bytes = self.receive.bytes_mut(buffer, incoming::BUFFER_LEN);
            let count = match received(bytes, len) {
                Some(received) => incoming::deliver(bytes, received, counters, handle),
                None => {
                    counters.add(Counter::ReceiveErrors, 1);
                    0
                }
            };
            self.receive.give(buffer);
            budget = budget.saturating_sub(count.max(1));
        }
        if !self.is_receiving {
            counters.add(Counter::Rearmed, 1);
        }
        self.arm();
    }

    fn outbox(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn transmit(&mut self, counters: &mut Counters) {
        // Sends complete as they are submitted, unless the socket is full. What was refused as a
        // train goes out as single datagrams at once.
        for _ in 0..2 {
            if self.queue(counters) {
                self.submit(counters);
                let known = self.collect(counters);
                assert!(known.is_ok(), "{FOREIGN}");
            }
        }
    }

    fn pause(&mut self, pause: Duration) {
        // The eventfd tells what the ring has not read yet.
        if !self.has_news {
            self.wake.sleep(pause);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, counters: &mut Counters) -> io::Result<()> {
        let is_busy =
            !self.filled.is_empty() || self.has_news || !self.ring.completion().is_empty();
        let is_deaf = !self.is_receiving || !self.is_reading_wake || self.outgoing.has_ready();
        let submits = !self.ring.submission().is_empty();
        counters.add(Counter::Submissions, usize::from(submits));
        self.enter(match timeout {
            _ if is_busy => Some(Duration::ZERO),
            // The submission queue could not take all: try again soon.
            _ if is_deaf => Some(timeout.unwrap_or(RETRY).min(RETRY)),
            timeout => timeout,
        })
    }

    fn receive_buffers(&self) -> (usize, usize) {
        (self.filled.len(), usize::from(self.receive.lent()))
    }

    fn kernel_drops(&self) -> u64 {
        dropped_datagrams(self.socket.as_fd())
    }
}

impl Uring<'_> {
    /// Puts queued trains into the submission queue, as far as it goes. Whether there are any.
    fn queue(&mut self, counters: &mut Counters) -> bool {
        let mut is_any = false;
        while let Some((train, messages)) = self.outgoing.peek(counters) {
            if self.room() < usize::from(messages) {
                self.submit(counters);
                if self.room() < usize::from(messages) {
                    return is_any; // the kernel is short of memory: next turn
                }
            }
            is_any = true;
            self.outgoing.begin();
            for index in 0..messages {
                let data = SEND | u64::from(train.slot) << 32 | u64::from(train.generation);
                let entry = entry(&self.outgoing, train, index).user_data(data);
                let pushed = self.push(&entry);
                assert!(pushed, "there is room: looked above");
                self.in_flight += 1;
            }
        }
        is_any
    }
}

/// The operation that sends a message. Where there is nothing to say beside bytes and address, the
/// kernel is spared the reading of a `msghdr`.
fn entry(outgoing: &Outgoing, train: InFlight, index: u16) -> squeue::Entry {
    let socket = Fixed(setup::SOCKET);
    match outgoing.plain(train, index) {
        Some(Plain { bytes, len, name, name_len }) => opcode::Send::new(socket, bytes, len)
            .dest_addr(name)
            .dest_addr_len(name_len as _)
            .build(),
        None => opcode::SendMsg::new(socket, outgoing.message(train, index)).build(),
    }
}

/// Reads the `io_uring_recvmsg_out` at the start of a buffer of which `len` bytes are filled.
fn received(buffer: &[u8], len: usize) -> Option<Received> {
    let filled = buffer.get(PAYLOAD_AT..len)?;
    let word =
        |index: usize| buffer.get(4 * index..)?.first_chunk().map(|word| u32::from_ne_bytes(*word));
    Some(Received {
        name_len: word(0)? as usize,
        control_len: word(1)? as usize,
        payload_len: filled.len().min(word(2)? as usize),
        flags: word(3)? as i32,
    })
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::super::mmsg::Mmsg;
    use super::*;
    use crate::shard::outbox::{Outbox, Submission};

    /// So long that nobody takes it for a slow machine.
    const FOREVER: Duration = Duration::from_secs(60);

    fn send(driver: &mut impl Drive, counters: &mut Counters, trains: u64) {
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (local, remote) = ("127.0.0.1".parse().unwrap(), receiver.local_addr().unwrap());
        for _ in 0..trains {
            driver.outbox().claim().unwrap();
            driver.outbox().send(30, 10, Path { local, remote });
        }
        driver.transmit(counters);
    }

    /// What every driver takes in a turn.
    fn takes_what_waits(driver: &mut impl Drive, to: &Socket) {
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        let waiting = 5 * RECEIVED_AT_ONCE / 2;
        for _ in 0..waiting {
            sender.send_to(&[7; 20], ("127.0.0.1", to.port)).unwrap();
        }
        let (mut counters, mut taken) = (Counters::new(), 0);
        driver.wait(Some(FOREVER), &mut counters).unwrap();
        driver.reap(&mut counters);
        driver.ingress(1_000, &mut counters, &mut |_, _| taken += 1);
        assert_eq!(taken, waiting);
    }

    /// What every driver does between two turns.
    fn rests_as_it_should(driver: &mut impl Drive, wake: &Wake) {
        let mut counters = Counters::new();
        let start = Instant::now();
        for (turn, is_early) in [true, false, true, false].into_iter().enumerate() {
            driver.reap(&mut counters);
            driver.ingress(1, &mut counters, &mut |_, _| {});
            if is_early {
                wake.wake(); // before the submission, which on io_uring reads the eventfd
            }
            send(driver, &mut counters, 3);
            let completed = driver.outbox().completed_below();
            assert_eq!(completed, Submission(3 * (turn as u64 + 1)), "sent at once, complete");
            wake.wake();
            driver.pause(FOREVER);
            driver.wait(Some(FOREVER), &mut counters).unwrap();
            assert!(wake.clear());
        }
        assert_eq!(counters.value(Counter::MessagesOut), 12);
        assert!(start.elapsed() < FOREVER, "something was slept over");
        assert!(counters.value(Counter::Submissions) >= 4);
    }

    #[test]
    fn wake_ups_end_pauses_and_waits_and_sends_end_none() {
        let socket = || Arc::new(Socket::open(None, 0, 1 << 20).unwrap());
        let (wake, tuning) = (Wake::new().unwrap(), Tuning::default());
        let to = socket();
        let mut mmsg = Mmsg::new(to.clone(), &wake, true, &tuning).unwrap();
        takes_what_waits(&mut mmsg, &to);
        rests_as_it_should(&mut mmsg, &wake);
        let (wake, to) = (Wake::new().unwrap(), socket());
        match Uring::new(to.clone(), &wake, true, &tuning) {
            Err(refusal) => eprintln!("io_uring is not tested here: {refusal}"),
            Ok((mut uring, _)) => {
                takes_what_waits(&mut uring, &to);
                rests_as_it_should(&mut uring, &wake);
                let mut counters = Counters::new();
                uring.reap(&mut counters);
                uring.ingress(1, &mut counters, &mut |_, _| {});
                uring.enter(Some(Duration::ZERO)).unwrap();
                uring.reap(&mut counters);
                uring.has_news = false;
                send(&mut uring, &mut counters, 3);
                assert!(uring.ring.completion().is_empty(), "nothing that would end a wait");
            }
        }
    }
}
