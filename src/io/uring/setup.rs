//! Asks the kernel for a ring, and takes what it grants.

use std::os::fd::{AsFd, AsRawFd};

use io_uring::opcode::{AsyncCancel2, Read, RecvMsgMulti, Send, SendMsg};
use io_uring::{IoUring, Probe};

use super::super::config::Tuning;
use super::super::outgoing::SEGMENTS_MAX;
use super::super::refusal::{Granted, Refusal, Step};
use super::super::socket::Socket;
use super::super::wake::Wake;

/// Registered files: the socket, and the eventfd that wakes.
pub(super) const SOCKET: u32 = 0;
pub(super) const EVENT: u32 = 1;

/// What to ask for, best first. A kernel that does not know a flag answers EINVAL.
const LADDER: [Granted; 3] = [
    Granted { single_issuer: true, defer_taskrun: true, coop_taskrun: true },
    Granted { single_issuer: true, defer_taskrun: false, coop_taskrun: true },
    Granted { single_issuer: false, defer_taskrun: false, coop_taskrun: false },
];

/// A ring with all it needs, apart from buffers.
pub(super) fn open(
    socket: &Socket,
    wake: &Wake,
    tuning: &Tuning,
) -> Result<(IoUring, Granted), Refusal> {
    let (ring, granted) = build(tuning)?;
    if !(ring.params().is_feature_nodrop() && ring.params().is_feature_ext_arg()) {
        return Err(Refusal::lacking(Step::RingFeatures));
    }
    let register = Refusal::at(Step::RingRegister);
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(&register)?;
    if ![RecvMsgMulti::CODE, Send::CODE, SendMsg::CODE, Read::CODE, AsyncCancel2::CODE]
        .into_iter()
        .all(|code| probe.is_supported(code))
    {
        return Err(Refusal::lacking(Step::RingRegister));
    }
    let files = [socket.as_fd().as_raw_fd(), wake.as_fd().as_raw_fd()];
    ring.submitter().register_files(&files).map_err(&register)?;
    Ok((ring, granted))
}

fn build(tuning: &Tuning) -> Result<(IoUring, Granted), Refusal> {
    // A whole train of single datagrams must fit.
    let submissions = tuning.submissions.max(SEGMENTS_MAX as u32);
    let mut refusal = Refusal::lacking(Step::RingSetup);
    for granted in LADDER {
        let mut builder = IoUring::builder();
        builder.dontfork().setup_clamp().setup_cqsize(tuning.completions.max(submissions));
        if granted.single_issuer {
            builder.setup_single_issuer();
        }
        if granted.defer_taskrun {
            builder.setup_defer_taskrun();
        }
        if granted.coop_taskrun {
            builder.setup_coop_taskrun();
        }
        match builder.build(submissions) {
            Ok(ring) => return Ok((ring, granted)),
            Err(error) => refusal = Refusal::new(Step::RingSetup, &error),
        }
        if refusal.errno != libc::EINVAL {
            break; // not about flags
        }
    }
    Err(refusal)
}
