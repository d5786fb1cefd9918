//! Our certificate, and the hash that names the peer's: RFC 8122 §5, RFC 8827 §6.5.
//!
//! WebRTC certificates are self-signed; trust is the fingerprint that signaling carried.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use dimpl::{Config, DtlsCertificate};

/// Longest DTLS datagram taken, in bytes: Ethernet's 1,500 less IPv4 and UDP headers.
pub(super) const DATAGRAM_MAX: usize = 1_472;

/// Datagrams kept for reassembly. With [`DATAGRAM_MAX`] each, they stay within 16 KiB.
pub(super) const QUEUE_MAX: usize = 11;
const _: () = assert!(DATAGRAM_MAX * QUEUE_MAX <= 16 * 1_024);

/// First retransmission after this. RFC 6347 §4.2.4.1 says 1 s and allows less; a join waits for
/// it.
const FLIGHT_RTO: Duration = Duration::from_millis(500);

/// The hash of a certificate, `a=fingerprint` of RFC 8122 §5. SHA-1 and MD5 are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fingerprint {
    /// `sha-256`: what every browser sends.
    Sha256([u8; 32]),
    /// `sha-384`.
    Sha384([u8; 48]),
    /// `sha-512`.
    Sha512([u8; 64]),
}

/// The text is no fingerprint, or its hash function is not one of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FingerprintError;

impl Fingerprint {
    /// Of a DER certificate, by SHA-256.
    pub fn of(der: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Self::Sha256(hash)
    }

    /// Reads `sha-256 AA:BB:…`: the name of the hash in any case, the bytes too (RFC 8122 §5 writes
    /// upper case; implementations differ).
    ///
    /// # Errors
    /// [`FingerprintError`] for another hash function, another length, or what is not hexadecimal.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let (name, bytes) = text.trim().split_once(' ').ok_or(FingerprintError)?;
        match name.to_ascii_lowercase().as_str() {
            "sha-256" => hex(bytes).map(Self::Sha256),
            "sha-384" => hex(bytes).map(Self::Sha384),
            "sha-512" => hex(bytes).map(Self::Sha512),
            _ => None,
        }
        .ok_or(FingerprintError)
    }

    /// Whether this DER certificate is the one meant.
    pub fn matches(&self, der: &[u8]) -> bool {
        match self {
            Self::Sha256(hash) => digest::digest(&digest::SHA256, der).as_ref() == hash,
            Self::Sha384(hash) => digest::digest(&digest::SHA384, der).as_ref() == hash,
            Self::Sha512(hash) => digest::digest(&digest::SHA512, der).as_ref() == hash,
        }
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        Self::parse(text)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, hash): (_, &[u8]) = match self {
            Self::Sha256(hash) => ("sha-256", hash),
            Self::Sha384(hash) => ("sha-384", hash),
            Self::Sha512(hash) => ("sha-512", hash),
        };
        f.write_str(name)?;
        for (place, byte) in hash.iter().enumerate() {
            write!(f, "{}{byte:02X}", if place == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

/// `AA:BB:…`, exactly `LEN` bytes.
fn hex<const LEN: usize>(text: &str) -> Option<[u8; LEN]> {
    let mut out = [0; LEN];
    let mut pairs = text.trim_start().split(':');
    for byte in &mut out {
        let pair = pairs
            .next()
            .filter(|pair| pair.len() == 2 && pair.bytes().all(|c| c.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(out)
}

/// Why there is no certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CertificateError;

/// A self-signed certificate with its key (ECDSA P-256), and how DTLS is spoken with it.
pub struct Certificate {
    pair: DtlsCertificate,
    config: Arc<Config>,
    fingerprint: Fingerprint,
}

impl Certificate {
    /// A fresh one. Takes randomness and the date from the system: called at start-up, not below
    /// floor 4.
    ///
    /// # Errors
    /// [`CertificateError`] if the system has no randomness or the cryptography fails its
    /// self-check.
    pub fn generate() -> Result<Self, CertificateError> {
        let pair =
            dimpl::certificate::generate_self_signed_certificate().map_err(|_| CertificateError)?;
        let config = Config::builder()
            // ICE has proved the address already; a HelloVerifyRequest would cost a round trip.
            .use_server_cookie(false)
            .max_queue_rx(QUEUE_MAX)
            .flight_start_rto(FLIGHT_RTO)
            .build()
            .map_err(|_| CertificateError)?;
        let fingerprint = Fingerprint::of(&pair.certificate);
        Ok(Self { pair, config: Arc::new(config), fingerprint })
    }

    /// For the `a=fingerprint` of our answers.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What a new association needs.
    pub(super) fn parts(&self) -> (Arc<Config>, DtlsCertificate) {
        (Arc::clone(&self.config), self.pair.clone())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({})", self.fingerprint) // the key is a secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        for fingerprint in [
            Fingerprint::of(b"some certificate"),
            Fingerprint::Sha384([0xAB; 48]),
            Fingerprint::Sha512([0x01; 64]),
        ] {
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        }
        assert_eq!(
            Fingerprint::Sha256([0xAB; 32]).to_string(),
            format!("sha-256 AB{}", ":AB".repeat(31))
        );
    }

    #[test]
    fn parse() {
        let hash = format!("AB{}", ":ab".repeat(31));
        let expected = Some(Fingerprint::Sha256([0xAB; 32]));
        for (text, expected) in [
            (format!("sha-256 {hash}"), expected),
            (format!("SHA-256 {hash}"), expected), // names are case-insensitive
            (format!("  sha-256  {hash}\r\n"), expected), // sloppy blanks
            (format!("sha-1 {hash}"), None),       // broken function
            (format!("sha-384 {hash}"), None),     // too short for it
            (format!("sha-256 {hash}:00"), None),  // too long
            (format!("sha-256 {}", hash.replace(':', "")), None),
            (format!("sha-256 +F{}", &hash[2..]), None), // from_str_radix alone takes a sign
            (format!("sha-256 é{}", &hash[2..]), None),  // two bytes, no digits
            ("sha-256".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Fingerprint::parse(&text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn generated_certificates_differ_and_match_their_fingerprint() {
        let (one, other) = (Certificate::generate().unwrap(), Certificate::generate().unwrap());
        assert!(one.fingerprint().matches(&one.pair.certificate));
        assert!(!one.fingerprint().matches(&other.pair.certificate));
        assert!(!format!("{one:?}").contains("private"));
    }
}
