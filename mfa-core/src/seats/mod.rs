//! Seats: what a license allows, and what follows for a login when they run out.
//!
//! A seat is an account that policy requires and that is enrolled ([`takes_seat`]). Voluntary enrollment takes none, so
//! nobody can fill the seats by themselves. Seats have a say in one question only: whether somebody who must enroll and
//! never has may do so now ([`admit`]). Whoever is enrolled is asked for their factor whatever the license says, and is
//! let in with it; nor does a license open a door that the policy keeps shut.

mod reconcile;
mod request;
#[cfg(test)]
mod tests;

pub use reconcile::{Presence, Reason, Rules, Sighting, Suspension, Watch, reconcile};
pub use request::{Counts, Request};

use crate::policy::{Deny, Enroll, Plan, Skip};

/// How many seats there are and are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// There are this many.
    pub total: u64,
    /// This many are taken; may be more than there are.
    pub used: u64,
    /// Whether a free one may be taken: not once a license has ended.
    pub open: bool,
}

impl Seats {
    /// How many may still be taken.
    #[must_use]
    pub fn free(self) -> u64 {
        if self.open { self.total.saturating_sub(self.used) } else { 0 }
    }

    /// Whether they are all taken.
    #[must_use]
    pub fn filling(self) -> Filling {
        match self.used.cmp(&self.total) {
            std::cmp::Ordering::Less => Filling::Free,
            std::cmp::Ordering::Equal => Filling::Full,
            std::cmp::Ordering::Greater => Filling::Over,
        }
    }

    fn reached(self) -> Option<Crossing> {
        match u128::from(self.used) * 100 {
            _ if self.used >= self.total => Some(Crossing::Full),
            hundredths if hundredths >= u128::from(self.total) * 80 => Some(Crossing::EightyPercent),
            _ => None,
        }
    }
}

/// Whether the seats are all taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filling {
    /// Some are not.
    Free,
    /// They are.
    Full,
    /// More than there are.
    Over,
}

/// A mark that administrators are told of when it is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crossing {
    /// Four fifths are taken.
    EightyPercent,
    /// All are taken.
    Full,
}

/// The mark passed on the way from one count to the next, the higher of two; `None` on the way down. Both a seat taken
/// and a smaller license can pass it. To tell each crossing once, keep what was last compared.
#[must_use]
pub fn crossing(before: Seats, after: Seats) -> Option<Crossing> {
    after.reached().filter(|mark| before.reached() < Some(*mark))
}

/// Whether an account takes a seat: policy requires a factor of it somewhere, and it has one or had one when it was
/// reset; unless its enrollment is suspended ([`reconcile`]).
#[must_use]
pub fn takes_seat(required: bool, ever_enrolled: bool, suspended: bool) -> bool {
    required && ever_enrolled && !suspended
}

/// Somebody who wants to enroll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Whether policy requires a factor of the account somewhere.
    pub required: bool,
    /// Whether it has a factor or ever had one: through a reset, a suspension, anything.
    pub ever_enrolled: bool,
    /// Root, or a member of a privileged group; also if that cannot be told.
    pub privileged: bool,
}

/// Whether there is a seat for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// None is needed: it is voluntary, or there is one already.
    NotNeeded,
    /// There is a free one.
    Free,
    /// There is none, and one is given all the same: the way to root is never left with one factor, nor is the owner of
    /// the machine locked out of it, because others have filled the seats.
    Beyond,
    /// There is none.
    None,
}

impl Room {
    /// Whether the account may enroll.
    #[must_use]
    pub fn may_enroll(self) -> bool {
        self != Self::None
    }
}

/// Whether there is a seat for this account.
#[must_use]
pub fn room(seats: Seats, claimant: Claimant) -> Room {
    match claimant {
        Claimant { required: false, .. } | Claimant { ever_enrolled: true, .. } => Room::NotNeeded,
        _ if seats.free() > 0 => Room::Free,
        Claimant { privileged: true, .. } => Room::Beyond,
        _ => Room::None,
    }
}

/// What an enrollment does about a seat. The store has the last word: two newcomers cannot both take the last one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: it is voluntary.
    #[default]
    NotNeeded,
    /// It takes one of so many, if one is still free then.
    OneOf(u64),
    /// It takes one however many are taken: its own from before, or one beyond the others.
    Beyond,
    /// There is none, so it is not made.
    Refused,
}

/// What this account's enrollment does about a seat.
#[must_use]
pub fn claim(seats: Seats, claimant: Claimant) -> Claim {
    match claimant {
        Claimant { required: false, .. } => Claim::NotNeeded,
        Claimant { ever_enrolled: true, .. } | Claimant { privileged: true, .. } => Claim::Beyond,
        _ if seats.free() > 0 => Claim::OneOf(seats.total),
        _ => Claim::Refused,
    }
}

/// What happens to those for whom there is no seat: `on_full`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// They log in with their first factor alone, which is recorded.
    #[default]
    SingleFactor,
    /// They are refused.
    Deny,
}

impl OnFull {
    /// The words of the setting.
    pub const WORDS: [(&'static str, Self); 2] = [("single-factor", Self::SingleFactor), ("deny", Self::Deny)];
}

/// What the seats make of a login's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing: the plan holds.
    AsPlanned,
    /// Let in with the first factor alone, to be recorded and listed: somebody who would enroll now if there was a seat.
    SingleFactor,
    /// Refused, for want of a seat.
    Deny,
}

/// What the seats make of a login's plan. Only a plan that makes somebody enroll is ever changed. The claimant is the one
/// whose factors the plan is about, which with `who = "caller"` is the caller.
///
/// With the first factor alone pass only those whom the policy, had there been a seat, would have let in by that factor
/// and an enrollment of their own. Where it wants an invitation as well, or lets nobody enroll, they are refused.
#[must_use]
pub fn admit(plan: &Plan, seats: Seats, claimant: Claimant, on_full: OnFull) -> Admission {
    let Plan::Enroll(enroll) = plan else { return Admission::AsPlanned };
    if room(seats, Claimant { required: true, ..claimant }).may_enroll() {
        return Admission::AsPlanned;
    }
    match (enroll, on_full) {
        (Enroll::Deny, _) => Admission::AsPlanned,
        // The policy lets them in today, seat or not.
        (Enroll::Grace { .. }, _) | (Enroll::AtLogin { .. }, OnFull::SingleFactor) => Admission::SingleFactor,
        (Enroll::AtLogin { .. }, OnFull::Deny) | (Enroll::Invite { .. }, _) => Admission::Deny,
    }
}

/// The plan as the seats leave it: every login's plan goes through here, and only one that makes somebody enroll comes
/// out changed ([`admit`]).
#[must_use]
pub fn settle(plan: Plan, seats: Seats, claimant: Claimant, on_full: OnFull) -> Plan {
    match admit(&plan, seats, claimant, on_full) {
        Admission::AsPlanned => plan,
        Admission::SingleFactor => Plan::Skip(Skip::SeatsFull),
        Admission::Deny => Plan::Deny(Deny::SeatsFull),
    }
}
