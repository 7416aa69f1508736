//! Temporary codes: an administrator's word in place of a factor that is not at hand. Typed like a backup code.

use super::Match;
use crate::Time;
use crate::account::Account;

/// The account's temporary code, if that is what was typed and it is good now. `normalized` is as
/// [`super::backup_code::normalize`] has it.
#[must_use]
pub fn find(account: &Account, normalized: &str, now: Time) -> Option<Match> {
    let given = account.temp_code.as_ref().filter(|given| given.is_live(account.latest(now)))?;
    given.kept.is(normalized).then(|| Match::temp_code(given.id))
}
