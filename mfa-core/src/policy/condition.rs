//! Conditions of a rule, in three values. A condition looks at one fact of the request and at nothing else.

use super::calendar::{End, Hours};
use super::evaluate::NeedGroups;
use super::facts::{Address, Caller, Groups, Origin, Request};
use super::model::Who;
use super::service::{self, Services};
use super::ssh_auth::{Fingerprint, Method, SshAuth};
use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Not;

/// True, false, or not to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so.
    False,
    /// Nobody can tell.
    Unknown,
}

impl Truth {
    /// Either of the two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::False, Self::False) => Self::False,
            _ => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// One condition of a rule. A list holds where one of its entries does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `services`: the login is for one of them. Every rule has this one, its own or that of `[defaults]`.
    Services(Services),
    /// `users`: the account is one of them.
    Users(Names),
    /// `origin`: at this machine, or over the network.
    Origin(Origin),
    /// `from`: the address is in one of the networks. A login without an address is not.
    From(Networks),
    /// `not_from`: the address is in none of the networks. A login without an address is not in any.
    NotFrom(Networks),
    /// `ssh_auth`: sshd has completed one of the methods.
    SshAuth(Vec<Method>),
    /// `ssh_key`: sshd has verified one of the keys, or one that was certified by one of them.
    SshKey(Vec<Fingerprint>),
    /// `hours`: the machine's civil time is among them.
    Hours(Hours),
    /// `until`: that is not over.
    Until(End),
    /// `groups`: the account is in one of them. Comes last in a rule, since it costs a look-up.
    Groups(Names),
}

impl Condition {
    /// The key that the policy has for it.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::Services(_) => "services",
            Self::Users(_) => "users",
            Self::Origin(_) => "origin",
            Self::From(_) => "from",
            Self::NotFrom(_) => "not_from",
            Self::SshAuth(_) => "ssh_auth",
            Self::SshKey(_) => "ssh_key",
            Self::Hours(_) => "hours",
            Self::Until(_) => "until",
            Self::Groups(_) => "groups",
        }
    }

    /// Whether it holds; an error only if it hangs on groups that have not been looked up.
    pub(super) fn truth(&self, who: Who, request: &Request<'_>) -> Result<Truth, NeedGroups> {
        Ok(match self {
            Self::Services(services) => services.contains(request.service).into(),
            Self::Users(users) => {
                concerned(who, request).user.map_or(Truth::Unknown, |user| users.contains(user).into())
            }
            Self::Origin(origin) => request.origin.map_or(Truth::Unknown, |known| (known == *origin).into()),
            Self::From(networks) => networks.hold(request.address),
            Self::NotFrom(networks) => !networks.hold(request.address),
            Self::SshAuth(methods) => match &request.ssh {
                SshAuth::Unknown => Truth::Unknown,
                SshAuth::Methods(done) => done.iter().any(|one| methods.contains(&one.method)).into(),
            },
            Self::SshKey(keys) => match &request.ssh {
                SshAuth::Unknown => Truth::Unknown,
                SshAuth::Methods(done) => {
                    done.iter().fold(Truth::False, |so_far, one| so_far.or(one.used_one_of(keys)))
                }
            },
            Self::Hours(hours) => request.local_time.map_or(Truth::Unknown, |local| hours.contains(local).into()),
            Self::Until(end) => {
                let (now, local) = request.latest();
                let (by_clock, by_record) = (end.is_over(request.now, request.local_time), end.is_over(now, local));
                if by_clock == by_record { !by_clock } else { Truth::Unknown }
            }
            Self::Groups(names) => {
                let person = concerned(who, request);
                match (person.user, person.groups) {
                    (None, _) => Truth::Unknown,
                    (Some(_), None) => return Err(NeedGroups { of: person.who }),
                    (Some(_), Some(groups)) => {
                        names.iter().fold(Truth::False, |so_far, name| so_far.or(groups.membership(name)))
                    }
                }
            }
        })
    }
}

/// The person whom `users` and `groups` are about, and who is asked for a factor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Concerned<'a> {
    /// [`Who::Caller`] only where that is somebody else than the account.
    pub(super) who: Who,
    /// `None`: a caller whom nobody knows.
    pub(super) user: Option<&'a str>,
    pub(super) groups: Option<&'a Groups>,
}

/// Whom a rule with this `who` is about in this request.
pub(super) fn concerned<'a>(who: Who, request: &Request<'a>) -> Concerned<'a> {
    let target = Concerned { who: Who::Target, user: Some(request.user), groups: request.groups };
    if who == Who::Target || service::caller_is_target(request.service) {
        return target;
    }
    match request.caller {
        Caller::Unknown => Concerned { who: Who::Caller, user: None, groups: None },
        Caller::Known(person) if person.user == request.user => {
            Concerned { groups: request.groups.or(person.groups), ..target }
        }
        Caller::Known(person) => Concerned { who: Who::Caller, user: Some(person.user), groups: person.groups },
    }
}

/// Names of users or groups, compared as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Vec<Box<str>>);

impl Names {
    pub(super) fn new<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Whether the name is among them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search_by(|known| (**known).cmp(name)).is_ok()
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Networks in CIDR notation; IPv4 networks mapped into IPv6 are held as IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    pub(super) fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether one of them holds the address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether every address in this is in one network of the other.
    pub(super) fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|inner| other.0.iter().any(|outer| outer.contains(inner)))
    }

    fn hold(&self, address: Address) -> Truth {
        match address {
            Address::None => Truth::False,
            Address::Known(known) => self.contains(known).into(),
            Address::Unknown => Truth::Unknown,
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, name.escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            write!(f, "{}{network}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
