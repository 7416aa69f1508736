//! `io.mfa.Policy.Preview`: what the drafts would change for accounts, a page at a time. Nothing is written, and no
//! secret is opened: which kinds of factor an account has is enough.

use super::words::{Room, kinds};
use crate::accounts::Entry;
use crate::clock;
use crate::conversation::Conversation;
use crate::listen::{Answer, Failure, refuse};
use crate::store::Shown;
use mfa_core::account::Identity;
use mfa_core::policy::{self, Comparison, Groups, Policy, Refused, Standing, Subject, Truth};
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::policy as wire;
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// Services that are named in a list.
const MOST_SERVICES: usize = 30;

/// `io.mfa.Policy.Preview`
pub(crate) async fn preview(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Accounts { accounts } = call.parameters()?;
    if accounts.len() > wire::MOST_ACCOUNTS {
        return Err(Failure::Parameter("accounts".into()));
    }
    let daemon = Rc::clone(conversation.daemon());
    let new = conversation.study.config(&daemon).await?;
    let old = daemon.loaded();
    let comparison = Comparison::new(old.as_ref().map(|loaded| &loaded.config.policy), &new.policy);
    let entries: Vec<Entry> = accounts.into_iter().map(entry).collect();
    let names: Vec<String> = comparison.group_names().into_iter().map(str::to_owned).collect();
    let groups = daemon.accounts.groups_of_many(&entries, &names).await;
    let store = daemon.store().map_err(|why| refuse(RefusalCode::Broken, why))?;
    let identities = entries.iter().map(|entry| entry.identity.clone()).collect();
    let standings = store.standings(identities).await;
    let shown = standings.map_err(|error| refuse(RefusalCode::Broken, error.to_string()))?;
    let mail = &new.settings.mail;
    let with_mail = |(entry, shown): (&Entry, Option<Shown>)| {
        let Shown { standing, verified } = shown?;
        Some(Standing { given: mail.given(&entry.identity.name, verified.as_ref()), ..standing })
    };
    let standings: Vec<_> = entries.iter().zip(shown).map(with_mail).collect();
    let page = Page { comparison, new: &new.policy, unknown: unknown_groups(&names, &groups) };
    Ok(encode_reply(&page.told(&entries, &groups, &standings, old.is_some()))?)
}

fn entry(account: wire::Account) -> Entry {
    Entry { identity: Identity { uid: account.uid, name: account.user }, gid: account.gid }
}

fn unknown_groups(names: &[String], groups: &[Groups]) -> Vec<String> {
    let unknown = |name: &&String| groups.iter().any(|groups| groups.membership(name) == Truth::Unknown);
    names.iter().filter(unknown).cloned().collect()
}

struct Page<'p> {
    comparison: Comparison<'p>,
    new: &'p Policy,
    unknown: Vec<String>,
}

impl Page<'_> {
    /// As many of the accounts as there is room for; at least one.
    fn told(
        &self,
        entries: &[Entry],
        groups: &[Groups],
        standings: &[Option<Standing>],
        in_force: bool,
    ) -> wire::Changes {
        let now = clock::now();
        let local = clock::local(now);
        let (mut room, mut part) = (Room::new(), Room::part(4096));
        let unknown_groups = self.unknown.iter().filter(|name| part.holds(name)).cloned().collect();
        let mut told = wire::Changes { unknown_groups, in_force, ..wire::Changes::default() };
        for ((entry, groups), standing) in entries.iter().zip(groups).zip(standings) {
            let user = &entry.identity.name;
            match standing {
                None if room.holds(user) => told.conflicts.push(user.clone()),
                Some(standing) => {
                    let subject = Subject { user, groups, now };
                    let change = self.comparison.change(&subject, *standing, local);
                    if !change.is_nothing() {
                        let change = self.change(user, change, *standing);
                        if !room.holds(&change) {
                            break;
                        }
                        told.changes.push(change);
                    }
                }
                None => break,
            }
            told.done += 1;
        }
        told
    }

    fn change(&self, user: &str, change: policy::Change, standing: Standing) -> wire::Change {
        wire::Change {
            user: user.to_owned(),
            newly_asked: services(change.newly_asked),
            less_asked: services(change.less_asked),
            newly_verified: services(change.newly_verified),
            locked_out: change.locked_out.map(|refused| self.locked_out(refused)),
            sometimes_locked_out: change.sometimes_locked_out.map(|refused| self.locked_out(refused)),
            enrolls: change.enrolls.map(|how| how.as_str().to_owned()),
            enrolled: kinds(standing.enrolled),
            depends_on: change.depends_on.into_iter().map(str::to_owned).collect(),
        }
    }

    fn locked_out(&self, refused: Refused) -> wire::LockedOut {
        wire::LockedOut {
            services: services(refused.services),
            rule: self.new.rule_name(refused.rule).to_owned(),
            needs: kinds(refused.needs),
            as_before: refused.as_before,
        }
    }
}

fn services(mut words: Vec<String>) -> Vec<String> {
    if words.len() > MOST_SERVICES {
        words.truncate(MOST_SERVICES);
        words.push("…".to_owned());
    }
    words
}
