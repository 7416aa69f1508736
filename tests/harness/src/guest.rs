//! A guest: a lab in a machine of its own, all software, with the release's stock kernel, for what needs a kernel that
//! this machine may not have: `/dev/uhid`, real `/dev/hidraw*` nodes, udev, a seat with a console.

mod console;
mod image;
mod initramfs;
mod kernel;
mod keyboard;
mod machine;

use std::io;
use std::ops::Deref;

use virtual_key::{Flash, Model, UhidPort, VirtualKey};

use crate::command::RunError;
use crate::lab::Lab;
use crate::security_key::SecurityKey;

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

    /// A new key of that name, plugged into a USB port. Its firmware runs in this program; the guest's kernel has the
    /// device, and a `/dev/hidraw*` node of it.
    pub fn security_key(&self, name: &str, model: Model) -> io::Result<SecurityKey> {
        let state = self.lab.keeper().state().to_owned();
        // Each event in one piece; the end of what comes in is the end of the device.
        let script = format!(
            "exec 3<>/dev/uhid; dd bs={} status=none <&3 & dd bs={} iflag=fullblock status=none >&3; kill $!",
            UhidPort::FROM_KERNEL,
            UhidPort::TO_KERNEL
        );
        let carry = ["sh".to_owned(), "-c".into(), script];
        let port = UhidPort::new(name).elsewhere(move || Machine::enter(&state, false, &carry));
        let key = VirtualKey::new(model, Flash::in_memory(), port);
        key.plug()?;
        Ok(SecurityKey::from(key))
    }

    /// Waits until udev has done with all that was plugged in or out; the nodes then, such as `/dev/hidraw1`, of devices
    /// with that name.
    pub fn hidraw(&self, name: &str) -> Result<Vec<String>, RunError> {
        let script = "udevadm settle
            for node in /sys/class/hidraw/*; do
                grep -qxF \"HID_NAME=$0\" \"$node/device/uevent\" && echo \"/dev/${node##*/}\"
            done; true";
        Ok(self.lab.run(["sh", "-c", script, name])?.success()?.stdout.lines().map(str::to_owned).collect())
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
