//! The module's memory: the system's, and where that has none left a small reserve of the module's own. Rust's answer to
//! no memory is a line on the user's terminal and the end of the program; an aborting locker is an unlocked screen.
//!
//! The reserve is for coming to an end in order: a hook that has touched it refuses.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes: several times what a login has at once. Its pages are none of the program's before they are touched.
const SIZE: usize = 256 * 1024;

#[repr(align(64))]
struct Reserve(UnsafeCell<[u8; SIZE]>);

// SAFETY: its bytes are reached through `lend` alone, which gives no byte to two owners.
unsafe impl Sync for Reserve {}

static RESERVE: Reserve = Reserve(UnsafeCell::new([0; SIZE]));
/// How many pieces are lent (the upper half), and how many bytes from the beginning on were (the lower half).
static LENT: AtomicU64 = AtomicU64::new(0);
static TOUCHED: AtomicBool = AtomicBool::new(false);

#[cfg_attr(not(any(test, feature = "fuzz")), global_allocator)]
#[cfg_attr(any(test, feature = "fuzz"), allow(dead_code, reason = "a test's memory is its harness's"))]
static MEMORY: Memory = Memory;

/// Whether there was too little memory since this was last asked.
pub(super) fn was_short() -> bool {
    TOUCHED.swap(false, Ordering::SeqCst)
}

struct Memory;

// SAFETY: each piece is the system's, or one of `lend`'s, which is as large and as aligned as the layout says, nobody
// else's, and given back by where it lies.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about the layout is passed on.
        let piece = unsafe { System.alloc(layout) };
        if piece.is_null() { lend(layout) } else { piece }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about the layout is passed on.
        let piece = unsafe { System.alloc_zeroed(layout) };
        if !piece.is_null() {
            return piece;
        }
        let piece = lend(layout);
        if !piece.is_null() {
            // SAFETY: `lend` gave that many bytes.
            unsafe { ptr::write_bytes(piece, 0, layout.size()) };
        }
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if is_lent(piece) {
            give_back();
        } else {
            // SAFETY: what is not the reserve's came from the system, with this layout.
            unsafe { System.dealloc(piece, layout) }
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_lent(piece) {
            // SAFETY: what is not the reserve's came from the system; the rest is the caller's promise.
            let moved = unsafe { System.realloc(piece, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller promises that the size, rounded up to the alignment, does not overflow.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both hold that many bytes, and do not overlap, for the old piece is not given back yet.
            unsafe { ptr::copy_nonoverlapping(piece, moved, layout.size().min(size)) };
            // SAFETY: it is the caller's, with that layout, and nobody looks at it again.
            unsafe { self.dealloc(piece, layout) };
        }
        moved
    }
}

/// A piece of the reserve that nobody has; null if too little is left.
fn lend(layout: Layout) -> *mut u8 {
    TOUCHED.store(true, Ordering::SeqCst);
    let start = RESERVE.0.get().cast::<u8>();
    let mut place = 0;
    let lent = LENT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |lent| {
        let used = usize::try_from(lent & u64::from(u32::MAX)).ok()?;
        // The reserve begins at a multiple of 64, and nothing here is aligned to more.
        place = used.checked_next_multiple_of(layout.align()).filter(|_| layout.align() <= 64)?;
        let end = place.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
        Some((lent >> 32).checked_add(1)? << 32 | u64::try_from(end).ok()?)
    });
    if lent.is_ok() { start.wrapping_add(place) } else { ptr::null_mut() }
}

fn is_lent(piece: *mut u8) -> bool {
    let start = RESERVE.0.get() as usize;
    (start..start.wrapping_add(SIZE)).contains(&(piece as usize))
}

/// With the last piece all of the reserve is back.
fn give_back() {
    let _ = LENT.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |lent| match lent >> 32 {
        0 | 1 => Some(0),
        more => Some((more.wrapping_sub(1)) << 32 | (lent & u64::from(u32::MAX))),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_the_reserve_do_not_overlap_and_come_back_together() {
        let layout = |size, align| Layout::from_size_align(size, align).unwrap();
        let (first, second) = (lend(layout(3, 1)), lend(layout(100, 16)));
        assert!(is_lent(first) && is_lent(second) && was_short() && !was_short());
        assert_eq!((second as usize % 16, (second as usize) - (first as usize)), (0, 16));
        assert!(lend(layout(SIZE, 1)).is_null() && lend(layout(8, 128)).is_null());
        let memory = Memory;
        // SAFETY: the pieces are as large as said, and used no more after they are given back.
        unsafe {
            first.write_bytes(7, 3);
            let larger = memory.realloc(first, layout(3, 1), 64);
            assert!(!is_lent(larger) && std::slice::from_raw_parts(larger, 3) == [7; 3]);
            memory.dealloc(larger, layout(64, 1));
            memory.dealloc(second, layout(100, 16));
        }
        let all = lend(layout(SIZE, 64));
        assert!(is_lent(all));
        give_back();
        assert!(was_short());
    }
}
