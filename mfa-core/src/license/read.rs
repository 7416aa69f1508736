//! A license's bytes: first its signature, then what it says.

use super::{License, LicenseError, NAMESPACE};
use crate::Time;
use crate::policy::{Diagnostic, is_invisible};
use crate::sshsig::{self, AllowedSigners, Signer};
use jiff::civil::Date;
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::value::Datetime;

/// The longest file, in bytes.
const LONGEST: usize = 64 * 1024;
/// The longest name, in characters.
const LONGEST_NAME: usize = 80;
/// The most seats.
const MOST_SEATS: u64 = 100_000_000;
/// The longest grace, in days.
const LONGEST_GRACE: u32 = 366;
/// What is read here.
const FORMAT: i64 = 1;

#[derive(Deserialize)]
struct Version {
    format: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "format")]
    _format: i64,
    id: Spanned<String>,
    customer: Spanned<String>,
    seats: Spanned<i64>,
    issued: Spanned<Datetime>,
    ends: Spanned<Datetime>,
    grace: Option<Spanned<i64>>,
}

pub(super) fn read(
    bytes: &[u8],
    signature: &[u8],
    issuers: &AllowedSigners,
    now: Time,
) -> Result<License, LicenseError> {
    if bytes.len() > LONGEST {
        return Err(LicenseError::TooLong);
    }
    let signer = sshsig::verify(bytes, signature, NAMESPACE, issuers, now).map_err(LicenseError::Signature)?;
    let text = std::str::from_utf8(bytes).map_err(|_| LicenseError::NotText)?;
    content(text, signer)
}

/// What a text says whose signature is verified.
pub(super) fn content(text: &str, signer: Signer) -> Result<License, LicenseError> {
    Content { text }.license(signer)
}

/// The text of a license, for errors that show the place.
struct Content<'t> {
    text: &'t str,
}

impl Content<'_> {
    fn license(&self, signer: Signer) -> Result<License, LicenseError> {
        let version: Version = self.toml()?;
        match *version.format.get_ref() {
            FORMAT => {}
            later if later > FORMAT => return Err(LicenseError::Later(later)),
            _ => return Err(self.wrong(&version.format.span(), "there is no such format")),
        }
        let written: Written = self.toml()?;
        let (issued, ends) = (self.date(&written.issued)?, self.date(&written.ends)?);
        if ends < issued {
            return Err(self.wrong(&written.ends.span(), "it ends before it begins"));
        }
        Ok(License {
            id: self.name(&written.id)?,
            customer: self.name(&written.customer)?,
            seats: self.number(&written.seats, 1, MOST_SEATS)?,
            issued,
            ends,
            grace_days: written.grace.map_or(Ok(0), |days| self.number(&days, 0, LONGEST_GRACE))?,
            signer,
        })
    }

    fn toml<T: serde::de::DeserializeOwned>(&self) -> Result<T, LicenseError> {
        toml::from_str(self.text).map_err(|error| {
            let end = self.text.len()..self.text.len();
            self.wrong(&error.span().unwrap_or(end), error.message())
        })
    }

    fn name(&self, name: &Spanned<String>) -> Result<String, LicenseError> {
        let text = name.get_ref();
        if text.trim().is_empty() || text.chars().count() > LONGEST_NAME || text.contains(is_invisible) {
            let message = format!("a name is one line of 1 to {LONGEST_NAME} characters");
            return Err(self.wrong(&name.span(), &message));
        }
        Ok(text.clone())
    }

    fn number<N>(&self, number: &Spanned<i64>, least: N, most: N) -> Result<N, LicenseError>
    where
        N: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let known = N::try_from(*number.get_ref()).ok().filter(|known| *known >= least && *known <= most);
        known.ok_or_else(|| self.wrong(&number.span(), &format!("this number is from {least} to {most}")))
    }

    /// A day: no time, no offset.
    fn date(&self, written: &Spanned<Datetime>) -> Result<Date, LicenseError> {
        let small = |number: u8| i8::try_from(number).ok();
        let date = match written.get_ref() {
            Datetime { date: Some(date), time: None, offset: None } => i16::try_from(date.year)
                .ok()
                .zip(small(date.month).zip(small(date.day)))
                .and_then(|(year, (month, day))| Date::new(year, month, day).ok()),
            _ => None,
        };
        date.ok_or_else(|| self.wrong(&written.span(), "this is a day, such as 2027-11-30"))
    }

    fn wrong(&self, span: &Range<usize>, message: &str) -> LicenseError {
        LicenseError::Content(Box::new(Diagnostic::new("license", self.text, span, message.to_owned())))
    }
}
