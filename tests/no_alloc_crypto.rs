//! Sealing and opening allocate nothing, neither in Rust nor in the cryptographic library's C.
//!
//! `malloc` itself is replaced, since a global allocator of Rust's would not see what C asks for.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::cell::Cell;
use std::ffi::c_void;
use std::hint::black_box;

use ringfence::crypto::{Opener, Profile, ReplayWindow, RtcpWindow, Sealer};
use ringfence::wire::number::{Seq, Ssrc};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    COUNT.with(|count| count.set(count.get() + 1)); // no destructor: allocates nothing
}

// glibc's own functions, under the names it exports for programs that replace `malloc`.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(number: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
}

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    count();
    // SAFETY: as `malloc`, whose caller we serve; `free` stays glibc's, so both belong together.
    unsafe { __libc_malloc(size) }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    count();
    // SAFETY: as in `malloc`.
    unsafe { __libc_calloc(number, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    count();
    // SAFETY: the caller keeps the rules of `realloc`, and `old` came from one of these.
    unsafe { __libc_realloc(old, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> i32 {
    count();
    // SAFETY: the caller keeps the rules of `posix_memalign`: `out` is writable.
    unsafe { *out = __libc_memalign(align, size) };
    0
}

/// Allocations that `work` makes on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(7)))), 1);
    assert_eq!(allocations(|| drop(black_box(vec![0u8; 64]))), 1);
    // Keys allocate in C: one context for RTP, one for RTCP.
    let keys = || drop(black_box(Opener::new(Profile::AeadAes128Gcm, &[1; 16], &[2; 12])));
    assert!(allocations(keys) >= 2);
}

#[test]
fn sealing_and_opening_allocate_nothing() {
    for profile in Profile::ALL {
        let (key, salt) = (vec![1; profile.key_len()], vec![2; profile.salt_len()]);
        let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
        let opener = Opener::new(profile, &key, &salt).unwrap();
        let mut ledger = sealer.ledger(Ssrc(7)).unwrap();
        let (mut window, mut rtcp_window) = (ReplayWindow::default(), RtcpWindow::default());
        let mut buffer = [0x80u8; 1_300];
        // The library keeps a list of errors per thread, which the thread's first bad tag
        // allocates.
        opener.open_rtp(&mut window, 12, &mut buffer).unwrap_err();
        let made = allocations(|| {
            for seq in 0..1_000 {
                let claim = ledger.claim(Seq(seq)).unwrap();
                let sealed = sealer.seal_rtp(claim, 12, 1_212, &mut buffer).unwrap();
                let packet = &mut buffer[..sealed];
                opener.open_rtp(&mut window, 12, packet).unwrap();
                opener.open_rtp(&mut window, 12, packet).unwrap_err(); // replayed
                opener.open_rtp(&mut ReplayWindow::default(), 12, packet).unwrap_err(); // plain
                let sealed = sealer.seal_rtcp(100, &mut buffer).unwrap();
                opener.open_rtcp(&mut rtcp_window, &mut buffer[..sealed]).unwrap();
            }
        });
        assert_eq!(made, 0, "{profile:?}");
    }
}
