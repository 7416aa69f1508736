//! What a lab shall be, before it boots. Users, files and stacks are laid into its root while nothing runs in it yet.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::base::{Kind, base};
use crate::guest::{Guest, Machine};
use crate::keeper::{BootError, DISK, Engine, Keeper};
use crate::lab::Lab;
use crate::layer::Layer;
use crate::release::Release;
use crate::stack::{Service, Stack};
use crate::staged::staged;
use crate::{host, ssh};

/// What a machine needs after the product was laid on it: its users, and its sockets from the next boot on.
const INSTALL: &str = "
systemd-sysusers
cd /usr/lib/systemd/system
systemctl --quiet enable mfa-*.socket mfa-*.timer mfa-*.path
cd /
";

/// Collects what a lab shall be; [`LabBuilder::boot`] makes it.
#[derive(Debug)]
#[must_use]
pub struct LabBuilder {
    release: Release,
    hostname: String,
    product: bool,
    kind: Kind,
    key_first: bool,
    files: Vec<(PathBuf, String, u32)>,
    programs: Vec<PathBuf>,
    stacks: Vec<(Service, Stack)>,
    sshd: String,
    script: String,
    disks: Vec<String>,
}

impl LabBuilder {
    pub(crate) fn new(release: Release) -> Self {
        Self {
            release,
            hostname: "lab".into(),
            product: true,
            kind: Kind::Plain,
            key_first: false,
            files: Vec::new(),
            programs: Vec::new(),
            stacks: Vec::new(),
            sshd: String::new(),
            script: String::new(),
            disks: Vec::new(),
        }
    }

    /// The host's name, as prompts show it. It is `lab` otherwise.
    pub fn hostname(mut self, name: &str) -> Self {
        self.hostname = name.into();
        self
    }

    /// A plain Debian, without anything of the product's.
    pub fn without_product(mut self) -> Self {
        self.product = false;
        self
    }

    /// A Debian with screen lockers and a login window in it; nothing of it runs by itself.
    pub fn desktop(mut self) -> Self {
        self.kind = Kind::Desktop;
        self
    }

    /// A user with a home, bash and that password.
    pub fn user(mut self, name: &str, password: &str) -> Self {
        let line = quoted(&format!("{name}:{password}"));
        self.script += &format!("useradd --create-home --shell /bin/bash {name}\nprintf '%s\\n' {line} | chpasswd\n");
        self
    }

    /// A password for root, who has none otherwise.
    pub fn root_password(mut self, password: &str) -> Self {
        self.script += &format!("printf '%s\\n' {} | chpasswd\n", quoted(&format!("root:{password}")));
        self
    }

    /// A group with those members, made when it does not exist (`sudo` does).
    pub fn group(mut self, name: &str, members: &[&str]) -> Self {
        self.script += &format!("groupadd --force {name}\n");
        for member in members {
            self.script += &format!("gpasswd --add {member} {name} >/dev/null\n");
        }
        self
    }

    /// What a service asks for. Services not named keep what Debian gives them.
    pub fn pam(mut self, service: Service, stack: Stack) -> Self {
        self.key_first |= stack.key_first && service == Service::Sshd;
        self.stacks.push((service, stack));
        self
    }

    /// More lines for sshd's configuration; a `Match` block may be the last of them.
    pub fn sshd(mut self, lines: &str) -> Self {
        self.sshd += lines;
        self.sshd += "\n";
        self
    }

    /// `/etc/mfa/policy.toml`, in place of the shipped one.
    pub fn policy(self, toml: &str) -> Self {
        self.file("/etc/mfa/policy.toml", toml, 0o644)
    }

    /// `/etc/mfa/mfa.toml`, in place of the shipped one.
    pub fn settings(self, toml: &str) -> Self {
        self.file("/etc/mfa/mfa.toml", toml, 0o644)
    }

    /// A file, root's, with permission bits such as `0o644`.
    pub fn file(mut self, path: &str, text: &str, mode: u32) -> Self {
        self.files.push((path.trim_start_matches('/').into(), text.into(), mode));
        self
    }

    /// A folder that lies, empty at first, on this machine's disk, so that a sync costs there what it costs. All else
    /// of a lab is memory. The path is absolute and has no spaces.
    pub fn on_disk(mut self, folder: &str) -> Self {
        self.disks.push(folder.into());
        self
    }

    /// A program of this machine, in `/usr/local/bin`, where everybody may run it.
    pub fn program(mut self, file: &Path) -> Self {
        self.programs.push(file.into());
        self
    }

    /// Shell lines that run as root in the lab's root before anything boots in it.
    pub fn before_boot(mut self, script: &str) -> Self {
        self.script += script;
        self.script += "\n";
        self
    }

    /// Boots it and waits until it is up: about a second, half a minute more when the release is not cached.
    pub fn boot(self) -> Result<Lab, BootError> {
        host::probe().map_err(BootError::Host)?;
        self.boot_in(Engine::Container)
    }

    /// Boots it in a machine of its own, with a kernel that has what this machine's may lack, and waits until it is up:
    /// some ten seconds, half a minute on a busy machine. Nothing of it lies on a disk ([`LabBuilder::on_disk`]).
    ///
    /// sshd waits there until it is started: its keys take seconds to load.
    pub fn boot_guest(self) -> Result<Guest, BootError> {
        host::probe_for_guests().map_err(BootError::Host)?;
        if let Some(folder) = self.disks.first() {
            return Err(BootError::State(folder.into(), io::Error::other("a guest is all memory")));
        }
        let machine = Machine::new(self.release).map_err(BootError::Layer)?;
        let builder = self.before_boot("systemctl --quiet disable ssh.service");
        builder.boot_in(Engine::Machine(machine)).map(Guest::new)
    }

    fn boot_in(self, engine: Engine) -> Result<Lab, BootError> {
        let mut layers = Vec::new();
        if self.product {
            layers.push(staged().map_err(BootError::Layer)?);
        }
        layers.push(base(self.release, self.kind).map_err(BootError::Layer)?);
        let keeper = Keeper::start(engine, layers, |layers, seed| self.sow(layers, seed))?;
        Ok(Lab::new(self.release, self.hostname, keeper))
    }

    /// Writes what is laid into the root, and the script that runs there, into the folder `seed`.
    fn sow(&self, layers: &[Layer], seed: &Path) -> Result<(), BootError> {
        let root = seed.join("root");
        let put = |path: &Path, text: &str, mode| {
            place(&root, path, text, mode).map_err(|error| BootError::State(root.join(path), error))
        };
        put(Path::new("etc/hostname"), &format!("{}\n", self.hostname), 0o644)?;
        put(Path::new("etc/hosts"), &format!("127.0.0.1 localhost {}\n::1 localhost\n", self.hostname), 0o644)?;
        put(Path::new(ssh::DROP_IN), &ssh::drop_in(self.release, self.key_first, &self.sshd), 0o644)?;
        for (service, stack) in &self.stacks {
            let path = Path::new("etc/pam.d").join(service.file());
            let shipped = layers.iter().find_map(|layer| fs::read_to_string(layer.path.join(&path)).ok());
            let text = stack.rewrite(service, shipped.as_deref()).map_err(BootError::Stack)?;
            put(&path, &text, 0o644)?;
        }
        for (path, text, mode) in &self.files {
            put(path, text, *mode)?;
        }
        for program in &self.programs {
            lend(program, &root).map_err(|error| BootError::State(program.clone(), error))?;
        }
        let disks: String = self.disks.iter().map(|folder| format!("{folder}\n")).collect();
        place(seed, Path::new("disks"), &disks, 0o600)
            .and_then(|()| self.make_disks(seed))
            .map_err(|error| BootError::State(seed.join("disks"), error))?;
        place(seed, Path::new("prepare"), &self.preparation(), 0o700)
            .map_err(|error| BootError::State(seed.join("prepare"), error))
    }

    /// Beside the cached layers, which are on a disk. The link comes first: by it the folder is found and removed.
    fn make_disks(&self, seed: &Path) -> io::Result<()> {
        let (Some(state), false) = (seed.parent(), self.disks.is_empty()) else { return Ok(()) };
        let name = format!("disk-{}", state.file_name().unwrap_or_default().to_string_lossy());
        let disk = host::cache().map_err(io::Error::other)?.join(name);
        symlink(&disk, state.join(DISK))?;
        self.disks.iter().try_for_each(|folder| fs::create_dir_all(disk.join(folder.trim_start_matches('/'))))
    }

    fn preparation(&self) -> String {
        format!("set -eu\n{}{}", if self.product { INSTALL } else { "" }, self.script)
    }
}

fn place(root: &Path, path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let path = root.join(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))
}

fn lend(program: &Path, root: &Path) -> io::Result<()> {
    let folder = root.join("usr/local/bin");
    let place = folder.join(program.file_name().unwrap_or_default());
    fs::create_dir_all(folder)?;
    fs::copy(program, &place)?;
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755))
}

/// As one word of the shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
