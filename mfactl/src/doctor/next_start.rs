//! What the daemon will find when it is started next: by an upgrade, or at the next boot. What is in force says nothing
//! of that, and a start that fails refuses everybody.

use super::finding::Finding;
use super::{Found, Scene};

const CREDENTIALS: &str = "/etc/mfa/credentials";
/// As the daemon's user: files that only root may read are no use to it.
const CHECK: [&str; 5] =
    ["setpriv", "--reuid=_mfa", "--regid=_mfa", "--clear-groups", "/usr/libexec/mfa/mfa-daemon --check"];

const ONLY_ROOT: Found = Found::NotDone("only root may look");

pub(super) fn settings(scene: &Scene<'_>) -> Found {
    if !scene.is_root {
        return ONLY_ROOT;
    }
    let command: Vec<&str> = CHECK.iter().flat_map(|word| word.split(' ')).collect();
    match scene.system.agrees(&command) {
        Some(true) => Vec::new().into(),
        Some(false) => {
            let what = "The settings on the disk cannot be taken: the next start of the daemon refuses everybody";
            vec![Finding::fail(what, "/etc/mfa", format!("{} says why; mend it", CHECK.join(" ")))].into()
        }
        None => Found::NotDone("the daemon's program gave no answer"),
    }
}

pub(super) fn credentials(scene: &Scene<'_>) -> Found {
    if !scene.is_root {
        return ONLY_ROOT;
    }
    let mut found = Vec::new();
    for name in scene.system.names(CREDENTIALS) {
        let (path, name) = (format!("{CREDENTIALS}/{name}"), format!("--name=mfa_{name}"));
        match scene.system.agrees(&["systemd-creds", "decrypt", &name, &path, "/dev/null"]) {
            Some(true) => {}
            Some(false) => {
                let what = format!("{path} does not open on this machine: the daemon's next start fails");
                let mend = "mfactl master-key enter, with the copy from the safe; a file that is no key: move it away";
                found.push(Finding::fail(what, path, mend));
            }
            None => return Found::NotDone("systemd-creds gave no answer"),
        }
    }
    found.into()
}
