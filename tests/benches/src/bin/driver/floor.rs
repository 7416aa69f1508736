//! The least that a daemon which remembers durably can cost: a connection, two round trips over a Unix socket, and one
//! `fdatasync` before the second answer. It decides nothing.

use benches::figures::Spread;
use benches::systems::FLOOR_FILE;
use harness::{Failure, Outcome};
use std::cell::RefCell;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const SOCKET: &str = "/run/bench-floor.sock";
/// About what a login says and hears.
const MESSAGE: [u8; 128] = [b'm'; 128];
/// What is written at a time: one page of a log.
const PAGE: [u8; 4096] = [b'p'; 4096];
/// Pages that are written again and again, as a database's log is.
const PAGES: u64 = 1000;

/// The client's side, and what it measured.
pub(crate) struct Floor {
    server: Child,
    times: RefCell<Vec<Duration>>,
    syncs: RefCell<Vec<Duration>>,
}

impl Floor {
    /// Starts the server, in a process of its own.
    pub(crate) fn start() -> Outcome<Self> {
        let server = Command::new(std::env::current_exe()?).args(["floor", FLOOR_FILE, SOCKET]).spawn()?;
        let floor = Self { server, times: RefCell::default(), syncs: RefCell::default() };
        let patience = Instant::now() + Duration::from_secs(10);
        while UnixStream::connect(SOCKET).is_err() {
            if Instant::now() > patience {
                return Err(Failure::new("the floor's server does not listen"));
            }
            std::thread::yield_now();
        }
        Ok(floor)
    }

    /// One "login".
    pub(crate) fn touch(&self) -> Outcome {
        let mut answer = MESSAGE;
        let begun = Instant::now();
        let mut stream = UnixStream::connect(SOCKET)?;
        for _ in 0..2 {
            stream.write_all(&MESSAGE)?;
            stream.read_exact(&mut answer)?;
        }
        drop(stream);
        self.times.borrow_mut().push(begun.elapsed());
        let nanos = answer.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.syncs.borrow_mut().push(Duration::from_nanos(nanos));
        Ok(())
    }

    /// Of the whole, and of the `fdatasync` in it.
    pub(crate) fn spreads(&self) -> (Spread, Spread) {
        (Spread::of(&self.times.borrow()), Spread::of(&self.syncs.borrow()))
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// `driver floor FILE SOCKET`: the server, until it is killed.
pub(crate) fn serve(file: &str, socket: &str) -> Outcome {
    let file = File::create(file)?;
    for page in 0..PAGES {
        file.write_all_at(&PAGE, page * PAGE.len() as u64)?;
    }
    file.sync_all()?;
    let listener = UnixListener::bind(socket)?;
    for (number, stream) in (0..).zip(listener.incoming()) {
        // A client that only wanted to know whether somebody listens says nothing.
        let _ = answer(stream?, &file, number % PAGES);
    }
    Ok(())
}

fn answer(mut stream: UnixStream, file: &File, page: u64) -> Outcome {
    let mut message = MESSAGE;
    stream.read_exact(&mut message)?;
    stream.write_all(&message)?;
    stream.read_exact(&mut message)?;
    let begun = Instant::now();
    file.write_all_at(&PAGE, page * PAGE.len() as u64)?;
    file.sync_data()?;
    let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    message[..8].copy_from_slice(&nanos.to_le_bytes());
    Ok(stream.write_all(&message)?)
}
