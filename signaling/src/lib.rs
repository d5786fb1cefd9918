//! Signaling of Ringfence: meetings and their breakout rooms for people, in front of the relay.
//!
//! Pure parts: `sdp` (offers in, answers out), `tokens` and `access` (who may what), `rooms` (the
//! breakout engine). At work: `meetings` (one task each), spoken to by `rpc` (WebSocket), `whip`
//! and `whep`. The relay is behind `RelayHandle`; nothing here has heard of packets.

#![warn(missing_docs)]

pub mod access;
pub mod app;
pub mod cli;
mod guest;
mod health;
mod lean;
pub mod meeting_options;
pub mod meetings;
mod metrics;
pub mod options;
mod page;
mod problem;
mod process;
pub mod relay;
mod relay_metrics;
pub mod rest;
pub mod rooms;
pub mod rpc;
pub mod sdp;
pub mod serve;
pub mod store;
pub mod tokens;
pub mod webhooks;
mod whep;
mod whip;
