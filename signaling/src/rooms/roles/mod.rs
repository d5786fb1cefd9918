//! Roles: what somebody may do, publish and receive (FEATURES.md 1.10).
//!
//! A role's rights are enforced here and in the relay's masks, never by asking the client.

mod change;
mod permission;
mod role;
mod template;

pub use change::RoleAsked;
pub use permission::{PERMISSIONS, Permission, Permissions};
pub use role::{Caps, Publish, Role, RoleName, Subscribe};
pub use template::Roles;
