//! What the policy says of an account in all the logins that it may reach it in, and so of changing its factors.

use crate::accounts::{Entry, Lane};
use crate::clock;
use crate::daemon::{Daemon, Loaded};
use crate::scene::{groups_of, standing};
use mfa_core::account::Account;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::policy::{self, Groups, Policy, Required, Standing, Subject};

/// A policy, and an account with its place in the groups that rules hang on.
pub(crate) struct Reach<'a> {
    policy: &'a Policy,
    user: &'a str,
    groups: Groups,
}

impl<'a> Reach<'a> {
    /// Of this account, by the policy in force.
    pub(crate) async fn of(daemon: &Daemon, loaded: &'a Loaded, whose: &'a Entry, lane: Lane) -> Self {
        let policy = &loaded.config.policy;
        let groups = groups_of(daemon, &[policy], whose, lane).await;
        Self { policy, user: &whose.identity.name, groups }
    }

    fn subject(&self) -> Subject<'_> {
        Subject { user: self.user, groups: &self.groups, now: clock::now() }
    }

    /// Whether some login requires a factor of it.
    pub(crate) fn required(&self) -> Required {
        policy::required(self.policy, &self.subject())
    }

    /// The kinds with which it may change its factors.
    pub(crate) fn acceptable(&self, account: &Account) -> Kinds {
        policy::strictest(self.policy, &self.subject(), &standing(account))
    }

    /// The kinds of which it may add a factor.
    pub(crate) fn addable(&self, account: &Account) -> Kinds {
        policy::addable(self.policy, &self.subject(), &standing(account))
    }

    /// Whether a key that changes its factors must check its user.
    pub(crate) fn verifies(&self, account: &Account) -> bool {
        policy::verifies_user(self.policy, &self.subject(), &standing(account))
    }

    /// Whether a key of this kind that is added must check its user: whether some login would want that.
    pub(crate) fn verifies_new(&self, account: &Account, kind: Kind) -> bool {
        let now = standing(account);
        let then = Standing { enrolled: now.enrolled.with(kind), ..now };
        policy::verifies_user(self.policy, &self.subject(), &then)
    }

    /// Whether a mailed code is asked for before a first factor is added: logins ask for one already, so that nobody
    /// gets around it with a program of theirs.
    pub(crate) fn mail_first(&self, account: &Account, kinds: Kinds) -> bool {
        let has_mail = account.mailbox.is_some() && kinds.contains(Kind::Email);
        !account.is_enrolled() && !account.invited_only && has_mail && self.required().required
    }
}
