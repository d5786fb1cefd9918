//! Why something did not start, and what did instead. Structured, so that the binary can say it in
//! one line.

use std::fmt;
use std::io;

/// A step of starting that can be refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// `io_uring_setup`: seccomp (EPERM, ENOSYS), `kernel.io_uring_disabled` (EPERM), memlock
    /// (ENOMEM).
    RingSetup,
    /// The ring lacks a feature that is needed: completions never dropped, waiting with a timeout.
    RingFeatures,
    /// `io_uring_register` of files or the operations needed.
    RingRegister,
    /// Provided buffer rings (Linux 5.19).
    BufferRing,
    /// Multishot `recvmsg` (Linux 6.0).
    MultishotReceive,
    /// Memory for buffers.
    Memory,
    /// Opening the socket.
    Socket,
    /// Binding it.
    Bind,
    /// A socket option that is needed (local address of each datagram).
    SocketOption,
    /// The eventfd that wakes a shard.
    Wake,
    /// The shard's thread.
    Thread,
    /// Random numbers for the seed.
    Random,
    /// Room in the queues of the other shards.
    Queue,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::RingSetup => "io_uring_setup",
            Step::RingFeatures => "io_uring features",
            Step::RingRegister => "io_uring_register",
            Step::BufferRing => "io_uring buffer ring",
            Step::MultishotReceive => "io_uring multishot recvmsg",
            Step::Memory => "buffer memory",
            Step::Socket => "socket",
            Step::Bind => "bind",
            Step::SocketOption => "setsockopt",
            Step::Wake => "eventfd",
            Step::Thread => "thread",
            Step::Random => "getrandom",
            Step::Queue => "queue of another shard",
        })
    }
}

/// A step and the `errno` that refused it; 0 when the kernel merely lacks something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which step.
    pub step: Step,
    /// Why: `errno`.
    pub errno: i32,
}

impl Refusal {
    pub(super) fn new(step: Step, error: &io::Error) -> Self {
        Self { step, errno: error.raw_os_error().unwrap_or(0) }
    }

    pub(super) fn lacking(step: Step) -> Self {
        Self { step, errno: 0 }
    }

    /// For `map_err`.
    pub(super) fn at(step: Step) -> impl Fn(io::Error) -> Self {
        move |error| Self::new(step, &error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno {
            0 => write!(f, "{}: not supported by this kernel", self.step),
            errno => write!(f, "{}: {}", self.step, io::Error::from_raw_os_error(errno)),
        }
    }
}

/// Why no shard runs. Shards started before are stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartError {
    /// Which shard.
    pub shard: usize,
    /// The UDP port it should have had.
    pub port: u16,
    /// What was refused.
    pub refusal: Refusal,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {}, UDP port {}: {}", self.shard, self.port, self.refusal)
    }
}

impl std::error::Error for StartError {}

/// What the kernel granted of what an io_uring driver asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Granted {
    /// `IORING_SETUP_SINGLE_ISSUER` (Linux 6.0).
    pub single_issuer: bool,
    /// `IORING_SETUP_DEFER_TASKRUN` (Linux 6.1).
    pub defer_taskrun: bool,
    /// `IORING_SETUP_COOP_TASKRUN` (Linux 5.19).
    pub coop_taskrun: bool,
}

/// Which driver a shard runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver {
    /// io_uring.
    Uring(Granted),
    /// Plain sockets; with the reason if io_uring had been tried first.
    Mmsg(Option<Refusal>),
}

impl fmt::Display for Driver {
    /// One line for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Driver::Uring(granted) => {
                f.write_str("io: uring")?;
                for (name, given) in [
                    ("SINGLE_ISSUER", granted.single_issuer),
                    ("DEFER_TASKRUN", granted.defer_taskrun),
                    ("COOP_TASKRUN", granted.coop_taskrun),
                ] {
                    if !given {
                        write!(f, ", no {name}")?;
                    }
                }
                Ok(())
            }
            Driver::Mmsg(None) => f.write_str("io: mmsg"),
            Driver::Mmsg(Some(refusal)) => write!(f, "io: mmsg, io_uring refused ({refusal})"),
        }
    }
}
