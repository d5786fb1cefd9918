//! SRTP protection profiles: what DTLS negotiates, and the lengths that follow from it.
//!
//! RFC 5764 §4.1.2 (AES128_CM_HMAC_SHA1_80), RFC 7714 §14.2 (AEAD_AES_128_GCM, AEAD_AES_256_GCM).

/// Most bytes that sealing adds to a packet, RTP or RTCP, in any profile (SRTCP with GCM).
pub const OVERHEAD_MAX: usize = 20;

/// The E flag and the 31-bit index at the end of an SRTCP packet, RFC 3711 §3.4.
pub(super) const SRTCP_TRAILER_LEN: usize = 4;

/// An SRTP protection profile, RFC 5764 §4.1.2 and RFC 7714 §14.2.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Profile {
    /// AES-256-GCM, 16-byte tag.
    AeadAes256Gcm,
    /// AES-128-GCM, 16-byte tag.
    AeadAes128Gcm,
    /// AES-128 in counter mode and HMAC-SHA1, cut to a 10-byte tag.
    Aes128CmHmacSha1_80,
}

impl Profile {
    /// Every profile, best first.
    pub const ALL: [Profile; 3] =
        [Profile::AeadAes256Gcm, Profile::AeadAes128Gcm, Profile::Aes128CmHmacSha1_80];

    /// Length of the master key, and of the session encryption key, in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Profile::AeadAes256Gcm => 32,
            Profile::AeadAes128Gcm | Profile::Aes128CmHmacSha1_80 => 16,
        }
    }

    /// Length of the master salt, and of the session salt, in bytes.
    pub const fn salt_len(self) -> usize {
        match self {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => 12,
            Profile::Aes128CmHmacSha1_80 => 14,
        }
    }

    /// Bytes that sealing adds to an RTP packet: the tag.
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Profile::AeadAes256Gcm | Profile::AeadAes128Gcm => super::gcm::TAG_LEN,
            Profile::Aes128CmHmacSha1_80 => super::cm::TAG_LEN,
        }
    }

    /// Bytes that sealing adds to an RTCP compound: the tag and the index.
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + SRTCP_TRAILER_LEN
    }
}

/// Why keys could not be made from what was exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// The master key is not `Profile::key_len` bytes long.
    KeyLength,
    /// The master salt is not `Profile::salt_len` bytes long.
    SaltLength,
    /// The cryptographic library refused; it does so only when it is out of memory.
    Library,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (profile, key, salt, rtp, rtcp) in [
            (Profile::AeadAes256Gcm, 32, 12, 16, 20), // RFC 7714 §12
            (Profile::AeadAes128Gcm, 16, 12, 16, 20), // RFC 7714 §12
            (Profile::Aes128CmHmacSha1_80, 16, 14, 10, 14), // RFC 3711 §8.2
        ] {
            let got = (
                profile.key_len(),
                profile.salt_len(),
                profile.rtp_overhead(),
                profile.rtcp_overhead(),
            );
            assert_eq!(got, (key, salt, rtp, rtcp), "{profile:?}");
            assert!(rtp.max(rtcp) <= OVERHEAD_MAX, "{profile:?}");
        }
        assert!(Profile::ALL.iter().any(|profile| profile.rtcp_overhead() == OVERHEAD_MAX));
    }
}
