//! The provided buffer ring (`io_uring_register`, `IORING_REGISTER_PBUF_RING`): the kernel takes a
//! buffer from it for each receive; it comes back as soon as its datagrams are handled.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use super::super::incoming::BUFFER_LEN;
use super::super::pages::Pages;

/// The one group of buffers of a ring.
pub(super) const GROUP: u16 = 0;

/// Receive buffers, and the ring that offers them to the kernel.
pub(super) struct ReceiveRing {
    buffers: Pages,
    entries: Pages,
    /// A power of two.
    count: u16,
    tail: u16,
    /// Which buffers are with the kernel.
    lent: Box<[bool]>,
    lent_count: u16,
}

impl ReceiveRing {
    /// `count` buffers, rounded up to a power of two; all still ours.
    pub fn new(count: u16) -> io::Result<Self> {
        let count = count.clamp(1, 1 << 14).next_power_of_two();
        let slots = usize::from(count);
        Ok(Self {
            buffers: Pages::new(slots * BUFFER_LEN)?,
            entries: Pages::new(slots * size_of::<BufRingEntry>())?,
            count,
            tail: 0,
            lent: vec![false; slots].into(),
            lent_count: 0,
        })
    }

    /// Registers the ring and offers all buffers.
    pub fn register(&mut self, ring: &IoUring) -> io::Result<()> {
        let address = self.entries.at(0, 0).as_ptr() as u64;
        // SAFETY: `entries` holds `count` entries, is aligned to a page and outlives the ring:
        // `Uring` drops the ring first, or leaks it.
        unsafe { ring.submitter().register_buf_ring_with_flags(address, self.count, GROUP, 0)? };
        for id in 0..self.count {
            self.give(id);
        }
        Ok(())
    }

    /// How many buffers the kernel can choose from.
    pub fn lent(&self) -> u16 {
        self.lent_count
    }

    /// The kernel filled buffer `id` and gives it up. `false` if it was not the kernel's to give.
    pub fn take(&mut self, id: u16) -> bool {
        match self.lent.get_mut(usize::from(id)) {
            Some(lent) if *lent => {
                *lent = false;
                self.lent_count -= 1;
                true
            }
            _ => false,
        }
    }

    /// The bytes of a buffer that was taken.
    pub fn bytes_mut(&mut self, id: u16, len: usize) -> &mut [u8] {
        assert!(!self.lent[usize::from(id)], "the buffer belongs to the kernel");
        // SAFETY: buffer `id` was given up by the kernel (`take`), and goes back only by `give`,
        // which needs `&mut self` and thus the end of this borrow.
        unsafe { self.buffers.bytes_mut(usize::from(id) * BUFFER_LEN, len.min(BUFFER_LEN)) }
    }

    /// Offers a buffer to the kernel again.
    pub fn give(&mut self, id: u16) {
        let lent = &mut self.lent[usize::from(id)];
        assert!(!*lent, "the kernel has this buffer already");
        *lent = true;
        self.lent_count += 1;
        let buffer = self.buffers.at(usize::from(id) * BUFFER_LEN, BUFFER_LEN);
        let place = usize::from(self.tail & (self.count - 1)) * size_of::<BufRingEntry>();
        let entry = self.entries.at(place, size_of::<BufRingEntry>()).cast::<BufRingEntry>();
        // SAFETY: a whole entry is there (`at`), aligned, zero or written before, and
        // `BufRingEntry` is plain integers. The kernel reads entries below the tail only; at most
        // `count` buffers are lent, so this place is not below it.
        let entry = unsafe { &mut *entry.as_ptr() };
        entry.set_addr(buffer.as_ptr() as u64);
        entry.set_len(BUFFER_LEN as u32);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        let first = self.entries.at(0, size_of::<BufRingEntry>()).cast::<BufRingEntry>();
        // SAFETY: `first` is the first entry of the ring, whose unused field holds the tail; it is
        // a multiple of 2 in an aligned mapping, and only we write it. The kernel loads it with
        // acquire: the entry is seen first.
        unsafe { AtomicU16::from_ptr(BufRingEntry::tail(first.as_ptr()).cast_mut()) }
            .store(self.tail, Release);
    }

    /// Gives all memory up for good: the kernel may still hold some.
    pub fn leak(&mut self) {
        self.buffers.leak();
        self.entries.leak();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_has_one_owner() {
        let mut ring = ReceiveRing::new(3).unwrap();
        assert_eq!(ring.lent(), 0, "rounded up, none lent");
        assert!(!ring.take(0), "never given");
        for id in 0..4 {
            ring.give(id);
        }
        assert_eq!(ring.lent(), 4);
        assert!(!ring.take(4), "no such buffer");
        assert!(ring.take(2) && !ring.take(2), "given up once");
        assert_eq!(ring.bytes_mut(2, usize::MAX).len(), BUFFER_LEN);
        ring.give(2);
    }

    #[test]
    #[should_panic(expected = "belongs to the kernel")]
    fn lent_bytes_are_not_ours() {
        let mut ring = ReceiveRing::new(1).unwrap();
        ring.give(0);
        ring.bytes_mut(0, 1);
    }
}
