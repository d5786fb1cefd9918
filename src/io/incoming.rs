//! A received buffer, from either driver, taken apart in place into datagrams with their path.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::path::Path;

use super::address::{self, NAME_LEN};
use super::ancillary::{self, RECEIVE_LEN};
use super::counters::{Counter, Counters};

/// What the kernel writes before the payload: `io_uring_recvmsg_out` (16 bytes; unused by mmsg),
/// name, control messages. A multiple of 8, so that control messages are aligned.
pub(super) const NAME_AT: usize = 16;
/// The name's field is 32 bytes long, so that control messages are aligned behind it.
pub(super) const NAME_FIELD: usize = NAME_LEN.next_multiple_of(8);
/// Where control messages stand.
pub(super) const CONTROL_AT: usize = NAME_AT + NAME_FIELD;
/// Where the payload stands.
pub(super) const PAYLOAD_AT: usize = CONTROL_AT + RECEIVE_LEN;
/// Longest payload: the kernel joins datagrams (`UDP_GRO`) up to 64 KiB.
pub(super) const PAYLOAD_LEN: usize = 65_536;
/// Bytes from buffer to buffer: an odd number of cache lines, so that headers of different buffers
/// do not compete for the same lines of the cache.
pub(super) const BUFFER_LEN: usize = (PAYLOAD_AT + PAYLOAD_LEN).next_multiple_of(128) + 64;

const _: () = assert!(CONTROL_AT.is_multiple_of(8) && (BUFFER_LEN / 64) % 2 == 1);

/// One receive: where it came from, and how much of the buffer is filled.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Received {
    pub name_len: usize,
    pub control_len: usize,
    pub payload_len: usize,
    /// `MSG_TRUNC` and the like.
    pub flags: i32,
}

/// Hands each datagram in `buffer` to `handle`; returns how many there were.
pub(super) fn deliver(
    buffer: &mut [u8],
    received: Received,
    counters: &mut Counters,
    handle: &mut impl FnMut(Path, &mut [u8]),
) -> usize {
    let Some((head, payload)) = buffer.split_at_mut_checked(PAYLOAD_AT) else {
        counters.add(Counter::ReceiveErrors, 1);
        return 0;
    };
    if received.flags & libc::MSG_TRUNC != 0 {
        counters.add(Counter::Truncated, 1);
        return 0;
    }
    let remote =
        head.get(NAME_AT..NAME_AT + received.name_len.min(NAME_LEN)).and_then(address::decode);
    let (Some(remote), Some(payload)) = (remote, payload.get_mut(..received.payload_len)) else {
        counters.add(Counter::ReceiveErrors, 1);
        return 0;
    };
    let control = &head[CONTROL_AT..CONTROL_AT + received.control_len.min(RECEIVE_LEN)];
    let found = ancillary::decode(control);
    let path = Path { local: found.local.unwrap_or(unspecified(remote)), remote };
    counters.add(Counter::BuffersIn, 1);
    counters.add(Counter::BytesIn, payload.len());
    let stride = found.stride.filter(|stride| *stride > 0 && *stride < payload.len());
    let count = match stride {
        None => {
            handle(path, payload); // also an empty one, which `chunks_mut` would not show
            1
        }
        Some(stride) => payload.chunks_mut(stride).map(|datagram| handle(path, datagram)).count(),
    };
    counters.add(Counter::DatagramsIn, count);
    count
}

/// Without packet information: let the kernel choose when answering.
fn unspecified(remote: SocketAddr) -> IpAddr {
    match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::address::Family;
    use super::*;

    fn lengths(payload_len: usize, stride: Option<i32>, flags: i32) -> Vec<usize> {
        let mut buffer = vec![0; BUFFER_LEN];
        let mut name = [0; NAME_LEN];
        let name_len =
            address::encode(Family::V4, "192.0.2.1:9".parse().unwrap(), &mut name).unwrap();
        buffer[NAME_AT..NAME_AT + NAME_LEN].copy_from_slice(&name);
        let mut control_len = 0;
        if let Some(stride) = stride {
            buffer[CONTROL_AT..CONTROL_AT + 8].copy_from_slice(&20_usize.to_ne_bytes());
            for (at, word) in [(8, libc::SOL_UDP), (12, libc::UDP_GRO), (16, stride)] {
                buffer[CONTROL_AT + at..CONTROL_AT + at + 4].copy_from_slice(&word.to_ne_bytes());
            }
            control_len = 24;
        }
        let received = Received { name_len, control_len, payload_len, flags };
        let mut lengths = Vec::new();
        let mut counters = Counters::new();
        let count = deliver(&mut buffer, received, &mut counters, &mut |_, datagram| {
            lengths.push(datagram.len())
        });
        assert_eq!(count, lengths.len());
        assert_eq!(counters.value(Counter::DatagramsIn), count as u64);
        lengths
    }

    #[test]
    fn super_datagrams_come_apart() {
        for (payload_len, stride, expected) in [
            (100, None, vec![100]),
            (0, None, vec![0]),                   // an empty datagram is one, too
            (250, Some(100), vec![100, 100, 50]), // the last one may be shorter
            (200, Some(100), vec![100, 100]),
            (100, Some(100), vec![100]),
            (100, Some(0), vec![100]), // nonsense is not believed
            (100, Some(-1), vec![100]),
            (65_536, Some(1_024), vec![1_024; 64]),
        ] {
            assert_eq!(lengths(payload_len, stride, 0), expected, "{payload_len} {stride:?}");
        }
        assert_eq!(lengths(100, None, libc::MSG_TRUNC), [0; 0], "what was cut off is dropped");
        assert_eq!(lengths(BUFFER_LEN, None, 0), [0; 0], "more than there is");
    }
}
