//! The blocking questions to the name service.

use super::{About, Entry, LookupError, Memberships};
use mfa_core::account::Identity;
use mfa_core::policy::Truth;
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::collections::HashSet;
use std::ffi::CString;

/// A group that cannot exist: if asking for it fails, no "no such group" is to be believed.
const NO_SUCH_GROUP: &str = "mfa:no such group";

pub(super) fn by_name(name: &str) -> Result<Option<Entry>, LookupError> {
    User::from_name(name).map(|user| user.map(entry)).map_err(|_| LookupError::Failed)
}

pub(super) fn by_uid(uid: u32) -> Result<Option<Entry>, LookupError> {
    User::from_uid(Uid::from_raw(uid)).map(|user| user.map(entry)).map_err(|_| LookupError::Failed)
}

fn entry(user: User) -> Entry {
    Entry { identity: Identity { uid: user.uid.as_raw(), name: user.name }, gid: user.gid.as_raw() }
}

/// Which of these groups the account is in, by gid.
///
/// `getgrouplist` cannot say that it saw only a part: with a directory down it answers with what the others know. So
/// "not a member" counts only if the name service proved able to say "no such group", before it and after.
pub(super) fn memberships(entry: &Entry, names: &[String]) -> Memberships {
    let mut groups = Asked::new(names, false);
    let gids = gids_of(entry);
    names.iter().enumerate().map(|(index, name)| (name.clone(), groups.truth(index, gids.as_deref()))).collect()
}

/// The same of many accounts, in their order, for as long as it may take; what is not asked then is Unknown.
pub(super) fn memberships_of_many(entries: &[Entry], names: &[String], goes_on: &dyn Fn() -> bool) -> Vec<Memberships> {
    let mut groups = Asked::new(names, true);
    let of_one = |entry: &Entry| {
        let mut gids = None;
        let truth = |(index, name): (usize, &String)| {
            let truth = if groups.lists(index, entry) {
                Truth::True
            } else if goes_on() {
                // The costly question, and only where a list of members does not answer it.
                groups.truth(index, gids.get_or_insert_with(|| gids_of(entry)).as_deref())
            } else {
                Truth::Unknown
            };
            (name.clone(), truth)
        };
        names.iter().enumerate().map(truth).collect()
    };
    entries.iter().map(of_one).collect()
}

fn gids_of(entry: &Entry) -> Option<Vec<Gid>> {
    let name = CString::new(entry.identity.name.as_str()).ok()?;
    getgrouplist(&name, Gid::from_raw(entry.gid)).ok()
}

/// Groups, as the name service knows them.
struct Asked {
    groups: Vec<Result<Option<Gid>, Errno>>,
    /// The members that each lists, if they were wanted.
    members: Vec<HashSet<String>>,
    /// Whether the name service was well before anything was asked.
    was_healthy: bool,
    /// Whether it still is, after the first answer that hangs on it.
    is_healthy: Option<bool>,
}

impl Asked {
    fn new(names: &[String], with_members: bool) -> Self {
        let mut asked = Self { groups: Vec::new(), members: Vec::new(), was_healthy: is_well(), is_healthy: None };
        for name in names {
            let group = Group::from_name(name);
            asked
                .groups
                .push(group.as_ref().map(|group| group.as_ref().map(|group| group.gid)).map_err(|error| *error));
            if with_members {
                let members = group.ok().flatten().map(|group| group.mem.into_iter().collect());
                asked.members.push(members.unwrap_or_default());
            }
        }
        asked
    }

    /// Whether the group itself lists the account, or is its primary one.
    fn lists(&self, index: usize, entry: &Entry) -> bool {
        let is_primary = matches!(self.groups.get(index), Some(Ok(Some(gid))) if gid.as_raw() == entry.gid);
        is_primary || self.members.get(index).is_some_and(|members| members.contains(&entry.identity.name))
    }

    /// Whether whoever has these gids is in the group.
    fn truth(&mut self, index: usize, gids: Option<&[Gid]>) -> Truth {
        match (self.groups.get(index).copied(), gids) {
            (Some(Ok(Some(gid))), Some(gids)) if gids.contains(&gid) => Truth::True,
            (Some(Ok(_)), Some(_)) if self.is_healthy() => Truth::False,
            _ => Truth::Unknown,
        }
    }

    fn is_healthy(&mut self) -> bool {
        self.was_healthy && *self.is_healthy.get_or_insert_with(is_well)
    }
}

fn is_well() -> bool {
    matches!(Group::from_name(NO_SUCH_GROUP), Ok(None))
}

/// Whether the system's own file lists the account, which no directory is needed to know.
pub(super) fn is_local(about: &About) -> bool {
    let lists = |line: &str| match about {
        About::Name(name) => line.split(':').next() == Some(name),
        About::Uid(uid) => line.split(':').nth(2).is_some_and(|field| field.parse() == Ok(*uid)),
        About::Groups(_) => false, // these are asked of everybody
    };
    std::fs::read_to_string("/etc/passwd").is_ok_and(|file| file.lines().any(lists))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_by_name_and_by_uid_and_nobody_else_is_made_up() {
        let root = by_name("root").unwrap().unwrap();
        assert_eq!((root.identity.uid, root.gid), (0, 0));
        assert_eq!(by_uid(0).unwrap().unwrap(), root);
        assert_eq!(by_name("no such account"), Ok(None));
        assert_eq!(by_uid(u32::MAX - 7), Ok(None));
    }

    #[test]
    fn memberships_are_true_or_false_while_the_name_service_works() {
        let root = by_name("root").unwrap().unwrap();
        let names = ["root", "daemon", "no such group"].map(str::to_owned);
        let truths: Vec<_> = memberships(&root, &names).into_iter().map(|(_, truth)| truth).collect();
        assert_eq!(truths, [Truth::True, Truth::False, Truth::False]);
    }
}
