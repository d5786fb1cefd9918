//! Fragments of WHIP and WHEP: `application/trickle-ice-sdpfrag` (RFC 8840 §9, RFC 9725 §4.3).

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;

use ringfence::transport::IceCredentials;

use super::Problem;

/// What a client trickles: its credentials, and candidates, which the relay, being ICE-lite, does
/// not need and does not keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fragment {
    /// The credentials that the candidates belong to; new ones ask for an ICE restart.
    pub ice: IceCredentials,
}

impl Fragment {
    /// Reads a fragment.
    ///
    /// # Errors
    /// A [`Problem`] when it is too long, has too many candidates, or no credentials.
    pub fn read(text: &str) -> Result<Fragment, Problem> {
        if text.len() > 64 * 1024 {
            let problem = Problem::new("a=candidate", "over 64 KiB", "send fewer candidates");
            return Err(Problem { too_large: true, ..problem });
        }
        let (mut ufrag, mut pwd, mut candidates) = (None, None, 0);
        for line in text.lines().map(str::trim_end) {
            if let Some(value) = line.strip_prefix("a=ice-ufrag:") {
                ufrag = ufrag.or(Some(value));
            } else if let Some(value) = line.strip_prefix("a=ice-pwd:") {
                pwd = pwd.or(Some(value));
            } else if line.starts_with("a=candidate:") {
                candidates += 1;
            }
        }
        if candidates > super::CANDIDATES_MAX {
            let what = format!("more than {} candidates", super::CANDIDATES_MAX);
            return Err(Problem::new("a=candidate", what, "send fewer"));
        }
        let ufrag = credential(ufrag, "a=ice-ufrag", 4)?;
        let pwd = credential(pwd, "a=ice-pwd", 22)?;
        Ok(Fragment { ice: IceCredentials { ufrag, pwd } })
    }

    /// Our side after a restart: the answer to the `PATCH`.
    pub fn write(ice: &IceCredentials, candidates: &[SocketAddr]) -> String {
        let mut out =
            format!("a=ice-lite\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n", ice.ufrag, ice.pwd);
        let _ = write_candidates(&mut out, candidates);
        out
    }
}

/// Checks an ICE credential (RFC 8839 §5.4).
pub(super) fn credential(
    value: Option<&str>,
    attribute: &'static str,
    least: usize,
) -> Result<Arc<str>, Problem> {
    let Some(value) = value else {
        return Err(Problem::new(attribute, "it is missing", "every WebRTC offer has one"));
    };
    let ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    if value.len() < least || value.len() > 256 || !value.chars().all(ice_char) {
        let what = format!("it is not {least} to 256 characters of A-Z a-z 0-9 + /");
        return Err(Problem::new(attribute, what, "generate it as RFC 8839 §5.4 says"));
    }
    Ok(Arc::from(value))
}

/// Host candidates, best first, and their end.
pub(super) fn write_candidates(out: &mut String, candidates: &[SocketAddr]) -> std::fmt::Result {
    for (number, candidate) in (0u32..).zip(candidates) {
        // Type preference 126 for host, then the order given, component 1 (RFC 8445 §5.1.2.1).
        let priority = 126 << 24 | (65_535 - number.min(65_535)) << 8 | 255;
        let (foundation, address, port) = (number + 1, candidate.ip(), candidate.port());
        write!(out, "a=candidate:{foundation} 1 udp {priority} {address} {port} typ host\r\n")?;
    }
    out.push_str("a=end-of-candidates\r\n");
    Ok(())
}
