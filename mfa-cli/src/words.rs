//! The words both commands use for the same things.

use crate::printable;

/// What people call a kind of factor; a kind this version does not know is named by the policy's word.
#[must_use]
pub fn kind(word: &str) -> String {
    match word {
        "totp" => "phone app".to_owned(),
        "backup-code" => "backup code".to_owned(),
        "security-key" => "security key".to_owned(),
        "ssh-key" => "SSH security key".to_owned(),
        "email" => "mail".to_owned(),
        other => printable::line(other),
    }
}

/// What people hold in their hand of a kind of factor, where there may be several.
#[must_use]
pub fn thing(word: &str) -> String {
    match word {
        "totp" => "phone".to_owned(),
        "security-key" => "key".to_owned(),
        "ssh-key" => "SSH key".to_owned(),
        "email" => "mail address".to_owned(),
        other => kind(other),
    }
}

/// `1 code`, `2 codes`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_plain_names_and_unknown_ones_their_own() {
        assert_eq!(kind("totp"), "phone app");
        assert_eq!(kind("palm\x1b"), "palm\\u{1b}");
        assert_eq!((thing("security-key"), thing("palm\x1b")), ("key".into(), "palm\\u{1b}".into()));
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!((counted(1, "code"), counted(0, "code")), ("1 code".into(), "0 codes".into()));
    }
}
