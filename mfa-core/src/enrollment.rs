//! Changes to an account's factors: a request, an account and a permission in, a commit out.
//!
//! Who may change what is decided here and nowhere else. As with a login, nothing is true before the commit is.

mod adding;
mod administration;
mod mail;
mod refusal;
mod security_key;
mod ssh_key;

pub(crate) use administration::void_all;
pub use administration::{reset, unlock};
pub use mail::{Verified, Verifying, begin_mail, confirm_mail};
pub use refusal::{NotAdded, Refusal};
pub use security_key::{Made, Making, begin_security_key, confirm_security_key, enrolled_keys, security_key_made};
pub use ssh_key::{NAMESPACE, NotASecurityKey, Proving, Wish as SshWish, begin_ssh_key, confirm_ssh_key, read_ssh_key};

use crate::account::{Account, Commit, Factor, FactorId, NewPending, Pending, Record, Seen, Ticket, What, Write};
use crate::dialog::Proof;
use crate::factor::totp::{self, Algorithm, Parameters, Step};
use crate::factor::{Kind, Kinds, backup_code};
use crate::given::{self, Accepted};
use crate::letter;
use crate::seats::Claim;
use crate::throttle::{Bucket, Caller, Gate, Guess};
use crate::{At, Time};
use adding::OnItsWay;
use zeroize::Zeroizing;

/// Seconds for which a begun enrollment can be resumed and confirmed.
pub const PENDING_SECONDS: i64 = 10 * 60;
/// Seconds for which a proof lets its connection change factors.
pub const PROOF_SECONDS: i64 = 5 * 60;
/// Factors an account may have, backup codes aside.
pub const MOST_FACTORS: usize = 20;
/// Characters of a factor's name.
pub const LONGEST_NAME: usize = 64;

/// Where wrong codes of an owner's confirmations are counted.
const GUESSES: Bucket = Bucket { caller: Caller::Plain, guess: Guess::Code };

/// What the site says about enrolling.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// How many consecutive codes confirm an app: 1 or 2.
    pub confirm_codes: u8,
    /// Of new secrets.
    pub parameters: Parameters,
    /// The kinds this account may use; `None` of them new if the policy would not take it.
    pub kinds: Kinds,
    /// Whether some login here requires a factor, so that the last one cannot be removed.
    pub required: bool,
    /// Whether the first factor takes an invitation, so that a stolen password does not enroll the thief.
    pub by_invitation: bool,
    /// What a first factor does about a seat.
    pub seat: Claim,
    /// Whether an address of one's own would be written to: not where the site alone says where mail goes.
    pub own_addresses: bool,
    /// Whether a mailed code is asked for before the first factor is added: logins ask for one already.
    pub mail_first: bool,
}

/// By what right a change is asked for.
#[derive(Debug)]
pub enum Permission<'a> {
    /// Root does it for somebody.
    Root,
    /// The owner, who proved a factor on this connection.
    Proved {
        /// What was proved.
        proof: &'a Proof,
        /// When.
        at: Time,
        /// How many changes of factors this connection has made since. Somebody else's void the proof.
        changes: i64,
    },
    /// The owner, who has typed the enrollment code of an invitation in this login.
    Invited(Accepted),
    /// The owner, who has proved nothing on this connection.
    Unproved,
}

/// What a request to begin comes to.
#[derive(Debug)]
pub enum Begun<'a> {
    /// The one begun before goes on.
    Resumed(&'a Pending),
    /// A new one, once this is committed.
    New(Commit),
}

/// Begins to enroll an app, or resumes.
///
/// # Errors
/// `ProveFirst`, `NotTaken`, `TooMany`, `NoSeat`, `BadName`, `Internal`.
pub fn begin_totp<'a>(
    account: &'a Account,
    permission: &Permission<'_>,
    rules: &Rules,
    wish: (Option<&str>, bool),
    (at, ticket): (&At, Ticket),
) -> Result<Begun<'a>, Refusal> {
    let (name, start_anew) = wish;
    adding::may_add(account, permission, rules, Kind::Totp, at)?;
    match &account.pending {
        Some(pending) if !start_anew && pending.until > at.now => return Ok(Begun::Resumed(pending)),
        _ => {}
    }
    let pending = NewPending {
        name: checked_name(name.unwrap_or("phone"))?,
        secret: totp::fresh_secret(rules.parameters.algorithm, &at.fresh).ok_or(Refusal::Internal)?,
        parameters: rules.parameters,
        until: at.now.plus(PENDING_SECONDS),
    };
    let record = Record::of(What::Begun).with(Kind::Totp, None);
    Ok(Begun::New(commit(account, vec![Write::Begin(pending)], record, (at, ticket))))
}

/// What codes given to confirm come to.
#[derive(Debug)]
pub enum Confirming {
    /// Right: a factor once this is committed, with these backup codes if there were none.
    Right(Box<Commit>, Vec<Zeroizing<String>>),
    /// The first is right; the next one is needed too.
    OneMore,
    /// Not a code of this secret; an owner's is counted as a guess, once this is committed.
    Wrong(Option<Box<Commit>>),
    /// A code of this secret for another time: the app's clock is ahead by so many seconds, or behind.
    ClockOff(i64),
    /// Both are right, but one does not follow the other.
    NotConsecutive,
}

/// Proves that an app has the pending secret.
///
/// # Errors
/// `NotFound`, `InvitedOnly`, `BadCodes`, `Throttled`, `NoSeat`, `Internal`.
pub fn confirm(
    account: &Account,
    permission: &Permission<'_>,
    (id, codes): (FactorId, &[&str]),
    rules: &Rules,
    (at, ticket): (&At, Ticket),
) -> Result<Confirming, Refusal> {
    // Whoever has the pending secret was allowed to see it; the codes are all the right that is needed here. So they
    // must not be found by trying: backup codes may come with them.
    let pending = account.pending.as_ref().filter(|pending| pending.id == id && pending.until > at.now);
    let pending = pending.ok_or(Refusal::NotFound)?;
    // Unless the policy has come to want an invitation for a first factor since.
    if rules.by_invitation && !account.is_enrolled() && matches!(permission, Permission::Unproved) {
        return Err(Refusal::InvitedOnly);
    }
    let guesses = match permission {
        Permission::Root | Permission::Invited(_) => None,
        Permission::Proved { .. } | Permission::Unproved => Some(account.throttles.get(GUESSES)),
    };
    match guesses.map_or(Gate::Open, |guesses| guesses.gate(GUESSES, at.now)) {
        Gate::Open => {}
        closed => return Err(Refusal::Throttled(closed)),
    }
    let needed = usize::from(rules.confirm_codes);
    if codes.is_empty() || codes.len() > needed {
        return Err(Refusal::BadCodes);
    }
    let step = match confirming_step(pending, codes, needed, at.now) {
        Ok(step) => step,
        Err(Confirming::Wrong(_)) => {
            let counted = guesses.map(|guesses| vec![Write::Throttle(GUESSES, guesses.failed(at.now))]);
            let record = Record::of(What::Wrong).with(Kind::Totp, Some(id)).because("not-confirmed");
            return Ok(Confirming::Wrong(
                counted.map(|writes| Box::new(commit(account, writes, record, (at, ticket)))),
            ));
        }
        Err(finding) => return Ok(finding),
    };
    let mut writes = vec![Write::Confirm { factor: id, step }];
    writes.extend(given::end_invitation(account));
    writes.extend(seat(account, rules)?);
    let (codes, shown) = adding::first_codes(account, at)?;
    writes.extend(codes);
    let record = Record::of(What::Added).with(Kind::Totp, Some(id));
    Ok(Confirming::Right(Box::new(commit(account, writes, record, (at, ticket))), shown))
}

/// What a new factor does about a seat: it takes one if it is the first.
///
/// # Errors
/// `NoSeat`; never for an account that is or was enrolled.
pub fn seat(account: &Account, rules: &Rules) -> Result<Option<Write>, Refusal> {
    match rules.seat {
        Claim::NotNeeded => Ok(None),
        _ if account.ever_enrolled => Ok(Some(Write::TakeSeat { of: None })),
        Claim::OneOf(total) => Ok(Some(Write::TakeSeat { of: Some(total) })),
        Claim::Beyond => Ok(Some(Write::TakeSeat { of: None })),
        Claim::Refused => Err(Refusal::NoSeat),
    }
}

/// The step that confirms, or what else the codes came to.
fn confirming_step(pending: &Pending, codes: &[&str], needed: usize, now: Time) -> Result<Step, Confirming> {
    // With two codes the first may be a whole period older than the window of the second.
    let earlier = i64::from(pending.parameters.period) * i64::from(codes.len() > 1);
    let step_of = |code: &str, at: Time| totp::matching_step(&pending.secret, pending.parameters, code.trim(), at);
    let mut last = None;
    for (place, code) in codes.iter().enumerate() {
        let step = step_of(code, now).or_else(|| step_of(code, now.plus(-earlier)).filter(|_| place == 0));
        let Some(step) = step else {
            let offset = totp::clock_offset(&pending.secret, pending.parameters, code.trim(), now);
            return Err(offset.map_or(Confirming::Wrong(None), Confirming::ClockOff));
        };
        if last.is_some_and(|Step(before)| step != Step(before + 1)) {
            return Err(Confirming::NotConsecutive);
        }
        last = Some(step);
    }
    match last {
        Some(step) if codes.len() == needed => Ok(step),
        _ => Err(Confirming::OneMore),
    }
}

/// A new set of backup codes in place of the old.
///
/// # Errors
/// `ProveFirst`, `NothingEnrolled`, `Internal`.
pub fn new_backup_codes(
    account: &Account,
    permission: &Permission<'_>,
    (at, ticket): (&At, Ticket),
) -> Result<(Commit, Vec<Zeroizing<String>>), Refusal> {
    permit(account, permission, at)?;
    if account.factors.is_empty() {
        return Err(Refusal::NothingEnrolled);
    }
    let set = backup_code::new_set(&at.fresh).ok_or(Refusal::Internal)?;
    let write = Write::NewBackupCodes { salt: set.salt, digests: set.digests };
    let record = Record::of(What::NewBackupCodes).with(Kind::BackupCode, None);
    Ok((commit(account, vec![write], record, (at, ticket)), set.codes))
}

/// Removes a factor. With the last one the backup codes go too.
///
/// # Errors
/// `ProveFirst`, `NotFound`, `LastRequired`.
pub fn remove(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    id: FactorId,
    (at, ticket): (&At, Ticket),
) -> Result<Commit, Refusal> {
    permit(account, permission, at)?;
    let factor = account.factor(id).ok_or(Refusal::NotFound)?;
    let last_usable = !account.factors.iter().any(|other| other.id != id && rules.kinds.contains(other.detail.kind()));
    if last_usable && rules.required && !matches!(permission, Permission::Root) {
        return Err(Refusal::LastRequired);
    }
    let only_one = account.factors.len() == 1;
    let write = if only_one { Write::RemoveAll } else { Write::Remove(id) };
    let writes = std::iter::once(write).chain(end_address(factor)).collect();
    let record = Record::of(What::Removed).with(factor.detail.kind(), Some(id));
    Ok(commit(account, writes, record, (at, ticket)))
}

/// With the factor that is an address goes the address.
fn end_address(factor: &Factor) -> Option<Write> {
    (factor.detail.kind() == Kind::Email).then_some(Write::Address(None))
}

/// Gives a factor another name.
///
/// # Errors
/// `ProveFirst`, `NotFound`, `BadName`.
pub fn rename(
    account: &Account,
    permission: &Permission<'_>,
    id: FactorId,
    name: &str,
    (at, ticket): (&At, Ticket),
) -> Result<Commit, Refusal> {
    permit(account, permission, at)?;
    let factor = account.factor(id).ok_or(Refusal::NotFound)?;
    let record = Record::of(What::Renamed).with(factor.detail.kind(), Some(id));
    Ok(commit(account, vec![Write::Rename(id, checked_name(name)?)], record, (at, ticket)))
}

/// Whether this right is one to change the account's factors: root's, a proof of minutes ago under the factors of now,
/// or none where nothing is enrolled yet.
///
/// # Errors
/// `ProveFirst`.
pub fn permit(account: &Account, permission: &Permission<'_>, at: &At) -> Result<(), Refusal> {
    let fresh = match permission {
        Permission::Root => true,
        Permission::Proved { proof, at: proved, changes } => {
            (0..=PROOF_SECONDS).contains(&at.now.since(*proved))
                && proof.generation().saturating_add(*changes) == account.factor_generation
        }
        Permission::Invited(accepted) => accepted.still_holds(account),
        Permission::Unproved => !account.is_enrolled(),
    };
    if fresh { Ok(()) } else { Err(Refusal::ProveFirst) }
}

/// A commit on the account as it was read, with the letters that follow from it.
pub(crate) fn commit(account: &Account, writes: Vec<Write>, record: Record, (at, ticket): (&At, Ticket)) -> Commit {
    let seen = account.version.map_or(Seen::Absent, Seen::At);
    let letters = letter::that_follow(&record, &writes, account);
    Commit { ticket, identity: account.identity.clone(), seen, writes, record, letters, at: at.now }
}

pub(crate) fn checked_name(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Refusal::BadName);
    }
    Ok(name.to_owned())
}

/// The parameters a site may choose for new secrets, from its settings.
///
/// # Errors
/// A sentence that says what is possible.
pub fn parameters(algorithm: &str, digits: u8, period: u8) -> Result<Parameters, &'static str> {
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(algorithm));
    let algorithm = algorithm.ok_or("the algorithm is SHA1, SHA256 or SHA512")?;
    Parameters::new(algorithm, digits, period).ok_or("codes have 6 or 8 digits and live 30 or 60 seconds")
}

#[cfg(test)]
#[path = "enrollment_tests.rs"]
mod tests;
