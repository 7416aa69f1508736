//! The module as it is built, loaded by libpam into a C program, against a daemon that follows a script.
//!
//! In all of these nobody gets in wrongly: not with `PAM_SUCCESS`, and not with `PAM_IGNORE`, which libpam gives as
//! `PAM_PERM_DENIED` when nothing else is in the stack; the module itself never returns that.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, that is how to fail")]
#![allow(clippy::indexing_slicing, reason = "so is this")]

mod break_glass;
mod combined;
#[path = "../../src/stand_in/daemon.rs"]
mod daemon;
mod every_call;
mod faults;
mod linking;
mod logins;
mod stage;

/// libpam's results.
mod result {
    pub(crate) const SUCCESS: i32 = 0;
    pub(crate) const SYSTEM_ERR: i32 = 4;
    /// What libpam makes of `PAM_IGNORE` alone in a stack.
    pub(crate) const IGNORED: i32 = 6;
    pub(crate) const AUTH_ERR: i32 = 7;
    pub(crate) const AUTHINFO_UNAVAIL: i32 = 9;
    pub(crate) const MODULE_UNKNOWN: i32 = 28;
}
