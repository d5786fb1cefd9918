//! Floor 0: bytes to views and back. RFC text lives here.
//!
//! Imports nothing of this crate. Pure: no clock, no allocation per packet, an error instead of a
//! panic on any input.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used))]

pub mod demux;
pub mod extension;
pub mod media;
pub mod number;
pub mod path;
pub mod payload;
pub mod rtcp;
pub mod rtp;
pub mod rtx;
pub mod stun;

mod error;
#[cfg(test)]
mod hostile;

pub use error::ParseError;
