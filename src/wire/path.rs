//! The two addresses of a datagram. RFC 8445 §2 calls such a pair a candidate pair.

use std::net::{IpAddr, SocketAddr};

/// Where a datagram came in and from whom: our address (PKTINFO, RFC 3542 §6.2) and theirs. An
/// answer goes out by the same path, so a host with several addresses answers from the right one.
/// IPv4-mapped IPv6 addresses are never stored: `io` unmaps them (RFC 4291 §2.5.5.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Path {
    /// Our address; the port is the shard's.
    pub local: IpAddr,
    /// Their address and port.
    pub remote: SocketAddr,
}
