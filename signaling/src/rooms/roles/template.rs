//! Templates: sets of roles. Two are shipped: the native one, and 100ms's example of a stage.

use serde::{Deserialize, Serialize};

use super::{Permission, Permissions, Role, RoleName};
use crate::rooms::error::RoomError;
use crate::rooms::media::Media;

/// Most roles of a template: the relay's masks have 64 bits.
const ROLES_MAX: usize = 64;

/// A meeting's roles. The place of a role is its number in the relay's tables.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Role>", into = "Vec<Role>")]
pub struct Roles(Vec<Role>);

impl Roles {
    /// A template. The role of people whose role is not in it is `participant`, else the last one.
    ///
    /// # Errors
    /// `INVALID_PARAMS` unless there are 1 to 64 roles of different names.
    pub fn new(roles: Vec<Role>) -> Result<Roles, RoomError> {
        if roles.is_empty() || roles.len() > ROLES_MAX {
            return Err(RoomError::invalid("roles", "a template has 1 to 64 roles"));
        }
        for (at, role) in roles.iter().enumerate() {
            if roles.iter().take(at).any(|other| other.name == role.name) {
                let message = format!("role \"{}\" is there twice", role.name.as_str());
                return Err(RoomError::invalid("roles", message));
            }
        }
        Ok(Roles(roles))
    }

    /// The native template (R2).
    pub fn native() -> Roles {
        use Permission as P;
        let everybody = [P::Parent, P::Chat];
        let speaker = [P::Switch, P::Presence, P::Broadcast, P::Whisper, P::Help, P::Poll];
        let manages = [P::Manage, P::Announce, P::Monitor, P::MuteOthers, P::Kick, P::ChangeRole];
        let speaks = || everybody.into_iter().chain(speaker);
        Roles(vec![
            Role::new("host", speaks().chain(manages)),
            Role::new("co-host", speaks().chain(manages)),
            Role::new("moderator", speaks().chain(manages)),
            Role::new("participant", everybody),
            Role::new("guest", everybody),
            Role::new("speaker", speaks()),
            Role::new("audience", everybody).publishing(Media::NONE),
        ])
    }

    /// 100ms's example: host and co-host on the stage, a moderator backstage, guests who watch the
    /// stage, and guests who discuss in a breakout role with or without it (seed 0).
    pub fn stage() -> Roles {
        use Permission as P;
        let moderates = [P::Manage, P::Presence, P::ChangeRole, P::MuteOthers, P::Kick];
        let stage = ["host", "co-host", "moderator"];
        let talk = Media { share: false, canvas: false, ..Media::ALL };
        Roles(vec![
            Role { permissions: Permissions::all(), ..Role::new("host", []) }.receiving(&stage),
            Role::new("co-host", [P::Parent, P::Chat, P::Broadcast]).receiving(&stage),
            Role::new("moderator", moderates.into_iter().chain([P::Parent, P::Chat]))
                .receiving(&stage),
            Role::new("guest", [P::Parent, P::Chat])
                .publishing(Media::NONE)
                .receiving(&["host", "co-host"]),
            Role::new("breakout", [P::Parent, P::Chat])
                .publishing(talk)
                .receiving(&["host", "co-host", "breakout"]),
        ])
    }

    /// The shipped template of this name.
    pub fn shipped(name: &str) -> Option<Roles> {
        match name {
            "native" => Some(Roles::native()),
            "stage" => Some(Roles::stage()),
            _ => None,
        }
    }

    /// All roles, by number.
    pub fn all(&self) -> &[Role] {
        &self.0
    }

    /// The role with exactly this name.
    pub fn named(&self, name: &RoleName) -> Option<&Role> {
        self.0.iter().find(|role| role.name == *name)
    }

    /// The role that counts for people with this one.
    pub fn of(&self, name: &RoleName) -> &Role {
        let fallback = || self.named(&RoleName::participant()).or(self.0.last());
        // `new` takes no empty list.
        self.named(name).or_else(fallback).unwrap_or(&self.0[0])
    }

    /// Its number.
    pub fn number(&self, role: &Role) -> u8 {
        self.0.iter().zip(0u8..).find(|(other, _)| other.name == role.name).map_or(0, |at| at.1)
    }

    /// Of which numbers a role receives, as bits.
    pub fn received_by(&self, role: &Role) -> u64 {
        let Some(roles) = &role.subscribe.roles else { return u64::MAX };
        let numbered = self.0.iter().zip(0u32..).filter(|(other, _)| roles.contains(&other.name));
        numbered.fold(0, |bits, (_, number)| bits | 1 << number)
    }
}

impl TryFrom<Vec<Role>> for Roles {
    type Error = String;

    fn try_from(roles: Vec<Role>) -> Result<Roles, String> {
        Roles::new(roles).map_err(|error| error.message)
    }
}

impl From<Roles> for Vec<Role> {
    fn from(roles: Roles) -> Vec<Role> {
        roles.0
    }
}
