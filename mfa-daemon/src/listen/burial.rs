//! Closing connections that have open files of their peer's in them, so that nobody waits for it.
//!
//! A process that ends waits for no socket to linger, and nor does a thread. So a thread takes a table of descriptors of
//! its own, with copies of all that is open; they are closed in this process, which is not the last one to hold them;
//! and the thread ends. It never reads what is in them.

use nix::sched::{CloneFlags, unshare};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::thread::Builder;

static BURIAL: OnceLock<Option<Sender<UnixStream>>> = OnceLock::new();

/// Closes it, soon.
pub(super) fn bury(stream: UnixStream) {
    let unburied = match BURIAL.get_or_init(|| start().ok()) {
        Some(queue) => queue.send(stream).err().map(|error| error.0),
        None => Some(stream),
    };
    // There is no thread, and there was none to be had. A descriptor is lost; otherwise all logins could be.
    if let Some(stream) = unburied {
        std::mem::forget(stream);
    }
}

fn start() -> io::Result<Sender<UnixStream>> {
    let (queue, streams) = channel();
    let work = move || {
        while let Ok(first) = streams.recv() {
            // However many come at once, it is one thread for all of them.
            close(std::iter::once(first).chain(streams.try_iter()).collect());
        }
    };
    Builder::new().name("burial".into()).spawn(work).map(|_| queue)
}

fn close(streams: Vec<UnixStream>) {
    let (tell, has_copies) = channel();
    let (closed, all_closed) = channel::<()>();
    let hold = move || {
        let _ = tell.send(unshare(CloneFlags::CLONE_FILES).is_ok());
        let _ = all_closed.recv();
    };
    let held = Builder::new().name("burial-holds".into()).spawn(hold).is_ok() && has_copies.recv() == Ok(true);
    if held {
        drop(streams);
    } else {
        // It may last; what comes next shall not wait for it.
        let _ = Builder::new().name("burial-waits".into()).spawn(move || drop(streams));
    }
    drop(closed);
}
