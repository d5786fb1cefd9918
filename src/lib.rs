//! Ringfence: a media relay (SFU) for meetings that split into breakout rooms.
//!
//! One core = one shard = one io_uring = one UDP port. Floors, low to high; a file imports lower
//! floors only (`tests/tidy.rs`): `wire` < `crypto` < `transport` | `route` < `shard` < `io` <
//! `control`. `ARCHITECTURE.md` is the map.

#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

pub mod control;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod crypto;
pub mod io;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod route;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod shard;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod transport;
#[cfg_attr(not(test), deny(clippy::disallowed_methods))]
pub mod wire;
