//! Security keys plugged into a lab. The keys are virtual and live in this program; their ports are socket files in the
//! lab, which a test's own build of `mfa-key` finds in place of `/dev/hidraw*`. All else is what ships: the daemon, the
//! units with their sandbox and their sockets, the commands.

use std::fs::{self, Permissions};
use std::io;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use virtual_key::{Flash, Model, SocketPort, VirtualKey};

use crate::lab::Lab;

/// The folder in a lab whose socket files are the ports of keys.
pub const KEY_PORTS: &str = "/run/virtual-keys";

/// The program that talks to keys, where the product has it.
const PROGRAM: &str = "usr/libexec/mfa/mfa-key";

/// A virtual key is at the other end of a socket, which the shipped unit could not even make: the one thing of its
/// sandbox that is different here.
const LINKS: &str = "[Service]\nRestrictAddressFamilies=AF_UNIX\n";

/// What OpenSSH loads to use the keys, beside their ports.
const PROVIDER: &str = "provider.so";

/// A key that is, or was, plugged into a lab. Dropped, it is pulled out. Its methods are [`VirtualKey`]'s.
#[derive(Debug)]
pub struct SecurityKey(VirtualKey);

impl From<VirtualKey> for SecurityKey {
    fn from(key: VirtualKey) -> Self {
        Self(key)
    }
}

impl Deref for SecurityKey {
    type Target = VirtualKey;

    fn deref(&self) -> &VirtualKey {
        &self.0
    }
}

impl Lab {
    /// Has everybody in the lab, the units included, talk to keys by that build of `mfa-key`, which finds its ports in
    /// [`KEY_PORTS`].
    pub fn talk_to_keys_by(&self, program: &Path) -> io::Result<()> {
        let place = self.inside(PROGRAM);
        let beside = place.with_extension("new");
        fs::copy(program, &beside)?;
        fs::set_permissions(&beside, Permissions::from_mode(0o755))?;
        fs::rename(&beside, &place)?;
        let drop_in = self.inside("etc/systemd/system/mfa-key@.service.d");
        fs::create_dir_all(&drop_in)?;
        fs::write(drop_in.join("links.conf"), LINKS)?;
        self.run(["systemctl", "daemon-reload"]).map_err(io::Error::other)?;
        self.key_ports().map(|_| ())
    }

    /// Puts the library through which OpenSSH uses the keys where they are. Returns its path in the lab; clients that
    /// run outside of it find it by [`Lab::inside`].
    pub fn key_provider(&self, library: &Path) -> io::Result<String> {
        fs::copy(library, self.key_ports()?.join(PROVIDER))?;
        Ok(format!("{KEY_PORTS}/{PROVIDER}"))
    }

    /// A new key, plugged into the lab's port of that name.
    pub fn security_key(&self, port: &str, model: Model) -> io::Result<SecurityKey> {
        self.security_key_with(port, model, Flash::in_memory())
    }

    /// The key that has that memory, plugged into the lab's port of that name.
    pub fn security_key_with(&self, port: &str, model: Model, flash: Flash) -> io::Result<SecurityKey> {
        let key = VirtualKey::new(model, flash, SocketPort::new(self.key_ports()?.join(port)));
        key.plug()?;
        Ok(SecurityKey(key))
    }

    /// Everybody may look into it, as into `/dev`; what is in it has permissions of its own.
    fn key_ports(&self) -> io::Result<PathBuf> {
        let folder = self.inside(KEY_PORTS);
        fs::create_dir_all(&folder)?;
        fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
        Ok(folder)
    }

    /// A path of the lab as this machine reaches it; not beyond a reboot of the lab.
    pub fn inside(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.leader())).join(path.trim_start_matches('/'))
    }
}
