//! Floor 4: the only system calls, the only unsafe code and the only clock of the library.
//!
//! One shard = one pinned thread = one UDP port = one driver. A driver is either io_uring (`uring`)
//! or plain sockets (`mmsg`: ppoll, recvmmsg, sendmmsg); both do the same through the same send
//! slots, so the [`World`] above can not tell which it runs on.
//!
//! One turn: reap completions, ingress, commands, timers, egress, one submission; then a wait, with
//! a pause before it while the shard is busy (`batching`). The clock is read when a turn begins and
//! when it ends; nothing in it allocates, locks or logs (`tests/io_steady.rs`).
//!
//! `io` has never heard of RTP, rooms or peers. RFC 3542 (packet information) is all it knows.

mod address;
mod ancillary;
mod batching;
mod config;
mod counters;
mod drive;
mod incoming;
mod interfaces;
mod link;
mod mesh;
mod mmsg;
mod outgoing;
mod pages;
mod refusal;
mod shard_world;
mod socket;
mod start;
mod system;
mod turn;
mod unsegmented;
mod uring;
mod wake;
mod world;

pub use config::{EGRESS_HOLD, IoChoice, IoConfig, Notify, Tuning, VOICE_HOLD};
pub use counters::{Counter, Published};
pub use interfaces::local_addresses;
pub use link::{Ended, Refused, ShardLink};
pub use refusal::{Driver, Granted, Refusal, StartError, Step};
pub use start::{restart, start};
pub use system::{process_cpu_time, random_seed, yield_to_shards};
pub use world::{Seat, World};
