//! Which addresses stand in an answer. RFC 8839 §5.1, RFC 8445 §5.1.1.1.
//!
//! What was announced by configuration, alone: it is what clients outside can reach. Else the
//! machine's own addresses, loopback last: it is of use to a browser on the same machine only.

use std::net::{IpAddr, SocketAddr};

/// Host candidates of a shard, best first, none twice.
pub fn candidates(announced: &[IpAddr], local: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    let mut chosen: Vec<IpAddr> = Vec::new();
    let own = local.iter().filter(|ip| !ip.is_loopback() && is_reachable(**ip));
    let loopback = local.iter().filter(|ip| ip.is_loopback());
    let all: Vec<&IpAddr> = if announced.is_empty() {
        own.chain(loopback).collect()
    } else {
        announced.iter().collect()
    };
    for ip in all {
        let ip = ip.to_canonical();
        if !chosen.contains(&ip) {
            chosen.push(ip);
        }
    }
    chosen.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()
}

/// Whether another machine can aim at it: one address, and without a scope that only we know.
fn is_reachable(ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !ip.is_unspecified() && !ip.is_multicast() && !link_local
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn best_first() {
        let all = ["127.0.0.1", "::1", "192.0.2.7", "fe80::1", "2001:db8::7", "169.254.3.3"];
        for (announced, local, expected) in [
            (&[][..], &[][..], &[][..]),
            (&[], &all, &["192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"]), // loopback last
            (&["203.0.113.9"], &all, &["203.0.113.9"]),                     // announced: alone
            (&["203.0.113.9", "::1"], &[], &["203.0.113.9", "::1"]),        // in their order
            (&["203.0.113.9", "203.0.113.9"], &[], &["203.0.113.9"]),       // none twice
            (&[], &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.7"]),      // mapped is the same
            (&[], &["127.0.0.1"], &["127.0.0.1"]),                          // bound to loopback
            (&[], &["0.0.0.0", "224.0.0.1", "ff02::1"], &[]),               // nobody's address
        ] {
            let parse = |texts: &[&str]| -> Vec<IpAddr> {
                texts.iter().map(|text| text.parse().unwrap()).collect()
            };
            let expected: Vec<_> =
                parse(expected).into_iter().map(|ip| SocketAddr::new(ip, 40_001)).collect();
            assert_eq!(candidates(&parse(announced), &parse(local), 40_001), expected, "{local:?}");
        }
    }
}
