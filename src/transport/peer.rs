//! One peer's transport: ICE-lite, then DTLS, then keys. Sans-IO.
//!
//! After any `handle_*`, `restart` or `close`: drain [`Peer::poll_transmit`], then
//! [`Peer::poll_event`], then arm one timer by [`Peer::poll_timeout`]. Time and randomness are
//! arguments, except that `dimpl` draws its own randoms for the handshake.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::crypto::{Opener, Random, Sealer};
use crate::transport::certificate::{Certificate, Fingerprint};
use crate::transport::credentials::IceCredentials;
use crate::transport::dtls::{DtlsEvent, DtlsServer};
#[cfg(doc)]
use crate::transport::ice::PATHS_MAX;
use crate::transport::ice::{Ice, IceEvent};
use crate::transport::refused::Refused;
use crate::wire::path::Path;
use crate::wire::stun::TransactionId;

/// ICE has nominated and DTLS is done within so long, or the peer ends (THREATS P1).
pub const HANDSHAKE_MAX: Duration = Duration::from_secs(30);

/// What a peer is made of.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Our credentials.
    pub local: IceCredentials,
    /// The client's.
    pub remote: IceCredentials,
    /// What the client's certificate must hash to.
    pub fingerprint: Fingerprint,
    /// Ours.
    pub certificate: Arc<Certificate>,
}

/// A datagram to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// Its length in the caller's buffer.
    pub len: usize,
    /// From and to where.
    pub path: Path,
}

/// Why a peer ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Not nominated and handshaken within [`HANDSHAKE_MAX`].
    HandshakeTimeout,
    /// The handshake is complete, with another certificate than announced (RFC 8122 §6.2).
    WrongFingerprint,
    /// The handshake is complete, without an SRTP profile of ours.
    HandshakeFailed,
    /// The selected address was silent for 30 s (RFC 7675 §5.1).
    ConsentExpired,
    /// The peer closed DTLS.
    Closed,
}

/// What happened to a peer.
#[derive(Debug)]
pub enum PeerEvent {
    /// A STUN answer with this id is this peer's (`wire::stun::answer_of`): it comes from an
    /// address that is not validated yet, so no path finds the peer. At most [`PATHS_MAX`] at a
    /// time.
    CheckStarted(TransactionId),
    /// No longer.
    CheckEnded(TransactionId),
    /// The address is validated: its DTLS, RTP and RTCP is this peer's. STUN requests are found by
    /// ufrag (`ufrag_of`) all the same: the address may come to belong to another peer.
    PathLearned(Path),
    /// No longer.
    PathForgotten(Path),
    /// Media goes here from now on.
    Selected(Path),
    /// The handshake is complete, the certificate the right one. Comes once.
    Keys {
        /// Opens what the peer sends.
        opener: Box<Opener>,
        /// Seals what it receives.
        sealer: Box<Sealer>,
    },
    /// It is over; the last event. What `poll_transmit` still has is to be sent.
    Ended(Ending),
}

/// One peer's transport.
pub struct Peer {
    ice: Ice,
    dtls: DtlsServer,
    /// Where the last DTLS datagram came from; answers go there until an address is selected.
    dtls_path: Option<Path>,
    deadline: Instant,
    ended: bool,
    /// Set by `inject_path`: no client asks or shakes hands, so nothing expires.
    timeless: bool,
    events: VecDeque<PeerEvent>,
}

impl Peer {
    /// A peer that waits for STUN.
    pub fn new(config: PeerConfig, now: Instant) -> Self {
        Self {
            ice: Ice::new(config.local, config.remote),
            dtls: DtlsServer::new(config.certificate, config.fingerprint),
            dtls_path: None,
            deadline: now + HANDSHAKE_MAX,
            ended: false,
            timeless: false,
            events: VecDeque::new(),
        }
    }

    /// One datagram that looks like STUN.
    ///
    /// # Errors
    /// Why it was dropped. Nothing changed then, and nothing is sent.
    pub fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        random: &mut Random,
    ) -> Result<(), Refused> {
        if self.ended {
            return Err(Refused::Ended);
        }
        let result = self.ice.handle(now, path, datagram, random);
        self.take_ice_events();
        result
    }

    /// One datagram that looks like DTLS.
    ///
    /// # Errors
    /// Why it was dropped. Nothing changed then, and nothing is sent.
    pub fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
    ) -> Result<(), Refused> {
        if self.ended {
            return Err(Refused::Ended);
        }
        if !self.ice.is_learned(path) {
            return Err(Refused::UnvalidatedPath);
        }
        self.dtls.handle(now, datagram)?;
        self.dtls_path = Some(path);
        self.take_dtls_events();
        Ok(())
    }

    /// Retransmits, gives up, ends, as the time has come. Draws no randomness today; the signature
    /// leaves room for it.
    pub fn handle_timeout(&mut self, now: Instant, _random: &mut Random) {
        if self.ended || self.timeless {
            return;
        }
        let expired = self.ice.handle_timeout(now);
        self.take_ice_events();
        self.dtls.handle_timeout(now);
        self.take_dtls_events();
        if expired {
            self.end(Ending::ConsentExpired);
        } else if now >= self.deadline && !self.is_connected() {
            self.end(Ending::HandshakeTimeout);
        }
    }

    /// When [`Peer::handle_timeout`] has something to do; `None` when the peer has ended.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.ended || self.timeless {
            return None;
        }
        let deadline = (!self.is_connected()).then_some(self.deadline);
        [deadline, self.ice.poll_timeout(), self.dtls.poll_timeout()].into_iter().flatten().min()
    }

    /// Writes the next datagram to send. One that does not fit `out` is dropped: 1,280 bytes
    /// suffice.
    pub fn poll_transmit(&mut self, out: &mut [u8]) -> Option<Transmit> {
        loop {
            let (path, datagram) = match self.ice.poll_transmit() {
                Some(it) => it,
                None => (self.dtls_target()?, self.dtls.poll_transmit()?),
            };
            if let Some(room) = out.get_mut(..datagram.len()) {
                room.copy_from_slice(&datagram);
                return Some(Transmit { len: datagram.len(), path });
            }
        }
    }

    /// What happened since.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// Where media goes; `None` before the first nomination, and when the peer has ended.
    pub fn selected(&self) -> Option<Path> {
        self.ice.selected().filter(|_| !self.ended)
    }

    /// The validated addresses.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.ice.learned()
    }

    /// Whether requests with this ufrag of ours are still taken: false for the old one when an ICE
    /// restart is done.
    pub fn accepts(&self, local_ufrag: &str) -> bool {
        !self.ended && self.ice.accepts(local_ufrag)
    }

    /// Whether media flows: nominated, and keys exported.
    pub fn is_connected(&self) -> bool {
        self.dtls.is_established() && self.selected().is_some()
    }

    /// ICE restart (RFC 8445 §9); the DTLS association and the keys stay. The old credentials are
    /// taken, and the old path carries media, until a request with the new ones nominates.
    pub fn restart(&mut self, _now: Instant, local: IceCredentials, remote: IceCredentials) {
        if !self.ended {
            self.ice.restart(local, remote);
        }
    }

    /// Ends the peer, with `close_notify` if the handshake is complete. No event comes of it.
    pub fn close(&mut self) {
        if !self.ended {
            self.dtls.close();
            self.ice.hush();
            self.ended = true;
        }
    }

    /// Makes a path validated and selected without ICE, for simulation on virtual time: from now on
    /// nothing of this peer expires. No event comes of it.
    #[cfg(any(test, feature = "simulation"))]
    pub fn inject_path(&mut self, path: Path) {
        self.ice.inject(self.deadline, path);
        self.timeless = true;
    }

    /// Where DTLS goes: also the last `close_notify` of a peer that has ended.
    fn dtls_target(&self) -> Option<Path> {
        self.ice.selected().or(self.dtls_path.filter(|path| self.ice.is_learned(*path)))
    }

    fn take_ice_events(&mut self) {
        while let Some(event) = self.ice.poll_event() {
            self.events.push_back(match event {
                IceEvent::CheckStarted(id) => PeerEvent::CheckStarted(id),
                IceEvent::CheckEnded(id) => PeerEvent::CheckEnded(id),
                IceEvent::Learned(path) => PeerEvent::PathLearned(path),
                IceEvent::Forgotten(path) => PeerEvent::PathForgotten(path),
                IceEvent::Selected(path) => PeerEvent::Selected(path),
            });
        }
    }

    fn take_dtls_events(&mut self) {
        while let Some(event) = self.dtls.poll_event() {
            match event {
                DtlsEvent::Keys { opener, sealer } => {
                    self.events.push_back(PeerEvent::Keys { opener, sealer })
                }
                DtlsEvent::WrongFingerprint => self.end(Ending::WrongFingerprint),
                DtlsEvent::NoProfile => self.end(Ending::HandshakeFailed),
                DtlsEvent::Closed => self.end(Ending::Closed),
            }
        }
    }

    fn end(&mut self, ending: Ending) {
        if !self.ended {
            self.ice.hush();
            self.ended = true;
            self.events.push_back(PeerEvent::Ended(ending));
        }
    }
}

#[cfg(test)]
mod tests;
