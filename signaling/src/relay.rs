//! Starting the relay by the options.

use ringfence::control::placement;
use ringfence::control::start::{RelayConfig, Running, StartError, start as start_relay};
use ringfence::io::IoChoice;

use crate::options::{Io, Place, Settled};

/// Starts the relay's threads.
///
/// # Errors
/// What the system refused.
pub fn start(options: &Settled) -> Result<Running, StartError> {
    start_relay(&RelayConfig {
        io: match options.io {
            Io::Auto => IoChoice::Auto,
            Io::Uring => IoChoice::Uring,
            Io::Mmsg => IoChoice::Mmsg,
        },
        media_ip: options.media_ip,
        media_port: options.media_port,
        announce: options.announce.clone(),
        shards: options.shards,
        trains: options.trains,
        egress_hold: options.egress_hold,
        voice_hold: options.voice_hold,
        padding: options.padding,
        place: match options.place {
            Place::Together => placement::together,
            Place::Apart => placement::apart,
            Place::FirstApart => placement::first_apart,
        },
    })
}

/// What runs, for people: one line a shard.
pub fn describe(running: &Running) -> Vec<String> {
    let lines = running.shards.iter().map(|shard| {
        let candidates: Vec<String> =
            shard.candidates.iter().map(|candidate| candidate.ip().to_string()).collect();
        let (port, driver) = (shard.port, shard.driver);
        format!("Media: UDP {port}, {driver}, reached at {}", candidates.join(", "))
    });
    lines.collect()
}
