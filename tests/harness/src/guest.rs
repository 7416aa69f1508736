//! A guest: a lab in a machine of its own, all software, with the release's stock kernel, for what needs a kernel that
//! this machine may not have: `/dev/uhid`, real `/dev/hidraw*` nodes, udev, a seat with a console.

mod console;
mod image;
mod initramfs;
mod kernel;
mod keyboard;
mod machine;

use std::ops::Deref;

use crate::lab::Lab;

pub use console::{Console, ConsoleError};
pub(crate) use machine::Machine;

/// A lab that is a machine; whatever a lab can do it can, some ten times slower. One boot is shared by the steps of a
/// long scenario. It cannot be started anew: it is all memory.
#[derive(Debug)]
pub struct Guest {
    lab: Lab,
}

impl Guest {
    pub(crate) fn new(lab: Lab) -> Self {
        Self { lab }
    }

    /// Its first console, with a person before it and a keyboard plugged in.
    pub fn console(&self) -> Result<Console<'_>, ConsoleError> {
        Console::open(&self.lab)
    }
}

impl Deref for Guest {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}
