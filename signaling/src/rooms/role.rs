//! Roles by name. Editable roles are a later issue; until then names decide who manages.

use ringfence::route::table::Role;
use serde::Serialize;

use super::Name;

/// A role's name: `host`, `co-host`, `moderator`, `participant`, `guest` or another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(transparent)]
pub struct RoleName(Name);

impl RoleName {
    /// The role with this name.
    pub fn new(name: &str) -> RoleName {
        RoleName(name.into())
    }

    /// The host.
    pub fn host() -> RoleName {
        RoleName::new("host")
    }

    /// Everybody else.
    pub fn participant() -> RoleName {
        RoleName::new("participant")
    }

    /// Whether it may create rooms and move people (permission `breakout.manage`, Q19).
    pub fn manages(&self) -> bool {
        matches!(&*self.0, "host" | "co-host" | "moderator")
    }

    /// Its number in the relay's tables.
    pub fn number(&self) -> Role {
        Role(match &*self.0 {
            "host" => 0,
            "co-host" => 1,
            "moderator" => 2,
            "participant" => 3,
            "guest" => 4,
            _ => 5,
        })
    }
}
