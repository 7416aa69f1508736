//! A port that is a socket file of sequenced packets: the file is there while the key is plugged in. As with a real
//! `/dev/hidraw` node, many programs may open it, each hears all that the key says, and a packet may have the number of
//! its report (zero) before it. Beside it, with `.turn` after its name, lies the file that programs lock to take turns,
//! as they lock a real node.

use std::fs::Permissions;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen,
    recv, send, shutdown, socket_with,
};

use crate::outside::Outside;
use crate::port::{Packet, Plugged, Port, report};

/// See the module.
#[derive(Debug, Clone)]
pub struct SocketPort {
    file: PathBuf,
    mode: u32,
}

impl SocketPort {
    /// The port with that path. Everybody who reaches the folder may use the key.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), mode: 0o666 }
    }

    /// Who may use it: permission bits such as `0o600`.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }
}

impl Port for SocketPort {
    fn plug(&self, outside: Arc<Outside>) -> io::Result<Box<dyn Plugged>> {
        let turn = turn(&self.file);
        std::fs::write(&turn, "")?;
        std::fs::set_permissions(&turn, Permissions::from_mode(self.mode))?;
        let listener = Arc::new(listener(&self.file, self.mode)?);
        let opened = Arc::new(Opened::default());
        let (ear, others) = (Arc::clone(&listener), Arc::clone(&opened));
        let hear = move || carry(&ear, &others, &outside);
        let thread = std::thread::Builder::new().name("port".into()).spawn(hear)?;
        Ok(Box::new(PluggedSocket { file: self.file.clone(), listener, opened, thread: Some(thread) }))
    }
}

/// The file that programs lock to take turns at the key of that socket file.
pub fn turn(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".turn");
    name.into()
}

/// Under another name first, so that nobody finds it before it answers with its permissions.
fn listener(file: &Path, mode: u32) -> io::Result<OwnedFd> {
    let beside = file.with_extension("new");
    remove(&beside)?;
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    bind(&listener, &SocketAddrUnix::new(&beside)?)?;
    std::fs::set_permissions(&beside, Permissions::from_mode(mode))?;
    listen(&listener, 16)?;
    std::fs::rename(&beside, file)?;
    Ok(listener)
}

fn remove(file: &Path) -> io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The programs that have the key open.
#[derive(Debug, Default)]
struct Opened(Mutex<Vec<Arc<OwnedFd>>>);

impl Opened {
    fn all(&self) -> MutexGuard<'_, Vec<Arc<OwnedFd>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct PluggedSocket {
    file: PathBuf,
    listener: Arc<OwnedFd>,
    opened: Arc<Opened>,
    thread: Option<JoinHandle<()>>,
}

impl Plugged for PluggedSocket {
    fn send(&self, packet: &Packet) {
        for program in self.opened.all().iter() {
            // One that does not read, or is gone, misses it.
            let _ = send(program, packet, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        }
    }
}

impl Drop for PluggedSocket {
    fn drop(&mut self) {
        let _ = remove(&self.file);
        let _ = remove(&turn(&self.file));
        // Wakes the thread, which takes it for its end.
        let _ = shutdown(&self.listener, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Lets programs in and carries what they say, until the listener is shut.
fn carry(listener: &OwnedFd, opened: &Opened, outside: &Outside) {
    loop {
        let programs = opened.all().clone();
        let mut waiting: Vec<PollFd<'_>> = std::iter::once(listener.as_fd())
            .chain(programs.iter().map(|program| program.as_fd()))
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        if poll(&mut waiting, None).is_err_and(|error| error != rustix::io::Errno::INTR) {
            break;
        }
        let ready: Vec<bool> = waiting.iter().map(|one| !one.revents().is_empty()).collect();
        if ready.first() == Some(&true) {
            match accept_with(listener, SocketFlags::CLOEXEC) {
                Ok(program) => opened.all().push(Arc::new(program)),
                Err(_) => break,
            }
        }
        for (program, _) in programs.iter().zip(ready.iter().skip(1)).filter(|(_, ready)| **ready) {
            let mut written = [0; 128];
            match recv(program, &mut written, RecvFlags::DONTWAIT) {
                Ok((length @ 1.., _)) => {
                    report(&written[..length.min(written.len())]).into_iter().for_each(|packet| outside.packet(packet));
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                _ => opened.all().retain(|one| !Arc::ptr_eq(one, program)),
            }
        }
    }
    opened.all().clear();
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::net::{connect, socket};

    use super::*;
    use crate::outside::Heard;

    fn open(file: &Path) -> OwnedFd {
        let program = socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
        connect(&program, &SocketAddrUnix::new(file).unwrap()).unwrap();
        program
    }

    fn read(program: &OwnedFd) -> Vec<u8> {
        let mut bytes = [0; 128];
        let (length, _) = recv(program, &mut bytes, RecvFlags::empty()).unwrap();
        bytes[..length].to_vec()
    }

    #[test]
    fn each_program_hears_all_that_the_key_says_and_notices_when_it_is_pulled_out() {
        let file = std::env::temp_dir().join(format!("virtual-key-socket-{}", std::process::id()));
        let outside = Arc::new(Outside::default());
        outside.set_plugged(true);
        let plugged = SocketPort::new(&file).plug(Arc::clone(&outside)).unwrap();
        let programs = [open(&file), open(&file)];
        for (number, program) in (1..).zip(&programs) {
            let written: Vec<u8> = [0].into_iter().chain([number; 64]).collect();
            send(program, &written, SendFlags::empty()).unwrap();
            assert_eq!(outside.hear(Duration::from_secs(10)), Heard::Packet([number; 64]));
        }
        plugged.send(&[3; 64]);
        assert!(programs.iter().all(|program| read(program) == [3; 64]));
        drop(plugged);
        assert!(programs.iter().all(|program| read(program).is_empty()));
        assert!(!file.exists() && !turn(&file).exists());
    }
}
