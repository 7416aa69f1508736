//! A security key without hardware: OpenSK's firmware, whole and unchanged, on a board made of software. A finger can
//! touch its button, a hand can pull it out, its flash lies in a file, and between the firmware and the link everything
//! can go wrong that was ever seen to go wrong on a USB port.
//!
//! It never touches what ships: it is a test's tool. It makes no decision of the firmware's and answers no command by
//! itself; a fault only spoils what the firmware has said.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! use virtual_key::{Flash, Model, SocketPort, VirtualKey};
//!
//! let key = VirtualKey::new(Model::default(), Flash::in_memory(), SocketPort::new("/tmp/keys/blue"));
//! key.plug()?;
//! // … some program asks the key to sign …
//! key.touch().expect("somebody asked for it");
//! assert_eq!(key.seen().asserted, 1);
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod board;
mod control;
mod fault;
mod flash;
mod key;
mod outside;
mod port;
mod socket;
mod spoil;
mod uhid;
mod wire;

pub use control::{Control, WORDS, tell};
pub use fault::{Fault, Moment, Trouble};
pub use flash::{AAGUID, Flash};
pub use key::{Model, VirtualKey};
pub use outside::{Finger, NotAsked, Outside, Seen};
pub use port::{Packet, Plugged, Port};
pub use socket::{SocketPort, turn};
pub use uhid::UhidPort;
