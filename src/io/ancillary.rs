//! Control messages of `sendmsg` and `recvmsg` (cmsg(3)), read and written as bytes: our address
//! (PKTINFO, RFC 3542 §6.2) and the size of the datagrams of a train (`UDP_SEGMENT`, `UDP_GRO`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::{Family, unmap};

/// Length of `cmsghdr`, a multiple of its alignment.
const HEADER_LEN: usize = 16;
const ALIGN: usize = align_of::<libc::cmsghdr>();

const _: () =
    assert!(size_of::<libc::cmsghdr>() == HEADER_LEN && ALIGN == size_of::<usize>() && ALIGN == 8);

/// Room for the control messages of one receive: `in6_pktinfo` and `UDP_GRO` take 64 bytes.
pub(super) const RECEIVE_LEN: usize = 128;
/// Room for those of one send.
pub(super) const SEND_LEN: usize = 64;

/// Memory for control messages, aligned as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(super) struct Room<const N: usize>(pub [u8; N]);

/// What came with a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Ancillary {
    /// The address it was sent to.
    pub local: Option<IpAddr>,
    /// Bytes of each datagram but the last, if the kernel joined several.
    pub stride: Option<usize>,
}

/// Reads control messages. Unknown and cut-off ones are passed over.
pub(super) fn decode(mut control: &[u8]) -> Ancillary {
    let mut found = Ancillary::default();
    while let Some((message, kind, rest)) = split(control) {
        control = rest;
        match kind {
            (libc::SOL_UDP, libc::UDP_GRO) => {
                found.stride = message.first_chunk().map(|size| i32::from_ne_bytes(*size) as usize);
            }
            // struct in_pktinfo { int ifindex; in_addr spec_dst; in_addr addr; }: `addr` is of the
            // IP header
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                found.local = message
                    .get(8..)
                    .and_then(<[u8]>::first_chunk::<4>)
                    .map(|ip| Ipv4Addr::from(*ip).into());
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                found.local = message.first_chunk::<16>().map(|ip| unmap(Ipv6Addr::from(*ip)));
            }
            _ => {}
        }
    }
    found
}

type Level = (i32, i32);

/// First message, its level and type, and what follows it.
fn split(control: &[u8]) -> Option<(&[u8], Level, &[u8])> {
    let len = usize::from_ne_bytes(*control.first_chunk()?);
    let level = i32::from_ne_bytes(control.get(8..12)?.try_into().ok()?);
    let kind = i32::from_ne_bytes(control.get(12..16)?.try_into().ok()?);
    let message = control.get(HEADER_LEN..len)?;
    let next = len.checked_next_multiple_of(ALIGN)?.min(control.len());
    Some((message, (level, kind), &control[next..]))
}

/// Writes the control messages of one send and returns their length: from `local` (unless
/// unspecified, then the kernel chooses), and in datagrams of `segment` bytes each.
pub(super) fn encode(
    family: Family,
    local: IpAddr,
    segment: Option<u16>,
    room: &mut Room<SEND_LEN>,
) -> usize {
    room.0.fill(0);
    let mut len = 0;
    if !local.is_unspecified() {
        match (family, local) {
            (Family::V4, IpAddr::V4(ip)) => {
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&ip.octets()); // ipi_spec_dst: the source address to use
                push(&mut room.0, &mut len, (libc::IPPROTO_IP, libc::IP_PKTINFO), &info);
            }
            (_, ip) => {
                let ip = match ip {
                    IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                    IpAddr::V6(ip) => ip,
                };
                let mut info = [0; 20];
                info[..16].copy_from_slice(&ip.octets());
                push(&mut room.0, &mut len, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), &info);
            }
        }
    }
    if let Some(segment) = segment {
        push(&mut room.0, &mut len, (libc::SOL_UDP, libc::UDP_SEGMENT), &segment.to_ne_bytes());
    }
    len
}

/// Appends one message. `SEND_LEN` holds the two longest: 16 + 24 and 16 + 8.
fn push(room: &mut [u8; SEND_LEN], at: &mut usize, (level, kind): Level, data: &[u8]) {
    let len = HEADER_LEN + data.len();
    let out = &mut room[*at..*at + len];
    out[..8].copy_from_slice(&len.to_ne_bytes());
    out[8..12].copy_from_slice(&level.to_ne_bytes());
    out[12..16].copy_from_slice(&kind.to_ne_bytes());
    out[16..].copy_from_slice(data);
    *at += len.next_multiple_of(ALIGN);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of a received `UDP_GRO`: an `int`.
    fn gro(stride: i32) -> Vec<u8> {
        let mut bytes = 20_usize.to_ne_bytes().to_vec();
        for word in [libc::SOL_UDP, libc::UDP_GRO, stride, 0] {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn what_is_sent_reads_back() {
        for (family, local, segment, len, expected) in [
            (Family::V4, "0.0.0.0", None, 0, None), // the kernel chooses
            (Family::V4, "0.0.0.0", Some(1_200), 24, None),
            (Family::Dual, "127.0.0.2", None, 40, Some("127.0.0.2")), // mapped in between
            (Family::Dual, "2001:db8::2", Some(100), 64, Some("2001:db8::2")),
            (Family::V6, "::1", Some(1), 64, Some("::1")),
        ] {
            let mut room = Room([0xAA; SEND_LEN]);
            assert_eq!(encode(family, local.parse().unwrap(), segment, &mut room), len, "{local}");
            let found = decode(&room.0[..len]);
            assert_eq!(found.local, expected.map(|ip| ip.parse().unwrap()), "{local}");
        }
        // An IPv4 socket names the source in `spec_dst`, and reads the destination from `addr`.
        let mut room = Room([0; SEND_LEN]);
        assert_eq!(encode(Family::V4, "192.0.2.9".parse().unwrap(), Some(7), &mut room), 56);
        assert_eq!(room.0[20..24], [192, 0, 2, 9]);
        room.0[24..28].copy_from_slice(&[192, 0, 2, 8]);
        assert_eq!(decode(&room.0[..56]).local, Some("192.0.2.8".parse().unwrap()));
    }

    #[test]
    fn joined_datagrams_have_a_stride() {
        assert_eq!(decode(&gro(1_200)).stride, Some(1_200));
        let mut unknown = 24_usize.to_ne_bytes().to_vec();
        unknown.extend([0xFF; 16]);
        unknown.extend(gro(9));
        assert_eq!(decode(&unknown).stride, Some(9), "an unknown message is passed over");
    }

    #[test]
    fn any_bytes_are_read_without_panic() {
        for len in 0..=RECEIVE_LEN {
            for first in [0_usize, 1, 15, 16, 17, 20, 64, 128, 129, usize::MAX, usize::MAX - 6] {
                let mut bytes = vec![0x11; len];
                for (byte, value) in bytes.iter_mut().zip(first.to_ne_bytes()) {
                    *byte = value;
                }
                let _ = decode(&bytes);
            }
        }
    }
}
