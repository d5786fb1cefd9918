//! Names of participants and rooms, as on the wire. Shared, since lists of them go to everybody.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Longest id of a participant or name of a meeting, in bytes.
pub const ID_BYTES_MAX: usize = 128;

/// Whether this can be an id at all.
pub fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~@+:".contains(c);
    (1..=ID_BYTES_MAX).contains(&id.len()) && id.chars().all(plain)
}

/// Who is named where the server itself asked for something.
pub(super) const SERVER: &str = "server";

/// Why an id that [`is_reserved`] is refused, and what to do.
pub const RESERVED: &str = "this id of a participant is reserved: server is the server, main and b \
    with a number are rooms; choose another";

/// Whether a participant of this id would be taken for the server, or for a room where either can
/// be named. Not by case either: people read ids.
pub fn is_reserved(id: &str) -> bool {
    id.eq_ignore_ascii_case(SERVER) || id.eq_ignore_ascii_case(super::MAIN) || is_room_id(id)
}

/// Whether this can be the id of a room, and so of nobody.
pub fn is_room_id(id: &str) -> bool {
    let number = id.strip_prefix('b').is_some_and(|number| number.parse::<u64>().is_ok());
    number || id == super::MAIN
}

/// Id of a participant or of a room, or a name to show.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String)]
pub struct Name(Arc<str>);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Name {
        Name(name.into())
    }
}

impl From<String> for Name {
    fn from(name: String) -> Name {
        Name(name.into())
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
        String::deserialize(deserializer).map(Name::from)
    }
}
