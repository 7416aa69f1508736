//! Catches panics, silently: one that left the module would abort the program that loaded it (an aborting locker is an
//! unlocked screen), and what Rust prints by itself would land on the user's terminal.
//!
//! It is told where the panic was, and never what it said: that could quote an answer.

use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::{Mutex, Once};

// The unwinder is linked in whole, ahead of the shared one that rustc names: loading `libgcc_s.so.1` into a C program
// costs more than all the rest of loading the module.
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle,+whole-archive")]
unsafe extern "C" {}

static SILENCE: Once = Once::new();
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Runs the work; if it panics, says in which file and line.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // The module has a standard library of its own, so this hook is nobody else's, and stays. In unit tests it would
    // be everybody's, and hide what they have to say.
    if cfg!(not(test)) {
        SILENCE.call_once(|| panic::set_hook(Box::new(note_place)));
    }
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        // Dropping it could panic again; a few bytes are the better loss.
        std::mem::forget(payload);
        LAST.try_lock().ok().and_then(|mut last| last.take()).unwrap_or_else(|| "an unknown place".to_owned())
    })
}

fn note_place(panic: &PanicHookInfo<'_>) {
    let Some(place) = panic.location() else { return };
    // The file alone: the folders are those of the machine that built it.
    let file = place.file().rsplit('/').next().unwrap_or_default();
    if let Ok(mut last) = LAST.try_lock() {
        *last = Some(format!("{file}:{}", place.line()));
    }
}
