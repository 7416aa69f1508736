//! The text with which a site asks its vendor for a license: numbers, and nobody's name.

use crate::Time;
use std::fmt;

/// A request for a license. `Display` is the file: TOML, with a line that says what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Names the installation: random, made once.
    pub site: &'a str,
    /// What the site calls itself; left out if that is empty.
    pub name: &'a str,
    /// The id of the license that is installed.
    pub license: Option<&'a str>,
    /// How many seats are asked for.
    pub seats_wanted: u64,
    /// When it was made.
    pub made: Time,
    /// How things are.
    pub counts: Counts,
}

/// How many accounts there are of each sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Policy requires a factor of them.
    pub required: u64,
    /// They have one, required or not.
    pub enrolled: u64,
    /// Required, and not enrolled yet.
    pub pending: u64,
    /// Enrolled, and taking no seat for now.
    pub suspended: u64,
    /// Seats there are.
    pub seats_total: u64,
    /// Seats that are taken.
    pub seats_used: u64,
}

impl fmt::Display for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# A request for a license: send this file to your vendor. It names no account.")?;
        writeln!(f, "format = 1\nsite = {}", quoted(self.site))?;
        if !self.name.is_empty() {
            writeln!(f, "name = {}", quoted(self.name))?;
        }
        if let Some(license) = self.license {
            writeln!(f, "license = {}", quoted(license))?;
        }
        writeln!(f, "seats_wanted = {}", self.seats_wanted)?;
        if let Some(made) = crate::policy::local_time(self.made, 0) {
            writeln!(f, "made = {}", made.date())?;
        }
        let Counts { required, enrolled, pending, suspended, seats_total, seats_used } = self.counts;
        writeln!(f, "\n[counts]\nrequired = {required}\nenrolled = {enrolled}\npending = {pending}")?;
        writeln!(f, "suspended = {suspended}\nseats_total = {seats_total}\nseats_used = {seats_used}")
    }
}

/// As a TOML string, whatever is in it.
fn quoted(text: &str) -> toml::Value {
    toml::Value::String(text.to_owned())
}
