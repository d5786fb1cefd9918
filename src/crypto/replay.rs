//! Replay windows of received SRTP and SRTCP. RFC 3711 §3.3.2, §3.4.
//!
//! Checked before a packet is opened, marked only after its tag verified: that of the packet
//! itself, or that of the retransmission which carried it.

use super::index::Index;
use super::opener::OpenError;
use super::window::{Sight, Window};
use crate::wire::number::Seq;

/// Replay window of one received SSRC: the last 1,024 indices, the highest included.
///
/// A fresh one takes the rollover counter to be 0, as RFC 3711 §3.3.1 has it for a stream's first
/// packet.
#[derive(Clone, Default, Debug)]
pub struct ReplayWindow {
    window: Window<16>,
}

impl ReplayWindow {
    /// The highest index whose tag verified.
    pub fn highest(&self) -> Option<Index> {
        self.window.highest().map(Index)
    }

    /// Which index `seq` stands for, if that may still be received. Reads only.
    pub(super) fn check(&self, seq: Seq) -> Result<Index, OpenError> {
        let index = match self.highest() {
            Some(highest) => Index::nearest(highest, seq).ok_or(OpenError::TooOld)?,
            None => Index(u64::from(seq.0)),
        };
        if index > Index::MAX {
            return Err(OpenError::Exhausted);
        }
        match self.window.look(index.0) {
            Sight::New => Ok(index),
            Sight::Seen => Err(OpenError::Replayed),
            Sight::TooOld => Err(OpenError::TooOld),
        }
    }

    /// Marks an index whose packet's tag verified.
    pub(super) fn accept(&mut self, index: Index) {
        self.window.mark(index.0);
    }

    /// Takes in a packet that came inside an authenticated one of the same sender: an original
    /// carried by a retransmission (RFC 4588 §4). Looks and marks, as if it had come by itself.
    ///
    /// # Errors
    /// `Replayed` if it has come before, `TooOld` if it is behind the window, `Exhausted` past the
    /// last index. The window is unchanged.
    pub fn recover(&mut self, seq: Seq) -> Result<Index, OpenError> {
        let index = self.check(seq)?;
        self.accept(index);
        Ok(index)
    }

    #[cfg(test)]
    pub(super) fn starting_after(index: Index) -> Self {
        let mut window = Self::default();
        window.accept(index);
        window
    }
}

/// Replay window of the SRTCP of one sender SSRC: the last 128 indices, the highest included.
///
/// Senders count SRTCP per SSRC (RFC 3711 §3.2.3), so a peer that sends several needs one window
/// each.
#[derive(Clone, Default, Debug)]
pub struct RtcpWindow {
    window: Window<2>,
}

impl RtcpWindow {
    /// Whether the 31-bit `index`, which SRTCP sends whole, may still be received. Reads only.
    pub(super) fn check(&self, index: u32) -> Result<(), OpenError> {
        match self.window.look(u64::from(index)) {
            Sight::New => Ok(()),
            Sight::Seen => Err(OpenError::Replayed),
            Sight::TooOld => Err(OpenError::TooOld),
        }
    }

    /// Marks an index whose packet's tag verified.
    pub(super) fn accept(&mut self, index: u32) {
        self.window.mark(u64::from(index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_check() {
        let fresh = ReplayWindow::default();
        let at = |index| ReplayWindow::starting_after(Index(index));
        for (window, seq, expected) in [
            (&fresh, 65_535, Ok(Index(65_535))),   // the first one: counter 0
            (&at(5), 5, Err(OpenError::Replayed)), // twice
            (&at(5), 65_535, Err(OpenError::TooOld)), // before index 0
            (&at(70_000), 3_441, Ok(Index(68_977))), // the oldest inside
            (&at(70_000), 3_440, Err(OpenError::TooOld)),
            (&at(Index::MAX.0 - 1), 65_535, Ok(Index::MAX)), // the last one there is
            (&at(Index::MAX.0), 0, Err(OpenError::Exhausted)), // 2^48
        ] {
            assert_eq!(window.check(Seq(seq)), expected, "{:?} {seq}", window.highest());
        }
    }

    #[test]
    fn a_recovered_packet_counts_as_received() {
        let mut window = ReplayWindow::starting_after(Index(5_000));
        for (seq, expected) in [
            (4_990, Ok(Index(4_990))),
            (4_990, Err(OpenError::Replayed)), // it came already, inside another
            (3_976, Err(OpenError::TooOld)),
        ] {
            assert_eq!(window.recover(Seq(seq)), expected, "{seq}");
        }
        assert_eq!(window.check(Seq(4_990)), Err(OpenError::Replayed)); // nor by itself after
    }

    #[test]
    fn rtcp_check() {
        let mut window = RtcpWindow::default();
        assert_eq!(window.check(0), Ok(()));
        window.accept(500);
        for (index, expected) in [
            (500, Err(OpenError::Replayed)),
            (373, Ok(())), // the oldest inside
            (372, Err(OpenError::TooOld)),
            (501, Ok(())),
            ((1 << 31) - 1, Ok(())), // the last one there is; no wrap, no guess
        ] {
            assert_eq!(window.check(index), expected, "{index}");
        }
    }
}
