//! What an administrator is told about the license: what it is, until when, and what to do next.

use super::{FREE_SEATS, Installed, License, Standing};
use crate::Time;

impl Installed {
    /// One or two sentences for an administrator; fit to be shown. More lines only where a signed file is not written
    /// as a license is.
    #[must_use]
    pub fn sentence(&self, now: Time) -> String {
        match self {
            Self::None => format!("No license: {FREE_SEATS} seats."),
            Self::NotValid(why) => format!("No valid license: {FREE_SEATS} seats. {why}"),
            Self::License(license) => license.sentence(now),
        }
    }
}

impl License {
    fn sentence(&self, now: Time) -> String {
        let Self { id, customer, seats, issued, ends, .. } = self;
        let what = format!("License {id} for {customer}, {seats} seats");
        const RENEW: &str = "Renew it: mfactl license request.";
        match self.standing(now) {
            Standing::NotYet => format!("{what}, begins on {issued}, which is still to come: is the clock right?"),
            Standing::EndsSoon { days_left } => {
                format!("{what}, ends on {ends}, in {}. {RENEW}", days(days_left))
            }
            Standing::InGrace { days_left } => {
                format!("{what}, ended on {ends}. It goes on for {}. {RENEW}", days(days_left))
            }
            Standing::Ended => {
                format!("{what}, ended on {ends}: nobody new can enroll. Who is enrolled is asked as before. {RENEW}")
            }
            Standing::Valid { .. } | Standing::None | Standing::NotValid(_) => format!("{what}, until {ends}."),
        }
    }
}

fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}
