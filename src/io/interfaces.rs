//! The addresses of this machine, for candidates (RFC 8445 §5.1.1.1).

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr};
use std::ptr;

use super::address::{self, NAME_LEN};

/// The machine's addresses, the one a client most likely reaches first: global before private
/// before loopback, IPv4 before IPv6. Link-local ones are left out, and those of interfaces that
/// are down.
pub fn local_addresses() -> Vec<IpAddr> {
    let mut list: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: `list` is a live pointer for the call to fill.
    if unsafe { libc::getifaddrs(&raw mut list) } != 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut entry = list;
    // SAFETY: entries of the list are valid, or null at its end, until `freeifaddrs` below.
    while let Some(interface) = unsafe { entry.as_ref() } {
        entry = interface.ifa_next;
        let is_up = interface.ifa_flags & libc::IFF_UP as u32 != 0;
        if let Some(ip) = ip_of(interface).filter(|ip| is_up && !is_link_local(*ip)) {
            // SAFETY: an interface's name is a C string that lives as long as the list.
            let name = unsafe { CStr::from_ptr(interface.ifa_name) };
            found.push((rank(ip, name.to_bytes()), ip));
        }
    }
    // SAFETY: `list` came from `getifaddrs` and is freed once; no entry is borrowed any more.
    unsafe { libc::freeifaddrs(list) };
    found.sort_by_key(|(rank, _)| *rank); // stable: the system's order among equals
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
    for (_, ip) in found {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    addresses
}

fn ip_of(interface: &libc::ifaddrs) -> Option<IpAddr> {
    let name: *const libc::sockaddr = interface.ifa_addr;
    // SAFETY: `ifa_addr` is null, or a socket address that begins with its family.
    let family = unsafe { name.as_ref() }?.sa_family;
    let len = match i32::from(family) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => NAME_LEN,
        _ => return None,
    };
    // SAFETY: an address of this family has `len` bytes, and lives as long as the list.
    let bytes = unsafe { std::slice::from_raw_parts(name.cast::<u8>(), len) };
    address::decode(bytes).map(|address| address.ip())
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Lower is better. Bridges of container engines come late: clients elsewhere can not reach them.
fn rank(ip: IpAddr, interface: &[u8]) -> (u8, u8) {
    let is_bridge = [&b"docker"[..], b"br-", b"veth", b"virbr", b"cni", b"podman"]
        .iter()
        .any(|prefix| interface.starts_with(prefix));
    let reach = match ip {
        _ if ip.is_loopback() => 3,
        _ if is_bridge => 2,
        IpAddr::V4(ip) if ip.is_private() || is_shared(ip) => 1,
        IpAddr::V6(ip) if ip.is_unique_local() => 1,
        _ => 0,
    };
    (reach, u8::from(ip.is_ipv6()))
}

/// RFC 6598: 100.64.0.0/10, behind a carrier's address translation.
fn is_shared(ip: Ipv4Addr) -> bool {
    ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_there_and_last() {
        let addresses = local_addresses();
        let loopback =
            addresses.iter().position(|ip| ip.is_loopback()).expect("there is a loopback");
        assert!(addresses[loopback..].iter().all(|ip| ip.is_loopback()), "{addresses:?}");
        assert!(!addresses.iter().any(|ip| is_link_local(*ip)), "{addresses:?}");
    }

    #[test]
    fn ranks() {
        let order = [
            ("203.0.113.5", "eth0"),
            ("2001:db8::5", "eth0"),
            ("10.0.0.5", "eth0"),
            ("fd00::5", "eth0"),
            ("172.17.0.1", "docker0"),
            ("127.0.0.1", "lo"),
            ("::1", "lo"),
        ];
        let ranks = order.map(|(ip, interface)| rank(ip.parse().unwrap(), interface.as_bytes()));
        assert!(ranks.is_sorted(), "{ranks:?}");
        assert_eq!(
            rank("100.64.0.1".parse().unwrap(), b"wwan0"),
            ranks[2],
            "not reached from outside"
        );
    }
}
