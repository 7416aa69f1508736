//! Groups of many accounts at once, for administrators: on two threads of its own, so that looking at everybody holds
//! up nobody's login.

use super::{Accounts, DEADLINE, Entry, nss};
use mfa_core::policy::Groups;
use std::sync::Arc;
use std::time::Instant;

/// Threads that ask about many.
pub(super) const THREADS: usize = 2;

impl Accounts {
    /// Which of these groups each account is in, in their order. Never fails: what is not known, or not in time, is
    /// Unknown.
    pub(crate) async fn groups_of_many(&self, entries: &[Entry], names: &[String]) -> Vec<Groups> {
        if names.is_empty() || entries.is_empty() {
            return vec![Groups::default(); entries.len()];
        }
        let each = entries.len().div_ceil(THREADS);
        let asked: Vec<_> = entries.chunks(each).map(|part| self.ask_about(part, names)).collect();
        let mut groups = Vec::with_capacity(entries.len());
        for (part, asked) in entries.chunks(each).zip(asked) {
            let answer = tokio::time::timeout(DEADLINE, asked).await.ok().flatten();
            groups.extend(answer.unwrap_or_else(|| vec![Groups::unknown(); part.len()]));
        }
        groups
    }

    fn ask_about(&self, part: &[Entry], names: &[String]) -> impl Future<Output = Option<Vec<Groups>>> + use<> {
        let (part, names, many) = (part.to_vec(), names.to_vec(), Arc::clone(&self.many));
        async move {
            let permit = many.acquire_owned().await.ok()?;
            let asked = tokio::task::spawn_blocking(move || {
                let until = Instant::now() + DEADLINE / 2;
                let answer = nss::memberships_of_many(&part, &names, &|| Instant::now() < until);
                drop(permit); // a thread that hangs keeps its place, so that hanging ones cannot add up
                answer
            });
            let answer = asked.await.ok()?;
            Some(answer.into_iter().map(|memberships| memberships.into_iter().collect()).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_core::account::Identity;
    use mfa_core::policy::Truth;

    #[tokio::test]
    async fn what_is_asked_about_many_is_what_is_asked_about_one() {
        let accounts = Accounts::new();
        let entry = |uid, name: &str| Entry { identity: Identity { uid, name: name.into() }, gid: uid };
        let entries = [entry(0, "root"), entry(1, "daemon"), entry(70_000, "no such account")];
        let names = ["root", "daemon", "no such group"].map(str::to_owned);
        let many = accounts.groups_of_many(&entries, &names).await;
        let truths = |groups: &Groups| names.each_ref().map(|name| groups.membership(name));
        assert_eq!(truths(&many[0]), [Truth::True, Truth::False, Truth::False]);
        assert_eq!(truths(&many[1]), [Truth::False, Truth::True, Truth::False]);
        for (entry, groups) in entries.iter().zip(&many) {
            let one = accounts.groups(entry, &names, super::super::Lane::Root).await;
            assert_eq!(truths(groups), truths(&one), "{entry:?}");
        }
        assert!(accounts.groups_of_many(&[], &names).await.is_empty());
        assert_eq!(accounts.groups_of_many(&entries, &[]).await.len(), 3);
    }
}
