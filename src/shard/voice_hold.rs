//! On a busy shard a voice waits a little for another one to the same subscriber, so that they
//! leave together: one alone costs as much as a whole frame of a picture does (MEASURED.md).
//!
//! How long is said by `io`, from turn to turn: not at all while the core has time. Whatever else
//! is sent to the subscriber takes its voices along. Who is shown pictures is not made to wait: so
//! many sends go there anyway that it saves next to nothing.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::dirty::Fanout;
use super::peer::{Peer, Sending};
use super::slab::Key;
use super::{Shard, micros};

/// When a peer's first waiting voice came, in microseconds; stands for itself, wraps after 71
/// minutes.
pub type Since = Option<NonZeroU32>;

/// Who waits, in the order of the voices' arrival. Entries of peers that were served meanwhile are
/// stale: [`Sending::voice_since`] says otherwise.
#[derive(Default)]
pub struct VoiceHold {
    /// How long.
    hold: Duration,
    waiting: VecDeque<(NonZeroU32, Key<Peer>)>,
}

impl VoiceHold {
    /// Whether voices wait at all.
    pub fn is_on(&self) -> bool {
        !self.hold.is_zero()
    }

    /// A voice that came at `arrived_us` was queued for a peer who has nothing else to be sent.
    pub fn wait(&mut self, key: Key<Peer>, sending: &mut Sending, arrived_us: u32) {
        if sending.voice_since.is_none() {
            let since = NonZeroU32::new(arrived_us).unwrap_or(NonZeroU32::MIN);
            sending.voice_since = Some(since);
            self.waiting.push_back((since, key));
        }
    }

    /// The first one who has waited long enough at `now_us`.
    fn pop(&mut self, now_us: u32) -> Option<(NonZeroU32, Key<Peer>)> {
        let (since, _) = self.waiting.front()?;
        let waited = Duration::from_micros(now_us.wrapping_sub(since.get()).into());
        if waited < self.hold { None } else { self.waiting.pop_front() }
    }

    /// How long the first one waits from `now_us` on.
    fn left(&self, now_us: u32) -> Option<Duration> {
        let (since, _) = self.waiting.front()?;
        let waited = Duration::from_micros(now_us.wrapping_sub(since.get()).into());
        Some(self.hold.saturating_sub(waited))
    }
}

impl Shard {
    /// How long a voice may wait for company from now on. Zero: those that wait leave with the next
    /// egress.
    pub fn hold_voices(&mut self, hold: Duration) {
        self.voice_hold.hold = if self.config.trains { hold } else { Duration::ZERO };
    }

    /// When the first voice that waits has waited long enough: egress had better be called by
    /// then.
    pub fn poll_voices(&self, now: Instant) -> Option<Instant> {
        Some(now + self.voice_hold.left(micros(self.config.started, now))?)
    }

    /// Those who have waited long enough are served with the others.
    pub(super) fn release_voices(&mut self, now: Instant) {
        let now_us = micros(self.config.started, now);
        while let Some((since, key)) = self.voice_hold.pop(now_us) {
            let Some(peer) = self.peers.get_mut(key) else { continue };
            let sending = &mut peer.sending;
            if sending.voice_since == Some(since) && !sending.dirty {
                sending.dirty = true;
                self.dirty.push(Fanout::Short, key);
            }
        }
    }
}
