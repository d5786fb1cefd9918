//! Who somebody is and what they may do: from a token, or in development mode from loopback.
//!
//! Pure: takes the facts of a request, gives an [`Identity`] or says why not (401, 403).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};

pub use crate::rooms::ID_BYTES_MAX;
use crate::rooms::{RESERVED, is_id, is_reserved};
use crate::tokens::{Keys, TokenError};

/// Longest name to show, in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// Refuses an e-mail address that nobody is matched by.
///
/// # Errors
/// In words.
pub fn check_email(email: &str) -> Result<(), &'static str> {
    if email.is_empty() || email.len() > NAME_BYTES_MAX || email.chars().any(char::is_control) {
        return Err("the e-mail address is empty, over 256 bytes or has control characters");
    }
    Ok(())
}

/// Most attributes of a participant.
pub const ATTRIBUTES_MAX: usize = 16;

/// Somebody who may join one meeting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The participant's id; `None`: the server chooses one.
    pub id: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// Their address, if the token names one.
    pub email: Option<String>,
    /// What else the token says of them.
    pub attributes: BTreeMap<String, String>,
    /// The role, if the token or the request names one.
    pub role: Option<String>,
    /// May bring the meeting into being.
    pub creates: bool,
    /// May send.
    pub publishes: bool,
    /// May receive.
    pub subscribes: bool,
    /// When the token was made, in seconds since 1970, if it says so; where there is no token,
    /// none could be too old.
    pub issued: Option<u64>,
    /// Nobody vouched for them: development mode. The first one of a meeting is its host.
    pub development: bool,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Which meeting.
    pub meeting: &'a str,
    /// As whom.
    pub id: Option<&'a str>,
    /// The name to show.
    pub name: Option<&'a str>,
    /// The role, in development mode.
    pub role: Option<&'a str>,
}

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denied {
    /// 401: there is no token, and none may be missing here.
    Missing,
    /// 401: the token is not accepted.
    Token(TokenError),
    /// 403: it is for another meeting.
    OtherMeeting,
    /// 403: it is somebody else's.
    OtherParticipant,
    /// 403: it does not grant this.
    NoGrant(&'static str),
    /// 400: this name can not be, or not here.
    BadName {
        /// Of which field; `sub` is the token's.
        field: &'static str,
        /// Why, and what to do.
        what: &'static str,
    },
}

impl Denied {
    /// The HTTP status: 401 to come back with another token, 403 not to come back with this one.
    pub fn status(self) -> u16 {
        match self {
            Denied::Missing | Denied::Token(_) => 401,
            Denied::BadName { .. } => 400,
            Denied::OtherMeeting | Denied::OtherParticipant | Denied::NoGrant(_) => 403,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Missing => f.write_str("a token is needed"),
            Denied::Token(error) => error.fmt(f),
            Denied::OtherMeeting => f.write_str("the token is for another meeting (video.room)"),
            Denied::OtherParticipant => f.write_str("the token is for another participant (sub)"),
            Denied::NoGrant(grant) => write!(f, "the token does not grant {grant}"),
            Denied::BadName { what, .. } => f.write_str(what),
        }
    }
}

/// Checks `token`, or, if there is none, whether none is needed.
///
/// # Errors
/// Why not.
pub fn identify(
    keys: &Keys,
    token: Option<&str>,
    unvouched: bool,
    wish: Wish<'_>,
) -> Result<Identity, Denied> {
    check_names(wish)?;
    let Some(token) = token else {
        return if unvouched { Ok(development(wish)) } else { Err(Denied::Missing) };
    };
    let claims = keys.verify(token).map_err(Denied::Token)?;
    if claims.video.room != wish.meeting {
        return Err(Denied::OtherMeeting);
    }
    if !claims.video.room_join {
        return Err(Denied::NoGrant("video.roomJoin"));
    }
    if wish.id.is_some_and(|id| id != claims.sub) {
        return Err(Denied::OtherParticipant);
    }
    let named = Wish { id: Some(&claims.sub), name: claims.name.as_deref(), ..wish };
    check_names(named).map_err(|denied| match denied {
        Denied::BadName { field: "id", what } => Denied::BadName { field: "sub", what },
        other => other,
    })?;
    let issued = claims.issued();
    let role = if claims.video.room_admin { Some("host".to_owned()) } else { claims.role };
    Ok(Identity {
        issued,
        creates: claims.video.room_create || role.as_deref() == Some("host"),
        id: Some(claims.sub),
        name: claims.name,
        email: claims.email.filter(|email| email.len() <= NAME_BYTES_MAX),
        attributes: bounded(claims.attributes),
        role: role.or_else(|| Some("participant".to_owned())),
        publishes: claims.video.can_publish.unwrap_or(true),
        subscribes: claims.video.can_subscribe.unwrap_or(true),
        development: false,
    })
}

/// As many attributes as are kept of somebody; what is too long is passed over.
fn bounded(attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fits = |(name, value): &(String, String)| {
        name.len() <= ID_BYTES_MAX && value.len() <= NAME_BYTES_MAX
    };
    attributes.into_iter().filter(fits).take(ATTRIBUTES_MAX).collect()
}

/// The meeting a token is for, if it verifies: `join` need not name it.
pub fn meeting_of(keys: &Keys, token: &str) -> Option<String> {
    keys.verify(token).ok().map(|claims| claims.video.room)
}

fn development(wish: Wish<'_>) -> Identity {
    Identity {
        id: wish.id.map(str::to_owned),
        name: wish.name.map(str::to_owned),
        email: None,
        attributes: BTreeMap::new(),
        role: wish.role.map(str::to_owned),
        creates: true,
        publishes: true,
        subscribes: true,
        issued: Some(u64::MAX),
        development: true,
    }
}

/// Checks the names of a wish.
///
/// # Errors
/// `BadName`.
pub fn check_names(wish: Wish<'_>) -> Result<(), Denied> {
    let text = |text: &str| text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control);
    let bad = |field, what| Err(Denied::BadName { field, what });
    if !is_id(wish.meeting) {
        let what = "the meeting's name is not 1 to 128 characters of A-Z a-z 0-9 - _ . ~ @ + :";
        return bad("meeting", what);
    }
    if !wish.id.is_none_or(is_id) {
        let what = "the participant's id is not 1 to 128 characters of A-Z a-z 0-9 - _ . ~ @ + :";
        return bad("id", what);
    }
    if wish.id.is_some_and(is_reserved) {
        return bad("id", RESERVED);
    }
    if !wish.name.is_none_or(text) {
        return bad("name", "the name is over 256 bytes or has control characters");
    }
    if !wish.role.is_none_or(is_id) {
        let what = "the role's name is not 1 to 128 characters of A-Z a-z 0-9 - _ . ~ @ + :";
        return bad("role", what);
    }
    Ok(())
}

/// The bearer token of `Authorization` (RFC 6750 §2.1). Credentials of another kind, or an empty
/// token, are a wrong token and not none: who shows something is not let in as a developer.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

/// Whether a request may come without a token in development mode: from loopback, to loopback, not
/// through a proxy, and not from a foreign page in the developer's browser (DESIGN.md §9).
pub fn is_local(from: SocketAddr, headers: &HeaderMap) -> bool {
    let proxied = headers.keys().any(|name| {
        let name = name.as_str();
        name == "forwarded" || name == "x-real-ip" || name.starts_with("x-forwarded")
    });
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin_local = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().ok().and_then(origin_host).is_some_and(is_loopback_host),
    };
    from.ip().to_canonical().is_loopback()
        && !proxied
        && host.is_some_and(is_loopback_host)
        && origin_local
}

/// Whether a page of this origin may open the WebSocket: the relay's own page, or one that the
/// operator named. A request without `Origin` is no browser's.
pub fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin_host(origin).is_some() && origin_host(origin) == host;
    own || allowed.iter().any(|allowed| allowed == origin)
}

/// `https://host:port` → `host:port`.
fn origin_host(origin: &str) -> Option<&str> {
    origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))
}

fn is_loopback_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::{Claims, Grants, unix_now};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.insert(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn tokenless_only_from_loopback_to_loopback() {
        let host = ("host", "127.0.0.1:8080");
        for (from, pairs, expected) in [
            ("127.0.0.1:5", &[host][..], true),
            ("[::1]:5", &[("host", "[::1]:8080")], true),
            ("[::ffff:127.0.0.1]:5", &[host], true), // IPv4 on a dual-stack socket
            ("127.0.0.1:5", &[("host", "localhost:8080")], true),
            ("127.0.0.1:5", &[("host", "localhost")], true),
            ("192.0.2.1:5", &[host], false), // from elsewhere
            ("127.0.0.1:5", &[("host", "meet.example")], false), // DNS rebinding
            ("127.0.0.1:5", &[("host", "127.0.0.1.evil.example")], false),
            ("127.0.0.1:5", &[], false), // no Host
            ("127.0.0.1:5", &[host, ("forwarded", "for=1.2.3.4")], false),
            ("127.0.0.1:5", &[host, ("x-forwarded-for", "1.2.3.4")], false),
            ("127.0.0.1:5", &[host, ("x-forwarded-proto", "https")], false),
            ("127.0.0.1:5", &[host, ("origin", "http://127.0.0.1:8080")], true),
            ("127.0.0.1:5", &[host, ("origin", "https://evil.example")], false), // a foreign page
            ("127.0.0.1:5", &[host, ("origin", "null")], false),
        ] {
            let from = from.parse().unwrap();
            assert_eq!(is_local(from, &headers(pairs)), expected, "{from} {pairs:?}");
        }
    }

    #[test]
    fn origins() {
        let allowed = ["https://meet.example".to_owned()];
        for (origin, expected) in [
            (None, true),
            (Some("http://relay.example:8080"), true), // its own page
            (Some("https://relay.example:8080"), true), // its own page behind TLS
            (Some("https://meet.example"), true),      // named by the operator
            (Some("https://meet.example.evil"), false),
            (Some("http://relay.example"), false), // another port
            (Some("null"), false),
        ] {
            let mut pairs = vec![("host", "relay.example:8080")];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            assert_eq!(origin_allowed(&headers(&pairs), &allowed), expected, "{origin:?}");
        }
    }

    #[test]
    fn grants() {
        let keys = Keys::development();
        let token = |change: fn(&mut Claims)| {
            let mut claims = Claims {
                sub: "ada".into(),
                name: None,
                email: None,
                attributes: BTreeMap::new(),
                iss: crate::tokens::DEVELOPMENT_ISSUER.into(),
                exp: unix_now() + 60,
                nbf: None,
                iat: None,
                video: Grants { room: "main".into(), room_join: true, ..Grants::default() },
                role: None,
            };
            change(&mut claims);
            keys.sign(&claims).unwrap()
        };
        let good = token(|_| {});
        let no_join = token(|claims| claims.video.room_join = false);
        let other = token(|claims| claims.video.room = "other".into());
        for (why, token, unvouched, id, expected) in [
            ("a good one", Some(good.as_str()), false, None, None),
            ("its own id", Some(&good), false, Some("ada"), None),
            ("another id", Some(&good), false, Some("bob"), Some(Denied::OtherParticipant)),
            ("another meeting", Some(&other), false, None, Some(Denied::OtherMeeting)),
            ("no join", Some(&no_join), false, None, Some(Denied::NoGrant("video.roomJoin"))),
            ("none", None, false, None, Some(Denied::Missing)),
            ("none on loopback", None, true, Some("bob"), None),
            (
                "bad one on loopback",
                Some("x"),
                true,
                None,
                Some(Denied::Token(TokenError::Malformed)),
            ),
        ] {
            let wish = Wish { meeting: "main", id, name: None, role: None };
            assert_eq!(identify(&keys, token, unvouched, wish).err(), expected, "{why}");
        }
        let wish = Wish { meeting: "main", id: None, name: None, role: Some("host") };
        let identity = identify(&keys, Some(&good), true, wish).unwrap();
        assert_eq!(identity.role.as_deref(), Some("participant"), "the token rules, not the wish");
    }
}
