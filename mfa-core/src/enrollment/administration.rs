//! What administrators do to somebody's factors: start them over, let them try again. Nothing is proved for it here; who
//! may is the daemon's to know.

use super::{Refusal, commit, end_address};
use crate::At;
use crate::account::{Account, Commit, FactorId, Record, Ticket, What, Write};
use crate::given;
use crate::mailbox::Sends;
use crate::throttle::{Bucket, Caller, Throttle};

/// Removes one factor or everything; an administrator's, so nothing is proved. `None` if there is nothing to remove.
///
/// # Errors
/// `NotFound`.
pub fn reset(
    account: &Account,
    only: Option<FactorId>,
    (at, ticket): (&At, Ticket),
) -> Result<Option<Commit>, Refusal> {
    let factor = only.map(|id| account.factor(id).ok_or(Refusal::NotFound)).transpose()?;
    let kind = factor.map(|factor| (factor.detail.kind(), Some(factor.id)));
    if account.version.is_none() {
        return Ok(None);
    }
    let write = match only {
        // A temporary code may have been given because of the very phone that is lost.
        Some(id) if account.factors.len() > 1 => {
            let ends = given::end_temp_code(account).into_iter().chain(factor.and_then(end_address));
            std::iter::once(Write::Remove(id)).chain(ends).collect()
        }
        _ => void_all().collect(),
    };
    let record = Record { factor: kind, ..Record::of(What::Reset) };
    Ok(Some(commit(account, write, record, (at, ticket))))
}

/// Forgets all failures; an administrator's. `None` if nothing is kept of the account.
#[must_use]
pub fn unlock(account: &Account, (at, ticket): (&At, Ticket)) -> Option<Commit> {
    account.version?;
    Some(commit(account, forget_failures().collect(), Record::of(What::Unlocked), (at, ticket)))
}

/// Everything stops working, and failures are forgotten with it.
pub(crate) fn void_all() -> impl Iterator<Item = Write> {
    std::iter::once(Write::RemoveAll).chain(forget_failures())
}

fn forget_failures() -> impl Iterator<Item = Write> {
    let mailings = [Caller::Root, Caller::Plain].map(|caller| Write::Mailings(caller, Sends::default()));
    Bucket::ALL.into_iter().map(|bucket| Write::Throttle(bucket, Throttle::default())).chain(mailings)
}
