//! AES-GCM as SRTP and SRTCP use it: nonce, seal, open, all in place. RFC 7714 §8, §9.
//!
//! Knows neither packet layout nor indices' lives: `srtp` and `srtcp` do the one, `ledger` the
//! other.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;

use super::profile::KeyError;
use crate::wire::number::Ssrc;

/// Length of the tag in bytes, RFC 7714 §13.2.
pub(super) const TAG_LEN: usize = 16;

/// A session key of one direction, for RTP or for RTCP. The key schedule and the hash table are
/// made once.
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: u128,
}

impl Gcm {
    /// Takes the session key (16 or 32 bytes) and the 12-byte session salt.
    pub(super) fn new(key: &[u8], salt: &[u8; 12]) -> Result<Self, KeyError> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            _ => return Err(KeyError::KeyLength),
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| KeyError::Library)?;
        let mut wide = [0u8; 16];
        wide[4..].copy_from_slice(salt);
        Ok(Self { key: LessSafeKey::new(key), salt: u128::from_be_bytes(wide) })
    }

    /// Encrypts `text` in place and writes the tag over `aad` and `text` where it belongs. (The
    /// form that returns the tag costs 20 ns more.)
    pub(super) fn seal(
        &self,
        ssrc: Ssrc,
        index: u64,
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8; TAG_LEN],
    ) -> Result<(), Unspecified> {
        let nonce = self.nonce(ssrc, index);
        self.key.seal_in_place_scatter(nonce, Aad::from(aad), text, &[], tag)
    }

    /// Checks `tag` over `aad` and `text` (in constant time) and decrypts `text` in place. After an
    /// error `text` holds nothing of use.
    pub(super) fn open(
        &self,
        ssrc: Ssrc,
        index: u64,
        aad: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Unspecified> {
        let nonce = self.nonce(ssrc, index);
        self.key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, text).map(|_| ())
    }

    /// 16 bits of zeros, SSRC, index, XORed with the salt (RFC 7714 §8.1). For SRTCP the 31-bit
    /// index stands where SRTP's 48-bit one does, with zeros above it (§9.1).
    fn nonce(&self, ssrc: Ssrc, index: u64) -> Nonce {
        let block = self.salt ^ (u128::from(ssrc.0) << 48 | u128::from(index));
        let mut nonce = [0u8; 12];
        nonce.copy_from_slice(&block.to_be_bytes()[4..]);
        Nonce::assume_unique_for_key(nonce)
    }
}
