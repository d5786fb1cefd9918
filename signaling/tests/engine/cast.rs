//! Roles as tables of words, which the slow models read: the native template as FEATURES.md and the
//! README have it, and another one with narrow subscriptions, caps and odd permissions. Of the
//! engine's own bits nothing is asked.

use ringfence_signaling::rooms::{
    Caps, Media, Meeting, PERMISSIONS, Person, Publish, Role, RoleName, Roles, Subscribe,
};

/// What a role is. Lists are words with spaces between.
pub struct Sketch {
    pub role: &'static str,
    pub may: &'static str,
    /// `audio`, `video`, `share`, `canvas`.
    pub publishes: &'static str,
    /// Roles; `None`: all.
    pub receives: Option<&'static str>,
    /// The main room too while in a breakout.
    pub main: bool,
    /// Bits a second of the camera, and of screen and canvas.
    pub caps: (Option<u32>, Option<u32>),
}

const EVERYTHING: &str = "audio video share canvas";
const LISTENS: &str = "breakout.parent chat";
const SPEAKS: &str = "breakout.parent chat breakout.switch breakout.presence breakout.broadcast \
    voice.whisper help.answer poll.create";
const MANAGES: &str = "breakout.parent chat breakout.switch breakout.presence breakout.broadcast \
    voice.whisper help.answer poll.create breakout.manage voice.announce voice.monitor \
    people.mute people.kick role.change";

const fn plain(role: &'static str, may: &'static str) -> Sketch {
    Sketch { role, may, publishes: EVERYTHING, receives: None, main: true, caps: (None, None) }
}

const NATIVE: &[Sketch] = &[
    plain("host", MANAGES),
    plain("co-host", MANAGES),
    plain("moderator", MANAGES),
    plain("participant", LISTENS),
    plain("guest", LISTENS),
    plain("speaker", SPEAKS),
    Sketch { publishes: "", ..plain("audience", LISTENS) },
];

const NARROW: &[Sketch] = &[
    Sketch {
        publishes: "audio video",
        receives: Some("host"),
        caps: (Some(300_000), None),
        ..plain("guest", "chat voice.monitor breakout.switch")
    },
    Sketch { publishes: "", main: false, ..plain("audience", "breakout.parent poll.create") },
    Sketch {
        receives: Some("host participant speaker"),
        main: false,
        ..plain("participant", "breakout.parent chat breakout.broadcast")
    },
    // Manages, and can neither kick nor see who is where, nor may it go back by `breakout.parent`.
    plain("moderator", "breakout.manage people.mute chat role.change"),
    plain("host", MANAGES),
    Sketch {
        publishes: "audio share",
        receives: Some("host speaker"),
        caps: (Some(500_000), Some(900_000)),
        ..plain("speaker", "breakout.parent chat breakout.presence voice.announce voice.whisper")
    },
];

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split_whitespace()
}

/// The template of a meeting: the native one, or the narrow one.
pub fn roles(narrow: bool) -> Roles {
    if !narrow {
        return Roles::native();
    }
    let role = |sketch: &Sketch| {
        let has = |word: &str| words(sketch.publishes).any(|one| one == word);
        let media = Media {
            audio: has("audio"),
            video: has("video"),
            share: has("share"),
            canvas: has("canvas"),
        };
        let (video_bps, screen_bps) = sketch.caps;
        let may = |word: &str| words(sketch.may).any(|one| one == word);
        let receives = sketch.receives.map(|list| words(list).map(RoleName::new).collect());
        Role {
            name: RoleName::new(sketch.role),
            permissions: PERMISSIONS.iter().filter(|one| may(one.1)).map(|one| one.0).collect(),
            publish: Publish { media, caps: Caps { video_bps, screen_bps, ..Caps::default() } },
            subscribe: Subscribe { roles: receives, main: sketch.main },
        }
    };
    Roles::new(NARROW.iter().map(role).collect()).expect("a template")
}

pub fn is_narrow(meeting: &Meeting) -> bool {
    meeting.roles().all()[0].name.as_str() == "guest"
}

/// The role of this name that counts; a name that is not there counts as participant.
pub fn named(meeting: &Meeting, role: &RoleName) -> &'static Sketch {
    let all = if is_narrow(meeting) { NARROW } else { NATIVE };
    let found = all.iter().find(|sketch| sketch.role == role.as_str());
    found.or_else(|| all.iter().find(|sketch| sketch.role == "participant")).expect("is there")
}

pub fn of(meeting: &Meeting, person: &Person) -> &'static Sketch {
    named(meeting, &person.role)
}

impl Sketch {
    pub fn publishes(&self, word: &str) -> bool {
        words(self.publishes).any(|one| one == word)
    }

    pub fn receives(&self, role: &str) -> bool {
        self.receives.is_none_or(|list| words(list).any(|one| one == role))
    }

    /// Whether all that this role may the other may too.
    pub fn is_within(&self, other: &dyn Fn(&str) -> bool) -> bool {
        words(self.may).all(other)
    }
}

/// Whether somebody who is here may do this: by role, or because everybody may.
pub fn may(meeting: &Meeting, id: &str, word: &str) -> bool {
    let Some(person) = meeting.person(id) else { return false };
    let everybody = match word {
        "breakout.switch" => meeting.rules().free_move,
        "breakout.broadcast" => meeting.rules().everyone_can_broadcast,
        _ => false,
    };
    everybody || words(of(meeting, person).may).any(|one| one == word)
}
