//! What a lab's systemd says of itself: that it is up. It is read for as long as the lab lives, heard or not: a socket
//! keeps ten messages that nobody takes, and then systemd, which says something at each reload, stands still for good.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Our own message to ourselves: all that was said before it has been read.
const MARK: &[u8] = b"X_LAB_MARK=1";

/// What was read.
#[derive(Debug, PartialEq, Eq)]
enum Notice {
    /// It is up, or has read its units anew.
    Ready,
    /// Our own mark.
    Mark,
}

/// The socket, and the thread that reads it.
#[derive(Debug)]
pub(crate) struct Notices {
    place: PathBuf,
    socket: UnixDatagram,
    heard: Mutex<Receiver<Notice>>,
    reader: Option<JoinHandle<()>>,
}

impl Notices {
    /// Listens at that place, where nothing may be yet.
    pub(crate) fn listen(place: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::bind(place)?;
        let (tell, heard) = channel();
        let ear = socket.try_clone()?;
        let reader = std::thread::Builder::new().name("notices".into()).spawn(move || read_all(&ear, &tell))?;
        Ok(Self { place: place.to_owned(), socket, heard: Mutex::new(heard), reader: Some(reader) })
    }

    /// Waits for it to say that it is up; whether it did within that time.
    pub(crate) fn is_ready_within(&self, time: Duration) -> bool {
        self.heard().recv_timeout(time).is_ok_and(|notice| notice == Notice::Ready)
    }

    /// Forgets what it has said so far.
    pub(crate) fn forget(&self) -> io::Result<()> {
        UnixDatagram::unbound()?.send_to(MARK, &self.place)?;
        let heard = self.heard();
        while heard.recv().map_err(io::Error::other)? != Notice::Mark {}
        Ok(())
    }

    fn heard(&self) -> MutexGuard<'_, Receiver<Notice>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Notices {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both); // ends the reader's waiting
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn read_all(socket: &UnixDatagram, tell: &Sender<Notice>) {
    let mut message = [0; 4096];
    loop {
        let said = match socket.recv(&mut message) {
            Ok(0) => return, // closed: systemd says nothing empty
            Ok(length) => &message[..length],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let notice = if said == MARK { Some(Notice::Mark) } else { says_ready(said).then_some(Notice::Ready) };
        if notice.is_some_and(|notice| tell.send(notice).is_err()) {
            return;
        }
    }
}

fn says_ready(message: &[u8]) -> bool {
    message.split(|byte| *byte == b'\n').any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_is_one_line_among_others() {
        assert!(says_ready(b"STATUS=up\nREADY=1\n"));
        assert!(!says_ready(b"X_READY=1\nREADY=10"));
    }

    #[test]
    fn whatever_is_said_is_taken_and_what_is_forgotten_is_not_heard() {
        let place = std::env::temp_dir().join(format!("notices-{}", std::process::id()));
        let notices = Notices::listen(&place).unwrap();
        let systemd = UnixDatagram::unbound().unwrap();
        systemd.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        for _ in 0..1000 {
            systemd.send_to(b"READY=1\nSTATUS=Ready.", &place).unwrap();
        }
        notices.forget().unwrap();
        assert!(!notices.is_ready_within(Duration::ZERO));
        systemd.send_to(b"STATUS=Starting", &place).unwrap();
        systemd.send_to(b"READY=1", &place).unwrap();
        assert!(notices.is_ready_within(Duration::from_secs(10)));
        drop(notices);
        std::fs::remove_file(place).unwrap();
    }
}
