//! Users whom a `Match` of sshd's is about, by its lists of users and groups: real ones, as the name service tells them,
//! and a made-up name where a pattern fits none.

use super::pattern::{self, has_name, is_plain, wanted};
use crate::system::System;
use std::cell::OnceCell;

/// As many are given at the most: of those that are named outright, and of others.
const MOST_NAMED: usize = 16;
const MOST_OTHERS: usize = 3;
/// A user whom no block names.
const SOMEBODY: &str = "mfa-doctor";

/// Who is known here. The name service is asked when somebody has to be found, once.
pub(super) struct Users<'a> {
    system: &'a dyn System,
    people: OnceCell<People>,
}

/// Accounts with the number of their group, and groups, as far as they are listed.
struct People {
    accounts: Vec<(String, String)>,
    groups: Vec<Group>,
}

struct Group {
    name: String,
    number: String,
    members: Vec<String>,
}

impl<'a> Users<'a> {
    pub(super) fn new(system: &'a dyn System) -> Self {
        Self { system, people: OnceCell::new() }
    }

    /// Some users who are in all these lists of users, and whose groups are in all those.
    pub(super) fn within(&self, users: &[&str], groups: &[&str]) -> Vec<String> {
        let is_named = |user: &String| users.iter().all(|list| has_name(list, user));
        if !groups.is_empty() {
            let fits = self.of_groups(users, groups).into_iter().filter(is_named);
            return distinct(fits.filter(|user| self.is_in(user, groups)), MOST_OTHERS);
        }
        if users.is_empty() {
            return vec![SOMEBODY.to_owned()];
        }
        let named = distinct(outright(users).filter(is_named), MOST_NAMED);
        if users.iter().all(|list| list.split(',').all(is_plain)) {
            return named;
        }
        let real = distinct(self.accounts().filter(is_named), MOST_OTHERS);
        let made_up = users.iter().flat_map(|list| pattern::names(list)).filter(is_named);
        let others = if real.is_empty() { made_up.take(1).collect() } else { real };
        distinct(named.into_iter().chain(others), MOST_NAMED + MOST_OTHERS)
    }

    fn people(&self) -> &People {
        self.people.get_or_init(|| People::of(self.system))
    }

    fn accounts(&self) -> impl Iterator<Item = String> {
        self.people().accounts.iter().map(|(name, _)| name.clone())
    }

    /// Who may be in these groups: the members of those that are named, who is named, and everybody.
    fn of_groups(&self, users: &[&str], groups: &[&str]) -> Vec<String> {
        let members = outright(groups).filter_map(|name| self.group(&name)).flat_map(|group| {
            let primary = self.people().accounts.iter().filter(move |(_, number)| *number == group.number);
            group.members.into_iter().chain(primary.map(|(user, _)| user.clone()))
        });
        members.chain(outright(users)).chain(self.accounts()).collect()
    }

    /// A directory may know a group by name and not list it.
    fn group(&self, name: &str) -> Option<Group> {
        Group::of(&self.system.word(&["getent", "group", "--", name])?)
    }

    /// As sshd has it: some group of theirs is in the list, and none is left out by it.
    fn is_in(&self, user: &str, lists: &[&str]) -> bool {
        let primary = self.people().accounts.iter().find(|(name, _)| name == user).map(|(_, number)| number.as_str());
        let has = |group: &Group| Some(group.number.as_str()) == primary || group.members.iter().any(|one| one == user);
        let named = lists.iter().flat_map(|list| list.split(',')).map(|pattern| pattern.trim_start_matches('!'));
        let asked = named.filter(|name| is_plain(name)).filter_map(|name| self.group(name)).filter(|group| has(group));
        let listed = self.people().groups.iter().filter(|group| has(group)).map(|group| group.name.clone());
        let groups: Vec<String> = listed.chain(asked.map(|group| group.name)).collect();
        lists.iter().all(|list| {
            let mut left_out = list.split(',').filter_map(|pattern| pattern.strip_prefix('!'));
            let mut wanted = wanted(list);
            !left_out.any(|one| groups.iter().any(|group| has_name(one, group)))
                && wanted.any(|one| groups.iter().any(|group| has_name(one, group)))
        })
    }
}

impl People {
    fn of(system: &dyn System) -> Self {
        let account = |line: &String| {
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), fields.nth(2)?.to_owned()))
        };
        let said = |database| system.said(&["getent", database]).unwrap_or_default();
        Self {
            accounts: said("passwd").iter().filter_map(account).collect(),
            groups: said("group").iter().filter_map(|line| Group::of(line)).collect(),
        }
    }
}

impl Group {
    /// A line of `getent group`.
    fn of(line: &str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, number, members) = (fields.next()?, fields.nth(1)?, fields.next().unwrap_or_default());
        let members = members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Self { name: name.to_owned(), number: number.to_owned(), members })
    }
}

/// Who is named in these lists without a pattern.
fn outright(lists: &[&str]) -> impl Iterator<Item = String> {
    lists.iter().flat_map(|list| wanted(list)).filter(|name| is_plain(name)).map(str::to_owned)
}

/// Each once, and not more than so many.
fn distinct(names: impl Iterator<Item = String>, most: usize) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if distinct.len() == most {
            break;
        }
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}
