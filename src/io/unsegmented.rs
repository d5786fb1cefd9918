//! Destinations whose route refuses `UDP_SEGMENT`: a device without checksum offload, an IPsec
//! policy, a path MTU below the segment. Trains to them go out as single datagrams, without asking
//! first each time.

use std::net::IpAddr;

/// Entries; a collision forgets the older one, which costs one refused train.
const ENTRIES: usize = 64;
/// After so many trains segmentation is tried again: routes change.
const TRAINS: u16 = 1_024;

#[derive(Debug)]
pub(super) struct Unsegmented {
    entries: [Option<(IpAddr, u16)>; ENTRIES],
    is_empty: bool,
}

impl Unsegmented {
    pub fn new() -> Self {
        Self { entries: [None; ENTRIES], is_empty: true }
    }

    /// Segmentation was refused for `ip`.
    pub fn remember(&mut self, ip: IpAddr) {
        self.is_empty = false;
        self.entries[index(ip)] = Some((ip, TRAINS));
    }

    /// Whether the next train to `ip` should go out as single datagrams.
    pub fn contains(&mut self, ip: IpAddr) -> bool {
        if self.is_empty {
            return false; // nearly always
        }
        let entry = &mut self.entries[index(ip)];
        match entry {
            Some((known, left)) if *known == ip => {
                *left -= 1;
                if *left == 0 {
                    *entry = None;
                }
                true
            }
            _ => false,
        }
    }
}

/// Addresses of one network differ in their last bytes.
fn index(ip: IpAddr) -> usize {
    let bits = match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize // Fibonacci hashing: the top 6 bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembered_for_a_while() {
        let (a, b): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let mut table = Unsegmented::new();
        assert!(!table.contains(a));
        table.remember(a);
        assert!(!table.contains(b));
        for train in 0..TRAINS {
            assert!(table.contains(a), "{train}");
        }
        assert!(!table.contains(a), "tried again");
    }

    #[test]
    fn every_address_has_an_entry() {
        for bits in 0..10_000_u32 {
            let mapped = std::net::Ipv6Addr::from_bits(u128::from(bits) << 70 | 1);
            assert!(index(IpAddr::V4(bits.into())) < ENTRIES && index(mapped.into()) < ENTRIES);
        }
    }
}
