//! Seals what goes to one peer: RTP under claimed indices, RTCP under a counter of its own.
//!
//! RFC 3711 §3.3, §3.4, §9; RFC 7714 §8, §9. There is no way to name an index when sealing.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ledger::{Claim, Ledger, SealerId};
use super::profile::{KeyError, Profile};
use super::session::{Session, sessions};
use super::{srtcp, srtp};
use crate::wire::number::Ssrc;

/// How many SRTCP packets one key may protect (RFC 3711 §9.2); their indices have 31 bits.
const SRTCP_INDEX_END: u32 = 1 << 31;

/// Why a packet was not sealed. A claim given is spent all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealError {
    /// The packet is shorter than its header, or the header than RTP's or RTCP's fixed one.
    TooShort,
    /// The buffer has no room for the packet and what sealing adds to it.
    NoRoom,
    /// The claim comes from a ledger of another sealer.
    ForeignClaim,
    /// 2^31 SRTCP packets were sealed: the key is worn out.
    Exhausted,
    /// The cryptographic library refused; no packet that fits a datagram makes it do so.
    Library,
}

/// Why no ledger was handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LedgerError {
    /// The SSRC's ledger was handed out before. A second one would claim its indices again.
    Taken,
}

/// The keys of what we send to a peer. Make one only from each exported key: two would count twice.
pub struct Sealer {
    id: SealerId,
    profile: Profile,
    rtp: Session,
    rtcp: Session,
    ledgers: HashSet<Ssrc>,
    rtcp_index: u32,
}

impl Sealer {
    /// Derives the session keys from what DTLS exported (RFC 5764 §4.2).
    ///
    /// # Errors
    /// `KeyLength` or `SaltLength` unless the lengths are the profile's.
    pub fn new(profile: Profile, master_key: &[u8], master_salt: &[u8]) -> Result<Self, KeyError> {
        let (rtp, rtcp) = sessions(profile, master_key, master_salt)?;
        Ok(Self::from_sessions(profile, rtp, rtcp))
    }

    pub(super) fn from_sessions(profile: Profile, rtp: Session, rtcp: Session) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = SealerId(NEXT.fetch_add(1, Ordering::Relaxed)); // 2^64 do not run out
        Self { id, profile, rtp, rtcp, ledgers: HashSet::new(), rtcp_index: 0 }
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Hands out the ledger of `ssrc`, the only source of claims for it. Once: keep it with the
    /// slot.
    ///
    /// # Errors
    /// `Taken` the second time.
    pub fn ledger(&mut self, ssrc: Ssrc) -> Result<Ledger, LedgerError> {
        if self.ledgers.insert(ssrc) {
            Ok(Ledger::new(self.id, ssrc))
        } else {
            Err(LedgerError::Taken)
        }
    }

    /// Seals the RTP packet `buffer[..len]` in place and returns its length with the tag.
    ///
    /// Writes the claim's SSRC and sequence number into the header itself. `header_len` counts
    /// CSRCs and extension: what lies behind it is encrypted, what lies before is not.
    ///
    /// # Errors
    /// `TooShort`, `NoRoom`, `ForeignClaim`; nothing was sealed, and the claim is spent.
    pub fn seal_rtp(
        &self,
        claim: Claim,
        header_len: usize,
        len: usize,
        buffer: &mut [u8],
    ) -> Result<usize, SealError> {
        if claim.sealer != self.id {
            return Err(SealError::ForeignClaim);
        }
        srtp::seal(&self.rtp, claim.ssrc, claim.index, header_len, len, buffer)
    }

    /// Seals the RTCP compound `buffer[..len]` in place and returns its length with tag and index.
    ///
    /// One counter serves all sender SSRCs of this key, so that no index comes twice.
    ///
    /// # Errors
    /// `TooShort`, `NoRoom`; `Exhausted` after 2^31 packets.
    pub fn seal_rtcp(&mut self, len: usize, buffer: &mut [u8]) -> Result<usize, SealError> {
        let index = self.rtcp_index;
        if index >= SRTCP_INDEX_END {
            return Err(SealError::Exhausted);
        }
        self.rtcp_index = index + 1; // spent, whatever comes of it
        srtcp::seal(&self.rtcp, index, len, buffer)
    }

    #[cfg(test)]
    pub(super) fn skip_rtcp_to(&mut self, index: u32) {
        self.rtcp_index = index;
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sealer").field("profile", &self.profile).finish_non_exhaustive()
    }
}
