//! The one list of what an account is not asked again for.

use crate::{Failure, Screen, moment, printable};
use mfa_proto::enrollment::Remembered;

/// Two lines for each, below a sentence; nothing at all when there is none. A fingerprint is shown whole.
///
/// # Errors
/// When it cannot be written.
pub fn show(screen: &Screen, remembered: &[Remembered]) -> Result<(), Failure> {
    if remembered.is_empty() {
        return Ok(());
    }
    screen.line("\nNot asked again for a while:")?;
    for one in remembered {
        let (since, until) = (moment::date_time(one.at), moment::date_time(one.until));
        screen.line(&format!("{:>3}  {}", one.id, printable::line(&place(one))))?;
        screen.line(&format!("     until {until}, by the login of {since} ({})", printable::line(&one.service)))?;
    }
    Ok(())
}

/// Such as `SSH key SHA256:… from 192.0.2.7`.
#[must_use]
pub fn place(one: &Remembered) -> String {
    match (&one.key, &one.address, one.session) {
        (Some(key), Some(address), _) => format!("SSH key {key} from {address}"),
        (Some(key), None, _) => format!("SSH key {key} from anywhere"),
        (None, _, Some(session)) => format!("login session {session}"),
        (None, _, None) => "the session of that login".to_owned(),
    }
}
