//! Floor 2a: one peer, sans-IO: ICE-lite, DTLS, RTCP state. Has never heard of `route`, of rooms or
//! of sockets.

mod certificate;
mod credentials;
mod dtls;
mod dtls_record;
mod ice;
mod ice_path;
pub mod keyframe;
pub mod nack;
mod peer;
pub mod reception;
mod refused;
pub mod sender;

pub use crate::wire::stun::{answer_of, ufrag_of};
pub use certificate::{Certificate, CertificateError, Fingerprint, FingerprintError};
pub use credentials::IceCredentials;
pub use ice::{CONSENT, PATHS_MAX};
pub use peer::{Ending, HANDSHAKE_MAX, Peer, PeerConfig, PeerEvent, Transmit};
pub use refused::Refused;

#[cfg(test)]
mod tests;
