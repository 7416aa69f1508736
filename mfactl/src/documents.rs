//! Where the documents lie that messages name. Debian compresses the long ones, so a message names no whole path.

/// The page about login windows and lockers.
pub(crate) const DESKTOPS: &str = "DESKTOPS.md in /usr/share/doc/mfa";
/// The page for administrators.
pub(crate) const ADMIN: &str = "ADMIN.md in /usr/share/doc/mfa";
