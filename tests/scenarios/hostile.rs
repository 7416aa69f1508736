//! `hostile SOCKET`: what a plain user may do to the daemon's socket, all at once, until it is killed: thousands of
//! connections, a byte a second, answers that are never read, floods of calls about others and of nonsense, open files
//! that take an hour to close. It prints `begun` when all of it goes on.

use std::collections::VecDeque;
use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{env, io, thread};

use rustix::net::sockopt::set_socket_linger;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

/// Somebody else's login, with lies about where it comes from.
const ABOUT_BOB: &[u8] = b"{\"method\":\"io.mfa.Login.Begin\",\"parameters\":{\"protocol\":1,\"user\":\"bob\",\
    \"service\":\"sshd\",\"phase\":\"auth\",\"rhost\":\"10.0.0.1\",\"tty\":\"ssh\",\"login_uid\":0,\
    \"ssh_auth\":\"publickey ssh-ed25519 AAAA\",\"timeout\":600}}\0";
/// One's own, which is recorded.
const ABOUT_ONESELF: &[u8] =
    b"{\"method\":\"io.mfa.Login.Begin\",\"parameters\":{\"protocol\":1,\"service\":\"sshd\",\"timeout\":600}}\0";
const NONSENSE: &[u8] = b"{\"method\":\"io.mfa.Login.Nothing\"}\0{\"method\":\"org.varlink.service.GetInfo\"}\0";

fn main() {
    let socket = env::args().nth(1).unwrap_or_default();
    let attacks: [fn(&str) -> io::Result<()>; 8] =
        [hold, a_byte_a_second, never_read, about_others, about_oneself, nonsense, come_and_go, leave_files];
    let begun: Vec<_> = attacks
        .into_iter()
        .map(|attack| {
            let socket = socket.clone();
            // Whoever is thrown out comes again.
            thread::spawn(move || {
                loop {
                    let _ = attack(&socket);
                }
            })
        })
        .collect();
    println!("begun");
    for attack in begun {
        let _ = attack.join();
    }
}

/// Takes all connections that there are, and keeps them.
fn hold(socket: &str) -> io::Result<()> {
    let held = (0..700).map_while(|_| UnixStream::connect(socket).ok()).collect::<Vec<_>>();
    thread::sleep(Duration::from_secs(5));
    drop(held);
    Ok(())
}

fn a_byte_a_second(socket: &str) -> io::Result<()> {
    let mut wire = UnixStream::connect(socket)?;
    for byte in ABOUT_ONESELF {
        wire.write_all(&[*byte])?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn never_read(socket: &str) -> io::Result<()> {
    let mut wire = UnixStream::connect(socket)?;
    loop {
        wire.write_all(NONSENSE)?;
    }
}

/// As fast as it is answered.
fn flood(socket: &str, frame: &[u8]) -> io::Result<()> {
    let mut wire = UnixStream::connect(socket)?;
    let mut answers = wire.try_clone()?;
    thread::spawn(move || {
        let mut piece = [0; 65536];
        while answers.read(&mut piece).is_ok_and(|read| read > 0) {}
    });
    let many = frame.repeat(100);
    loop {
        wire.write_all(&many)?;
    }
}

fn about_others(socket: &str) -> io::Result<()> {
    flood(socket, ABOUT_BOB)
}

fn about_oneself(socket: &str) -> io::Result<()> {
    flood(socket, ABOUT_ONESELF)
}

fn nonsense(socket: &str) -> io::Result<()> {
    flood(socket, NONSENSE)
}

fn come_and_go(socket: &str) -> io::Result<()> {
    loop {
        UnixStream::connect(socket)?.write_all(b"junk\0")?;
    }
}

/// Sockets whose last owner waits for an hour when they are closed: nobody reads what was sent.
fn leave_files(socket: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut unread = VecDeque::new();
    loop {
        let sent = TcpStream::connect(listener.local_addr()?)?;
        unread.push_back(listener.accept()?);
        unread.drain(..unread.len().saturating_sub(50));
        sent.set_nonblocking(true)?;
        while rustix::io::write(&sent, &[0; 65536]).is_ok() {}
        set_socket_linger(&sent, Some(Duration::from_secs(3600)))?;
        let left = leave(socket, &sent);
        // If it was closed there already, or was not taken, this one waits.
        thread::spawn(move || drop(sent));
        left?;
    }
}

fn leave(socket: &str, sent: &TcpStream) -> io::Result<()> {
    let wire = UnixStream::connect(socket)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [sent.as_fd()];
    control.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(&wire, &[IoSlice::new(b"x")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}
