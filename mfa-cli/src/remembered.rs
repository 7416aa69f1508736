//! The one table of what an account is not asked again for.

use crate::{Failure, Screen, Table, moment};
use mfa_proto::enrollment::Remembered;

/// A row for each, below a sentence; nothing at all when there is none.
///
/// # Errors
/// When it cannot be written.
pub fn show(screen: &Screen, remembered: &[Remembered]) -> Result<(), Failure> {
    if remembered.is_empty() {
        return Ok(());
    }
    screen.line("\nNot asked again for a while:")?;
    let mut table = Table::new(screen, &["ID", "Where", "Since", "Until"]);
    for one in remembered {
        let since = format!("{} ({})", moment::date_time(one.at), one.service);
        table.row(&[&one.id.to_string(), &place(one), &since, &moment::date_time(one.until)])?;
    }
    table.finish()
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
