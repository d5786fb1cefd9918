//! The driver on plain sockets: ppoll, recvmmsg, sendmmsg. For where io_uring is refused, and the
//! control arm of benchmarks.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::wire::path::Path;

use super::ancillary::RECEIVE_LEN;
use super::config::Tuning;
use super::counters::{Counter, Counters};
use super::drive::Drive;
use super::incoming::{
    self, BUFFER_LEN, CONTROL_AT, NAME_AT, NAME_FIELD, PAYLOAD_AT, PAYLOAD_LEN, Received,
};
use super::outgoing::{InFlight, Outgoing};
use super::pages::Pages;
use super::socket::Socket;
use super::system::{check, dropped_datagrams};
use super::wake::Wake;

/// Messages a `recvmmsg` takes at most.
const RECEIVE_BATCH: usize = 64;
/// Messages a `sendmmsg` takes at most.
const SEND_BATCH: usize = 64;

/// One shard's socket, driven by readiness.
pub(super) struct Mmsg<'a> {
    socket: Arc<Socket>,
    wake: &'a Wake,
    outgoing: Outgoing,
    /// Trains begun and not completed, oldest first.
    begun: VecDeque<InFlight>,
    /// Room for the headers of a `sendmmsg`, copied from the slots.
    sending: Box<[libc::mmsghdr]>,
    buffers: Pages,
    headers: Box<[libc::mmsghdr]>,
    vectors: Box<[libc::iovec]>,
    /// Of the last batch: how many buffers are filled, and how many of these are handed over.
    filled: usize,
    handed_over: usize,
    readable: bool,
    /// The send buffer is full; wait until there is room again.
    blocked: bool,
}

impl<'a> Mmsg<'a> {
    pub fn new(
        socket: Arc<Socket>,
        wake: &'a Wake,
        trains: bool,
        tuning: &Tuning,
    ) -> io::Result<Self> {
        let batch = usize::from(tuning.receive_buffers).clamp(1, RECEIVE_BATCH);
        // SAFETY: both are integers and raw pointers, for which zero is valid.
        let (header, vector) =
            unsafe { (std::mem::zeroed::<libc::mmsghdr>(), std::mem::zeroed::<libc::iovec>()) };
        Ok(Self {
            outgoing: Outgoing::of(&socket, tuning.send_slots, trains)?,
            begun: VecDeque::with_capacity(usize::from(tuning.send_slots).max(1)),
            sending: vec![header; SEND_BATCH].into(),
            buffers: Pages::new(batch * BUFFER_LEN)?,
            headers: vec![header; batch].into(),
            vectors: vec![vector; batch].into(),
            filled: 0,
            handed_over: 0,
            readable: true,
            blocked: false,
            socket,
            wake,
        })
    }

    /// One `recvmmsg`. A batch that is not full says that the socket is empty.
    fn receive(&mut self, counters: &mut Counters) {
        for (index, (header, vector)) in self.headers.iter_mut().zip(&mut self.vectors).enumerate()
        {
            let at =
                |offset, len| self.buffers.at(index * BUFFER_LEN + offset, len).as_ptr().cast();
            *vector = libc::iovec { iov_base: at(PAYLOAD_AT, PAYLOAD_LEN), iov_len: PAYLOAD_LEN };
            header.msg_hdr.msg_name = at(NAME_AT, NAME_FIELD);
            header.msg_hdr.msg_namelen = NAME_FIELD as _;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = at(CONTROL_AT, RECEIVE_LEN);
            header.msg_hdr.msg_controllen = RECEIVE_LEN as _;
        }
        // SAFETY: each header names memory inside `buffers` (checked by `at`), which nobody
        // borrows, and its own vector; the call ends before either can move or go.
        let result = check(unsafe {
            libc::recvmmsg(
                self.socket.as_fd().as_raw_fd(),
                self.headers.as_mut_ptr(),
                self.headers.len() as _,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        } as isize);
        self.handed_over = 0;
        self.filled = *result.as_ref().unwrap_or(&0);
        self.readable = self.filled == self.headers.len();
        match result.map_err(|error| error.raw_os_error()) {
            Ok(_) | Err(Some(libc::EAGAIN)) => {}
            Err(Some(libc::EINTR)) => self.readable = true,
            Err(_) => counters.add(Counter::ReceiveErrors, 1), // ppoll tells if there is more
        }
    }

    /// Copies the headers of messages to send into `sending`; returns how many.
    fn gather(&mut self, counters: &mut Counters) -> usize {
        while let Some((train, _)) = self.outgoing.peek(counters) {
            self.outgoing.begin();
            self.begun.push_back(train);
        }
        let mut room = self.sending.iter_mut();
        for train in &self.begun {
            let messages = self.outgoing.messages(*train);
            for index in messages - self.outgoing.left(*train)..messages {
                let Some(place) = room.next() else { return SEND_BATCH };
                // SAFETY: the address is that of a message of this train (checked by `message`),
                // which was written before it was queued and is not written again until its
                // completion.
                place.msg_hdr = unsafe { *self.outgoing.message(*train, index) };
            }
        }
        SEND_BATCH - room.len()
    }

    /// The oldest message of all is sent, or failed.
    fn complete(&mut self, result: Result<(), i32>, counters: &mut Counters) {
        let Some(train) = self.begun.front().copied() else { return };
        let known = self.outgoing.complete(train, result, counters);
        assert!(known.is_ok(), "a train completed that is not in flight");
        if !self.outgoing.is_in_flight(train) {
            self.begun.pop_front(); // sent, failed, or queued again as single datagrams
        }
    }
}

impl Drive for Mmsg<'_> {
    /// Nothing: what is sent completes as it is sent.
    fn reap(&mut self, _: &mut Counters) {}

    fn ingress(
        &mut self,
        mut budget: usize,
        counters: &mut Counters,
        handle: &mut impl FnMut(Path, &mut [u8]),
    ) {
        loop {
            while self.handed_over < self.filled {
                if budget == 0 {
                    return;
                }
                let header = &self.headers[self.handed_over];
                let received = Received {
                    name_len: header.msg_hdr.msg_namelen as usize,
                    control_len: header.msg_hdr.msg_controllen,
                    payload_len: header.msg_len as usize,
                    flags: header.msg_hdr.msg_flags,
                };
                // SAFETY: the kernel fills buffers only during `recvmmsg`, which has ended.
                let buffer =
                    unsafe { self.buffers.bytes_mut(self.handed_over * BUFFER_LEN, BUFFER_LEN) };
                let count = incoming::deliver(buffer, received, counters, handle);
                budget = budget.saturating_sub(count.max(1));
                self.handed_over += 1;
            }
            if !self.readable {
                return;
            }
            self.receive(counters);
        }
    }

    fn outbox(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    fn transmit(&mut self, counters: &mut Counters) {
        while !self.blocked {
            let count = self.gather(counters);
            if count == 0 {
                return;
            }
            counters.add(Counter::Submissions, 1);
            // SAFETY: the first `count` headers name memory of trains in flight, which stays as it
            // is until they are completed; the call reads it, and writes the headers' `msg_len`
            // only.
            let result = check(unsafe {
                libc::sendmmsg(
                    self.socket.as_fd().as_raw_fd(),
                    self.sending.as_mut_ptr(),
                    count as _,
                    libc::MSG_DONTWAIT as _,
                )
            } as isize);
            match result.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)) {
                Ok(sent) => (0..sent).for_each(|_| self.complete(Ok(()), counters)),
                Err(libc::EINTR) => {}
                Err(libc::EAGAIN) => {
                    counters.add(Counter::SendBlocked, 1);
                    self.blocked = true; // trains stay in flight: the slots are the bound
                }
                Err(errno) => self.complete(Err(errno), counters),
            }
        }
    }

    fn pause(&mut self, pause: Duration) {
        if self.wake.sleep(pause) {
            self.wake.drain();
        }
        self.readable = true; // the next turn looks, without being told
    }

    fn wait(&mut self, timeout: Option<Duration>, _: &mut Counters) -> io::Result<()> {
        let is_busy = self.readable || self.handed_over < self.filled;
        if is_busy && !self.blocked {
            return Ok(()); // what else there is can be asked when the socket is empty
        }
        let timeout = if is_busy { Some(Duration::ZERO) } else { timeout };
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as _,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let events = libc::POLLIN | if self.blocked { libc::POLLOUT } else { 0 };
        let mut polled = [
            libc::pollfd { fd: self.socket.as_fd().as_raw_fd(), events, revents: 0 },
            libc::pollfd { fd: self.wake.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 },
        ];
        let timeout = timeout.as_ref().map_or(ptr::null(), |timeout| &raw const *timeout);
        // SAFETY: both entries and the timeout live through the call.
        let result =
            check(unsafe { libc::ppoll(polled.as_mut_ptr(), 2, timeout, ptr::null()) } as isize);
        match result.map_err(|error| error.raw_os_error()) {
            Ok(_) => {}
            Err(Some(libc::EINTR | libc::EAGAIN | libc::ENOMEM)) => return Ok(()),
            Err(errno) => return Err(io::Error::from_raw_os_error(errno.unwrap_or(libc::EIO))),
        }
        let [socket, wake] = polled;
        self.readable |= socket.revents & (libc::POLLIN | libc::POLLERR) != 0;
        self.blocked &= socket.revents & (libc::POLLOUT | libc::POLLERR) == 0;
        if wake.revents & libc::POLLIN != 0 {
            self.wake.drain();
        }
        Ok(())
    }

    fn receive_buffers(&self) -> (usize, usize) {
        (self.filled - self.handed_over, 0)
    }

    fn kernel_drops(&self) -> u64 {
        dropped_datagrams(self.socket.as_fd())
    }
}
