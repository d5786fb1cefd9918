//! Socket addresses as the kernel writes them (`sockaddr_in`, `sockaddr_in6`), read and written as
//! bytes.
//!
//! A dual-stack IPv6 socket speaks of IPv4 peers by mapped addresses (RFC 4291 §2.5.5.2). Here they
//! are unmapped on the way in and mapped on the way out; nobody else sees one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Room for the longest address, `sockaddr_in6`.
pub(super) const NAME_LEN: usize = size_of::<libc::sockaddr_in6>();

const _: () = assert!(NAME_LEN == 28 && size_of::<libc::sockaddr_in>() == 16);

/// What addresses a socket takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Family {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`, IPv4 as mapped addresses.
    Dual,
    /// `AF_INET6` alone: bound to one IPv6 address.
    V6,
}

impl Family {
    /// Whether a datagram can go to `ip` by this socket.
    pub fn takes(self, ip: IpAddr) -> bool {
        match self {
            Family::V4 => ip.is_ipv4(),
            Family::Dual => true,
            Family::V6 => ip.is_ipv6(),
        }
    }
}

/// Unmaps an IPv4-mapped address.
pub(super) fn unmap(ip: Ipv6Addr) -> IpAddr {
    ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)
}

/// Reads an address; `None` if it is neither IPv4 nor IPv6 or is cut off.
pub(super) fn decode(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(name.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET => {
            let ip: [u8; 4] = name.get(4..8)?.try_into().ok()?;
            Some(SocketAddr::new(Ipv4Addr::from(ip).into(), port))
        }
        libc::AF_INET6 => {
            let ip: [u8; 16] = name.get(8..24)?.try_into().ok()?;
            let scope_id = u32::from_ne_bytes(name.get(24..28)?.try_into().ok()?);
            Some(match unmap(Ipv6Addr::from(ip)) {
                IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
                IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope_id).into(),
            })
        }
        _ => None,
    }
}

/// Writes an address in the form a socket of `family` takes and returns its length; `None` if the
/// socket can not reach it.
pub(super) fn encode(family: Family, to: SocketAddr, name: &mut [u8; NAME_LEN]) -> Option<usize> {
    if !family.takes(to.ip()) {
        return None;
    }
    name.fill(0);
    name[2..4].copy_from_slice(&to.port().to_be_bytes());
    match (family, to) {
        (Family::V4, SocketAddr::V4(to)) => {
            name[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            name[4..8].copy_from_slice(&to.ip().octets());
            Some(size_of::<libc::sockaddr_in>())
        }
        (_, to) => {
            let (ip, scope_id) = match to {
                SocketAddr::V4(to) => (to.ip().to_ipv6_mapped(), 0),
                SocketAddr::V6(to) => (*to.ip(), to.scope_id()),
            };
            name[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
            name[8..24].copy_from_slice(&ip.octets());
            name[24..28].copy_from_slice(&scope_id.to_ne_bytes());
            Some(NAME_LEN)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back() {
        for (family, to, len) in [
            (Family::V4, "192.0.2.1:5000", Some(16)),
            (Family::V4, "[2001:db8::1]:5000", None), // no IPv6 by an IPv4 socket
            (Family::Dual, "192.0.2.1:5000", Some(28)), // mapped and unmapped
            (Family::Dual, "[2001:db8::1]:5000", Some(28)),
            (Family::Dual, "[fe80::1%3]:9", Some(28)), // the scope is kept
            (Family::V6, "[::1]:65535", Some(28)),
            (Family::V6, "127.0.0.1:1", None), // bound to IPv6 alone
        ] {
            let to: SocketAddr = to.parse().unwrap();
            let mut name = [0xAA; NAME_LEN];
            assert_eq!(encode(family, to, &mut name), len, "{family:?} {to}");
            if let Some(len) = len {
                assert_eq!(decode(&name[..len]), Some(to), "{family:?}");
                for cut in 0..len.min(24).saturating_sub(8) {
                    assert!(decode(&name[..cut]).is_none() || cut >= 8, "{to} cut to {cut}");
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_an_address_or_nothing() {
        for len in 0..=64 {
            for fill in [0, 1, 2, 10, 0xFF] {
                let _ = decode(&vec![fill; len]);
            }
        }
        assert_eq!(decode(&[]), None);
    }
}
