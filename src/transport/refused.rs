//! Why a datagram was dropped before anything changed.

/// Why STUN or DTLS was refused. The peer is unchanged, nothing was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Longer than such a message may be.
    TooLong,
    /// Not well-formed, or without what it must have.
    Malformed,
    /// Well-formed, but nothing that is awaited here.
    Unexpected,
    /// STUN: USERNAME is missing or not this peer's.
    UnknownUfrag,
    /// STUN: MESSAGE-INTEGRITY is missing or wrong.
    BadIntegrity,
    /// STUN: an answer to nothing that was asked of that address.
    UnknownTransaction,
    /// DTLS: the address has not answered a check.
    UnvalidatedPath,
    /// DTLS: the last association has just failed; the next may begin in a moment.
    TooSoon,
    /// The peer has ended.
    Ended,
}
