//! The license: a TOML file that says how many seats there are and until when, signed with
//! `ssh-keygen -Y sign -n mfa-license`; and what it comes to at a moment.
//!
//! The signature is verified over the file's raw bytes before a byte of it is read as TOML. A license counts seats and
//! nothing else: what follows for a login is in [`crate::seats`], where it can only ever concern somebody who has never
//! enrolled. Time is an argument: give the later of the clock and the newest time on record, so that a clock turned back
//! does not lengthen a license.

mod error;
mod read;
mod sentence;
#[cfg(test)]
mod tests;

pub use error::LicenseError;

use crate::Time;
use crate::seats::{Filling, Seats};
use crate::sshsig::{AllowedSigners, Signer};
use jiff::civil::Date;

/// The namespace of a license's signature.
pub const NAMESPACE: &str = "mfa-license";
/// Seats without a license.
pub const FREE_SEATS: u64 = 25;
/// Days before its end from which a license ends soon.
pub const SOON_DAYS: i64 = 30;

const DAY: i64 = 86_400;
/// The first place on Earth where a day begins is this many seconds before UTC.
const FIRST: i64 = 14 * 3600;
/// The last place on Earth where it ends is this many seconds after UTC.
const LAST: i64 = 12 * 3600;

/// A license that some issuer has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive] // made by `read` only
pub struct License {
    /// Names the license, for its issuer. At most 80 characters, fit to be shown, as the customer is.
    pub id: String,
    /// Whose it is.
    pub customer: String,
    /// How many accounts; at least one.
    pub seats: u64,
    /// The first day.
    pub issued: Date,
    /// The last day.
    pub ends: Date,
    /// Days after the last one during which it goes on.
    pub grace_days: u32,
    /// Who has signed it.
    pub signer: Signer,
}

impl License {
    /// Reads a license: the file's bytes, and the text of the signature beside it.
    ///
    /// `now` decides whether the issuer may (still) sign; the license's own days are weighed by [`License::standing`].
    ///
    /// # Errors
    /// A signature that does not count, or a file that is not a license.
    pub fn read(bytes: &[u8], signature: &[u8], issuers: &AllowedSigners, now: Time) -> Result<Self, LicenseError> {
        read::read(bytes, signature, issuers, now)
    }

    /// What it is worth at this moment.
    #[must_use]
    pub fn standing(&self, now: Time) -> Standing<'static> {
        let end = self.end();
        let grace = end.plus(i64::from(self.grace_days) * DAY);
        match now {
            _ if now < self.begin() => Standing::NotYet,
            _ if now < end => match days(now, end) {
                days_left @ ..=SOON_DAYS => Standing::EndsSoon { days_left },
                days_left => Standing::Valid { days_left },
            },
            _ if now < grace => Standing::InGrace { days_left: days(now, grace) },
            _ => Standing::Ended,
        }
    }

    /// The first moment of the first day, wherever on Earth it comes first.
    #[must_use]
    pub fn begin(&self) -> Time {
        midnight(self.issued).plus(-FIRST)
    }

    /// The moment at which the last day is over everywhere on Earth; grace begins.
    #[must_use]
    pub fn end(&self) -> Time {
        midnight(self.ends).plus(DAY).plus(LAST)
    }
}

fn midnight(date: Date) -> Time {
    Time::of_utc(date.at(0, 0, 0, 0))
}

/// Days from one moment to a later one, one that has begun counted whole.
fn days(from: Time, to: Time) -> i64 {
    to.since(from).saturating_add(DAY - 1) / DAY
}

/// What is installed as a license.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Installed {
    /// Nothing.
    #[default]
    None,
    /// A license.
    License(License),
    /// Something that is none; [`FREE_SEATS`] remain.
    NotValid(LicenseError),
}

impl Installed {
    /// Reads what is installed: the license's bytes and those of its signature; `None` if there is no such file.
    ///
    /// A file that is there and cannot be read is [`Installed::NotValid`] with [`LicenseError::Unreadable`].
    #[must_use]
    pub fn read(file: Option<&[u8]>, signature: Option<&[u8]>, issuers: &AllowedSigners, now: Time) -> Self {
        let license = match (file, signature) {
            (None, _) => return Self::None,
            (Some(_), None) => Err(LicenseError::Unsigned),
            (Some(file), Some(signature)) => License::read(file, signature, issuers, now),
        };
        license.map_or_else(Self::NotValid, Self::License)
    }

    /// What it is worth at this moment.
    #[must_use]
    pub fn standing(&self, now: Time) -> Standing<'_> {
        match self {
            Self::None => Standing::None,
            Self::License(license) => license.standing(now),
            Self::NotValid(why) => Standing::NotValid(why),
        }
    }

    /// The seats at this moment, of which so many are taken.
    #[must_use]
    pub fn seats(&self, used: u64, now: Time) -> Seats {
        match (self, self.standing(now)) {
            (Self::License(license), standing) if standing != Standing::NotYet => {
                Seats { total: license.seats, used, open: standing != Standing::Ended }
            }
            _ => Seats { total: FREE_SEATS, used, open: true },
        }
    }

    /// The license and its seats in one word: the one an administrator should know first.
    #[must_use]
    pub fn state(&self, used: u64, now: Time) -> State {
        match (self.standing(now), self.seats(used, now).filling()) {
            (Standing::NotValid(_) | Standing::NotYet, _) => State::NotValid,
            (Standing::Ended, _) => State::Ended,
            (_, Filling::Over) => State::Over,
            (_, Filling::Full) => State::Full,
            (Standing::InGrace { .. }, _) => State::InGrace,
            (Standing::EndsSoon { .. }, _) => State::EndsSoon,
            (Standing::Valid { .. }, _) => State::Valid,
            (Standing::None, _) => State::None,
        }
    }
}

/// What is installed is worth this at a moment, however many seats are taken. Days that have begun count whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// There is no license.
    None,
    /// Its first day is still to come: there is none yet. The clock may be wrong.
    NotYet,
    /// More than [`SOON_DAYS`] are left.
    Valid {
        /// This many.
        days_left: i64,
    },
    /// [`SOON_DAYS`] at most are left.
    EndsSoon {
        /// This many, at least one.
        days_left: i64,
    },
    /// It is over, and goes on for a while.
    InGrace {
        /// For this many days, at least one.
        days_left: i64,
    },
    /// It is over: nobody new may take a seat.
    Ended,
    /// What is installed is no license.
    NotValid(&'a LicenseError),
}

/// A license and its seats in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No license; the free seats are not full.
    None,
    /// Nothing to do.
    Valid,
    /// Nothing is wrong yet.
    EndsSoon,
    /// Over, and still counting.
    InGrace,
    /// Over: nobody new may take a seat.
    Ended,
    /// Every seat is taken.
    Full,
    /// More accounts than seats.
    Over,
    /// What is installed does not count.
    NotValid,
}

impl State {
    /// The words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Valid => "valid",
            Self::EndsSoon => "ends soon",
            Self::InGrace => "in grace",
            Self::Ended => "ended",
            Self::Full => "full",
            Self::Over => "over",
            Self::NotValid => "not valid",
        }
    }
}
