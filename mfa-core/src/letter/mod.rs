//! Letters: what is mailed, and to whom. Nobody decides to mail something: it follows from what happened.
//!
//! [`that_follow`] makes the letters of a commit out of its record, its writes and the account as it was. They lie in
//! the same transaction as the commit, so that what happened and who is told cannot come apart. Texts are not made
//! here; a letter says its topic and the values that go into the text, and none of those is secret.

mod address;
mod template;
mod topic;

pub use address::{Address, Directory, NotAnAddress, Template};
pub use template::{Template as Text, TemplateError as TextError, Values, Written};
pub use topic::{COMMON, Topic};

use crate::account::{Account, FactorId, Record, What, Write};
use crate::throttle::{FAILURES_UNTIL_OFF, FREE_FAILURES};
use crate::{Secret, Time};

/// Backup codes left of which the owner is told to make new ones.
pub const FEW_BACKUP_CODES: usize = 3;

/// To whom a letter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The account's owner, at the address that holds when it is sent.
    Owner,
    /// The account's owner, at the address that the site has, whatever the owner has verified since.
    Directory,
    /// One address, whatever becomes of it.
    Address(Address),
    /// Every administrator, by mail and webhook.
    Administrators,
}

/// One letter, to be written when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// To whom.
    pub to: To,
    /// About what.
    pub topic: Topic,
    /// The values of [`Topic::fields`], a code aside; never secret.
    pub values: Vec<(&'static str, String)>,
    /// The code it carries, if it does. It is kept sealed, sent once at the most, and never after its end.
    pub code: Option<Code>,
}

/// A code on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// As it is typed.
    pub text: Secret,
    /// After this it lets nobody in, and is not sent any more.
    pub until: Time,
}

impl Letter {
    /// To the owner of the account.
    #[must_use]
    pub fn to_owner(topic: Topic) -> Self {
        Self { to: To::Owner, topic, values: Vec::new(), code: None }
    }

    /// To the administrators.
    #[must_use]
    pub fn to_administrators(topic: Topic) -> Self {
        Self { to: To::Administrators, topic, values: Vec::new(), code: None }
    }

    /// A code to log in with, to the very address that the user was told of.
    #[must_use]
    pub fn with_code(to: Address, code: Secret, (now, until): (Time, Time)) -> Self {
        let minutes = until.since(now).max(0) / 60;
        let code = Some(Code { text: code, until });
        Self { to: To::Address(to), topic: Topic::Code, values: Vec::new(), code }.saying("minutes", minutes)
    }

    /// With a value.
    #[must_use]
    pub fn saying(mut self, field: &'static str, value: impl ToString) -> Self {
        self.values.push((field, value.to_string()));
        self
    }
}

/// The letters that follow from a commit, on the account as it was before.
#[must_use]
pub fn that_follow(record: &Record, writes: &[Write], before: &Account) -> Vec<Letter> {
    match record.what {
        What::Added | What::Removed if changes_address(writes) => address_changed(writes, before),
        What::Added | What::Imported => vec![added(record, writes, before)],
        What::Removed => vec![about_factor(Topic::FactorRemoved, record, before)],
        What::Reset => vec![reset(record, before)],
        What::NewBackupCodes => vec![Letter::to_owner(Topic::NewBackupCodes)],
        What::Passed => writes.iter().find_map(|write| used_up(write, before)).into_iter().collect(),
        What::Wrong => writes.iter().find_map(closed).into_iter().collect(),
        What::ToldRequired => vec![Letter::to_owner(Topic::Required)],
        What::AddressChanged => address_changed(writes, before),
        What::CounterBack => counter_back(record, before),
        What::Reported => vec![Letter::to_administrators(Topic::Reported)],
        What::Forgotten => Vec::new(),
        What::Skipped
        | What::Denied
        | What::Replayed
        | What::Begun
        | What::Renamed
        | What::Unlocked
        | What::Rebound => Vec::new(),
        // The administrator tells them the code. Whoever is told of it otherwise learns that somebody else has one.
        What::Invited => vec![Letter::to_owner(Topic::Invited)],
        What::TempCodeGiven => vec![Letter::to_owner(Topic::TempCodeGiven)],
        What::InviteWrong | What::InviteWithdrawn | What::TempCodeWithdrawn => Vec::new(), // each makes less possible
        What::Suspended | What::Returned => Vec::new(), // of the seat alone: nothing changes for its owner
        What::Mailed => Vec::new(),                     // it is a letter itself
        What::NotMailed => Vec::new(),                  // nobody is mailed about that
    }
}

/// To the address that its owner had verified: by the time it is sent there is none any more.
fn reset(record: &Record, before: &Account) -> Letter {
    let to = before.address.clone().map_or(To::Owner, To::Address);
    Letter { to, ..Letter::to_owner(Topic::Reset).saying("factor", which(record)) }
}

fn changes_address(writes: &[Write]) -> bool {
    writes.iter().any(|write| matches!(write, Write::Address(_)))
}

fn about_factor(topic: Topic, record: &Record, before: &Account) -> Letter {
    let name = |id: FactorId| {
        let pending = before.pending.as_ref().filter(|pending| pending.id == id).map(|pending| &pending.name);
        before.factor(id).map(|factor| &factor.name).or(pending).cloned()
    };
    let name = record.factor.and_then(|(_, id)| id).and_then(name).unwrap_or_default();
    Letter::to_owner(topic).saying("factor", which(record)).saying("name", name)
}

/// What is added at once has no id yet; its name is in what is written.
fn added(record: &Record, writes: &[Write], before: &Account) -> Letter {
    let name = writes.iter().find_map(|write| match write {
        Write::Add { name, .. } => Some(name),
        _ => None,
    });
    match name {
        Some(name) => Letter::to_owner(Topic::FactorAdded).saying("factor", which(record)).saying("name", name),
        None => about_factor(Topic::FactorAdded, record, before),
    }
}

/// To the administrators, and to the owner, who knows whether somebody else had the key.
fn counter_back(record: &Record, before: &Account) -> Vec<Letter> {
    let owner = about_factor(Topic::CounterBack, record, before);
    vec![Letter { to: To::Administrators, ..owner.clone() }, owner]
}

fn which(record: &Record) -> &'static str {
    record.factor.map_or("everything", |(kind, _)| kind.spoken())
}

/// A backup code that let somebody in.
fn used_up(write: &Write, before: &Account) -> Option<Letter> {
    let Write::UseBackupCode { .. } = write else { return None };
    let left = before.backup.codes.len().saturating_sub(1);
    let topic = if left <= FEW_BACKUP_CODES { Topic::FewBackupCodes } else { Topic::BackupCodeUsed };
    Some(Letter::to_owner(topic).saying("left", left))
}

/// The failure by which tries began to wait, or codes went off; the ones after it say nothing new.
fn closed(write: &Write) -> Option<Letter> {
    match write {
        Write::Throttle(_, throttle) if throttle.in_a_row == FAILURES_UNTIL_OFF => {
            Some(Letter::to_owner(Topic::CodesOff))
        }
        Write::Throttle(_, throttle) if throttle.failures == FREE_FAILURES => Some(Letter::to_owner(Topic::Throttled)),
        _ => None,
    }
}

/// To the old address and to the new one, so that whoever reads the old one learns of it.
fn address_changed(writes: &[Write], before: &Account) -> Vec<Letter> {
    let new = writes.iter().find_map(|write| match write {
        Write::Address(new) => Some(new.as_ref()),
        _ => None,
    });
    let Some(new) = new else { return Vec::new() };
    let told = |to, old: &str, new: &str| {
        Letter { to, ..Letter::to_owner(Topic::AddressChanged) }.saying("old", old).saying("new", new)
    };
    let (old, of_site) = (before.address.as_ref(), "the one the site has for you");
    let spelled = |address: Option<&Address>| address.map_or(of_site.to_owned(), Address::masked);
    let at = |address: Option<&Address>| address.map_or(To::Directory, |address| To::Address(address.clone()));
    let (from, to) = (spelled(old), spelled(new));
    vec![told(at(old), &from, &to), told(at(new), &from, &to)]
}

#[cfg(test)]
mod tests;
