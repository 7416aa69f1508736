//! What `auth` leaves for `account` on the same PAM handle: for whom it has passed, and how. One line of text in
//! libpam's keeping, replaced by every `auth`, and worth nothing for another user.

use crate::host::Host;

/// How `auth` has let somebody pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// With success.
    Passed,
    /// By being ignored: nothing was asked, or nothing listens and the stack allows that.
    Ignored,
}

/// Proof that `auth` has let this very user pass, on this very handle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Earlier(How);

impl Earlier {
    /// With what result.
    pub(crate) fn how(self) -> How {
        self.0
    }
}

/// What `auth` left behind.
#[derive(Debug)]
pub(crate) enum Recalled {
    /// Nothing: it did not run, or did not let anybody pass.
    Nothing,
    /// It let this user pass.
    Same(Earlier),
    /// It let another user pass.
    Other,
}

/// Forgets what an earlier `auth` on this handle has left.
pub(crate) fn forget(host: &mut dyn Host) {
    // It fails when there is no memory for the name; then what was kept is still for one user, who did pass.
    host.keep(None);
}

/// Leaves word that this user has passed. If that fails, `account` will ask the daemon, and be told.
pub(crate) fn remember(host: &mut dyn Host, how: How, user: &str) {
    let word = match how {
        How::Passed => "passed",
        How::Ignored => "ignored",
    };
    host.keep(Some(&format!("{word} {user}")));
}

/// What was left, for this user.
pub(crate) fn recall(host: &dyn Host, user: &str) -> Recalled {
    let Some(line) = host.kept() else { return Recalled::Nothing };
    match line.split_once(' ') {
        Some((_, other)) if other != user => Recalled::Other,
        Some(("passed", _)) => Recalled::Same(Earlier(How::Passed)),
        Some(("ignored", _)) => Recalled::Same(Earlier(How::Ignored)),
        _ => Recalled::Other,
    }
}
