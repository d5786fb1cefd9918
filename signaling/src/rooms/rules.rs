//! Limits, modes and policies of a meeting (FEATURES.md 1.2, 1.18, 1.19).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::{RoomError, code};

/// What happens to the main room's media for somebody who goes into a breakout (Q12, N4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnEnter {
    /// Nothing: it is still heard and seen.
    Keep,
    /// Still heard and seen; the client is told to play it softly.
    Duck,
    /// Its audio is muted.
    MuteAudio,
    /// Its video is muted.
    MuteVideo,
    /// It is paused.
    Pause,
}

/// What happens to it when they come back (Q11).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnReturn {
    /// A pause ends, and what entering muted is unmuted; what the person muted stays muted.
    AutoResume,
    /// Everything is heard and seen again.
    AutoResumeUnmute,
    /// Nothing: the client resumes and unmutes.
    Manual,
}

/// Where people go who come while breakouts are open (N8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// The main room.
    Main,
    /// The main room, with an invitation to the smallest breakout.
    Ask,
    /// The smallest breakout.
    Assign,
}

/// Whether people are asked before they are moved (Q14).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// They are invited.
    #[default]
    Ask,
    /// They are moved.
    Force,
    /// They are moved when the breakouts start, and asked after that.
    AutoOnStart,
}

/// When one room is destroyed that is empty (Q17): after so many seconds, 0 is at once; or `never`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EmptyTtl {
    /// After so many seconds.
    After(u32),
    /// As long as the meeting goes on.
    Word(Never),
}

/// The word of [`EmptyTtl`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Never {
    /// Never.
    Never,
}

impl EmptyTtl {
    /// Never.
    pub const NEVER: EmptyTtl = EmptyTtl::Word(Never::Never);

    /// In seconds, if at all.
    pub fn seconds(self) -> Option<u32> {
        match self {
            EmptyTtl::After(seconds) => Some(seconds),
            EmptyTtl::Word(Never::Never) => None,
        }
    }
}

/// All of them. The default is the native profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Breakouts may be used at all (E1).
    pub breakouts: bool,
    /// The meeting has people on the phone (E2).
    pub hybrid: bool,
    /// Breakouts are allowed then.
    pub breakout_in_hybrid: bool,
    /// The meeting is a lecture.
    pub lecture: bool,
    /// Breakouts are allowed in a lecture; else 5067 (Q6).
    pub breakout_in_lecture: bool,
    /// Most breakout rooms; more is 1726 (Q1).
    pub breakout_rooms_max: usize,
    /// The main room's active talkers; a breakout has fewer (1725).
    pub active_talkers_max: u64,
    /// `participants` is mandatory in `breakout.create` (1724).
    pub participants_required: bool,
    /// Cameras may be used in breakouts (Q2).
    pub video_in_breakouts: bool,
    /// People may be moved from breakout to breakout in one step (Q13).
    pub direct_move: bool,
    /// Everybody may move freely between breakouts (E3).
    pub free_move: bool,
    /// Everybody may broadcast text (E3).
    pub everyone_can_broadcast: bool,
    /// On entering a breakout.
    pub on_enter: OnEnter,
    /// On coming back.
    pub on_return: OnReturn,
    /// People who come late.
    pub late: Late,
    /// Consent, where a request does not say.
    pub consent: Consent,
    /// After how many seconds an invitation lapses; none: never.
    pub invite_timeout_s: Option<u32>,
    /// After how many seconds an empty room is destroyed that does not say it itself; none: never
    /// (Q17).
    pub empty_ttl_s: Option<u32>,
    /// How many seconds before its end a timer warns.
    pub warn_s: u32,
    /// How many seconds pass between a timer's end and the close.
    pub grace_s: u32,
    /// Who leaves for good loses the place in the plan; else groups are kept (N11).
    pub forget_groups: bool,
    /// Most people of a room who are listed to guests one by one; above, only their number.
    pub roster_max: usize,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            breakouts: true,
            hybrid: false,
            breakout_in_hybrid: true,
            lecture: false,
            breakout_in_lecture: true,
            breakout_rooms_max: 300,
            active_talkers_max: 1_000,
            participants_required: false,
            video_in_breakouts: true,
            direct_move: true,
            free_move: false,
            everyone_can_broadcast: false,
            on_enter: OnEnter::Pause,
            on_return: OnReturn::AutoResume,
            late: Late::Main,
            consent: Consent::Ask,
            invite_timeout_s: None,
            empty_ttl_s: None,
            warn_s: 60,
            grace_s: 0,
            forget_groups: false,
            roster_max: 250,
        }
    }
}

impl Rules {
    /// Whether there may be breakouts at all (E1, E2, E4, Q6); if not, by which field, and why.
    pub(super) fn check_breakouts(&self) -> Result<(), (&'static str, RoomError)> {
        let (field, code, message) = if !self.breakouts {
            ("breakouts", code::FORBIDDEN, "breakouts are not enabled here")
        } else if self.hybrid && !self.breakout_in_hybrid {
            let message = "breakouts are not enabled for sessions with phones";
            ("breakout_in_hybrid", code::FORBIDDEN, message)
        } else if self.lecture && !self.breakout_in_lecture {
            let message = "breakout rooms are not supported in lecture mode";
            ("breakout_in_lecture", code::LECTURE, message)
        } else {
            return Ok(());
        };
        Err((field, RoomError::new(code, message)))
    }

    /// As EnableX documents it (Q1, Q2, Q3, Q6, Q11, Q12, Q13, Q17).
    pub fn enablex() -> Rules {
        Rules {
            breakout_in_lecture: false,
            breakout_rooms_max: 10,
            participants_required: true,
            video_in_breakouts: false,
            direct_move: false,
            on_enter: OnEnter::Keep,
            on_return: OnReturn::Manual,
            empty_ttl_s: Some(0),
            ..Rules::default()
        }
    }
}
