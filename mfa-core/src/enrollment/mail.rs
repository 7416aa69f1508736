//! A mail address of one's own as a factor: a code is mailed there, and whoever can read it has verified it.
//!
//! It is bound to whoever began it, like a login's code, and kept nowhere: what is not confirmed was never there. Whoever
//! has nothing but a mailed code cannot move it to another mailbox with one.

use super::{GUESSES, MOST_FACTORS, Permission, Refusal, Rules, checked_name, commit, permit};
use crate::At;
use crate::account::{Account, Commit, Detail, Record, Ticket, What, Write};
use crate::factor::Kind;
use crate::factor::email::{Finding, Mailed};
use crate::letter::{Address, Letter};
use crate::throttle::{Caller, Gate};

/// An address on its way to become a factor.
#[derive(Debug)]
pub struct Verifying {
    address: Address,
    name: String,
    code: Mailed,
}

impl Verifying {
    /// The address that a code was mailed to.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Until when the code is taken.
    #[must_use]
    pub fn until(&self) -> crate::Time {
        self.code.until()
    }
}

/// Mails a code to an address that is to become a factor.
///
/// # Errors
/// `ProveFirst`, `StrongerFirst`, `NotTaken`, `SiteAddress`, `TooMany`, `BadName`, `BadAddress`, `TooManyMails`,
/// `Internal`.
pub fn begin_mail(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (address, name): (&str, Option<&str>),
    (at, ticket): (&At, Ticket),
) -> Result<(Commit, Verifying), Refusal> {
    permit(account, permission, at)?;
    match permission {
        Permission::Root => {}
        Permission::Proved { proof, .. } if proof.kind() != Kind::Email => {}
        _ => return Err(Refusal::StrongerFirst),
    }
    if !rules.kinds.contains(Kind::Email) {
        return Err(Refusal::NotTaken);
    }
    if !rules.own_addresses {
        return Err(Refusal::SiteAddress);
    }
    let others = account.factors.iter().filter(|factor| factor.detail.kind() != Kind::Email).count();
    if others >= MOST_FACTORS {
        return Err(Refusal::TooMany);
    }
    let name = checked_name(name.unwrap_or("mail"))?;
    let address: Address = address.trim().parse().map_err(|_| Refusal::BadAddress)?;
    let caller = if matches!(permission, Permission::Root) { Caller::Root } else { Caller::Plain };
    let sends = account.mailings.get(caller);
    if let Some(wait) = sends.wait(at.now) {
        return Err(Refusal::TooManyMails(wait));
    }
    let (mailed, code) = Mailed::new(&at.fresh, address.clone(), at.now).ok_or(Refusal::Internal)?;
    let letter = Letter::with_code(address.clone(), code, (at.now, mailed.until()));
    let record = Record::of(What::Mailed).with(Kind::Email, None).because("to-verify");
    let mut commit = commit(account, vec![Write::Mailings(caller, sends.sent(at.now))], record, (at, ticket));
    commit.letters.push(letter);
    Ok((commit, Verifying { address, name, code: mailed }))
}

/// What a code for an address comes to.
#[derive(Debug)]
pub enum Verified {
    /// Right: a factor, in place of the address before, once this is committed.
    Right(Box<Commit>),
    /// Not the code; an owner's is counted as a guess, once this is committed.
    Wrong(Option<Box<Commit>>),
    /// The code, too late.
    Ended,
}

/// Takes the code that was mailed to the address.
///
/// # Errors
/// `ProveFirst`, `NotTaken`, `SiteAddress`, `Throttled`.
pub fn confirm_mail(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (verifying, typed): (&Verifying, &str),
    (at, ticket): (&At, Ticket),
) -> Result<Verified, Refusal> {
    permit(account, permission, at)?;
    if !rules.kinds.contains(Kind::Email) {
        return Err(Refusal::NotTaken);
    }
    if !rules.own_addresses {
        return Err(Refusal::SiteAddress);
    }
    let guesses = (!matches!(permission, Permission::Root)).then(|| account.throttles.get(GUESSES));
    match guesses.map_or(Gate::Open, |guesses| guesses.gate(GUESSES, at.now)) {
        Gate::Open => {}
        closed => return Err(Refusal::Throttled(closed)),
    }
    let Verifying { address, name, code } = verifying;
    match code.find(typed, at.now) {
        Finding::Ended => Ok(Verified::Ended),
        Finding::Wrong => {
            let counted = guesses.map(|guesses| vec![Write::Throttle(GUESSES, guesses.failed(at.now))]);
            let record = Record::of(What::Wrong).with(Kind::Email, None).because("not-confirmed");
            Ok(Verified::Wrong(counted.map(|writes| Box::new(commit(account, writes, record, (at, ticket))))))
        }
        Finding::Right => {
            let (name, address) = (name.clone(), address.clone());
            let before = account.own_mail().map(|factor| Write::Remove(factor.id));
            let new = [Write::Add { name, detail: Detail::Email(address.clone()) }, Write::Address(Some(address))];
            let record = Record::of(What::Added).with(Kind::Email, None);
            Ok(Verified::Right(Box::new(commit(
                account,
                before.into_iter().chain(new).collect(),
                record,
                (at, ticket),
            ))))
        }
    }
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
