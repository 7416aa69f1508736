//! What setup knows of the machine before it asks or changes anything.

use super::automation::{self, Used};
use super::people::People;
use super::words::{OnFull, SshWay, Where};
use super::{policy, ssh, stacks};
use crate::progress::Progress;
use crate::system::System;
use crate::{Desk, break_glass, users};
use mfa_cli::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// All of it.
pub(crate) struct Facts<'a> {
    pub(crate) system: &'a dyn System,
    pub(crate) people: People,
    /// Who has a second factor.
    pub(crate) enrolled: BTreeSet<String>,
    /// How accounts have logged in over ssh; `None` if the journal cannot be read.
    pub(crate) logins: Option<BTreeMap<String, Used>>,
    /// Seconds that sshd waits for a login; 0 is without end.
    pub(crate) grace: Option<u64>,
    /// What holds for newcomers when all seats are taken.
    pub(crate) on_full: OnFull,
    /// Codes in the safe that nobody has used.
    pub(crate) break_glass: usize,
    /// Who runs this, as sudo says; else root.
    pub(crate) administrator: String,
}

impl<'a> Facts<'a> {
    /// Looks at this machine, and asks the daemon who is enrolled.
    pub(crate) fn of(system: &'a dyn System, desk: &mut Desk) -> Result<Self, Failure> {
        let records = users::records(desk, None, &mut Progress::begin())?;
        let has_some = |factors: &BTreeMap<String, u32>| factors.values().any(|count| *count > 0);
        let enrolled = records.into_iter().filter(|(_, record)| has_some(&record.factors)).map(|(name, _)| name);
        let enrolled = enrolled.collect();
        let break_glass = break_glass::unused().unwrap_or(0);
        Self::seen(system, enrolled, break_glass)
    }

    /// What can be seen of a machine itself.
    pub(crate) fn seen(
        system: &'a dyn System,
        enrolled: BTreeSet<String>,
        break_glass: usize,
    ) -> Result<Self, Failure> {
        let mut people = People::of(system);
        let caller = std::env::var("SUDO_USER").ok();
        let logins = automation::logins(system);
        let named = logins.iter().flatten().map(|(name, _)| name.as_str()).chain(caller.as_deref());
        people.learn(named, system);
        let caller = caller.filter(|name| people.uid(name).is_some());
        Ok(Self {
            system,
            enrolled,
            logins,
            grace: ssh::grace_now(system),
            on_full: policy::on_full_now(system).map_err(|error| Failure::refused("settings", error.to_string()))?,
            break_glass,
            administrator: caller.unwrap_or_else(|| "root".to_owned()),
            people,
        })
    }

    /// The places that this machine has.
    pub(crate) fn places(&self) -> Vec<Where> {
        Where::ALL.into_iter().filter(|place| stacks::is_there(*place, self.system)).collect()
    }

    /// Such as `group sre: 20 members, 18 enrolled`; `None` if there is no such group.
    pub(crate) fn members(&self, group: &str) -> Option<BTreeSet<String>> {
        self.people.members(group, self.system)
    }

    /// Whether there is such an account, listed or not.
    pub(crate) fn is_somebody(&self, name: &str) -> bool {
        let mut people = People::default();
        self.people.uid(name).is_some() || {
            people.learn([name], self.system);
            people.uid(name).is_some()
        }
    }

    /// The accounts that are probably programs, with what they did; nobody who is to be asked.
    pub(crate) fn programs(&self, members: &BTreeSet<String>) -> Vec<(&str, &Used)> {
        let programs = self.logins.as_ref().map_or_else(Vec::new, |logins| automation::programs(logins, &self.people));
        programs.into_iter().filter(|(name, _)| !members.contains(*name)).collect()
    }

    /// How members of the group come over ssh, mostly; by key where no password lets in.
    pub(crate) fn usual_way(&self, members: &BTreeSet<String>) -> SshWay {
        if ssh::is_closed(self.system) {
            return SshWay::KeyAndCode;
        }
        let used = self.logins.iter().flatten().filter(|(name, _)| members.contains(*name));
        let (keys, answers) =
            used.fold((0, 0), |(keys, answers), (_, used)| (keys + used.by_key, answers + used.answered));
        if keys > answers { SshWay::KeyAndCode } else { SshWay::PasswordAndCode }
    }

    /// Who tries the new stacks: the administrator, if they are in the group, else the first one in it.
    pub(crate) fn tries(&self, members: &BTreeSet<String>) -> String {
        let is_member = members.contains(&self.administrator);
        let first = || members.iter().next().unwrap_or(&self.administrator);
        if is_member { &self.administrator } else { first() }.clone()
    }
}
