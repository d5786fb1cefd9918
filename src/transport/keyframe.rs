//! How often a publisher is asked for a keyframe (PLI, RFC 4585 §6.3.1; FIR, RFC 5104 §4.3.1).
//!
//! A keyframe costs its publisher, and everybody who watches, many times an ordinary frame; whoever
//! can ask for one can ask in a loop. So requests of all subscribers of one source share one
//! budget.

use std::time::{Duration, Instant};

/// Requests in [`WINDOW`].
const REQUESTS: usize = 2;
/// The time they are counted in.
const WINDOW: Duration = Duration::from_secs(1);

/// The keyframe requests to one source: at most two in any second. One that has to wait is kept,
/// and stands for all that come meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// When the last requests were sent, oldest first.
    sent: [Option<Instant>; REQUESTS],
    pending: bool,
}

impl Budget {
    /// Somebody needs a keyframe. `true`: send a request now; `false`: [`Budget::poll`] will say
    /// when.
    #[must_use]
    pub fn request(&mut self, now: Instant) -> bool {
        self.pending = true;
        self.poll(now)
    }

    /// Whether a request that had to wait is to be sent now.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> bool {
        if !self.pending || self.free_at().is_some_and(|free| now < free) {
            return false;
        }
        self.pending = false;
        self.sent.rotate_left(1);
        self.sent[REQUESTS - 1] = Some(now);
        true
    }

    /// When [`Budget::poll`] has something to send; `None` if nothing waits.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        self.pending.then(|| self.free_at().unwrap_or(now))
    }

    /// A keyframe came: those who waited have it.
    pub fn received(&mut self) {
        self.pending = false;
    }

    /// When the oldest request leaves the window; `None`: there is room.
    fn free_at(&self) -> Option<Instant> {
        self.sent[0].and_then(|sent| sent.checked_add(WINDOW))
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    #[test]
    fn two_a_second_and_the_third_waits() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut budget = Budget::default();
        assert_eq!(budget.poll_timeout(start), None);
        assert!(!budget.poll(start), "nobody asked");
        assert!(budget.request(at(0)));
        assert!(budget.request(at(300)));
        assert!(!budget.request(at(400)));
        assert!(!budget.request(at(500)), "the same waiting request");
        assert_eq!(budget.poll_timeout(at(500)), Some(at(1000)));
        assert!(!budget.poll(at(999)));
        assert!(budget.poll(at(1000)));
        assert!(!budget.poll(at(1299)), "once");
        assert!(!budget.request(at(1299)), "300 and 1000 are in the window");
        assert!(budget.poll(at(1300)));
        assert!(!budget.poll(at(5000)), "all were sent");
    }

    #[test]
    fn a_keyframe_answers_those_who_wait() {
        let start = Instant::now();
        let mut budget = Budget::default();
        assert!(budget.request(start) && budget.request(start) && !budget.request(start));
        budget.received();
        assert_eq!(budget.poll_timeout(start), None);
        assert!(!budget.poll(start + Duration::from_secs(9)));
    }

    #[test]
    fn a_flood_is_two_a_second_in_any_window() {
        let start = Instant::now();
        let mut budget = Budget::default();
        let sent: Vec<_> = (0..10_000)
            .map(|ms| start + Duration::from_millis(ms))
            .filter(|now| budget.request(*now))
            .collect();
        assert_eq!(sent.len(), 20);
        for three in sent.windows(3) {
            assert!(three[2] - three[0] >= WINDOW);
        }
    }
}
