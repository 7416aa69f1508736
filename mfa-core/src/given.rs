//! Codes that an administrator gives to somebody: the enrollment code of an invitation, with which a first factor is
//! enrolled where a password alone must not do that; and the temporary code, which stands in for a factor that was
//! left at home. Giving, withdrawing and recognizing them is decided here; who may give them is not.

use crate::account::{Account, Commit, Record, Ticket, What, Write};
use crate::enrollment::{self, commit};
use crate::printed::{self, Kept};
use crate::{At, Time};
use std::fmt;
use std::ops::RangeInclusive;
use zeroize::Zeroizing;

/// Characters of an enrollment code, dashes aside: eighty random bits.
const INVITE_LENGTH: usize = 16;
/// Wrong codes that an invitation stands.
pub const INVITE_TRIES: u32 = 5;
/// For how long an invitation may be good, in seconds.
pub const INVITE_SECONDS: RangeInclusive<u32> = 5 * 60..=30 * 86_400;
/// For how long it is unless that is said, in seconds.
pub const INVITE_DEFAULT: u32 = 3 * 86_400;
/// For how long a temporary code may be good, in seconds.
pub const TEMP_CODE_SECONDS: RangeInclusive<u32> = 5 * 60..=7 * 86_400;
/// How many logins a temporary code may be good for.
pub const TEMP_CODE_USES: RangeInclusive<u32> = 1..=20;
/// Characters of the reason for a temporary code.
pub const LONGEST_REASON: usize = 200;

/// What a given code is for. An account has one of each at most; a new one voids the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Enrolling a first factor.
    Invite,
    /// Logging in without one.
    TempCode,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Invite, Self::TempCode];

    /// The word in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invite => "invite",
            Self::TempCode => "temp-code",
        }
    }
}

/// A code that was given out and not voided since.
#[derive(Clone, Debug)]
pub struct Given {
    /// Names it within the store.
    pub id: i64,
    /// What is kept of the code.
    pub kept: Kept,
    /// From then on it is good for nothing.
    pub until: Time,
    /// What is left: wrong tries of an invitation, logins of a temporary code.
    pub left: u32,
    /// The administrator's words about it.
    pub reason: Option<String>,
}

impl Given {
    /// Whether it is good for something. `now` must be the later of the clock and the newest time on record.
    #[must_use]
    pub fn is_live(&self, now: Time) -> bool {
        self.left > 0 && now < self.until
    }
}

/// A code that is about to be given out.
#[derive(Debug)]
pub struct NewGiven {
    /// For what.
    pub purpose: Purpose,
    /// What is kept of it.
    pub kept: Kept,
    /// Its end.
    pub until: Time,
    /// Tries or uses.
    pub left: u32,
    /// The administrator's words about it.
    pub reason: Option<String>,
}

/// Why a code is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An invitation is for a first factor.
    HasFactors,
    /// An invitation that would end at once, or in a year.
    InviteTime,
    /// A temporary code that would end at once, or in a year.
    TempCodeTime,
    /// A temporary code for no login, or for any number.
    Uses,
    /// No reason, one that is too long, or one with control characters.
    Reason,
    /// An error of this program: too little randomness.
    Internal,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HasFactors => {
                "There is a factor already, and an invitation is for the first one. To start over: mfactl reset NAME \
                 --invite"
            }
            Self::InviteTime => "An enrollment code lives for five minutes to thirty days, such as 3d.",
            Self::TempCodeTime => "A temporary code lives for five minutes to seven days, such as 1h.",
            Self::Uses => "A temporary code is good for 1 to 20 logins.",
            Self::Reason => "Say why, in 1 to 200 printable characters: it is kept in the record.",
            Self::Internal => "This machine gives no random numbers. No code was made.",
        })
    }
}

/// What an administrator wants a temporary code to be.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// For so long, in seconds.
    pub seconds: u32,
    /// For so many logins.
    pub uses: u32,
    /// Why.
    pub reason: &'a str,
}

/// A commit, and the code that is true once it happened; shown once.
pub type Giving = (Commit, Zeroizing<String>);

/// Invites somebody who has no factor to enroll one. What was begun without the code cannot be confirmed any more.
///
/// # Errors
/// `HasFactors`, `InviteTime`, `Internal`.
pub fn invite(account: &Account, seconds: u32, (at, ticket): (&At, Ticket)) -> Result<Giving, Refusal> {
    if account.is_enrolled() {
        return Err(Refusal::HasFactors);
    }
    let (write, code) = new_invite(account, seconds, at)?;
    Ok((commit(account, vec![Write::EndPending, write], Record::of(What::Invited), (at, ticket)), code))
}

/// Voids all that an account has, and invites it to enroll anew: from then on its first factor takes the code, whatever
/// the policy says, until one is enrolled or the invitation is withdrawn. Works for an account that has nothing, too.
///
/// # Errors
/// `InviteTime`, `Internal`.
pub fn reset_and_invite(account: &Account, seconds: u32, (at, ticket): (&At, Ticket)) -> Result<Giving, Refusal> {
    let (write, code) = new_invite(account, seconds, at)?;
    let voided = account.version.map(|_| enrollment::void_all()).into_iter().flatten();
    let writes = voided.chain([write, Write::InvitedOnly(true)]).collect();
    Ok((commit(account, writes, Record::of(What::Reset).because("with-invite"), (at, ticket)), code))
}

/// The write that makes an invitation for an account as it will be without factors, and the code.
fn new_invite(account: &Account, seconds: u32, at: &At) -> Result<(Write, Zeroizing<String>), Refusal> {
    if !INVITE_SECONDS.contains(&seconds) {
        return Err(Refusal::InviteTime);
    }
    let new = printed::new_code(&at.fresh, INVITE_LENGTH).ok_or(Refusal::Internal)?;
    let until = account.latest(at.now).plus(seconds.into());
    let given = NewGiven { purpose: Purpose::Invite, kept: new.kept, until, left: INVITE_TRIES, reason: None };
    Ok((Write::Give(given), new.code))
}

/// Gives somebody a code that stands in for a factor, for a while and a number of logins.
///
/// # Errors
/// `TempCodeTime`, `Uses`, `Reason`, `Internal`.
pub fn temp_code(account: &Account, wish: &Wish<'_>, (at, ticket): (&At, Ticket)) -> Result<Giving, Refusal> {
    let Wish { seconds, uses, reason } = *wish;
    if !TEMP_CODE_SECONDS.contains(&seconds) {
        return Err(Refusal::TempCodeTime);
    }
    if !TEMP_CODE_USES.contains(&uses) {
        return Err(Refusal::Uses);
    }
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(Refusal::Reason);
    }
    let new = printed::new_code(&at.fresh, crate::factor::backup_code::LENGTH).ok_or(Refusal::Internal)?;
    let until = account.latest(at.now).plus(seconds.into());
    let words = Some(reason.to_owned());
    let given = NewGiven { purpose: Purpose::TempCode, kept: new.kept, until, left: uses, reason: words.clone() };
    let record = Record { words, ..Record::of(What::TempCodeGiven) };
    Ok((commit(account, vec![Write::Give(given)], record, (at, ticket)), new.code))
}

/// Voids a code; with an invitation also the demand for one that a reset left. `None` if there is neither.
#[must_use]
pub fn withdraw(account: &Account, purpose: Purpose, (at, ticket): (&At, Ticket)) -> Option<Commit> {
    let (writes, what) = match purpose {
        Purpose::Invite => (end_invitation(account), What::InviteWithdrawn),
        Purpose::TempCode => (end_temp_code(account), What::TempCodeWithdrawn),
    };
    (!writes.is_empty()).then(|| commit(account, writes, Record::of(what), (at, ticket)))
}

/// What ends with the commit that makes a first factor: the invitation, and the demand for one.
#[must_use]
pub fn end_invitation(account: &Account) -> Vec<Write> {
    let code = account.invite.is_some().then_some(Write::EndGiven(Purpose::Invite));
    let demand = account.invited_only.then_some(Write::InvitedOnly(false));
    code.into_iter().chain(demand).collect()
}

/// What ends a temporary code, if there is one.
#[must_use]
pub fn end_temp_code(account: &Account) -> Vec<Write> {
    account.temp_code.iter().map(|_| Write::EndGiven(Purpose::TempCode)).collect()
}

/// That somebody typed the enrollment code of this invitation. Only [`check_invite`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    invite: i64,
}

impl Accepted {
    /// Whether the invitation is still that of the account: not withdrawn, not used, not replaced.
    #[must_use]
    pub fn still_holds(self, account: &Account) -> bool {
        !account.is_enrolled() && account.invite.as_ref().is_some_and(|invite| invite.id == self.invite)
    }
}

/// How an account's invitation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// There is none.
    None,
    /// Its time is over.
    Ended,
    /// Too many wrong codes.
    UsedUp,
    /// It is good.
    Live,
}

/// How the account's invitation is now.
#[must_use]
pub fn invitation(account: &Account, now: Time) -> Invitation {
    match &account.invite {
        None => Invitation::None,
        Some(invite) if account.latest(now) >= invite.until => Invitation::Ended,
        Some(invite) if invite.left == 0 => Invitation::UsedUp,
        Some(_) => Invitation::Live,
    }
}

/// What a line typed as an enrollment code comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the code.
    Right(Accepted),
    /// It is not; once the write is committed, so many tries are left.
    Wrong {
        /// Of the invitation.
        id: i64,
        /// Afterwards.
        left: u32,
    },
    /// It cannot be one, and is not counted.
    NotOne,
    /// There is no invitation that is good.
    NotNow(Invitation),
}

/// Compares a line with the account's invitation.
#[must_use]
pub fn check_invite(account: &Account, typed: &str, now: Time) -> Checked {
    let state = invitation(account, now);
    let invite = match &account.invite {
        Some(invite) if state == Invitation::Live => invite,
        _ => return Checked::NotNow(state),
    };
    match printed::normalize(typed, INVITE_LENGTH) {
        None => Checked::NotOne,
        Some(code) if invite.kept.is(&code) => Checked::Right(Accepted { invite: invite.id }),
        Some(_) => Checked::Wrong { id: invite.id, left: invite.left.saturating_sub(1) },
    }
}

#[cfg(test)]
#[path = "given_tests.rs"]
mod tests;
