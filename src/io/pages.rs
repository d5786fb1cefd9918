//! Memory shared with the kernel: whole pages, zeroed, at an address that never changes.

use std::io;
use std::ptr::{self, NonNull};

/// An anonymous private mapping, unmapped on drop.
#[derive(Debug)]
pub(super) struct Pages {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the mapping belongs to this value alone; nothing about it is tied to a thread.
unsafe impl Send for Pages {}

impl Pages {
    /// Maps `len` bytes (rounded up to pages by the kernel), all zero. Pages cost nothing until
    /// touched.
    pub fn new(len: usize) -> io::Result<Self> {
        assert!(len > 0, "an empty mapping has no address");
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no memory of
        // ours.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// Address of the byte at `offset`, of which `len` bytes are inside the mapping.
    pub fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset <= self.len && len <= self.len - offset, "outside the mapping");
        // SAFETY: `offset` is inside the mapping by the assertion, so the address does not leave
        // it.
        unsafe { self.base.add(offset) }
    }

    /// The `len` bytes at `offset`.
    ///
    /// # Safety
    /// The kernel holds none of these bytes while the borrow lives: no operation in flight names
    /// them.
    pub unsafe fn bytes_mut(&mut self, offset: usize, len: usize) -> &mut [u8] {
        let start = self.at(offset, len);
        // SAFETY: `at` proved that the range is inside the mapping, which is readable, writable,
        // was zeroed when mapped and lives until `self` drops; `&mut self` keeps other borrows
        // away, and the caller vouches for the kernel.
        unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) }
    }

    /// Gives the memory up for good: when the kernel may still hold some of it.
    pub fn leak(&mut self) {
        self.len = 0;
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: `base` and `len` are those of the mapping made in `new`; nothing borrows it
            // any more, as borrows need `self`. Owners call `leak` first if an operation in flight
            // may still name it.
            unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeroed_and_writable() {
        let mut pages = Pages::new(10_000).unwrap();
        // SAFETY: no operation was ever started on this mapping.
        let bytes = unsafe { pages.bytes_mut(0, 10_000) };
        assert!(bytes.iter().all(|byte| *byte == 0));
        bytes[9_999] = 7;
        // SAFETY: as above.
        assert_eq!(unsafe { pages.bytes_mut(9_999, 1) }, [7]);
    }

    #[test]
    #[should_panic(expected = "outside the mapping")]
    fn nothing_outside() {
        Pages::new(100).unwrap().at(90, 11);
    }
}
