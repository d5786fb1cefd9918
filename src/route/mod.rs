//! Floor 2b: tables, masks, legs, rewriting, packet cache.
//!
//! Has never heard of `transport`, of keys, of sockets or of a clock: time is an argument.

pub mod cache;
pub mod id;
pub mod loudness;
pub mod mask;
pub mod packet;
pub mod rewrite;
pub mod slots;
pub mod table;
pub mod tables;
