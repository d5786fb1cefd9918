//! Who hears and sees whom, in plain sentences over the state of the meeting.

use ringfence::route::id::Source;
use ringfence::wire::media::Kind;
use ringfence_signaling::rooms::{Listen, MAIN, Meeting, Target};

use crate::cast;

pub fn kind_of(source: Source) -> Kind {
    match source {
        Source::Microphone | Source::ScreenAudio => Kind::Audio,
        Source::Camera | Source::Screen | Source::Canvas => Kind::Video,
    }
}

pub fn may_hear(meeting: &Meeting, from: &str, source: Source, to: &str) -> bool {
    let (speaker, listener) = (meeting.person(from).unwrap(), meeting.person(to).unwrap());
    let audio = kind_of(source) == Kind::Audio;
    let screen = matches!(source, Source::Screen | Source::ScreenAudio);

    // Nobody is sent their own, and who may not send or receive at all does not.
    if from == to || !speaker.publishes || !listener.subscribes {
        return false;
    }
    // A role publishes some sources, and receives some roles.
    let (speaking, listening) = (cast::of(meeting, speaker), cast::of(meeting, listener));
    let word = match source {
        Source::Microphone => "audio",
        Source::Camera => "video",
        Source::Screen | Source::ScreenAudio => "share",
        Source::Canvas => "canvas",
    };
    if !speaking.publishes(word) || !listening.receives(speaking.role) {
        return false;
    }
    // What is muted is muted for everybody.
    let muted = match source {
        Source::Microphone => speaker.muted.microphone,
        Source::Camera => speaker.muted.camera,
        Source::Screen => speaker.muted.screen,
        Source::ScreenAudio => speaker.muted.screen_audio,
        Source::Canvas => speaker.muted.canvas,
    };
    let withheld = (screen && speaker.no_screen) || (source == Source::Canvas && speaker.no_canvas);
    if muted || withheld {
        return false;
    }
    // The main room is heard, wherever one is, unless it is paused or that kind of it is muted; in a
    // breakout, if the role has it there.
    let main_off = if audio { listener.main.audio_muted } else { listener.main.video_muted };
    let hears = |room: &str| {
        if room == MAIN {
            let away = *listener.room != *MAIN;
            !listener.main.paused && !main_off && (!away || listening.main)
        } else {
            // Who monitors sees all of those rooms, and hears the one that was picked; if nothing
            // was said of that, all.
            let picked = match &listener.listens {
                Listen::All => true,
                Listen::Nothing => false,
                Listen::To(other) => **other == *room,
            };
            let seen = listener.monitors.iter().any(|other| **other == *room);
            *listener.room == *room || if audio { picked && seen } else { seen }
        }
    };
    // An announcement goes to all rooms, a whisper to its target, everything else to the own room,
    // if that room has it.
    let announced = match source {
        Source::Microphone => speaker.announces.voice,
        Source::Camera => speaker.announces.camera,
        Source::Screen | Source::ScreenAudio => speaker.announces.screen,
        Source::Canvas => false,
    };
    if announced {
        return hears(MAIN) || meeting.breakouts().any(|room| hears(&room.id));
    }
    if let Some(target) = speaker.whispers.as_ref().filter(|_| source == Source::Microphone) {
        return match target {
            Target::Room(room) => hears(room),
            Target::Person(id) => **id == *to,
        };
    }
    let media = meeting.breakouts().find(|room| room.id == speaker.room).map(|room| room.media);
    let has = media.is_none_or(|media| match source {
        Source::Microphone => media.audio,
        Source::Camera => media.video,
        Source::Screen | Source::ScreenAudio => media.share,
        Source::Canvas => media.canvas,
    });
    has && hears(&speaker.room)
}
