//! Floor 1: session keys, SRTP and SRTCP in place, replay windows, outgoing indices.
//!
//! RFC 3711 (SRTP, AES-CM with HMAC-SHA1), RFC 6188 (AES-256 key derivation), RFC 7714 (AES-GCM).
//! Imports `wire` only. Pure: no clock, no randomness of its own, no allocation per RTP packet.
//!
//! Two promises live here (THREATS.md P0). Untrusted bytes change nothing before their tag
//! verified: [`Opener`] marks a replay window, and else only [`ReplayWindow::recover`], for what
//! came inside an authenticated packet. No index is sealed twice: sealing consumes a [`Claim`],
//! claims come from a [`Ledger`], and a [`Sealer`] hands out each SSRC's ledger once.

mod cm;
mod gcm;
mod index;
mod kdf;
mod ledger;
mod opener;
mod profile;
mod random;
mod replay;
mod sealer;
mod session;
mod srtcp;
mod srtp;
mod window;

#[cfg(test)]
mod tests;

pub use index::Index;
pub use ledger::{Claim, ClaimError, Ledger};
pub use opener::{OpenError, Opener};
pub use profile::{KeyError, OVERHEAD_MAX, Profile};
pub use random::Random;
pub use replay::{ReplayWindow, RtcpWindow};
pub use sealer::{LedgerError, SealError, Sealer};
