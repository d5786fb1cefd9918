//! Voices and texts that go beyond or within a room: announce, whisper, monitor, broadcast, chat,
//! help, polls.

mod heard;
mod help;
mod poll;
mod speak;
mod text;

pub use heard::{NAMED_MAX, Speakers};
pub use poll::{Poll, PollView};
pub use speak::{Announced, Listen, Target, VoiceView};
