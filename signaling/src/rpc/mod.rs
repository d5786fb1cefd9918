//! JSON-RPC 2.0 over one WebSocket a page: `GET /v1/rpc`, subprotocol `ringfence.v1`.
//!
//! One task a connection. Every limit is checked before work is done: origin, connections of an
//! address, time until `join`, size and depth of a frame, requests a second, frames waiting for the
//! client.

mod frame;
mod limits;
mod messages;
mod params;
pub mod schema;
mod socket;

pub(crate) use frame::{DEPTH_MAX, depth};
pub use limits::Connections;
pub use params::METHODS;
pub use socket::upgrade;

/// The WebSocket subprotocol.
pub const SUBPROTOCOL: &str = "ringfence.v1";
