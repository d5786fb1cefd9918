//! What somebody was told last, by number (N13): a page that lost its connection gets what it
//! missed. Bounded; who was away for longer starts from the snapshot in the answer to `join`.

use std::collections::VecDeque;

use axum::extract::ws::Utf8Bytes;

/// Most events that are kept for somebody. A frame for many people is one text, shared.
const KEPT: usize = 64;

/// See above.
pub(super) struct Told {
    frames: VecDeque<(u64, Utf8Bytes)>,
    /// Number of the last event that is not kept.
    forgotten: u64,
}

impl Told {
    /// For somebody who comes after event `seq`.
    pub fn new(seq: u64) -> Told {
        Told { frames: VecDeque::new(), forgotten: seq }
    }

    /// They are told this now.
    pub fn add(&mut self, seq: u64, frame: Utf8Bytes) {
        if self.frames.len() == KEPT
            && let Some((oldest, _)) = self.frames.pop_front()
        {
            self.forgotten = oldest;
        }
        self.frames.push_back((seq, frame));
    }

    /// What came after event `last`, if all of that is kept.
    pub fn since(&self, last: u64) -> Option<Vec<Utf8Bytes>> {
        let after = self.frames.iter().filter(|(seq, _)| *seq > last);
        (last >= self.forgotten).then(|| after.map(|(_, frame)| frame.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_nothing() {
        let mut told = Told::new(10);
        for seq in 11..=90 {
            told.add(seq, Utf8Bytes::from(seq.to_string()));
        }
        for (last, expected) in [
            (90, Some(0)), // nothing missed
            (80, Some(10)),
            (26, Some(64)), // all that is kept
            (25, None),     // 26 is gone
            (0, None),
        ] {
            assert_eq!(told.since(last).map(|frames| frames.len()), expected, "{last}");
        }
        assert_eq!(Told::new(5).since(4), None, "another life of the meeting");
    }
}
