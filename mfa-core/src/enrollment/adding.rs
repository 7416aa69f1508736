//! What adding any kind of factor asks for, and brings with it; the same for all that are added at once.

use super::{MOST_FACTORS, PENDING_SECONDS, Permission, Refusal, Rules, commit, permit, seat};
use crate::account::{Account, Commit, Detail, Identity, Record, Ticket, What, Write};
use crate::factor::{Kind, backup_code};
use crate::given;
use crate::{At, Time};
use zeroize::Zeroizing;

/// A factor that is being added on a connection and is kept nowhere: whose it will be, as what, and until when.
#[derive(Clone, Debug)]
pub(super) struct OnItsWay {
    whose: Identity,
    until: Time,
    /// What it will be called.
    pub(super) name: String,
}

impl OnItsWay {
    pub(super) fn begin(account: &Account, name: String, now: Time) -> Self {
        Self { whose: account.identity.clone(), until: now.plus(PENDING_SECONDS), name }
    }

    /// Whether it still may become a factor, of this account.
    pub(super) fn must_go_on(&self, account: &Account, now: Time) -> Result<(), Refusal> {
        let lives = (1..=PENDING_SECONDS).contains(&self.until.since(now));
        if lives && self.whose == account.identity { Ok(()) } else { Err(Refusal::NotFound) }
    }
}

/// Whether a factor of this kind may be added by this right.
///
/// # Errors
/// `ProveFirst`, `InvitedOnly`, `NotTaken`, `TooMany`, `NoSeat`.
pub(super) fn may_add(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    kind: Kind,
    at: &At,
) -> Result<(), Refusal> {
    permit(account, permission, at)?;
    if rules.mail_first && matches!(permission, Permission::Unproved) {
        return Err(Refusal::ProveFirst);
    }
    if rules.by_invitation && matches!(permission, Permission::Unproved) {
        return Err(Refusal::InvitedOnly);
    }
    if !rules.kinds.contains(kind) {
        return Err(Refusal::NotTaken);
    }
    if account.factors.len() >= MOST_FACTORS {
        return Err(Refusal::TooMany);
    }
    seat(account, rules).map(drop)
}

/// Something that was verified becomes a factor; with backup codes to be shown once, if the account has none left.
///
/// # Errors
/// `NoSeat`, `Internal`.
pub(super) fn add(
    account: &Account,
    rules: &Rules,
    (name, detail): (&str, Detail),
    (at, ticket): (&At, Ticket),
) -> Result<(Commit, Vec<Zeroizing<String>>), Refusal> {
    let record = Record::of(What::Added).with(detail.kind(), None);
    let mut writes = vec![Write::Add { name: name.to_owned(), detail }];
    // What was begun while nothing was enrolled, and so without a proof, is not confirmed beside it.
    writes.extend(account.pending.as_ref().filter(|_| !account.is_enrolled()).map(|_| Write::EndPending));
    writes.extend(given::end_invitation(account));
    writes.extend(seat(account, rules)?);
    let (codes, shown) = first_codes(account, at)?;
    writes.extend(codes);
    Ok((commit(account, writes, record, (at, ticket)), shown))
}

/// A set of backup codes, if the account has none left.
pub(super) fn first_codes(account: &Account, at: &At) -> Result<(Option<Write>, Vec<Zeroizing<String>>), Refusal> {
    if !account.backup.codes.is_empty() {
        return Ok((None, Vec::new()));
    }
    let set = backup_code::new_set(&at.fresh).ok_or(Refusal::Internal)?;
    Ok((Some(Write::NewBackupCodes { salt: set.salt, digests: set.digests }), set.codes))
}
