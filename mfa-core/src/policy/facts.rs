//! What is known of a login when it is decided: given by the daemon, never looked up here. What it cannot say comes as
//! Unknown, never as a guess.

use super::calendar::{LocalTime, later};
use super::condition::Truth;
use super::ssh_auth::SshAuth;
use crate::Time;
use crate::factor::{Kind, Kinds};
use std::net::{IpAddr, Ipv6Addr};

/// One login: who, where, from where.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The account (`PAM_USER`), by the canonical name that NSS gives it.
    pub user: &'a str,
    /// The PAM service.
    pub service: &'a str,
    /// Where the connection comes from.
    pub address: Address,
    /// At this machine or over the network; `None` if that cannot be told.
    pub origin: Option<Origin>,
    /// What sshd has verified already. `Methods` with none in it for a service that is not SSH.
    pub ssh: SshAuth,
    /// The one who is logged in and asks to become `user`, for `who = "caller"`.
    pub caller: Caller<'a>,
    /// The account's groups; `None` if they have not been looked up yet.
    pub groups: Option<&'a Groups>,
    /// The civil time on this machine, for `hours` and dates; see [`super::local_time`].
    pub local_time: Option<LocalTime>,
    /// The time, for moments that are the same everywhere.
    pub now: Time,
    /// Seconds by which that is behind the newest time on record; 0 if it is not. A clock that was turned back gives
    /// nobody more time than they had.
    pub behind: i64,
}

impl Request<'_> {
    /// The time by which what makes a login easier is over: the later of the clock and the newest time on record.
    pub(super) fn latest(&self) -> (Time, Option<LocalTime>) {
        let behind = self.behind.max(0);
        let local = self.local_time.and_then(|local| later(local, behind));
        (self.now.plus(behind), local)
    }
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Somebody who is to be believed says that there is none: a login at this machine.
    None,
    /// This one.
    Known(IpAddr),
    /// A host name, something unreadable, or the word of somebody who is not to be believed.
    Unknown,
}

impl Address {
    /// What the `PAM_RHOST` of a peer that is to be believed says. Only numeric addresses count: a host name is
    /// whatever the other end's name server says it is. IPv4 addresses mapped into IPv6 are IPv4 addresses; the scope
    /// of a link-local address is dropped. An *empty* rhost is Unknown, for it is not known why it is empty.
    #[must_use]
    pub fn of_rhost(rhost: Option<&str>) -> Self {
        let Some(text) = rhost else { return Self::None };
        let scoped = || {
            let (address, scope) = text.split_once('%')?;
            if scope.is_empty() { None } else { address.parse::<Ipv6Addr>().ok().map(IpAddr::V6) }
        };
        match text.parse::<IpAddr>().ok().or_else(scoped) {
            Some(address) => Self::Known(address.to_canonical()),
            None => Self::Unknown,
        }
    }
}

/// At the machine or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A root peer, no rhost, and an active login session that is not remote.
    Local,
    /// Over the network.
    Remote,
}

impl Origin {
    /// The policy's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// Who is logged in and asks (the kernel's login uid), which for `su` is not the account that is logged in to.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// No login uid, one without a name, or a peer that is not to be believed.
    Unknown,
    /// This one.
    Known(Person<'a>),
}

/// An account other than the one that is logged in to.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The canonical name.
    pub user: &'a str,
    /// The groups; `None` if they have not been looked up yet.
    pub groups: Option<&'a Groups>,
    /// What the person has enrolled: with `who = "caller"` it is the caller who is asked for a factor.
    pub standing: Standing,
}

/// Who is in which of the groups that rules hang on ([`super::Policy::group_names`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(Vec<(Box<str>, Truth)>);

impl Groups {
    /// Nothing could be learned: every membership is Unknown.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// Whether the account is in the group; Unknown for a group that was not asked about.
    #[must_use]
    pub fn membership(&self, group: &str) -> Truth {
        self.0.iter().find(|(name, _)| &**name == group).map_or(Truth::Unknown, |(_, truth)| *truth)
    }
}

impl<N: Into<Box<str>>> FromIterator<(N, Truth)> for Groups {
    fn from_iter<I: IntoIterator<Item = (N, Truth)>>(memberships: I) -> Self {
        Self(memberships.into_iter().map(|(name, truth)| (name.into(), truth)).collect())
    }
}

/// What an account has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The kinds of its confirmed factors; backup codes are among them if one is unused.
    pub enrolled: Kinds,
    /// The kinds it can use without having enrolled them: a code by mail, where the site knows its address. They count
    /// where a policy names them, and make nobody one who is enrolled.
    pub given: Kinds,
    /// When its time to enroll began (`enroll = "grace"`); `None` if that is now.
    pub grace_began: Option<Time>,
    /// Whether an administrator has said that the first factor takes an invitation: then one is asked for wherever a
    /// factor would be.
    pub invited_only: bool,
}

impl Standing {
    /// Whether the account has a factor of its own. Backup codes stand in for one; alone they are none.
    #[must_use]
    pub fn is_enrolled(self) -> bool {
        !self.enrolled.without(Kind::BackupCode).is_empty()
    }
}
