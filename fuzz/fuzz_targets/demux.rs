//! A datagram has one class, by its first two bytes only (RFC 7983 §7, RFC 5761 §4), and a parser
//! of another class never takes it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ringfence::wire::demux::{Class, classify};
use ringfence::wire::rtcp;
use ringfence::wire::rtp::Rtp;

fuzz_target!(|datagram: &[u8]| {
    let class = classify(datagram);
    let mut longer = datagram.to_vec();
    longer.extend_from_slice(&[0; 9]);
    if datagram.len() >= 2 {
        assert_eq!(classify(&longer), class, "what follows is not looked at");
        assert_eq!(classify(&datagram[..2]), class);
    } else {
        assert_eq!(class, Class::Unknown);
    }
    let version_2 = matches!(class, Class::Rtp | Class::Rtcp);
    assert!(version_2 || datagram.len() < 2 || Rtp::parse(datagram).is_err());
    assert!(version_2 || rtcp::parse(datagram).is_err());
});
