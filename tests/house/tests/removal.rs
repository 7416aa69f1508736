//! The packages' scripts before a removal, run as dpkg runs them, over a file system of a few files: they refuse while a
//! stack names the module. That dpkg heeds them is played in labs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use house::project;

const LINE: &str = "auth required pam_mfa.so\n";

/// A folder that stands in for the root of a machine, with programs that do nothing and say that all is well.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("removal-{name}"));
        let _ = fs::remove_dir_all(&root);
        let machine = Self { root };
        machine.put("etc/pam.d/login", "auth required pam_unix.so\n");
        for program in ["pam-auth-update", "deb-systemd-invoke"] {
            let path = machine.put(&format!("bin/{program}"), "#!/bin/sh\n");
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it becomes a program");
        }
        machine
    }

    fn put(&self, path: &str, text: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder is made");
        fs::write(&path, text).expect("a file is written");
        path
    }

    /// The script of this package, as it is put into the package, with this word.
    fn prerm(&self, package: &str, word: &str) -> Output {
        let stacks = project::text("packaging/pam/stacks-naming-mfa.sh");
        let script = project::text(&format!("packaging/deb/debian/{package}.prerm"));
        let mut script = script.replace("#STACKS#\n", &stacks).replace("#UNITS#", "no.socket");
        let root = self.root.display();
        for folder in [" /etc/pam", " /usr/lib/pam", " /usr/etc/pam", " /var/lib/libpam", ">/var/lib/libpam"] {
            let (before, path) = folder.split_at(1);
            script = script.replace(folder, &format!("{before}{root}{path}"));
        }
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.root.join("bin").display());
        let mut sh = Command::new("sh");
        sh.args(["-c", &script, "prerm", word]).env_clear().env("PATH", path);
        sh.output().expect("sh starts")
    }

    fn refuses(&self, package: &str, word: &str, place: &str) {
        let output = self.prerm(package, word);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{package} {word}: {said}");
        assert!(said.contains("stays:") && said.contains(&format!("{place}:1\n")), "{package} {word}: {said}");
    }
}

#[test]
fn neither_package_goes_while_a_stack_names_the_module() {
    let machine = Machine::new("named");
    for package in ["libpam-mfa", "mfa"] {
        let output = machine.prerm(package, "remove");
        assert!(output.status.success(), "with no stack of ours: {output:?}");
    }
    machine.put("etc/pam.d/sshd", LINE);
    for (package, word) in [("libpam-mfa", "remove"), ("libpam-mfa", "deconfigure"), ("mfa", "remove")] {
        machine.refuses(package, word, "/etc/pam.d/sshd");
    }
    for package in ["libpam-mfa", "mfa"] {
        let output = machine.prerm(package, "upgrade");
        assert!(output.status.success(), "an upgrade takes nothing away: {output:?}");
    }
}

#[test]
fn a_profile_that_does_not_go_by_itself_is_found() {
    // As pam-auth-update leaves its block, and does not take it out when somebody has edited it.
    let machine = Machine::new("profile");
    let block = "# here are the per-package modules (the \"Primary\" block)\n";
    machine.put("etc/pam.d/common-auth", &format!("{block}{LINE}# end of pam-auth-update config\n"));
    let output = machine.prerm("libpam-mfa", "remove");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("/etc/pam.d/common-auth:2"), "{output:?}");
}

#[test]
fn a_stack_is_found_wherever_pam_looks_for_it() {
    let elsewhere = |machine: &Machine| {
        let path = machine.put("srv/stacks/ours", LINE);
        machine.put("etc/pam.d/sudo", &format!("auth include {}\n", path.display()));
    };
    let places = ["etc/pam.conf", "etc/pam.d/sudo-i", "usr/lib/pam.d/polkit-1", "usr/etc/pam.d/su"];
    for (number, place) in places.into_iter().enumerate() {
        let machine = Machine::new(&number.to_string());
        machine.put(place, "auth \\\n  required pam_mfa.so\n");
        machine.refuses("libpam-mfa", "remove", place);
    }
    let machine = Machine::new("included");
    elsewhere(&machine);
    machine.refuses("libpam-mfa", "remove", "/srv/stacks/ours");
    for nobodys in ["etc/pam.d/sshd~", "etc/pam.d/sshd.dpkg-old", "etc/pam.d/sshd.rpmsave"] {
        let machine = Machine::new("leftover");
        machine.put(nobodys, LINE);
        assert!(machine.prerm("libpam-mfa", "remove").status.success(), "{nobodys}");
    }
    let machine = Machine::new("comment");
    machine.put("etc/pam.d/sshd", &format!("# {LINE}"));
    assert!(machine.prerm("libpam-mfa", "remove").status.success());
}
