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
    /// Further sizes of the store at which the same is measured.
    #[serde(default)]
    pub stores: Vec<usize>,
    /// How many come at once, where the rate is measured by that.
    #[serde(default)]
    pub crowds: Vec<usize>,
}

impl Scale {
    /// A few minutes.
    pub const FULL: Self =
        Self { accounts: 1000, rounds: 3, socket: 70_000, large: None, stores: Vec::new(), crowds: Vec::new() };
    /// Half a minute: shows that it runs, not how fast.
    pub const QUICK: Self =
        Self { accounts: 100, rounds: 1, socket: 2_000, large: None, stores: Vec::new(), crowds: Vec::new() };
    /// For plots: sizes of the store. Ten accounts have twenty codes in a minute, which keeps 64 connections busy for a
    /// moment: what is measured there is a few logins at once, not a rate that lasts.
    const STORES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];
    /// For plots: how many come at once.
    const CROWDS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

    /// With what plots need besides.
    #[must_use]
    pub fn with_plots(mut self) -> Self {
        let most = self.large.unwrap_or(self.socket);
        self.stores = Self::STORES.into_iter().filter(|size| *size < most && *size != self.socket).collect();
        self.crowds = Self::CROWDS.to_vec();
        self
    }

    /// Every size of the store, the smallest first, and how many accounts log in there.
    #[must_use]
    pub fn sizes(&self) -> Vec<(usize, usize)> {
        let mut sizes: Vec<usize> = self.stores.iter().copied().chain([self.socket]).chain(self.large).collect();
        sizes.sort_unstable();
        sizes.into_iter().map(|size| (size, size.min(self.socket))).collect()
    }

    /// For [`Scale::large`].
    pub const MILLION: usize = 1_000_000;
}
