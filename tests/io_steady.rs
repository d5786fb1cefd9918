//! Nothing is allocated per packet: an echo in steady state, on both drivers, under a counting
//! allocator.

mod io_echo_world;

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use io_echo_world::*;
use ringfence::io::Counter;

/// Counts allocations of all threads.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: does what `System` does, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, SeqCst);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `System` made the block.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test in this file, as the count is of all threads.
#[test]
fn nothing_is_allocated_per_packet() {
    for io in drivers() {
        let link = started(&config(io));
        let sockets = [client("127.0.0.1"), client("::1")];
        let datagram = [9; 1_200];
        let mut buffer = [0; DATAGRAM_MAX];
        let mut rounds = |count: usize| {
            for _ in 0..count {
                for (socket, ip) in sockets.iter().zip(["127.0.0.1", "::1"]) {
                    let to = (ip.parse::<IpAddr>().unwrap(), link.port);
                    for len in [1_200, 1_200, 1_200, 700, 100] {
                        socket.send_to(&datagram[..len], to).unwrap();
                    }
                }
                for _ in 0..5 {
                    for socket in &sockets {
                        receive(socket, &mut buffer);
                    }
                }
            }
        };
        rounds(100);
        let before = ALLOCATIONS.load(SeqCst);
        rounds(2_000);
        let allocated = ALLOCATIONS.load(SeqCst) - before;
        assert_eq!(allocated, 0, "{io:?}: allocations in 20,000 datagrams");
        counted(&link, Counter::DatagramsOut, |count| count == 21_000);
    }
}
