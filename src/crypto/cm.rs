//! AES-128 in counter mode with HMAC-SHA1-80, as SRTP and SRTCP use it. RFC 3711 §4.1.1, §4.2.1.
//!
//! Knows neither packet layout nor indices' lives: `srtp` and `srtcp` do the one, `ledger` the
//! other.

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;

use super::kdf::{apply_counter_mode, counter_key};
use super::profile::KeyError;
use crate::wire::number::Ssrc;

/// Length of the tag in bytes: HMAC-SHA1 cut to 80 bits.
pub(super) const TAG_LEN: usize = 10;

/// Length of the session authentication key in bytes, RFC 3711 §5.2.
pub(super) const AUTHENTICATION_KEY_LEN: usize = 20;

/// Session keys of one direction, for RTP or for RTCP. AES key schedule and HMAC pads are made
/// once.
pub(super) struct CmHmac {
    cipher: EncryptingKey,
    salt: u128,
    authentication: hmac::Key,
}

impl CmHmac {
    /// Takes the session key, the session salt and the session authentication key.
    pub(super) fn new(
        key: &[u8],
        salt: &[u8; 14],
        authentication: &[u8; AUTHENTICATION_KEY_LEN],
    ) -> Result<Self, KeyError> {
        let mut wide = [0u8; 16];
        wide[2..].copy_from_slice(salt);
        Ok(Self {
            cipher: counter_key(key)?,
            salt: u128::from_be_bytes(wide),
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, authentication),
        })
    }

    /// Encrypts or decrypts `text` in place: XORs the key stream of the packet into it.
    ///
    /// The first counter block is `salt << 16 ^ ssrc << 64 ^ index << 16` (RFC 3711 §4.1.1).
    pub(super) fn apply(&self, ssrc: Ssrc, index: u64, text: &mut [u8]) -> Result<(), Unspecified> {
        let block = self.salt ^ (u128::from(ssrc.0) << 48 | u128::from(index));
        apply_counter_mode(&self.cipher, block << 16, text)
    }

    /// The tag over `covered` and what follows it but is not sent there (RFC 3711 §4.2).
    pub(super) fn tag(&self, covered: &[u8], unsent: &[u8]) -> [u8; TAG_LEN] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(covered);
        if !unsent.is_empty() {
            context.update(unsent);
        }
        let mut tag = [0u8; TAG_LEN];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_LEN]); // SHA-1 yields 20 bytes
        tag
    }

    /// Checks `tag` in constant time.
    pub(super) fn verify(
        &self,
        covered: &[u8],
        unsent: &[u8],
        tag: &[u8],
    ) -> Result<(), Unspecified> {
        verify_slices_are_equal(&self.tag(covered, unsent), tag)
    }
}
