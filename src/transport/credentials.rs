//! ICE credentials: who may ask for whom. RFC 8839 §5.4.
//!
//! Random bits are an argument. The password never appears in `Debug` output.

use std::fmt;
use std::sync::Arc;

use crate::crypto::Random;

/// The 64 `ice-char`s of RFC 8839 §5.4: six random bits each.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 48 bits (at least 24 asked for): enough to be unique among a shard's peers.
const UFRAG_LEN: usize = 8;

/// 192 bits (at least 128 asked for).
const PWD_LEN: usize = 32;

/// Username fragment and password of one side, RFC 8445 §5.3.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// `ice-ufrag`: 4 to 256 characters; public, finds the peer.
    pub ufrag: Arc<str>,
    /// `ice-pwd`: 22 to 256 characters; secret, keys MESSAGE-INTEGRITY.
    pub pwd: Arc<str>,
}

impl IceCredentials {
    /// Fresh ones of ours.
    pub fn generate(random: &mut Random) -> Self {
        Self { ufrag: ice_chars::<UFRAG_LEN>(random), pwd: ice_chars::<PWD_LEN>(random) }
    }

    /// The peer's, as they stand in SDP; `None` if RFC 8839 §5.4 forbids them.
    pub fn parse(ufrag: &str, pwd: &str) -> Option<Self> {
        let allowed = |text: &str| text.bytes().all(|byte| ICE_CHARS.contains(&byte));
        let fits = (4..=256).contains(&ufrag.len()) && (22..=256).contains(&pwd.len());
        (fits && allowed(ufrag) && allowed(pwd))
            .then(|| Self { ufrag: ufrag.into(), pwd: pwd.into() })
    }
}

impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

fn ice_chars<const LEN: usize>(random: &mut Random) -> Arc<str> {
    let mut bytes = [0; LEN];
    random.fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)]))
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ones_are_allowed_and_differ() {
        let mut random = Random::from_seed([1; 32]);
        let first = IceCredentials::generate(&mut random);
        let second = IceCredentials::generate(&mut random);
        assert_eq!(IceCredentials::parse(&first.ufrag, &first.pwd).as_ref(), Some(&first));
        assert!(first.ufrag != second.ufrag && first.pwd != second.pwd);
        assert_eq!(first, IceCredentials::generate(&mut Random::from_seed([1; 32])), "replays");
    }

    #[test]
    fn parse() {
        let long = "a".repeat(257);
        let pwd = "aaaaaaaaaaaaaaaaaaaaaa";
        for (ufrag, pwd, allowed) in [
            ("4char", pwd, true),
            ("abcd", pwd, true),
            ("abc", pwd, false),        // under 24 bits
            ("abcd", &pwd[1..], false), // under 128 bits
            ("ab:d", pwd, false),       // would split USERNAME elsewhere
            ("ab d", pwd, false),       // not an ice-char
            (&long[1..], pwd, true),    // longest
            (&long, pwd, false),        // too long
            ("abcd", &long, false),
        ] {
            assert_eq!(IceCredentials::parse(ufrag, pwd).is_some(), allowed, "{ufrag} {pwd}");
        }
    }

    #[test]
    fn debug_keeps_the_secret() {
        let it = IceCredentials::generate(&mut Random::from_seed([2; 32]));
        assert!(!format!("{it:?}").contains(&*it.pwd));
    }
}
