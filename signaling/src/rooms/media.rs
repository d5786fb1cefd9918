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

/// Which kinds of the main room a person muted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Muted {
    /// Microphone and screen audio.
    pub audio: bool,
    /// Camera, screen and canvas.
    pub video: bool,
}

/// What can be muted by name: a kind, which is several sources, or one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mutable {
    /// All that is heard: microphone and screen audio.
    Audio,
    /// All that is seen: camera, screen and canvas.
    Video,
    /// The microphone alone.
    Microphone,
    /// The camera alone.
    Camera,
    /// The screen and its sound.
    #[serde(alias = "share")] // Q18
    Screen,
    /// The screen's sound alone.
    ScreenAudio,
    /// The canvas.
    Canvas,
}

impl Mutable {
    /// What it is of a person's sources.
    pub fn sources(self) -> &'static [Source] {
        match self {
            Mutable::Audio => &[Source::Microphone, Source::ScreenAudio],
            Mutable::Video => &[Source::Camera, Source::Screen, Source::Canvas],
            Mutable::Microphone => &[Source::Microphone],
            Mutable::Camera => &[Source::Camera],
            Mutable::Screen => &[Source::Screen, Source::ScreenAudio],
            Mutable::ScreenAudio => &[Source::ScreenAudio],
            Mutable::Canvas => &[Source::Canvas],
        }
    }
}

/// Which of their sources a person muted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "KeptMutes")]
#[allow(missing_docs, reason = "a field is the source of its name")]
pub struct MutedSources {
    pub microphone: bool,
    pub camera: bool,
    pub screen: bool,
    pub screen_audio: bool,
    pub canvas: bool,
}

impl MutedSources {
    /// Whether this one is.
    pub fn has(self, source: Source) -> bool {
        match source {
            Source::Microphone => self.microphone,
            Source::Camera => self.camera,
            Source::Screen => self.screen,
            Source::ScreenAudio => self.screen_audio,
            Source::Canvas => self.canvas,
        }
    }

    pub(super) fn set(&mut self, source: Source, muted: bool) {
        match source {
            Source::Microphone => self.microphone = muted,
            Source::Camera => self.camera = muted,
            Source::Screen => self.screen = muted,
            Source::ScreenAudio => self.screen_audio = muted,
            Source::Canvas => self.canvas = muted,
        }
    }
}

/// As it is kept; older files say kinds, `audio` and `video`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct KeptMutes {
    audio: bool,
    video: bool,
    microphone: bool,
    camera: bool,
    screen: bool,
    screen_audio: bool,
    canvas: bool,
}

impl From<KeptMutes> for MutedSources {
    fn from(kept: KeptMutes) -> MutedSources {
        MutedSources {
            microphone: kept.microphone || kept.audio,
            camera: kept.camera || kept.video,
            screen: kept.screen || kept.video,
            screen_audio: kept.screen_audio || kept.audio,
            canvas: kept.canvas || kept.video,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_an_older_file_are_all_their_sources() {
        let read = |text: &str| serde_json::from_str::<MutedSources>(text).expect("read");
        let video = read(r#"{"audio":false,"video":true}"#);
        let muted: Vec<Source> = SOURCES.into_iter().filter(|source| video.has(*source)).collect();
        assert_eq!(muted, [Source::Camera, Source::Screen, Source::Canvas]);
        for source in SOURCES {
            let mut one = MutedSources::default();
            one.set(source, true);
            let text = serde_json::to_string(&one).expect("written");
            assert_eq!(read(&text), one, "{source:?}");
        }
    }
}
