//! Access tokens: JWT (RFC 7519) signed with HS256 (RFC 7518 §3.2), claim names like LiveKit's.
//!
//! The key decides the algorithm: a key is found by the token's `iss`, each key is an HMAC secret,
//! and `alg` of the header must be HS256. So a token can not choose how it is checked (THREATS.md
//! P3.14).

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// Issuer of the development key.
pub const DEVELOPMENT_ISSUER: &str = "development";
/// The development key: fixed and known to all, so only for a relay on loopback.
pub const DEVELOPMENT_SECRET: &str = "ringfence-development-key-known-to-everybody";
/// Shortest secret in bytes: that of the hash (RFC 7518 §3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// How far clocks may disagree about `exp` and `nbf`.
const LEEWAY: Duration = Duration::from_secs(5);

/// What a token permits.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Grants {
    /// The meeting it is for.
    pub room: String,
    /// May join it.
    pub room_join: bool,
    /// May bring the meeting into being by joining.
    pub room_create: bool,
    /// May list meetings.
    pub room_list: bool,
    /// May manage it: create rooms, move people. Without `room`: every meeting.
    pub room_admin: bool,
    /// May send; absent: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May receive; absent: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
}

/// What a token says. Claims that are not named here are passed over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The participant's id.
    pub sub: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The participant's address: lists of who belongs where may name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What else is known of the participant: `breakout.shuffle` by attribute looks at it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Which key signed it.
    pub iss: String,
    /// Seconds since 1970 at which it ends.
    pub exp: u64,
    /// Seconds since 1970 before which it is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<u64>,
    /// Seconds since 1970 at which it was made: one from before its holder was taken out of a
    /// meeting lets nobody in there, also after they were added again.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "numeric_date")]
    pub iat: Option<u64>,
    /// What it permits.
    pub video: Grants,
    /// `host`, `participant`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

impl Claims {
    /// When it was made, as far as it says so: else when it began to be valid.
    pub fn issued(&self) -> Option<u64> {
        self.iat.or(self.nbf)
    }
}

/// A NumericDate (RFC 7519 §2) may have a fraction; what is none is as good as absent.
fn numeric_date<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let date = serde_json::Value::deserialize(from)?;
    let date = date.as_f64().filter(|seconds| *seconds >= 0.0);
    Ok(date.map(|seconds| seconds as u64)) // saturates
}

/// Why a token is not accepted at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenError {
    /// Not a JWT, or claims are missing.
    Malformed,
    /// No key has this issuer.
    UnknownIssuer,
    /// The signature or the algorithm is wrong.
    BadSignature,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come.
    NotYet,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::Malformed => "the token is not a JWT with sub, iss, exp and video",
            TokenError::UnknownIssuer => "no key belongs to the token's issuer (iss)",
            TokenError::BadSignature => "the token's signature is wrong",
            TokenError::Expired => "the token has expired",
            TokenError::NotYet => "the token is not valid yet (nbf)",
        })
    }
}

/// Secrets by issuer.
#[derive(Clone, Default)]
pub struct Keys(BTreeMap<String, String>);

impl fmt::Debug for Keys {
    /// Issuers only: secrets go into no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Keys {
    /// Keys by issuer.
    ///
    /// # Errors
    /// The issuer whose secret is shorter than [`SECRET_BYTES_MIN`].
    pub fn new(keys: BTreeMap<String, String>) -> Result<Keys, String> {
        match keys.iter().find(|(_, secret)| secret.len() < SECRET_BYTES_MIN) {
            Some((issuer, _)) => Err(issuer.clone()),
            None => Ok(Keys(keys)),
        }
    }

    /// The development key only.
    pub fn development() -> Keys {
        Keys([(DEVELOPMENT_ISSUER.to_owned(), DEVELOPMENT_SECRET.to_owned())].into())
    }

    /// The first issuer, which signs what `ringfence token` prints.
    pub fn first_issuer(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    /// Whose keys they are.
    pub fn issuers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Checks signature, times and shape of a token.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        #[derive(Deserialize)]
        struct Issuer {
            iss: String,
        }
        let Issuer { iss } = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|_| TokenError::Malformed)?; // only chooses the key that must verify it
        let secret = self.0.get(&iss).ok_or(TokenError::UnknownIssuer)?;
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.set_issuer(&[&iss]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.validate_aud = false; // LiveKit's tokens have none, others' say nothing to us
        let key = DecodingKey::from_secret(secret.as_bytes());
        let verified = jsonwebtoken::decode::<Claims>(token, &key, &validation);
        verified.map(|data| data.claims).map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => TokenError::Expired,
            ErrorKind::ImmatureSignature => TokenError::NotYet,
            ErrorKind::InvalidSignature
            | ErrorKind::InvalidAlgorithm
            | ErrorKind::InvalidAlgorithmName => TokenError::BadSignature,
            _ => TokenError::Malformed,
        })
    }

    /// Whether there is a key of this issuer.
    pub fn has(&self, issuer: &str) -> bool {
        self.0.contains_key(issuer)
    }

    /// Signs a token with the key of `claims.iss`.
    ///
    /// # Errors
    /// `UnknownIssuer` when there is no such key.
    pub fn sign(&self, claims: &Claims) -> Result<String, TokenError> {
        self.sign_as(&claims.iss, claims)
    }

    /// Signs whatever claims with the key of an issuer.
    ///
    /// # Errors
    /// `UnknownIssuer` when there is no such key.
    pub fn sign_as(&self, issuer: &str, claims: &impl Serialize) -> Result<String, TokenError> {
        let secret = self.0.get(issuer).ok_or(TokenError::UnknownIssuer)?;
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
            .map_err(|_| TokenError::Malformed)
    }
}

/// Milliseconds since 1970.
pub fn unix_now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Seconds since 1970 now.
pub fn unix_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            sub: "ada".into(),
            name: Some("Ada".into()),
            email: None,
            attributes: BTreeMap::new(),
            iss: DEVELOPMENT_ISSUER.into(),
            exp: unix_now() + 60,
            nbf: None,
            iat: None,
            video: Grants { room: "main".into(), room_join: true, ..Grants::default() },
            role: None,
        }
    }

    #[test]
    fn a_signed_token_verifies() {
        let keys = Keys::development();
        let token = keys.sign(&claims()).unwrap();
        assert_eq!(keys.verify(&token), Ok(claims()));
    }

    #[test]
    fn times() {
        let keys = Keys::development();
        let now = unix_now();
        for (exp, nbf, expected) in [
            (now + 60, None, None),
            (now - 60, None, Some(TokenError::Expired)),
            (now - 2, None, None), // within the leeway
            (now + 60, Some(now - 60), None),
            (now + 60, Some(now + 30), Some(TokenError::NotYet)),
        ] {
            let token = keys.sign(&Claims { exp, nbf, ..claims() }).unwrap();
            assert_eq!(keys.verify(&token).err(), expected, "{exp} {nbf:?}");
        }
    }

    #[test]
    fn when_it_was_made() {
        for (claims, expected) in [
            (r#""iat":5"#, Some(5)),
            (r#""iat":5.9"#, Some(5)),
            (r#""iat":5,"nbf":7"#, Some(5)),
            (r#""nbf":7"#, Some(7)), // as LiveKit's tokens say it
            (r#""iat":"yesterday","nbf":7"#, Some(7)),
            (r#""iat":-1"#, None),
            (r#""name":"x""#, None),
        ] {
            let text = format!(r#"{{"sub":"a","iss":"b","exp":1,"video":{{}},{claims}}}"#);
            let read: Claims = serde_json::from_str(&text).unwrap();
            assert_eq!(read.issued(), expected, "{claims}");
        }
    }

    #[test]
    fn forgeries() {
        let keys = Keys::development();
        let good = keys.sign(&claims()).unwrap();
        let other = [("development".to_owned(), "x".repeat(32))].into();
        let other = Keys::new(other).unwrap().sign(&claims()).unwrap();
        let unknown = [("stranger".to_owned(), "x".repeat(32))].into();
        let stranger = Claims { iss: "stranger".into(), ..claims() };
        let stranger = Keys::new(unknown).unwrap().sign(&stranger).unwrap();
        let key = EncodingKey::from_secret(DEVELOPMENT_SECRET.as_bytes());
        let hs512 = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims(), &key).unwrap();
        let body = good.split('.').nth(1).unwrap();
        let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}."); // {"alg":"none"}
        for (why, token, expected) in [
            ("another secret", other.as_str(), TokenError::BadSignature),
            ("unknown issuer", &stranger, TokenError::UnknownIssuer),
            ("same key, another algorithm", &hs512, TokenError::BadSignature),
            ("no signature", good.rsplit_once('.').unwrap().0, TokenError::Malformed),
            ("empty", "", TokenError::Malformed),
            ("words", "not.a.token", TokenError::Malformed),
        ] {
            assert_eq!(keys.verify(token), Err(expected), "{why}");
        }
        assert!(keys.verify(&none).is_err(), "alg none");
    }

    #[test]
    fn claims_that_must_be_there() {
        #[derive(Serialize)]
        struct Bare<'a> {
            iss: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            exp: Option<u64>,
            video: Grants,
        }
        let exp = Some(unix_now() + 60);
        let video = Grants::default();
        for (why, sub, exp, good) in [
            ("all", Some("ada"), exp, true),
            ("no sub", None, exp, false),
            ("no exp: a token for ever", Some("ada"), None, false),
        ] {
            let bare = Bare { iss: DEVELOPMENT_ISSUER, sub, exp, video: video.clone() };
            let key = EncodingKey::from_secret(DEVELOPMENT_SECRET.as_bytes());
            let token = jsonwebtoken::encode(&Header::default(), &bare, &key).unwrap();
            assert_eq!(Keys::development().verify(&token).is_ok(), good, "{why}");
        }
    }

    #[test]
    fn short_secrets_are_refused() {
        let short = [("app".to_owned(), "x".repeat(31))].into();
        assert_eq!(Keys::new(short).err(), Some("app".to_owned()));
    }
}
