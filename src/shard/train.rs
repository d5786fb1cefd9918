//! Datagrams of equal size to one subscriber, gathered in one buffer, sealed there, and handed to
//! `io` as one train (DESIGN.md §3).

use super::outbox::{Outbox, TRAIN_MAX};
use crate::wire::path::Path;

/// Most datagrams of one train: what `UDP_SEGMENT` takes.
const SEGMENTS_MAX: usize = 64;

/// The train that is being put together for one path.
pub struct Train<'a, O: Outbox> {
    outbox: &'a mut O,
    path: Path,
    /// Off: every datagram leaves alone.
    enabled: bool,
    len: usize,
    segment: usize,
    count: usize,
    /// A shorter datagram was the last one; no other may follow.
    closed: bool,
    /// Trains handed over.
    sent: u64,
}

impl<'a, O: Outbox> Train<'a, O> {
    /// Nothing gathered yet.
    pub fn new(outbox: &'a mut O, path: Path, enabled: bool) -> Self {
        Self { outbox, path, enabled, len: 0, segment: 0, count: 0, closed: false, sent: 0 }
    }

    /// Memory for a datagram that will be `size` bytes long: behind the others if it can go with
    /// them, else at the head of a new train. `None`: `io` has no buffer left.
    pub fn room(&mut self, size: usize) -> Option<&mut [u8]> {
        let fits = self.enabled
            && !self.closed
            && self.count < SEGMENTS_MAX
            && size <= self.segment
            && self.len + size <= TRAIN_MAX;
        if self.count > 0 && !fits {
            self.flush();
        }
        self.outbox.claim()?.get_mut(self.len..self.len + size)
    }

    /// The datagram written into [`Train::room`] is complete, `size` bytes long.
    pub fn push(&mut self, size: usize) {
        if self.count == 0 {
            self.segment = size;
        }
        self.closed = size < self.segment;
        self.len += size;
        self.count += 1;
    }

    /// Hands over what is gathered. Returns how many trains left since the last call.
    pub fn flush(&mut self) -> u64 {
        if self.count > 0 {
            self.outbox.send(self.len, self.segment.min(self.len), self.path);
            self.sent += 1;
        }
        (self.len, self.segment, self.count, self.closed) = (0, 0, 0, false);
        std::mem::take(&mut self.sent)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, SocketAddr};

    use super::super::outbox::Submission;
    use super::*;

    struct Log {
        memory: Vec<u8>,
        sent: Vec<(usize, usize)>,
    }

    impl Outbox for Log {
        fn claim(&mut self) -> Option<&mut [u8]> {
            Some(&mut self.memory)
        }
        fn send(&mut self, len: usize, segment: usize, _path: Path) {
            self.sent.push((len, segment));
        }
        fn next(&self) -> Submission {
            Submission(self.sent.len() as u64)
        }
        fn completed_below(&self) -> Submission {
            self.next()
        }
    }

    #[test]
    fn equal_sizes_leave_together() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let path = Path { local, remote: SocketAddr::new(local, 9) };
        for (sizes, enabled, expected) in [
            (&[100, 100, 100][..], true, &[(300, 100)][..]),
            (&[100, 100, 60], true, &[(260, 100)]), // the last one may be shorter
            (&[100, 60, 60], true, &[(160, 100), (60, 60)]), // only the last one
            (&[60, 100], true, &[(60, 60), (100, 100)]), // never longer
            (&[100, 100], false, &[(100, 100), (100, 100)]), // the control arm
            (&[1; 65], true, &[(64, 1), (1, 1)]),   // 64 segments
            (&[20_000; 4], true, &[(60_000, 20_000), (20_000, 20_000)]), // 65,000 bytes
            (&[], true, &[]),
        ] {
            let mut log = Log { memory: vec![0; TRAIN_MAX], sent: Vec::new() };
            let mut train = Train::new(&mut log, path, enabled);
            for size in sizes {
                assert_eq!(train.room(*size).map(|room| room.len()), Some(*size));
                train.push(*size);
            }
            let _ = train.flush();
            assert_eq!(log.sent, expected, "{sizes:?}");
        }
    }
}
