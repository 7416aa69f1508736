//! The Debian releases that a lab can be.

use std::fmt;

/// A Debian release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// Debian 12: OpenSSH 9.2, systemd 252.
    Bookworm,
    /// Debian 13: OpenSSH 10.0, systemd 257.
    Trixie,
}

impl Release {
    /// Every release that scenarios run on.
    pub const ALL: [Self; 2] = [Self::Bookworm, Self::Trixie];

    /// The name by which the archive knows it.
    pub fn suite(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// The release of that name, if there is one.
    pub fn named(suite: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|release| release.suite() == suite)
    }

    /// Whether its sshd punishes addresses for failed logins, which scenarios that fail on purpose must turn off.
    pub(crate) fn sshd_has_penalties(self) -> bool {
        match self {
            Self::Bookworm => false,
            Self::Trixie => true,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.suite())
    }
}
