//! Sources and kinds: what may be spoken, what is heard, what is muted.

use ringfence::route::id::Source;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every source.
pub const SOURCES: [Source; 5] =
    [Source::Microphone, Source::Camera, Source::Screen, Source::ScreenAudio, Source::Canvas];

/// Which sources may be spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// Microphones.
    pub audio: bool,
    /// Cameras.
    pub video: bool,
    /// Screens with their sound.
    pub share: bool,
    /// Canvases.
    pub canvas: bool,
}

impl Media {
    /// Everything, as in the main room.
    pub const ALL: Media = Media { audio: true, video: true, share: true, canvas: true };
    /// Nothing.
    pub const NONE: Media = Media { audio: false, video: false, share: false, canvas: false };

    /// Whether this source may.
    pub fn permits(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.audio,
            Source::Camera => self.video,
            Source::Screen | Source::ScreenAudio => self.share,
            Source::Canvas => self.canvas,
        }
    }
}

/// Which kinds are heard or seen of a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Microphones and screen audio.
    pub audio: bool,
    /// Cameras, screens and canvases.
    pub video: bool,
}

impl Heard {
    /// Both.
    pub const ALL: Heard = Heard { audio: true, video: true };
    /// Neither.
    pub const NONE: Heard = Heard { audio: false, video: false };
}

/// Which kinds a person muted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Muted {
    /// Microphone and screen audio.
    pub audio: bool,
    /// Camera, screen and canvas.
    pub video: bool,
}
