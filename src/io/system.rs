//! Small system calls: socket options, random numbers, pinning a thread.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// The result of a system call that answers -1 and `errno` on failure.
pub(super) fn check(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Sets an option that is an `int`.
pub(super) fn set_option(fd: BorrowedFd<'_>, level: i32, name: i32, value: i32) -> io::Result<()> {
    // SAFETY: `value` is a live `int`, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    check(result as isize).map(drop)
}

/// Datagrams the socket dropped for lack of room (`SO_MEMINFO`); 0 if the kernel does not tell.
pub(super) fn dropped_datagrams(fd: BorrowedFd<'_>) -> u64 {
    const SK_MEMINFO_DROPS: usize = 8;
    const SK_MEMINFO_VARS: usize = 9;
    let mut info = [0_u32; SK_MEMINFO_VARS];
    let mut len = size_of_val(&info) as libc::socklen_t;
    // SAFETY: `info` has `len` bytes, the kernel writes at most as many; any bit pattern is a
    // `u32`.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    if result == 0 { u64::from(info[SK_MEMINFO_DROPS]) } else { 0 }
}

/// CPU time that the calling thread used.
pub(super) fn thread_cpu_time() -> Duration {
    cpu_time(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time that this process used, all threads together.
pub fn process_cpu_time() -> Duration {
    cpu_time(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn cpu_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is live; it stays zero if the system does not tell.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.clamp(0, 999_999_999) as u32)
}

/// 32 bytes of the kernel's random numbers.
///
/// # Errors
/// The system's, if it has none to give.
pub fn random_seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    // SAFETY: the buffer has the length given. Requests of up to 256 bytes are answered whole
    // (getrandom(2)).
    let len = unsafe { libc::getrandom(seed.as_mut_ptr().cast(), seed.len(), 0) };
    if check(len)? == seed.len() { Ok(seed) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Pins the calling thread to the `index`-th of the cores it may run on (counted around), and says
/// which core that is. `None` if the system refuses: then the thread stays where the scheduler puts
/// it.
pub(super) fn pin_thread(index: usize) -> Option<usize> {
    // SAFETY: `cpu_set_t` is an array of integers, all zero is the empty set.
    let mut allowed: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: 0 is the calling thread; the set is live and its size is given.
    if unsafe { libc::sched_getaffinity(0, size_of_val(&allowed), &raw mut allowed) } != 0 {
        return None;
    }
    let cores = 8 * size_of_val(&allowed);
    // SAFETY: `core` is below the number of bits of the set.
    let is_allowed = |core: &usize| unsafe { libc::CPU_ISSET(*core, &allowed) };
    let count = (0..cores).filter(is_allowed).count();
    let core = (0..cores).filter(is_allowed).nth(index.checked_rem(count)?)?;
    // SAFETY: as above, all zero is the empty set.
    let mut one: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: `core` is below the number of bits of the set.
    unsafe { libc::CPU_SET(core, &mut one) };
    // SAFETY: 0 is the calling thread; the set is live and its size is given.
    (unsafe { libc::sched_setaffinity(0, size_of_val(&one), &raw const one) } == 0).then_some(core)
}

/// Lowers the priority of the calling thread, so that it waits for the shard it shares a core with
/// (a tenth of a thread's usual weight, sched(7)). Threads that it starts inherit it. Where the
/// system refuses, nothing changes.
pub fn yield_to_shards() {
    // SAFETY: takes no pointers; on Linux, 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 10) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_of_work_not_of_sleep() {
        let process = process_cpu_time();
        let thread = thread_cpu_time();
        while thread_cpu_time() < thread + Duration::from_millis(5) {}
        assert!(process_cpu_time() >= process + Duration::from_millis(5));
        let before = thread_cpu_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_cpu_time() < before + Duration::from_millis(25), "asleep");
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(random_seed().unwrap(), random_seed().unwrap());
    }

    #[test]
    fn threads_are_pinned_around() {
        let pinned = |index| std::thread::spawn(move || pin_thread(index)).join().unwrap();
        let first = pinned(0);
        assert!(first.is_some());
        assert!((1..=1_024).any(|index| pinned(index) == first), "counted around");
    }
}
