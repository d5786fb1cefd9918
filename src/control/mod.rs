//! Floor 5: meetings' truth about who may hear whom, placement, epochs; `RelayHandle`.
//!
//! Has never heard of packets. The pure part (`coordinator` and below) has no thread and no clock,
//! so a simulation drives it together with shards; `relay` puts it on the control thread.

pub mod api;
pub mod candidates;
pub mod coordinator;
pub mod epochs;
mod events;
pub mod handle;
mod meetings;
pub mod model;
mod names;
mod peers;
pub mod placement;
pub mod port;
pub mod relay;
pub mod request;
pub mod revival;
mod speaking;
pub mod start;
pub mod tables;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole;

pub use coordinator::Coordinator;
pub use handle::RelayHandle;
pub use port::{ShardPort, Undelivered};
pub use request::Request;
pub use start::{RelayConfig, Running, StartError, Started, start};
