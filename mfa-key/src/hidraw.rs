//! The USB ports of this machine: the nodes `/dev/hidraw*` of FIDO devices, as far as this process may open them.

use crate::ffi;
use crate::line::Wire;
use crate::port::{Port, Ports};
use rustix::fs::{Mode, OFlags};
use std::io;

/// Keys at once, at the most.
const MOST_KEYS: usize = 16;
/// What the name of a node begins with; libfido2 lists smart-card readers, too, elsewhere.
const NODES: &str = "/dev/hidraw";

/// This machine's USB ports.
pub struct Usb;

impl Ports for Usb {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        let listed = ffi::manifest(MOST_KEYS);
        let listed = listed.map_err(|code| io::Error::other(format!("keys cannot be listed: error {code}")))?;
        let nodes = listed.into_iter().filter(|one| one.path.starts_with(NODES));
        Ok(nodes.map(|one| -> Box<dyn Port> { Box::new(Node(one)) }).collect())
    }
}

struct Node(ffi::Listed);

impl Port for Node {
    fn open(&self) -> io::Result<Wire> {
        let how = OFlags::RDWR | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let io = rustix::fs::open(&*self.0.path, how, Mode::empty())?;
        Ok(Wire { io, turn: None, numbered: true })
    }

    fn product(&self) -> &str {
        &self.0.product
    }

    fn manufacturer(&self) -> &str {
        &self.0.manufacturer
    }
}
