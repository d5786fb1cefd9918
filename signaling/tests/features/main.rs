//! One test an item of FEATURES.md, its id first in the name, over the real WebSocket and REST.
//!
//! `signaling/FEATURES.md` is written from the table below: the last test runs every item once more
//! and fails where the file says something else. `RINGFENCE_WRITE=1` writes it.

#[path = "../support/mod.rs"]
mod support;

mod beyond;
mod codes;
mod creation;
mod ending;
mod items;
mod lifecycle;
mod main_room;
mod outside;
mod people;
mod resolutions;
mod roles;
mod scene;
mod server;
mod table;
mod traffic;
mod voices;
