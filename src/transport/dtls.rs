//! DTLS 1.2 as server over `dimpl`, and the SRTP keys it yields: RFC 6347, RFC 5764 §4, RFC 8827
//! §6.5.
//!
//! Three things stand between the network and the engine. Datagrams are looked at first
//! (`dtls_record`), because in `dimpl` every error is final, also one that a stranger's plaintext
//! provoked. If one still occurs before the handshake is done, that association is thrown away and
//! the next ClientHello begins a fresh one, so a bad ClientHello that came before the right one
//! (the ClientHello race) costs a moment, not the session. And the fingerprint is judged when the
//! handshake is complete, not when a certificate is claimed: until then nothing proved that the
//! peer owns it. Once keys are exported no error ends anything: media goes on, only `close_notify`
//! is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dimpl::{Dtls, Error, KeyingMaterial, Output, SecurityError, SrtpProfile};

use crate::crypto::{Opener, Profile, Sealer};
use crate::transport::certificate::{Certificate, DATAGRAM_MAX, Fingerprint};
use crate::transport::dtls_record;
use crate::transport::refused::Refused;

/// After a failed association the next one begins no sooner. Bounds what a flood of ClientHellos
/// costs (a signature each) and what it is answered; shorter than a client's second retransmission.
const RESTART_AFTER: Duration = Duration::from_millis(100);

/// `dimpl` panics if a certificate does not fit the buffer it is polled into. None is longer than
/// what reassembly holds.
const SCRATCH_LEN: usize = 16 * 1_024;

/// Datagrams waiting for `poll_transmit`; what comes on top is retransmitted later.
const OUTGOING_MAX: usize = 32;

/// What the association came to.
pub enum DtlsEvent {
    /// The handshake is complete and the certificate is the right one.
    Keys {
        /// Opens what the peer sends.
        opener: Box<Opener>,
        /// Seals what it receives.
        sealer: Box<Sealer>,
    },
    /// The handshake is complete, and the certificate is another one.
    WrongFingerprint,
    /// The handshake is complete, without an SRTP profile of ours.
    NoProfile,
    /// `close_notify`, or a fatal alert of the authenticated peer.
    Closed,
}

/// One association, across failed attempts.
pub struct DtlsServer {
    state: State,
    certificate: Arc<Certificate>,
    fingerprint: Fingerprint,
    outgoing: VecDeque<Vec<u8>>,
    events: VecDeque<DtlsEvent>,
}

enum State {
    /// No association; a ClientHello may begin one from this instant on.
    Idle(Option<Instant>),
    /// Handshake under way.
    Handshake(Association),
    /// Keys are out.
    Established(Association),
    /// Keys are out, the engine is dead: media goes on, nothing is said or heard here.
    Deaf,
    /// Over.
    Ended,
}

struct Association {
    dtls: Box<Dtls>,
    timeout: Option<Instant>,
    /// Whether the certificate that the peer claimed has the right fingerprint.
    matches: bool,
    connected: bool,
    keys: Option<(KeyingMaterial, SrtpProfile)>,
    closed: bool,
}

impl DtlsServer {
    /// A server that waits for a ClientHello.
    pub fn new(certificate: Arc<Certificate>, fingerprint: Fingerprint) -> Self {
        let (outgoing, events) = (VecDeque::new(), VecDeque::new());
        Self { state: State::Idle(None), certificate, fingerprint, outgoing, events }
    }

    /// Whether keys were exported.
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established(_) | State::Deaf)
    }

    /// One datagram that looks like DTLS, from a validated address.
    ///
    /// # Errors
    /// Why it was dropped before the engine saw it.
    pub fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<(), Refused> {
        if datagram.len() > DATAGRAM_MAX {
            return Err(Refused::TooLong);
        }
        let records = dtls_record::look(datagram).ok_or(Refused::Malformed)?;
        match self.state {
            State::Ended => return Err(Refused::Ended),
            State::Deaf => return Err(Refused::Unexpected),
            State::Idle(_) if !records.client_hello => return Err(Refused::Unexpected),
            State::Idle(Some(from)) if now < from => return Err(Refused::TooSoon),
            State::Idle(_) => {
                self.state = State::Handshake(Association::new(&self.certificate, now))
            }
            State::Handshake(_) | State::Established(_) => {}
        }
        // Every datagram refreshes the engine's clock; the first call also draws the server random.
        self.drive(now, |dtls| {
            dtls.handle_timeout(now).and_then(|()| dtls.handle_packet(datagram))
        });
        Ok(())
    }

    /// Retransmits a flight, if that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.drive(now, |dtls| dtls.handle_timeout(now));
        }
    }

    /// When [`DtlsServer::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Handshake(association) | State::Established(association) => association.timeout,
            State::Idle(_) | State::Deaf | State::Ended => None,
        }
    }

    /// The next datagram to send.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.outgoing.pop_front()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<DtlsEvent> {
        self.events.pop_front()
    }

    /// Ends the association, with `close_notify` if there is one (RFC 5246 §7.2.1).
    pub fn close(&mut self) {
        let State::Established(mut association) = std::mem::replace(&mut self.state, State::Ended)
        else {
            return;
        };
        let mut packets = Vec::new();
        if association.dtls.close().is_ok() {
            association.drain(&self.fingerprint, &mut packets);
        }
        self.transmit(packets);
    }

    /// Lets the engine act, takes what it gives, and judges.
    fn drive(&mut self, now: Instant, act: impl FnOnce(&mut Dtls) -> Result<(), Error>) {
        let (State::Handshake(association) | State::Established(association)) = &mut self.state
        else {
            return;
        };
        let mut packets = Vec::new();
        let result = act(&mut association.dtls);
        if result.is_ok() {
            association.drain(&self.fingerprint, &mut packets);
        }
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Established(association) => self.judge_established(association, result, packets),
            State::Handshake(association) => {
                self.judge_handshake(now, association, result, packets)
            }
            State::Idle(_) | State::Deaf | State::Ended => {}
        }
    }

    fn judge_handshake(
        &mut self,
        now: Instant,
        mut association: Association,
        result: Result<(), Error>,
        packets: Vec<Vec<u8>>,
    ) {
        if result.is_err() {
            self.state = State::Idle(Some(now + RESTART_AFTER));
        } else if !association.connected {
            self.transmit(packets);
            self.state = State::Handshake(association);
        } else if !association.matches {
            // Our Finished stays unsent: to the wrong peer the handshake never completes.
            self.events.push_back(DtlsEvent::WrongFingerprint);
        } else if let Some((opener, sealer)) =
            association.keys.take().and_then(|keys| split(&keys.0, keys.1))
        {
            self.transmit(packets);
            self.events
                .push_back(DtlsEvent::Keys { opener: Box::new(opener), sealer: Box::new(sealer) });
            self.settle(association);
        } else {
            self.events.push_back(DtlsEvent::NoProfile);
        }
    }

    fn judge_established(
        &mut self,
        association: Association,
        result: Result<(), Error>,
        packets: Vec<Vec<u8>>,
    ) {
        self.transmit(packets);
        match result {
            // Epoch 1, so authenticated: plaintext alerts do not get here.
            Err(Error::SecurityError(SecurityError::FatalAlert { .. })) => {
                self.events.push_back(DtlsEvent::Closed)
            }
            Err(_) => self.state = State::Deaf,
            Ok(()) => self.settle(association),
        }
    }

    /// Established, unless the peer has closed in the same breath.
    fn settle(&mut self, association: Association) {
        if association.closed {
            self.events.push_back(DtlsEvent::Closed);
        } else {
            self.state = State::Established(association);
        }
    }

    fn transmit(&mut self, packets: Vec<Vec<u8>>) {
        let room = OUTGOING_MAX.saturating_sub(self.outgoing.len());
        self.outgoing.extend(packets.into_iter().take(room));
    }
}

impl Association {
    fn new(certificate: &Certificate, now: Instant) -> Self {
        let (config, pair) = certificate.parts();
        let dtls = Box::new(Dtls::new_12(config, pair, now)); // in the server role
        Self { dtls, timeout: None, matches: false, connected: false, keys: None, closed: false }
    }

    /// Takes everything the engine gives; it is consistent only then.
    fn drain(&mut self, fingerprint: &Fingerprint, packets: &mut Vec<Vec<u8>>) {
        let mut scratch = vec![0; SCRATCH_LEN];
        loop {
            match self.dtls.poll_output(&mut scratch) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::PeerCert(der) => self.matches = fingerprint.matches(der),
                Output::Connected => self.connected = true,
                Output::KeyingMaterial(material, profile) if self.matches => {
                    self.keys = Some((material, profile))
                }
                Output::CloseNotify => self.closed = true,
                Output::Timeout(due) => {
                    self.timeout = Some(due);
                    return;
                }
                Output::BufferTooSmall { .. } => return, // no record is longer than a datagram
                _ => {}                                  // there is no data channel
            }
        }
    }
}

/// RFC 5764 §4.2: client key, server key, client salt, server salt. We are the server.
fn split(material: &[u8], profile: SrtpProfile) -> Option<(Opener, Sealer)> {
    let profile = match profile {
        SrtpProfile::AEAD_AES_256_GCM => Profile::AeadAes256Gcm,
        SrtpProfile::AEAD_AES_128_GCM => Profile::AeadAes128Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => Profile::Aes128CmHmacSha1_80,
        _ => return None,
    };
    let (client_key, rest) = material.split_at_checked(profile.key_len())?;
    let (server_key, rest) = rest.split_at_checked(profile.key_len())?;
    let (client_salt, server_salt) = rest.split_at_checked(profile.salt_len())?;
    let opener = Opener::new(profile, client_key, client_salt).ok()?;
    let sealer = Sealer::new(profile, server_key, server_salt).ok()?;
    Some((opener, sealer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_keys_only_the_peer_itself_ends_it() {
        let certificate = Arc::new(Certificate::generate().unwrap());
        let now = Instant::now();
        let alert = |description| Error::SecurityError(SecurityError::FatalAlert { description });
        for (error, closes) in [
            (alert(80), true),
            (Error::ReceiveQueueFull, false),
            (Error::RenegotiationAttempt, false),
        ] {
            let mut server = DtlsServer::new(certificate.clone(), certificate.fingerprint());
            let association = Association::new(&certificate, now);
            server.state = State::Ended;
            server.judge_established(association, Err(error.clone()), Vec::new());
            assert_eq!(server.poll_event().is_some(), closes, "{error:?}");
            assert_eq!(server.is_established(), !closes, "{error:?}");
            assert_eq!(server.poll_timeout(), None, "{error:?}");
        }
    }
}
