//! The main room for somebody inside a breakout: pause and mute, independent of each other (1.7,
//! 1.8), set by policy on entering and on return (Q11, Q12).

use serde::{Deserialize, Serialize};

use super::error::RoomError;
use super::rules::{OnEnter, OnReturn};
use super::turn::Turn;
use super::{Heard, Muted};

/// How loud the client should play the main room when it is ducked (N4).
const DUCKED_GAIN_PERCENT: u8 = 20;

/// What somebody has of the main room.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct MainRoom {
    /// Nothing at all is heard or seen.
    pub paused: bool,
    /// Its audio is muted.
    pub audio_muted: bool,
    /// Its video is muted.
    pub video_muted: bool,
    /// To be played softly.
    pub ducked: bool,
    /// What entering muted, and not the person: undone on return.
    #[serde(default)]
    auto: (bool, bool),
}

/// How people come back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Return {
    /// As the meeting's policy says.
    Policy,
    /// Resumed at least: cleared or stopped (P4).
    Resume,
    /// Resumed and unmuted: destroyed (P4).
    Unmute,
}

impl MainRoom {
    /// What is left to hear and see.
    pub fn heard(self) -> Heard {
        Heard { audio: !self.paused && !self.audio_muted, video: !self.paused && !self.video_muted }
    }

    /// A hint to the client, in percent.
    pub fn gain_percent(self) -> u8 {
        if self.ducked { DUCKED_GAIN_PERCENT } else { 100 }
    }

    /// What the person muted or not.
    pub fn muted(self) -> Muted {
        Muted { audio: self.audio_muted, video: self.video_muted }
    }

    pub(super) fn enter(&mut self, policy: OnEnter) {
        match policy {
            OnEnter::Keep => {}
            OnEnter::Duck => self.ducked = true,
            OnEnter::Pause => self.paused = true,
            OnEnter::MuteAudio => {
                self.auto.0 |= !self.audio_muted;
                self.audio_muted = true;
            }
            OnEnter::MuteVideo => {
                self.auto.1 |= !self.video_muted;
                self.video_muted = true;
            }
        }
    }

    pub(super) fn come_back(&mut self, how: Return, policy: OnReturn) {
        self.ducked = false;
        match (how, policy) {
            (Return::Unmute, _) | (_, OnReturn::AutoResumeUnmute) => *self = MainRoom::default(),
            (Return::Resume, _) | (_, OnReturn::AutoResume) => {
                self.paused = false;
                self.audio_muted &= !self.auto.0;
                self.video_muted &= !self.auto.1;
                self.auto = (false, false);
            }
            (Return::Policy, OnReturn::Manual) => {}
        }
    }
}

impl Turn<'_> {
    /// `parent.pause`, `parent.resume`.
    ///
    /// # Errors
    /// `FORBIDDEN` for the server, which is in no room.
    pub(super) fn pause_main(&mut self, paused: bool) -> Result<(), RoomError> {
        let me = self.myself()?;
        self.edit(&me, |person| person.main.paused = paused);
        self.reply.done(if paused { "Room paused" } else { "Room resumed" });
        Ok(())
    }

    /// `parent.mute`, `parent.unmute`: those kinds that are named.
    ///
    /// # Errors
    /// `FORBIDDEN` for the server, which is in no room.
    pub(super) fn mute_main(&mut self, kinds: Muted, muted: bool) -> Result<(), RoomError> {
        let me = self.myself()?;
        self.edit(&me, |person| {
            if kinds.audio {
                person.main.audio_muted = muted;
                person.main.auto.0 = false;
            }
            if kinds.video {
                person.main.video_muted = muted;
                person.main.auto.1 = false;
            }
        });
        self.reply.done(if muted { "Room muted" } else { "Room unmuted" });
        Ok(())
    }
}
