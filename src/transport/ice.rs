//! ICE-lite (RFC 8445 §2.5) with path validation and consent, as DESIGN §6 extends it.
//!
//! We answer verified Binding requests, never nominate, and keep no check lists. Beyond RFC 8445
//! lite, every new address is checked by one Binding request of ours before anything but answers
//! goes there, so that nobody who knows the credentials can aim media at a victim. Credentials have
//! generations: an ICE restart (§9) adds one, and the old one lives until the new one has
//! nominated. Sans-IO: time and randomness are arguments. Unauthenticated bytes change nothing and
//! get no answer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::crypto::Random;
use crate::transport::credentials::IceCredentials;
use crate::transport::ice_path::{Due, KnownPath, PendingCheck};
use crate::transport::refused::Refused;
use crate::wire::path::Path;
use crate::wire::stun::{self, Key, Stun, StunClass, StunError, TransactionId};

/// Addresses kept per peer; the oldest unselected one is forgotten for a new one.
pub const PATHS_MAX: usize = 16;

/// Without a verified request from the selected address for so long, sending ends (RFC 7675 §5.1).
/// Unselected addresses are forgotten after the same time.
pub const CONSENT: Duration = Duration::from_secs(30);

/// A client that nominates several addresses (aggressive nomination, RFC 5245) gives consent to
/// the one of its choice only, which need not be the last. When the selected one has been silent
/// for so long, media follows the consent. Longer than any consent interval (RFC 7675 §5.1).
const SILENT: Duration = Duration::from_secs(10);

/// Datagrams waiting for `poll_transmit`; what comes on top is not sent.
const OUTGOING_MAX: usize = 32;

/// Peer-reflexive type preference 110, one local preference, component 1: RFC 8445 §5.1.2.1.
const CHECK_PRIORITY: u32 = (110 << 24) | (0xFFFF << 8) | 0xFF;

/// What changed, for the peer to tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IceEvent {
    /// A check was sent: its answer will bear this id.
    CheckStarted(TransactionId),
    /// It was answered or given up: no answer to it is awaited any more.
    CheckEnded(TransactionId),
    /// The address answered our check.
    Learned(Path),
    /// A learned address is no longer the peer's.
    Forgotten(Path),
    /// Media goes here from now on.
    Selected(Path),
}

/// The credentials between two ICE restarts.
#[derive(Debug)]
struct Generation {
    number: u32,
    local: IceCredentials,
    remote: IceCredentials,
    local_key: Key,
    remote_key: Key,
}

impl Generation {
    fn new(number: u32, local: IceCredentials, remote: IceCredentials) -> Self {
        let (local_key, remote_key) = (Key::new(&local.pwd), Key::new(&remote.pwd));
        Self { number, local, remote, local_key, remote_key }
    }
}

/// One peer's ICE-lite agent.
#[derive(Debug)]
pub struct Ice {
    current: Generation,
    /// The generation before an ICE restart that has not nominated yet.
    previous: Option<Generation>,
    paths: Vec<KnownPath>,
    selected: Option<Path>,
    /// [`KnownPath::nominated`] of the selected path when it was selected.
    selected_turn: u64,
    turns: u64,
    tie_breaker: Option<u64>,
    outgoing: VecDeque<(Path, Vec<u8>)>,
    events: VecDeque<IceEvent>,
}

impl Ice {
    /// An agent that waits for requests.
    pub fn new(local: IceCredentials, remote: IceCredentials) -> Self {
        Self {
            current: Generation::new(0, local, remote),
            previous: None,
            paths: Vec::new(),
            selected: None,
            selected_turn: 0,
            turns: 0,
            tie_breaker: None,
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// ICE restart, RFC 8445 §9: new credentials both ways. The generation that carries media stays
    /// valid until the new one has nominated; a restart that has not is replaced by the next one.
    pub fn restart(&mut self, local: IceCredentials, remote: IceCredentials) {
        let next = Generation::new(self.current.number.saturating_add(1), local, remote);
        let old = std::mem::replace(&mut self.current, next);
        if self.previous.is_none() {
            self.previous = Some(old);
        }
    }

    /// Where media goes.
    pub fn selected(&self) -> Option<Path> {
        self.selected
    }

    /// Whether requests with this ufrag of ours are still taken.
    pub fn accepts(&self, local_ufrag: &str) -> bool {
        self.generations().any(|generation| *generation.local.ufrag == *local_ufrag)
    }

    /// Whether the address has answered a check of ours.
    pub fn is_learned(&self, path: Path) -> bool {
        self.paths.iter().any(|known| known.path == path && known.learned)
    }

    /// The addresses that have.
    pub fn learned(&self) -> impl Iterator<Item = Path> + '_ {
        self.paths.iter().filter(|known| known.learned).map(|known| known.path)
    }

    /// Makes a path validated and selected without a single request, for simulation.
    #[cfg(any(test, feature = "simulation"))]
    pub fn inject(&mut self, now: Instant, path: Path) {
        let known = self.known(now, path);
        known.answered(0);
        self.selected = Some(path);
    }

    /// The next datagram to send, and by which path.
    pub fn poll_transmit(&mut self) -> Option<(Path, Vec<u8>)> {
        self.outgoing.pop_front()
    }

    /// Drops what waits to be sent: the peer has ended.
    pub fn hush(&mut self) {
        self.outgoing.clear();
    }

    /// The next change.
    pub fn poll_event(&mut self) -> Option<IceEvent> {
        self.events.pop_front()
    }

    /// When [`Ice::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let expiry = self.paths.iter().map(|known| known.heard + CONSENT);
        let checks =
            self.paths.iter().filter_map(|known| known.check.as_ref()).map(|check| check.due);
        expiry.chain(checks).min()
    }

    /// One datagram that looks like STUN.
    ///
    /// # Errors
    /// Why it was dropped; nothing changed then, and nothing is sent.
    pub fn handle(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        random: &mut Random,
    ) -> Result<(), Refused> {
        let stun = Stun::parse(datagram).map_err(|error| match error {
            StunError::TooLong => Refused::TooLong,
            StunError::Malformed => Refused::Malformed,
            StunError::NotBinding => Refused::Unexpected,
        })?;
        match stun.class() {
            StunClass::Request => self.handle_request(now, path, &stun, datagram.len(), random),
            StunClass::Success => self.handle_success(path, &stun),
            // Indications are not authenticated; an error to our check is no answer to it.
            StunClass::Indication | StunClass::Error => Err(Refused::Unexpected),
        }
    }

    /// RFC 8445 §7.3. Errors 400 and 401 do not exist here: whoever would get them is not
    /// authenticated.
    fn handle_request(
        &mut self,
        now: Instant,
        path: Path,
        stun: &Stun<'_>,
        len: usize,
        random: &mut Random,
    ) -> Result<(), Refused> {
        let (local, remote) = stun.username().ok_or(Refused::UnknownUfrag)?;
        let generation = self
            .generations()
            .find(|it| *it.local.ufrag == *local && *it.remote.ufrag == *remote)
            .ok_or(Refused::UnknownUfrag)?;
        if !stun.has_fingerprint() {
            return Err(Refused::Malformed);
        }
        if !stun.verify(&generation.local_key) {
            return Err(Refused::BadIntegrity);
        }
        let number = generation.number;
        let (answer, accepted) = answer(stun, path, &generation.local_key);

        let known = self.known(now, path);
        known.heard = now;
        known.received = known.received.saturating_add(len);
        if let Some(answer) = answer {
            self.send(path, answer);
        }
        if accepted {
            self.note_nomination(now, path, number, stun.use_candidate());
            self.start_check(now, path, number, random);
            self.select(path);
        }
        Ok(())
    }

    /// RFC 8445 §7.2.5.2.1: the answer comes from where the question went, by the same local
    /// address.
    fn handle_success(&mut self, path: Path, stun: &Stun<'_>) -> Result<(), Refused> {
        let id = stun.transaction_id();
        let known = self
            .paths
            .iter()
            .find(|known| known.path == path)
            .ok_or(Refused::UnknownTransaction)?;
        let check = known
            .check
            .as_ref()
            .filter(|check| check.id == id)
            .ok_or(Refused::UnknownTransaction)?;
        let number = check.generation;
        let generation = self.generation(number).ok_or(Refused::UnknownTransaction)?;
        if !stun.verify(&generation.remote_key) {
            return Err(Refused::BadIntegrity);
        }
        self.end_check(path);
        let known = self.paths.iter_mut().find(|known| known.path == path);
        if known.is_some_and(|known| known.answered(number)) {
            self.events.push_back(IceEvent::Learned(path));
        }
        self.select(path);
        Ok(())
    }

    /// Retransmits checks, gives up on them, forgets silent addresses.
    /// Returns whether consent has expired: the selected address was silent for [`CONSENT`].
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let due: Vec<Due> =
            self.paths.iter_mut().filter_map(|known| known.check_due(now)).collect();
        for due in due {
            match due {
                Due::Send(path) => self.send_check(path),
                Due::GiveUp(path) => self.end_check(path),
            }
        }
        let is_silent = |known: &KnownPath| now.saturating_duration_since(known.heard) >= CONSENT;
        let expired =
            self.paths.iter().any(|known| Some(known.path) == self.selected && is_silent(known));
        let selected = self.selected;
        let stays = |known: &KnownPath| Some(known.path) == selected || !is_silent(known);
        while let Some(place) = self.paths.iter().position(|known| !stays(known)) {
            self.forget(place);
        }
        expired
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    fn generation(&self, number: u32) -> Option<&Generation> {
        self.generations().find(|generation| generation.number == number)
    }

    /// The entry of an address that has just proved to know our password.
    fn known(&mut self, now: Instant, path: Path) -> &mut KnownPath {
        let place = match self.paths.iter().position(|known| known.path == path) {
            Some(place) => place,
            None => {
                if self.paths.len() >= PATHS_MAX {
                    self.forget_one();
                }
                self.paths.push(KnownPath::new(path, now));
                self.paths.len() - 1
            }
        };
        &mut self.paths[place]
    }

    /// Makes room: unanswered addresses first, then the one unheard for longest; never the selected
    /// one.
    fn forget_one(&mut self) {
        let unselected =
            self.paths.iter().enumerate().filter(|(_, known)| Some(known.path) != self.selected);
        let Some((place, _)) = unselected.min_by_key(|(_, known)| (known.learned, known.heard))
        else {
            return;
        };
        self.forget(place);
    }

    fn forget(&mut self, place: usize) {
        let known = self.paths.remove(place);
        let check = known.check.map(|check| IceEvent::CheckEnded(check.id));
        let path = known.learned.then_some(IceEvent::Forgotten(known.path));
        self.events.extend(check.into_iter().chain(path));
    }

    /// No answer to the check of this address is awaited any more.
    fn end_check(&mut self, path: Path) {
        let known = self.paths.iter_mut().find(|known| known.path == path);
        if let Some(check) = known.and_then(|known| known.check.take()) {
            self.events.push_back(IceEvent::CheckEnded(check.id));
        }
    }

    /// USE-CANDIDATE (RFC 8445 §7.3.1.5): the last *new* nomination counts, so that a client that
    /// sets it in every request on every address does not make media flap.
    fn note_nomination(&mut self, now: Instant, path: Path, generation: u32, use_candidate: bool) {
        let selected_is_silent = self.paths.iter().any(|known| {
            Some(known.path) == self.selected
                && now.saturating_duration_since(known.heard) >= SILENT
        });
        let turn = self.turns + 1;
        let Some(known) = self.paths.iter_mut().find(|known| known.path == path) else {
            return;
        };
        if known.nominates(generation, use_candidate, turn, selected_is_silent) {
            self.turns = turn;
        }
    }

    /// Starts the check of an address that has not answered one of this generation.
    fn start_check(&mut self, now: Instant, path: Path, generation: u32, random: &mut Random) {
        self.tie_breaker.get_or_insert_with(|| random.next_u64());
        let Some(known) = self.paths.iter_mut().find(|known| known.path == path) else {
            return;
        };
        if !known.needs_check(now, generation) {
            return;
        }
        let mut id = [0; 12];
        random.fill(&mut id);
        let id = TransactionId(id);
        let replaced = known.check.replace(PendingCheck::new(id, generation, now));
        known.checked = Some((generation, now));
        let ended = replaced.map(|check| IceEvent::CheckEnded(check.id));
        self.events.extend(ended.into_iter().chain([IceEvent::CheckStarted(id)]));
        self.send_check(path);
    }

    /// Sends the pending check of an address, once more or for the first time.
    fn send_check(&mut self, path: Path) {
        let known = self.paths.iter().find(|known| known.path == path);
        let Some(check) = known.and_then(|known| known.check.as_ref()) else {
            return;
        };
        let Some(generation) = self.generation(check.generation) else {
            return;
        };
        let message = stun::write_check(
            &stun::Check {
                id: check.id,
                remote_ufrag: &generation.remote.ufrag,
                local_ufrag: &generation.local.ufrag,
                priority: CHECK_PRIORITY,
                tie_breaker: self.tie_breaker.unwrap_or_default(),
            },
            &generation.remote_key,
        );
        if let Some(message) = message {
            self.send(path, message);
        }
    }

    /// Queues a datagram, unless the address has not proved itself and had its share.
    fn send(&mut self, path: Path, message: Vec<u8>) {
        let known = self.paths.iter_mut().find(|known| known.path == path);
        if known.is_some_and(|known| known.may_send(message.len()))
            && self.outgoing.len() < OUTGOING_MAX
        {
            self.outgoing.push_back((path, message));
        }
    }

    /// Selects the address if it has answered, and its nomination is the newest.
    fn select(&mut self, path: Path) {
        let Some(known) = self.paths.iter().find(|known| known.path == path) else {
            return;
        };
        let Some((generation, turn)) = known.nominated else {
            return;
        };
        let is_current = self.generation(generation).is_some();
        if !is_current || !known.has_answered(generation) || turn <= self.selected_turn {
            return;
        }
        self.selected_turn = turn;
        if self.current.number == generation {
            self.previous = None; // the restart is done: the old credentials end here
        }
        if self.selected != Some(path) {
            self.selected = Some(path);
            self.events.push_back(IceEvent::Selected(path));
        }
    }
}

/// The answer to a verified request, and whether it is a good one.
fn answer(stun: &Stun<'_>, path: Path, key: &Key) -> (Option<Vec<u8>>, bool) {
    let id = stun.transaction_id();
    let unknown = stun.unknown_required();
    if !unknown.is_empty() {
        (stun::write_unknown_attributes(id, &unknown, key), false)
    } else if stun.claims_controlled() {
        // A lite agent never controls: the client has to switch, whatever the tie-breakers say.
        (stun::write_role_conflict(id, key), false)
    } else {
        (stun::write_success(id, path.remote, key), true)
    }
}

#[cfg(test)]
mod tests;
