//! What `io` is started with.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// [`IoConfig::egress_hold`] unless said: what a client's jitter buffer does not notice.
pub const EGRESS_HOLD: Duration = Duration::from_millis(1);

/// [`IoConfig::voice_hold`] unless said: a quarter of a packet of Opus.
pub const VOICE_HOLD: Duration = Duration::from_millis(5);

/// Which driver to take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IoChoice {
    /// io_uring where the kernel grants it, else plain sockets.
    #[default]
    Auto,
    /// io_uring, or refuse to start.
    Uring,
    /// Plain sockets: ppoll, recvmmsg, sendmmsg.
    Mmsg,
}

/// Called on a shard's thread with its index after it put reports into its queue, and when it
/// ended. Must neither block nor allocate.
#[derive(Clone)]
pub struct Notify(pub Arc<dyn Fn(usize) + Send + Sync>);

impl Default for Notify {
    fn default() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}

/// Sizes. The defaults are right; tests make them small to see what happens at the edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tuning {
    /// Receive buffers of 64 KiB each; rounded up to a power of two.
    pub receive_buffers: u16,
    /// Send slots of 65,000 bytes each: trains that can be in flight at once.
    pub send_slots: u16,
    /// Submission queue entries of io_uring; rounded up to a power of two of at least 64.
    pub submissions: u32,
    /// Completion queue entries of io_uring; at least as many.
    pub completions: u32,
    /// Receive and send buffer of the socket, in bytes.
    pub socket_buffer: usize,
    /// A turn goes on to commands after this many datagrams.
    pub datagrams_per_turn: usize,
    /// Commands that fit in the queue to a shard.
    pub commands: usize,
    /// Reports that fit in the queue from a shard.
    pub reports: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            receive_buffers: 256,
            send_slots: 128,
            submissions: 256,
            completions: 1_024,
            socket_buffer: 4 << 20,
            datagrams_per_turn: 256,
            commands: 1_024,
            reports: 4_096,
        }
    }
}

/// What `io` is started with.
#[derive(Clone, Debug)]
pub struct IoConfig {
    /// Which driver.
    pub io: IoChoice,
    /// Address to bind; `None`: all, IPv6 and IPv4.
    pub bind: Option<IpAddr>,
    /// Port of shard 0, the others follow. 0: the system chooses a port for each.
    pub port: u16,
    /// How many shards.
    pub shards: usize,
    /// Send trains by `UDP_SEGMENT`; off: one `sendmsg` a datagram.
    pub trains: bool,
    /// How long a busy shard lets datagrams gather, from turn to turn; zero: never.
    pub egress_hold: Duration,
    /// How long a voice may wait on a full shard for something else to the same subscriber; zero:
    /// never.
    pub voice_hold: Duration,
    /// Pin each shard's thread to a core.
    pub pin: bool,
    /// Called when there are reports.
    pub notify: Notify,
    /// Sizes.
    pub tuning: Tuning,
}

impl Default for IoConfig {
    fn default() -> Self {
        Self {
            io: IoChoice::Auto,
            bind: None,
            port: 40_000,
            shards: 1,
            trains: true,
            egress_hold: EGRESS_HOLD,
            voice_hold: VOICE_HOLD,
            pin: true,
            notify: Notify::default(),
            tuning: Tuning::default(),
        }
    }
}
