//! One address of a peer, as ICE sees it: what it proved, what it was sent, whether it is
//! nominated.

use std::time::{Duration, Instant};

use crate::wire::path::Path;
use crate::wire::stun::TransactionId;

/// Waits after the first, second, third and fourth sending of a check (RFC 8489 §6.2.1 shape,
/// shorter: the client waits for media). 3 s in all.
const CHECK_WAITS: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1_600),
];

/// An address that did not answer is not asked again before this has passed.
const CHECK_AGAIN: Duration = Duration::from_secs(10);

/// So many times the received bytes may go to an address that has not answered.
const AMPLIFICATION_MAX: usize = 3;

/// A Binding request of ours that waits for its answer.
#[derive(Debug)]
pub struct PendingCheck {
    /// What the answer must bear.
    pub id: TransactionId,
    /// Whose credentials it uses.
    pub generation: u32,
    /// When it is sent again, or given up.
    pub due: Instant,
    /// 1..=4.
    sent: usize,
}

impl PendingCheck {
    /// One that is sent now.
    pub fn new(id: TransactionId, generation: u32, now: Instant) -> Self {
        Self { id, generation, due: now + CHECK_WAITS[0], sent: 1 }
    }
}

/// What a check's timer asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Send it once more.
    Send(Path),
    /// It was sent four times.
    GiveUp(Path),
}

/// An address from which a verified request came.
#[derive(Debug)]
pub struct KnownPath {
    /// The pair of addresses.
    pub path: Path,
    /// Last verified request.
    pub heard: Instant,
    /// Bytes of verified requests.
    pub received: usize,
    /// Bytes sent while it had not answered a check.
    sent: usize,
    /// Whether it answered a check, in any generation.
    pub learned: bool,
    /// The newest generation in which it did.
    answered: Option<u32>,
    /// The check under way.
    pub check: Option<PendingCheck>,
    /// Generation and start of the last check.
    pub checked: Option<(u32, Instant)>,
    /// Generation and turn of its last new nomination.
    pub nominated: Option<(u32, u64)>,
    /// Generation of the last request, and whether it had USE-CANDIDATE.
    last_request: (u32, bool),
}

impl KnownPath {
    /// An address that has just been heard for the first time.
    pub fn new(path: Path, now: Instant) -> Self {
        Self {
            path,
            heard: now,
            received: 0,
            sent: 0,
            learned: false,
            answered: None,
            check: None,
            checked: None,
            nominated: None,
            last_request: (0, false),
        }
    }

    /// Whether so many bytes may be sent; counts them. An address that answered has no limit here.
    pub fn may_send(&mut self, len: usize) -> bool {
        let total = self.sent.saturating_add(len);
        let allowed = self.learned || total <= self.received.saturating_mul(AMPLIFICATION_MAX);
        if allowed && !self.learned {
            self.sent = total;
        }
        allowed
    }

    /// Whether it answered a check of this generation or a later one.
    pub fn has_answered(&self, generation: u32) -> bool {
        self.answered.is_some_and(|answered| answered >= generation)
    }

    /// Whether a check should start: none answered or under way in this generation, and the last
    /// one long enough ago.
    pub fn needs_check(&self, now: Instant, generation: u32) -> bool {
        let under_way = self.check.as_ref().is_some_and(|check| check.generation >= generation);
        let rests = self.checked.is_some_and(|(last, at)| {
            last >= generation && now.saturating_duration_since(at) < CHECK_AGAIN
        });
        !self.has_answered(generation) && !under_way && !rests
    }

    /// A check was answered. Returns whether the address had never answered before.
    pub fn answered(&mut self, generation: u32) -> bool {
        self.answered = Some(generation);
        !std::mem::replace(&mut self.learned, true)
    }

    /// What is to be done about its check now.
    pub fn check_due(&mut self, now: Instant) -> Option<Due> {
        let check = self.check.as_mut().filter(|check| check.due <= now)?;
        let Some(wait) = CHECK_WAITS.get(check.sent) else { return Some(Due::GiveUp(self.path)) };
        check.sent += 1;
        check.due = now + *wait;
        Some(Due::Send(self.path))
    }

    /// Notes a request. Returns whether it is a new nomination, which takes `turn`: the first with
    /// USE-CANDIDATE after one without, or in a new generation. If `anew`, every one with it is,
    /// and one without it from an address that was nominated before.
    pub fn nominates(
        &mut self,
        generation: u32,
        use_candidate: bool,
        turn: u64,
        anew: bool,
    ) -> bool {
        let last = std::mem::replace(&mut self.last_request, (generation, use_candidate));
        let was_nominated = self.nominated.is_some_and(|(number, _)| number == generation);
        let is_new = (use_candidate && last != (generation, true))
            || (anew && (use_candidate || was_nominated));
        if is_new {
            self.nominated = Some((generation, turn));
        }
        is_new
    }
}
