//! A door from this machine into a lab's network: a port here that leads to the lab's sshd, for a person's own ssh.
//! It listens on the loopback address alone.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::lab::Lab;

impl Lab {
    /// Opens a port of this machine that leads to the lab's sshd: `wanted`, or any when that is taken. It stays open
    /// until this program ends.
    pub fn open_gateway(&self, wanted: u16) -> io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))
            .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let network = File::open(format!("/proc/{}/ns/net", self.leader()))?;
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                if let Ok(network) = network.try_clone() {
                    thread::spawn(move || carry(visitor, &network));
                }
            }
        });
        Ok(address)
    }
}

/// Carries bytes both ways until either side is done.
fn carry(visitor: TcpStream, network: &File) -> io::Result<()> {
    // This thread alone moves; the socket it makes belongs to the lab's network wherever it is used.
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    let sshd = TcpStream::connect((Ipv4Addr::LOCALHOST, 22))?;
    let (from, to) = (visitor.try_clone()?, sshd.try_clone()?);
    let there = thread::spawn(move || pour(&from, &to));
    let back = pour(&sshd, &visitor);
    let _ = there.join();
    back
}

fn pour(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    io::copy(&mut from, &mut to)?;
    to.shutdown(Shutdown::Write)
}
