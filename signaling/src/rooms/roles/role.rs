//! One role: permissions, publish strategy, subscribe strategy (R1).

use ringfence::route::id::Source;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Permission, Permissions};
use crate::rooms::Name;
use crate::rooms::media::Media;

/// A role's name: `host`, `co-host`, `moderator`, `participant`, `guest` or another.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, min_length = 1, max_length = 128)]
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

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The best quality of a kind that a role sends (D5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Most lines of a camera's picture.
    pub video_height: u16,
    /// Most lines of a screen's picture.
    pub screen_height: u16,
    /// Most bits a second of a camera; the relay takes no more. Not said: as many as come.
    pub video_bps: Option<u32>,
    /// The same of a screen or a canvas.
    pub screen_bps: Option<u32>,
}

impl Default for Caps {
    fn default() -> Caps {
        let (video_height, screen_height) = (720, 1_080);
        Caps { video_height, screen_height, video_bps: None, screen_bps: None }
    }
}

impl Caps {
    /// Most bits a second that are taken of a source.
    pub fn bps_max(&self, source: Source) -> Option<u32> {
        match source {
            Source::Camera => self.video_bps,
            Source::Screen | Source::Canvas => self.screen_bps,
            Source::Microphone | Source::ScreenAudio => None,
        }
    }
}

/// What a role publishes, and how well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Which sources.
    pub media: Media,
    /// How well.
    #[serde(default)]
    pub caps: Caps,
}

/// Whom a role receives.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Subscribe {
    /// Of which roles; none: of all.
    #[serde(default)]
    pub roles: Option<Vec<RoleName>>,
    /// The main room too while in a breakout.
    #[serde(default = "yes")]
    pub main: bool,
}

fn yes() -> bool {
    true
}

/// One role.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Its name, unique in a template.
    pub name: RoleName,
    /// What it may do.
    #[schema(value_type = Vec<String>)]
    pub permissions: Permissions,
    /// What it publishes.
    pub publish: Publish,
    /// Whom it receives.
    pub subscribe: Subscribe,
}

impl Role {
    /// A role that publishes everything and receives everybody.
    pub fn new(name: &str, permissions: impl IntoIterator<Item = Permission>) -> Role {
        Role {
            name: RoleName::new(name),
            permissions: permissions.into_iter().collect(),
            publish: Publish { media: Media::ALL, caps: Caps::default() },
            subscribe: Subscribe { roles: None, main: true },
        }
    }

    /// The same, publishing only this.
    pub fn publishing(mut self, media: Media) -> Role {
        self.publish.media = media;
        self
    }

    /// The same, receiving only these roles.
    pub fn receiving(mut self, roles: &[&str]) -> Role {
        self.subscribe.roles = Some(roles.iter().map(|role| RoleName::new(role)).collect());
        self
    }
}
