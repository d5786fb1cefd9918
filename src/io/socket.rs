//! The one UDP socket of a shard: family, options, buffers.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use socket2::{Domain, Protocol, Type};

use super::address::Family;
use super::refusal::{Refusal, Step};
use super::system::set_option;

/// A bound UDP socket that tells and takes the local address of each datagram. Blocking: io_uring
/// waits by itself, the mmsg driver says `MSG_DONTWAIT`.
#[derive(Debug)]
pub(super) struct Socket {
    inner: socket2::Socket,
    /// What addresses it takes.
    pub family: Family,
    /// Its port.
    pub port: u16,
    /// Whether it is bound to one address: then it needs not be told where a datagram comes from.
    pub has_one_address: bool,
    /// Whether the kernel cuts trains (`UDP_SEGMENT`, Linux 4.18).
    pub segments: bool,
}

impl Socket {
    /// Binds `port` of `bind`; of all addresses, both families, if `None`, or IPv4 alone where IPv6
    /// is off.
    pub fn open(bind: Option<IpAddr>, port: u16, buffer: usize) -> Result<Self, Refusal> {
        let Some(ip) = bind else {
            let all = |ip: IpAddr| Self::open_at(ip, port, buffer);
            return match all(Ipv6Addr::UNSPECIFIED.into()) {
                // IPv6 is compiled out, or switched off (net.ipv6.conf.all.disable_ipv6).
                Err(Refusal { errno: libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL, .. }) => {
                    all(Ipv4Addr::UNSPECIFIED.into())
                }
                other => other,
            };
        };
        Self::open_at(ip, port, buffer)
    }

    fn open_at(ip: IpAddr, port: u16, buffer: usize) -> Result<Self, Refusal> {
        let (family, domain) = match ip {
            IpAddr::V4(_) => (Family::V4, Domain::IPV4),
            IpAddr::V6(ip) if ip.is_unspecified() => (Family::Dual, Domain::IPV6),
            IpAddr::V6(_) => (Family::V6, Domain::IPV6),
        };
        let inner = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))
            .map_err(Refusal::at(Step::Socket))?;
        set_packet_information(&inner, family).map_err(Refusal::at(Step::SocketOption))?;
        inner.bind(&SocketAddr::new(ip, port).into()).map_err(Refusal::at(Step::Bind))?;
        set_buffers(&inner, buffer);
        // Joined datagrams are a gain, not a need: kernels before 5.0 refuse, and hand over single
        // ones.
        let _ = set_option(inner.as_fd(), libc::SOL_UDP, libc::UDP_GRO, 1);
        let segments = set_option(inner.as_fd(), libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
        let bound = inner.local_addr().map_err(Refusal::at(Step::Bind))?;
        let port = bound.as_socket().map_or(port, |bound| bound.port());
        Ok(Self { inner, family, port, has_one_address: !ip.is_unspecified(), segments })
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

fn set_packet_information(socket: &socket2::Socket, family: Family) -> io::Result<()> {
    if family == Family::V4 {
        return set_option(socket.as_fd(), libc::IPPROTO_IP, libc::IP_PKTINFO, 1);
    }
    socket.set_only_v6(family == Family::V6)?;
    set_option(socket.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)
}

/// As large as asked if we may force it, else as large as the system's limits allow; never a
/// failure.
fn set_buffers(socket: &socket2::Socket, bytes: usize) {
    let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
    for (force, plain) in
        [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        if set_option(socket.as_fd(), libc::SOL_SOCKET, force, bytes).is_err() {
            let _ = set_option(socket.as_fd(), libc::SOL_SOCKET, plain, bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        for (bind, family) in [
            (None, Family::Dual),
            (Some("127.0.0.1"), Family::V4),
            (Some("0.0.0.0"), Family::V4),
            (Some("::"), Family::Dual),
            (Some("::1"), Family::V6),
        ] {
            let ip = bind.map(|ip| ip.parse().unwrap());
            let socket = Socket::open(ip, 0, 1 << 20).unwrap();
            assert_eq!(socket.family, family, "{bind:?}");
            let one = bind.is_some_and(|bind| bind.ends_with('1'));
            assert_eq!(socket.has_one_address, one, "{bind:?}");
            assert_ne!(socket.port, 0);
            assert!(socket.inner.recv_buffer_size().unwrap() >= 1 << 20);
            let again = Socket::open(ip, socket.port, 1 << 20).unwrap_err();
            assert_eq!(again, Refusal { step: Step::Bind, errno: libc::EADDRINUSE });
        }
        let nowhere = Socket::open(Some("192.0.2.77".parse().unwrap()), 0, 0).unwrap_err();
        assert_eq!(nowhere, Refusal { step: Step::Bind, errno: libc::EADDRNOTAVAIL });
    }
}
