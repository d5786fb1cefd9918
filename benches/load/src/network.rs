//! Media sockets and the addresses that participants send from.
//!
//! The relay tells its peers apart by address and port. So on a network whose addresses are all local
//! (127.0.0.0/8, or a prefix with a local route) each participant gets an address of its own, and all
//! share few sockets: one system call brings datagrams of many. Elsewhere each has its own socket.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;

use anyhow::{Context, ensure};
use nix::sys::socket::{setsockopt, sockopt};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};

use crate::options::Options;

/// Receive buffer of a shared socket: a second of a full core of the server.
const SHARED_BYTES: usize = 256 << 20;
/// Buffers of a participant's own socket.
const OWN_BYTES: usize = 1 << 20;
/// First address of participants where the server is on loopback.
const LOOPBACK_FIRST: Ipv4Addr = Ipv4Addr::new(127, 64, 0, 1);

/// A bound UDP socket.
#[derive(Debug)]
pub struct Socket {
    inner: UdpSocket,
    state: UdpSocketState,
    /// Its port.
    pub port: u16,
}

impl Socket {
    fn open(ip: IpAddr, bytes: usize) -> io::Result<Socket> {
        let inner = UdpSocket::bind(SocketAddr::new(ip, 0))?;
        let state = UdpSocketState::new(UdpSockRef::from(&inner))?;
        if setsockopt(&inner, sockopt::RcvBufForce, &bytes).is_err() {
            let _ = state.set_recv_buffer_size(UdpSockRef::from(&inner), bytes);
        }
        if setsockopt(&inner, sockopt::SndBufForce, &(bytes / 4)).is_err() {
            let _ = state.set_send_buffer_size(UdpSockRef::from(&inner), bytes / 4);
        }
        let port = inner.local_addr()?.port();
        Ok(Socket { inner, state, port })
    }

    /// Receives what is there, up to the number of buffers.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing.
    pub fn receive(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> io::Result<usize> {
        self.state.recv(UdpSockRef::from(&self.inner), buffers, meta)
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

/// Where a participant's datagrams leave and arrive.
#[derive(Clone, Debug)]
pub struct Place {
    /// The socket.
    pub socket: Arc<Socket>,
    /// The address to send from; `None`: the socket is the participant's own.
    pub source: Option<IpAddr>,
}

impl Place {
    /// Sends one datagram, or a train of `segment` bytes each.
    ///
    /// # Errors
    /// The system refuses; `WouldBlock` if its buffer is full.
    pub fn send(&self, to: SocketAddr, contents: &[u8], segment: Option<usize>) -> io::Result<()> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents,
            segment_size: segment,
            src_ip: self.source,
        };
        self.socket.state.try_send(UdpSockRef::from(&self.socket.inner), &transmit)
    }
}

/// All sockets.
#[derive(Debug)]
pub struct Network {
    /// The shared ones; none: each participant has its own.
    pub shared: Vec<Arc<Socket>>,
    first: Ipv4Addr,
    server: IpAddr,
}

impl Network {
    /// Opens the shared sockets.
    ///
    /// # Errors
    /// The options do not fit the server's address, or the system refuses.
    pub fn open(options: &Options, server: IpAddr) -> anyhow::Result<Network> {
        let first = options.addresses.or(server.is_loopback().then_some(LOOPBACK_FIRST));
        let wanted = options.shared_sockets()?;
        let number = match (wanted, first, server) {
            (Some(number), Some(_), IpAddr::V4(_)) => number.max(1),
            (None | Some(0), ..) => 0,
            (Some(number), ..) => {
                ensure!(first.is_some(), "--sockets {number}: needs --addresses, or give `each`");
                anyhow::bail!("--sockets {number}: the server has an IPv6 address; give `each`");
            }
        };
        let open = |_| Socket::open(Ipv4Addr::UNSPECIFIED.into(), SHARED_BYTES).map(Arc::new);
        let shared = (0..number).map(open).collect::<io::Result<Vec<_>>>();
        let shared = shared.context("--sockets: can not be opened")?;
        Ok(Network { shared, first: first.unwrap_or(Ipv4Addr::UNSPECIFIED), server })
    }

    /// The place of a participant.
    ///
    /// # Errors
    /// No socket can be opened for it.
    pub fn place(&self, person: u32) -> anyhow::Result<Place> {
        if let Some(socket) = self.shared.get(person as usize % self.shared.len().max(1)) {
            let address = Ipv4Addr::from(u32::from(self.first) + person);
            return Ok(Place { socket: socket.clone(), source: Some(address.into()) });
        }
        let any: IpAddr = match self.server {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = Socket::open(any, OWN_BYTES).context("--sockets each: raise `ulimit -n`")?;
        Ok(Place { socket: Arc::new(socket), source: None })
    }

    /// Tells whose datagram it is by the address it was sent to.
    pub fn finder(&self) -> Box<dyn Fn(Option<IpAddr>) -> Option<u32> + Send> {
        let first = u32::from(self.first);
        Box::new(move |destination| match destination {
            Some(IpAddr::V4(ip)) => u32::from(ip).checked_sub(first),
            _ => None,
        })
    }

    /// Datagrams that our shared sockets had no room for, as the kernel counted.
    pub fn dropped(&self) -> u64 {
        let Ok(table) = std::fs::read_to_string("/proc/thread-self/net/udp") else { return 0 };
        let ports: Vec<u16> = self.shared.iter().map(|socket| socket.port).collect();
        dropped_at(&table, &ports)
    }
}

/// Sums the last column (drops) of the lines whose local port (hexadecimal, in the second column
/// behind a colon) is one of ours.
fn dropped_at(table: &str, ports: &[u16]) -> u64 {
    let ours = table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_whitespace();
        let (_, port) = columns.nth(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        ports.contains(&port).then(|| columns.last()?.parse::<u64>().ok()).flatten()
    });
    ours.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_of_our_ports() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue drops\n\
            12: 00000000:9C40 00000000:0000 07 0:0 00:0 0 0 0 2 0 7\n\
            13: 0100007F:0035 00000000:0000 07 0:0 00:0 0 0 0 2 0 9\n\
            14: 00000000:9C41 00000000:0000 07 0:0 00:0 0 0 0 2 0 30\n";
        assert_eq!(dropped_at(table, &[40_000, 40_001]), 37);
        assert_eq!(dropped_at(table, &[1]), 0);
    }
}
