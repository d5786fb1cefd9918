//! Where our threads run: core and network namespace.

use anyhow::Context;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns};
use nix::unistd::Pid;

/// Pins the calling thread; what can not be pinned runs where it runs.
pub fn this_thread(core: Option<usize>) {
    let Some(core) = core else { return };
    let mut set = CpuSet::new();
    let pinned = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
    if let Err(error) = pinned {
        eprintln!("--pin {core}: this core can not be had: {error}");
    }
}

/// Enters a network namespace: the calling thread, and those it starts.
///
/// # Errors
/// There is none of this name, or we may not.
pub fn enter_namespace(name: &str) -> anyhow::Result<()> {
    let path = format!("/run/netns/{name}");
    let mend = || format!("--netns {name}: make it by `ip netns add {name}`, and run as root");
    let file = std::fs::File::open(&path).with_context(mend)?;
    setns(file, CloneFlags::CLONE_NEWNET).with_context(mend)
}
