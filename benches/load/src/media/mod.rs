//! The media thread: one thread that sends for all publishers and receives for everybody.
//!
//! It polls its sockets every 200 µs instead of sleeping on them: a sleeper would have to be woken by
//! the server's send calls, on the server's bill. Latency does not suffer, because the kernel stamps
//! each datagram when it arrives.

mod engine;
mod incoming;
mod outgoing;
mod participant;
mod payload;
mod rooms;
mod world;

use std::net::SocketAddr;
use std::sync::mpsc;

use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;
use webrtc_srtp::context::Context;

pub use engine::{Settings, start};
pub use rooms::room;

use crate::network::Place;
use crate::plan::Person;
use crate::report::{Kind, KindTotals, histogram};
use crate::sdp::Source;
use crate::stun::Pair;

/// A participant with keys.
pub struct Peer {
    /// Who it is.
    pub person: Person,
    /// Seals what it sends.
    pub sealer: Context,
    /// Opens what it receives.
    pub opener: Context,
    /// ICE credentials.
    pub pair: Pair,
    /// The server's media address.
    pub server: SocketAddr,
    /// The participant's own.
    pub place: Place,
    /// What it publishes.
    pub sources: Vec<Source>,
    /// What it may receive.
    pub streams: Vec<(u32, Kind)>,
}

/// What the media thread is asked.
pub enum Command {
    /// Datagrams for this participant come from now on; STUN and DTLS go to `handshake`.
    Attach {
        /// Its number.
        person: u32,
        /// Its address.
        place: Place,
        /// Who takes the handshake.
        handshake: UnboundedSender<Vec<u8>>,
    },
    /// A participant is connected.
    Connect(Box<Peer>),
    /// A participant left.
    Detach(u32),
    /// These people are being moved; the command leaves now.
    Moving {
        /// Who.
        people: Vec<u32>,
        /// Where to, as [`room`] has it.
        to: u32,
        /// When, by [`crate::clock::now`].
        issued: u64,
        /// Whether the time until the first packet of the new room is measured.
        timed: bool,
    },
    /// A step of the breakouts: all these are being moved, each to a room of its own; the command
    /// leaves now.
    Stage {
        /// Who, and where to.
        moves: Vec<(u32, u32)>,
        /// When.
        issued: u64,
    },
    /// The server answered.
    Moved {
        /// Who.
        people: Vec<u32>,
        /// Whether it did it.
        accepted: bool,
        /// When the answer came.
        at: u64,
    },
    /// Publishers begin.
    Publish,
    /// What happened so far does not count.
    Measure,
    /// The measurement is over; totals are sent as a last [`Tick`].
    Stop,
}

/// The way to the media thread.
#[derive(Clone)]
pub struct Commands(mpsc::Sender<Command>);

impl Commands {
    /// Sends a command; it is done before any datagram that arrives later is read.
    pub fn send(&self, command: Command) {
        // The thread ends with the process; what is asked of it then does not matter.
        let _ = self.0.send(command);
    }
}

/// What the media thread counted since the measurement began.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Audio received.
    pub audio: KindTotals,
    /// Video received.
    pub video: KindTotals,
    /// Moves into a room where somebody else sends.
    pub switches_asked: u64,
    /// From move to first packet of the new room, in microseconds.
    pub switch_us: Histogram<u64>,
    /// The same by steps of the breakouts.
    pub stages: Vec<StageTotals>,
    /// Of a room that the receiver was not in.
    pub wrong_room: u64,
    /// Failed authentication or wrong bytes.
    pub corrupt: u64,
    /// Opened and compared.
    pub checked_packets: u64,
    /// Packets that publishers numbered, and that did not come at receivers who check all.
    pub missed_by_number: u64,
    /// Came twice.
    pub duplicates: u64,
    /// Packets sent.
    pub published: u64,
    /// Packets that could not be sent: our own buffer was full.
    pub unsent: u64,
    /// Datagrams of nobody, or of no known stream.
    pub strangers: u64,
    /// Receivers that should get something and got nothing.
    pub silent: u64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            audio: KindTotals::default(),
            video: KindTotals::default(),
            switches_asked: 0,
            switch_us: histogram(),
            stages: Vec::new(),
            wrong_room: 0,
            corrupt: 0,
            checked_packets: 0,
            missed_by_number: 0,
            duplicates: 0,
            published: 0,
            unsent: 0,
            strangers: 0,
            silent: 0,
        }
    }
}

/// One step of the breakouts, as people received it.
#[derive(Clone, Debug)]
pub struct StageTotals {
    /// People sent where somebody else sends.
    pub asked: u64,
    /// From the command to their first packet of the new room, in microseconds.
    pub switch_us: Histogram<u64>,
    /// Packets of a wrong room, from its command to the next one's.
    pub wrong_room: u64,
}

/// Told once a second while measuring, and at the end.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Totals since the measurement began.
    pub totals: Totals,
    /// Latency of this second, in microseconds.
    pub latency: Histogram<u64>,
    /// Participants connected.
    pub joined: u32,
    /// CPU time of the media thread, in nanoseconds, since the measurement began.
    pub busy: u64,
    /// Time since the measurement began, in nanoseconds.
    pub at: u64,
    /// This is the last one.
    pub last: bool,
}
