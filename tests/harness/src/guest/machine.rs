//! The machine that a guest is: what it boots, and the door through which the harness runs programs in it. The door is
//! an sshd of the harness's own, without PAM, on a port and with keys that only this program knows; one connection is
//! opened when it is up, and each program is a channel of it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::builder::quoted;
use crate::command::DEFAULT_SIGNALS;
use crate::guest::image::image;
use crate::guest::kernel::kernel;
use crate::layer::{Layer, LayerError};
use crate::release::Release;

/// What a guest boots.
#[derive(Debug)]
pub(crate) struct Machine {
    kernel: Layer,
    image: Layer,
}

/// A session through the door has this, and nothing else, in its environment.
const DOOR: &str = "\
Port 2222
HostKey /etc/lab-door/host
AuthorizedKeysFile /etc/lab-door/user.pub
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxSessions 200
PidFile none
PrintMotd no
PrintLastLog no
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
";

/// The units that a guest has beyond its release's.
const UNITS: [(&str, &str); 2] = [
    (
        "lab-door.service",
        "[Service]\nType=notify\nExecStartPre=mkdir -p /run/sshd\nExecStart=/usr/sbin/sshd -D -e -f /etc/lab-door/sshd_config\n",
    ),
    (
        "lab-up.service",
        "[Unit]\nAfter=lab-door.service\n\
         [Service]\nType=exec\nExecStart=sh -c 'systemctl is-system-running --wait >/dev/ttyS1'\n",
    ),
];

/// Of what a release starts before all else, this is what a guest needs. The rest finds nothing to do, or does what was
/// done before the boot, and takes its time.
const EARLY: [&str; 3] = ["systemd-journald.service", "systemd-tmpfiles-setup.service", "systemd-udevd.service"];

/// Where a release names what it starts before all else, and the programs that look for more to start.
const SYSINIT: &str = "usr/lib/systemd/system/sysinit.target.wants";
const GENERATORS: &str = "usr/lib/systemd/system-generators";

/// Units that are masked beside those: sshd is started by whoever wants it.
const IDLE: [&str; 5] = [
    "e2scrub_reap.service",
    "systemd-ask-password-wall.path",
    "systemd-pstore.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-initctl.socket",
];

/// For a machine without hurry or enemies: no tests of ciphers, no defence against what runs beside it, and a clock
/// that does not trust a first measurement made while the host was busy.
const APPEND: &str = "console=ttyS0 quiet panic=-1 nokaslr mitigations=off cryptomgr.notests init_on_alloc=0 \
    rcupdate.rcu_expedited=1 tsc=unstable";

impl Machine {
    /// A machine with the kernel and the system of that release.
    pub(crate) fn new(release: Release) -> Result<Self, LayerError> {
        Ok(Self { kernel: kernel(release)?, image: image(release)? })
    }

    /// Lays what it boots, and its door, into the lab's folder before it starts. `base` is the release as it is.
    pub(crate) fn sow(&self, state: &Path, base: &Path) -> io::Result<()> {
        symlink(&self.kernel.path, state.join("kernel"))?;
        symlink(&self.image.path, state.join("image"))?;
        fs::write(state.join("seed/append"), APPEND)?;
        let root = state.join("seed/root");
        sow_units(&root, base)?;
        let door = root.join("etc/lab-door");
        fs::create_dir_all(&door)?;
        fs::write(door.join("sshd_config"), DOOR)?;
        make_key(&state.join("door"))?;
        make_key(&door.join("host"))?;
        fs::copy(state.join("door.pub"), door.join("user.pub")).map(|_| ())
    }

    /// Opens the connection that carries everything. It is one of the processes in the lab's namespaces, and ends with
    /// them.
    pub(crate) fn connect(&self, state: &Path, leader: u32) -> io::Result<()> {
        let log = File::create(state.join("door.log"))?;
        let mut command = Command::new("nsenter");
        command.args(["--net", "--pid", "--target", &leader.to_string(), "--"]).args(Self::client(state));
        command.args(["-M", "-N", "-f", "-p", "2222", "-i"]).arg(state.join("door")).arg("root@127.0.0.1");
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let done = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status()?;
        if done.success() {
            return Ok(());
        }
        Err(io::Error::other(fs::read_to_string(state.join("door.log"))?))
    }

    /// A command that runs those words as root in the guest; with a terminal there when its standard input is one here.
    pub(crate) fn enter(state: &Path, terminal: bool, words: &[String]) -> Command {
        let mut command = Command::new(DEFAULT_SIGNALS[0]);
        command.args(&DEFAULT_SIGNALS[1..]).args(Self::client(state));
        // Through that connection or not at all.
        command.args(["-o", "ProxyCommand=false", if terminal { "-tt" } else { "-T" }, "root@127.0.0.1", "--"]);
        command.args(words.iter().map(|word| quoted(word))).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TERM", "dumb");
        command
    }

    /// Words that run others on the terminal they have been given, as its owner.
    pub(crate) fn on_own_terminal(owner: u32, words: &[String]) -> Vec<String> {
        let script = "chown \"$0\" \"$(tty)\" && exec \"$@\"";
        let first = ["sh", "-c", script, &owner.to_string()].map(str::to_owned);
        [&first, words].concat()
    }

    fn client(state: &Path) -> Vec<String> {
        let options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes"];
        let mut words: Vec<String> = ["ssh", "-F", "none", "-S"].map(str::to_owned).to_vec();
        words.push(state.join("channel").display().to_string());
        words.extend(options.iter().flat_map(|option| ["-o".to_owned(), (*option).to_owned()]));
        words
    }
}

/// The units of a guest, and the masks of those it does without.
fn sow_units(root: &Path, base: &Path) -> io::Result<()> {
    let units = root.join("etc/systemd/system");
    let wanted = units.join("multi-user.target.wants");
    let generators = root.join("etc/systemd/system-generators");
    for folder in [&units, &wanted, &generators] {
        fs::create_dir_all(folder)?;
    }
    for (unit, text) in UNITS {
        fs::write(units.join(unit), text)?;
        symlink(format!("../{unit}"), wanted.join(unit))?;
    }
    symlink("/usr/lib/systemd/system/multi-user.target", units.join("default.target"))?;
    for unit in names(&base.join(SYSINIT))?.iter().map(String::as_str).chain(IDLE) {
        if !EARLY.contains(&unit) {
            symlink("/dev/null", units.join(unit))?;
        }
    }
    names(&base.join(GENERATORS))?.iter().try_for_each(|name| symlink("/dev/null", generators.join(name)))
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn make_key(file: &Path) -> io::Result<()> {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"]).arg(file).status()?;
    if made.success() { Ok(()) } else { Err(io::Error::other("ssh-keygen failed")) }
}
