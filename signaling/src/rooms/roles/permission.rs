//! What a role may do: a closed set, kept as bits, written as words.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// One right.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        /// All of them with their words.
        pub const PERMISSIONS: &[(Permission, &str)] = &[$((Permission::$name, $word),)*];
    };
}

permissions! {
    /// Create, assign, start, stop, edit, move and clear (Q19, R5 "Full Access").
    Manage = "breakout.manage";
    /// Go to any breakout by oneself (R5 "Switch Connected Meetings", R8).
    Switch = "breakout.switch";
    /// Go back to the main room by oneself (R5 "Switch to Parent Meeting").
    Parent = "breakout.parent";
    /// See who is in which room (N12).
    Presence = "breakout.presence";
    /// Write to all rooms (Q20).
    Broadcast = "breakout.broadcast";
    /// Speak to all rooms (N3).
    Announce = "voice.announce";
    /// Speak to one room or person (N6).
    Whisper = "voice.whisper";
    /// Listen to rooms from elsewhere (N5).
    Monitor = "voice.monitor";
    /// Hear of requests for help.
    Help = "help.answer";
    /// Write to one's room.
    Chat = "chat";
    /// Make polls.
    Poll = "poll.create";
    /// Mute others.
    MuteOthers = "people.mute";
    /// Take others out of the meeting.
    Kick = "people.kick";
    /// Change the role of others (R6).
    ChangeRole = "role.change";
}

impl Permission {
    fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Its word on the wire.
    pub fn word(self) -> &'static str {
        PERMISSIONS.iter().find(|entry| entry.0 == self).map_or("", |entry| entry.1)
    }
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// None.
    pub const NONE: Permissions = Permissions(0);

    /// All.
    pub fn all() -> Permissions {
        PERMISSIONS.iter().map(|entry| entry.0).collect()
    }

    /// Whether it is among them.
    pub fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Both sets together.
    pub fn with(self, others: Permissions) -> Permissions {
        Permissions(self.0 | others.0)
    }

    /// Whether every one of `others` is among them.
    pub fn cover(self, others: Permissions) -> bool {
        others.0 & !self.0 == 0
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<T: IntoIterator<Item = Permission>>(all: T) -> Permissions {
        Permissions(all.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words = PERMISSIONS.iter().filter(|entry| self.has(entry.0)).map(|entry| entry.1);
        serializer.collect_seq(words)
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Permissions, D::Error> {
        let words: Vec<String> = Vec::deserialize(deserializer)?;
        let read = words.iter().map(|word| {
            let known = PERMISSIONS.iter().find(|entry| entry.1 == word);
            known.map(|entry| entry.0).ok_or_else(|| {
                serde::de::Error::custom(format!("there is no permission \"{word}\""))
            })
        });
        read.collect()
    }
}
