//! How many requests the holder of a key may make.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Requests a second of one issuer's tokens, and how many may come at once.
const RATE: f64 = 500.0;
const BURST: f64 = 2_000.0;

/// What each issuer has left. There are as many issuers as keys: only verified tokens come here.
#[derive(Default, Debug)]
pub struct Limits(Mutex<BTreeMap<String, (f64, Instant)>>);

impl Limits {
    /// Takes one request, if there is one.
    pub fn take(&self, issuer: &str) -> bool {
        self.take_at(issuer, Instant::now())
    }

    fn take_at(&self, issuer: &str, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, at) = all.entry(issuer.to_owned()).or_insert((BURST, now));
        let passed = now.saturating_duration_since(*at).as_secs_f64();
        (*left, *at) = ((*left + passed * RATE).min(BURST), now);
        let one = *left >= 1.0;
        if one {
            *left -= 1.0;
        }
        one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn requests_come_back_with_time_and_others_have_theirs() {
        let (limits, start) = (Limits::default(), Instant::now());
        assert_eq!((0..5_000).filter(|_| limits.take_at("a", start)).count(), 2_000);
        assert!(limits.take_at("b", start), "another key");
        let later = start + Duration::from_secs(1);
        assert_eq!((0..5_000).filter(|_| limits.take_at("a", later)).count(), 500);
    }
}
