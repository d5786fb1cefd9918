//! The signature: a JWT (RFC 7519, HS256) whose claim `sha256` is the body's hash in base64, as
//! LiveKit's servers send it, in `Authorization` without a scheme.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::tokens::{Keys, TokenError, unix_now};

/// For how long it is valid, in seconds: each try is signed anew.
const VALID_S: u64 = 300;

#[derive(Serialize)]
struct Signed<'a> {
    iss: &'a str,
    nbf: u64,
    exp: u64,
    sha256: String,
}

/// The signature of a body.
pub(super) fn sign(keys: &Keys, issuer: &str, body: &str) -> Result<String, TokenError> {
    let now = unix_now();
    let sha256 = STANDARD.encode(digest(&SHA256, body.as_bytes()));
    // Clocks may disagree by a little.
    let signed = Signed { iss: issuer, nbf: now.saturating_sub(5), exp: now + VALID_S, sha256 };
    keys.sign_as(issuer, &signed)
}
