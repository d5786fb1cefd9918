//! Voices and texts that go beyond or within a room: announce, whisper, monitor, broadcast, chat,
//! help, polls.

mod help;
mod poll;
mod speak;
mod text;

pub use poll::{Poll, PollView};
pub use speak::{Announced, Listen, Target, VoiceView};
