//! Session keys from master keys. RFC 3711 §4.3, RFC 6188 §2, RFC 7714 §11.
//!
//! The key derivation rate is 0, as DTLS-SRTP has it (RFC 5764 §4.1.2): keys are derived once. Then
//! the derivation is plain AES counter mode over zeros, from a block that holds salt and label.

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::profile::KeyError;

/// What a derived key is for; the value is its label (RFC 3711 §4.3.1, §4.3.2).
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// An AES key for counter mode, its schedule made once. The length of `key` chooses AES-128 or
/// AES-256.
pub(super) fn counter_key(key: &[u8]) -> Result<EncryptingKey, KeyError> {
    let algorithm = match key.len() {
        16 => &AES_128,
        32 => &AES_256,
        _ => return Err(KeyError::KeyLength),
    };
    UnboundCipherKey::new(algorithm, key)
        .and_then(EncryptingKey::ctr)
        .map_err(|_| KeyError::Library)
}

/// XORs the key stream that starts at the block `counter` into `text`. Fails on no input: `key` is
/// a counter-mode key and the block has its length; the error of the library is handed on all the
/// same.
pub(super) fn apply_counter_mode(
    key: &EncryptingKey,
    counter: u128,
    text: &mut [u8],
) -> Result<(), aws_lc_rs::error::Unspecified> {
    let block = EncryptionContext::Iv128(FixedLength::from(counter.to_be_bytes()));
    key.less_safe_encrypt(text, block).map(|_| ())
}

/// Fills `out` with the key named `label`, derived by `master` and `salt`.
///
/// A salt shorter than 14 bytes is padded with zeros on its right (RFC 7714 §11).
pub(super) fn derive(
    master: &EncryptingKey,
    salt: &[u8],
    label: Label,
    out: &mut [u8],
) -> Result<(), KeyError> {
    let mut block = [0u8; 16]; // salt, then the 16-bit block counter
    block
        .get_mut(..salt.len().min(14))
        .ok_or(KeyError::SaltLength)?
        .copy_from_slice(salt.get(..salt.len().min(14)).ok_or(KeyError::SaltLength)?);
    block[7] ^= label as u8; // key_id = label || index DIV rate (48 bits of zeros)
    out.fill(0);
    apply_counter_mode(master, u128::from_be_bytes(block), out).map_err(|_| KeyError::Library)
}
