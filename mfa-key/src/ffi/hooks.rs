//! What libfido2 calls: it opens, reads, writes and closes through a [`Line`] of ours, so that no wait in it outlasts
//! our deadline. A panic never reaches C: it is an error there.

use crate::line::Line;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

thread_local! {
    /// The line that the next device opened on this thread talks through: libfido2 gives `open` nothing but a path.
    static NEXT: RefCell<Option<Box<Line>>> = const { RefCell::new(None) };
}

pub(super) extern "C" fn say_nothing(_: *const c_char) {}

pub(super) extern "C" fn open(_: *const c_char) -> *mut c_void {
    // `try_with` and `try_borrow_mut` do not panic.
    let line = NEXT.try_with(|next| next.try_borrow_mut().ok().and_then(|mut next| next.take()));
    line.ok().flatten().map_or(ptr::null_mut(), |line| Box::into_raw(line).cast())
}

pub(super) extern "C" fn close(handle: *mut c_void) {
    if !handle.is_null() {
        // SAFETY: `open` made it from a box, and libfido2 closes a handle once.
        let line = unsafe { Box::from_raw(handle.cast::<Line>()) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(line))); // a panic must not reach C
    }
}

pub(super) extern "C" fn read(handle: *mut c_void, buffer: *mut u8, len: usize, _: c_int) -> c_int {
    if handle.is_null() || buffer.is_null() {
        return -1;
    }
    // SAFETY: `open` made the handle; it is not closed, and used by the one thread that owns the device.
    let line = unsafe { &mut *handle.cast::<Line>() };
    // SAFETY: libfido2 passes a report of its own, zeroed and `len` bytes long.
    let report = unsafe { slice::from_raw_parts_mut(buffer, len) };
    let read = catch_unwind(AssertUnwindSafe(|| line.read(report)));
    counted(read.ok().flatten())
}

pub(super) extern "C" fn write(handle: *mut c_void, buffer: *const u8, len: usize) -> c_int {
    if handle.is_null() || buffer.is_null() {
        return -1;
    }
    // SAFETY: `open` made the handle; it is not closed, and used by the one thread that owns the device.
    let line = unsafe { &mut *handle.cast::<Line>() };
    // SAFETY: libfido2 passes a report of its own, `len` bytes long, and does not touch it during the call.
    let report = unsafe { slice::from_raw_parts(buffer, len) };
    let written = catch_unwind(AssertUnwindSafe(|| line.write(report)));
    counted(written.ok().flatten())
}

fn counted(count: Option<usize>) -> c_int {
    count.and_then(|count| c_int::try_from(count).ok()).unwrap_or(-1)
}

/// Has the next device that this thread opens talk through that line; `None` takes back what was not opened.
pub(super) fn talk_through(line: Option<Line>) {
    NEXT.with(|next| *next.borrow_mut() = line.map(Box::new));
}
