//! REST over real HTTP, in front of a relay that only keeps books.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod document;
mod drain;
mod idempotency;
mod people;
mod plan;
mod problems;
mod roles;
mod session;
