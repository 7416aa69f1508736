//! Open files that a peer puts behind its bytes: whoever reads or closes the connection closes them, and closing one can
//! last for hours. The daemon does neither where it answers logins.

use crate::support::{Daemon, NOBODY, Place, SOON, as_root, left_out, me};
use crate::wire::{Wire, outcome};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::Signal;
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A socket whose last owner waits for an hour when it is closed: nobody ever reads what was sent.
struct Lingering {
    socket: TcpStream,
    unread: TcpStream,
}

fn lingering() -> Lingering {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (unread, _) = listener.accept().unwrap();
    socket.set_nonblocking(true).unwrap();
    let full = std::iter::repeat_with(|| rustix::io::write(&socket, &[0; 65536])).find_map(Result::err);
    assert_eq!(full, Some(Errno::AGAIN));
    set_socket_linger(&socket, Some(Duration::from_secs(3600))).unwrap();
    Lingering { socket, unread }
}

impl Lingering {
    /// Leaves it behind one byte, the only one who has it; what the daemon does not take is closed here without waiting.
    fn leave(self, wire: &Wire, flags: SendFlags) -> TcpStream {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = [self.socket.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&files)));
        if sendmsg(&wire.stream, &[IoSlice::new(b"x")], &mut control, flags | SendFlags::NOSIGNAL).is_err() {
            set_socket_linger(&self.socket, None).unwrap();
        }
        // If the daemon has closed it already, nobody but this one waits.
        std::thread::spawn(move || drop(self.socket));
        self.unread
    }
}

/// Logins go on at once, and nothing stays open.
fn nobody_waits(daemon: &mut Daemon<'_>, what: &str) {
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(outcome(&daemon.connect().begin(&me())), "ask", "{what}");
        assert!(begun.elapsed() < SOON, "{what}: {:?}", begun.elapsed());
    }
    assert!(daemon.is_alive(), "{what}");
}

fn descriptors(daemon: &Daemon<'_>) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemon.child.id())).unwrap().count()
}

fn come_down_to(daemon: &Daemon<'_>, before: usize) {
    let deadline = Instant::now() + SOON;
    while descriptors(daemon) > before {
        assert!(Instant::now() < deadline, "{} descriptors stay, {before} before", descriptors(daemon));
        std::thread::yield_now();
    }
}

#[test]
fn a_descriptor_that_takes_an_hour_to_close_keeps_nobody_waiting() {
    let place = Place::new();
    let mut daemon = place.start();
    daemon.connect().enroll(&me(), &place);
    let peer = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    nobody_waits(&mut daemon, "before");
    let before = descriptors(&daemon);
    // The far ends, which never read.
    let mut unread = Vec::new();
    for (what, begun, flags) in [
        ("behind the first byte", "", SendFlags::empty()),
        ("behind the beginning of a call", "{\"method\":", SendFlags::empty()),
        ("out of band", "", SendFlags::OOB),
        ("out of band, behind the beginning of a call", "{\"method\":", SendFlags::OOB),
    ] {
        let mut wire = daemon.connect_as(peer);
        assert!(wire.send(begun.as_bytes()));
        unread.push(lingering().leave(&wire, flags));
        let _ = wire.send(b"x");
        nobody_waits(&mut daemon, what);
        assert!(wire.is_hung_up(), "{what}");
    }
    // Into connections that are closed because they are too many, and into those that are left.
    let wires: Vec<Wire> = (0..40).map(|_| daemon.connect_as(peer)).collect();
    unread.extend(wires.iter().map(|wire| lingering().leave(wire, SendFlags::empty())));
    if as_root() {
        nobody_waits(&mut daemon, "too many");
    } else {
        left_out("root logs in beside too many connections with lingering sockets in them");
    }
    drop(wires);
    nobody_waits(&mut daemon, "left");
    come_down_to(&daemon, before);
    daemon.signal(Signal::TERM);
    assert!(daemon.wait(SOON).success());
}
