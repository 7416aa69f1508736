//! The blocking questions to the name service.

use super::{Entry, LookupError, Memberships};
use mfa_core::account::Identity;
use mfa_core::policy::Truth;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
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
/// "not a member" counts only while the name service proves able to say "no such group".
pub(super) fn memberships(entry: &Entry, names: &[String]) -> Memberships {
    let gids = CString::new(entry.identity.name.as_str())
        .ok()
        .and_then(|name| getgrouplist(&name, Gid::from_raw(entry.gid)).ok());
    let mut healthy = None;
    let mut is_healthy = || *healthy.get_or_insert_with(|| matches!(Group::from_name(NO_SUCH_GROUP), Ok(None)));
    names
        .iter()
        .map(|name| {
            let truth = match (Group::from_name(name), &gids) {
                (Ok(Some(group)), Some(gids)) if gids.contains(&group.gid) => Truth::True,
                (Ok(_), Some(_)) if is_healthy() => Truth::False,
                _ => Truth::Unknown,
            };
            (name.clone(), truth)
        })
        .collect()
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
