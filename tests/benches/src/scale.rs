//! How much is measured.

use serde::{Deserialize, Serialize};

/// Logins at once, and connections to the daemon's socket.
pub const AT_ONCE: usize = 64;

/// How much of everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scale {
    /// Local accounts, all of them enrolled with all systems.
    pub accounts: usize,
    /// Times that each account logs in one after another, and in the crowd, and is wrong.
    pub rounds: usize,
    /// Accounts that log in at the daemon's socket; none: that is not measured.
    pub socket: usize,
    /// Accounts that are enrolled for the same with a large store.
    pub large: Option<usize>,
}

impl Scale {
    /// A few minutes.
    pub const FULL: Self = Self { accounts: 1000, rounds: 3, socket: 70_000, large: None };
    /// Half a minute: shows that it runs, not how fast.
    pub const QUICK: Self = Self { accounts: 100, rounds: 1, socket: 2_000, large: None };
    /// For [`Scale::large`].
    pub const MILLION: usize = 1_000_000;
}
