//! Opens what one peer sends: look at the window, authenticate and decrypt in place, commit.
//!
//! RFC 3711 §3.3, §3.4; RFC 7714 §8, §9. A refused packet changes no state.

use std::fmt;

use super::index::Index;
use super::profile::{KeyError, Profile};
use super::replay::{ReplayWindow, RtcpWindow};
use super::session::{Session, sessions};
use super::{srtcp, srtp};

/// Why a protected packet was refused. The window is unchanged; the packet's bytes are of no use
/// any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenError {
    /// Header, tag or trailer do not fit into the packet.
    TooShort,
    /// Below the replay window.
    TooOld,
    /// Received before.
    Replayed,
    /// Not sealed by the peer's key, or changed on the way.
    BadTag,
    /// SRTCP with a clear E flag: authenticated at best, not encrypted. Never accepted.
    Unencrypted,
    /// An index past 2^48: the peer must have changed keys before.
    Exhausted,
}

/// The keys of what a peer sends to us.
pub struct Opener {
    profile: Profile,
    rtp: Session,
    rtcp: Session,
}

impl Opener {
    /// Derives the session keys from what DTLS exported (RFC 5764 §4.2).
    ///
    /// # Errors
    /// `KeyLength` or `SaltLength` unless the lengths are the profile's.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, KeyError> {
        let (rtp, rtcp) = sessions(profile, master_key, master_salt)?;
        Ok(Self { profile, rtp, rtcp })
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Authenticates `packet` (header ‖ ciphertext ‖ tag) and decrypts it in place. Returns its
    /// index and its length without the tag.
    ///
    /// `header_len` counts CSRCs and extension. `window` is that of the packet's SSRC; for an
    /// unknown one take a fresh one, and keep it on success only.
    ///
    /// # Errors
    /// All but `Unencrypted`.
    pub fn open_rtp(
        &self,
        window: &mut ReplayWindow,
        header_len: usize,
        packet: &mut [u8],
    ) -> Result<(Index, usize), OpenError> {
        let (ssrc, seq) = srtp::identity(packet)?;
        let index = window.check(seq)?; // look
        let len = srtp::open(&self.rtp, ssrc, index, header_len, packet)?; // act
        window.accept(index); // commit: the peer proved it holds the key
        Ok((index, len))
    }

    /// Authenticates an SRTCP packet and decrypts it in place. Returns the length of the compound.
    ///
    /// `window` is that of the sender SSRC (bytes 4 to 7); for an unknown one take a fresh one, and
    /// keep it on success only.
    ///
    /// # Errors
    /// All but `Exhausted`.
    pub fn open_rtcp(
        &self,
        window: &mut RtcpWindow,
        packet: &mut [u8],
    ) -> Result<usize, OpenError> {
        let (ssrc, index) = srtcp::identity(&self.rtcp, packet)?;
        window.check(index)?; // look
        let len = srtcp::open(&self.rtcp, ssrc, index, packet)?; // act
        window.accept(index); // commit
        Ok(len)
    }

    #[cfg(test)]
    pub(super) fn from_sessions(profile: Profile, rtp: Session, rtcp: Session) -> Self {
        Self { profile, rtp, rtcp }
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Opener").field("profile", &self.profile).finish_non_exhaustive()
    }
}
