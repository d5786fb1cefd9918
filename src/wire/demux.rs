//! What a datagram is, by its first two bytes. RFC 7983 §7, RFC 5761 §4.
//!
//! Says what the bytes must be if they are valid; whether they are is for the parser of that class.

/// The protocol a datagram must belong to (RFC 7983 §7, figure 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// First byte 0..=3: STUN (RFC 8489 §5).
    Stun,
    /// First byte 20..=63: a DTLS record (RFC 6347 §4.1, RFC 9147 §4).
    Dtls,
    /// First byte 128..=191, second byte outside 192..=223: RTP (RFC 3550 §5.1).
    Rtp,
    /// First byte 128..=191, second byte 192..=223: RTCP (RFC 3550 §6.4, RFC 5761 §4).
    Rtcp,
    /// Anything else: ZRTP, TURN channels, QUIC, too short. Not for us.
    Unknown,
}

/// Classifies a datagram. RTP payload types 64..=95 are never negotiated, because with the marker
/// bit they look like RTCP (RFC 5761 §4).
#[inline]
pub fn classify(datagram: &[u8]) -> Class {
    let [first, second, ..] = *datagram else {
        return Class::Unknown;
    };
    match (first, second) {
        (128..=191, 192..=223) => Class::Rtcp,
        (128..=191, _) => Class::Rtp,
        (0..=3, _) => Class::Stun,
        (20..=63, _) => Class::Dtls,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_byte_decides_and_second_splits_rtcp_off() {
        for (first, second, expected) in [
            (0, 1, Class::Stun),      // Binding request
            (3, 255, Class::Stun),    // last of STUN
            (4, 0, Class::Unknown),   // between
            (16, 0, Class::Unknown),  // ZRTP
            (19, 0, Class::Unknown),  // ZRTP, last
            (20, 254, Class::Dtls),   // change_cipher_spec
            (22, 254, Class::Dtls),   // handshake
            (63, 0, Class::Dtls),     // DTLS 1.3 unified header, last
            (64, 0, Class::Unknown),  // TURN channel
            (127, 0, Class::Unknown), // between
            (128, 0, Class::Rtp),     // no marker, PT 0
            (128, 191, Class::Rtp),   // marker, PT 63
            (128, 192, Class::Rtcp),  // first of RFC 5761
            (129, 200, Class::Rtcp),  // SR
            (128, 223, Class::Rtcp),  // last
            (128, 224, Class::Rtp),   // marker, PT 96
            (191, 96, Class::Rtp),    // all of P, X, CC
            (192, 96, Class::Unknown),
        ] {
            assert_eq!(classify(&[first, second]), expected, "{first} {second}");
        }
    }

    #[test]
    fn too_short_is_unknown() {
        assert_eq!(classify(&[]), Class::Unknown);
        assert_eq!(classify(&[128]), Class::Unknown);
    }
}
