//! Access tokens, signed with HS256 (RFC 7519), with LiveKit's claim names.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;

/// How long a token is valid, in seconds: longer than any run.
const VALID: u64 = 24 * 3_600;

/// A token for one participant of one meeting.
///
/// # Errors
/// It can not be signed.
pub fn sign(key: (&str, &str), meeting: &str, id: &str, host: bool) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    let claims = json!({
        "iss": key.0,
        "sub": id,
        "name": id,
        "exp": now + VALID,
        "role": if host { "host" } else { "participant" },
        "video": {"room": meeting, "roomJoin": true, "roomCreate": true, "roomAdmin": host},
    });
    let secret = EncodingKey::from_secret(key.1.as_bytes());
    let signed = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret);
    signed.context("--token-key: the token can not be signed")
}
