//! `~/.config/Yubico/u2f_keys` and `/etc/u2f_mappings`, as pam_u2f reads them: a line a user,
//! `USER:HANDLE,KEY,TYPE,OPTIONS:…`. They are listed and never taken. Pure.

use super::found::{Found, Why};

/// The central file, where there is one.
pub(crate) const CENTRAL: &str = "/etc/u2f_mappings";
/// In each home.
pub(crate) const PATTERN: &str = "${HOME}/.config/Yubico/u2f_keys";
/// Bytes of the largest file that is read.
pub(crate) const LONGEST: usize = 4 * 1024 * 1024;

/// The credentials of a file's text: of everybody, or of the one in whose home it lies.
pub(crate) fn parse<'a>(text: &'a str, from: &'a str, only: Option<&'a str>) -> impl Iterator<Item = Found> + 'a {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let lines = lines.filter_map(|line| line.split_once(':'));
    let lines = lines.filter(move |(user, _)| only.is_none_or(|only| only == *user));
    lines.flat_map(move |(user, keys)| keys.split(':').map(move |key| credential(user, from, key)))
}

fn credential(user: &str, from: &str, key: &str) -> Found {
    let fields: Vec<&str> = key.split(',').collect();
    let (why, notes) = match fields[..] {
        [handle, public, ..] if is_base64(handle) && is_base64(public) => {
            let kind = fields.get(2).copied().filter(|kind| matches!(*kind, "es256" | "eddsa" | "rs256"));
            (Why::SecurityKey, vec![format!("a credential of type {}", kind.unwrap_or("es256 (U2F)"))])
        }
        _ => (Why::Malformed, Vec::new()),
    };
    Found { user: user.to_owned(), from: from.to_owned(), app: Err(why), notes }
}

/// Of a resident key the handle is `*`.
fn is_base64(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'*');
    !text.is_empty() && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_credential_is_listed_and_none_is_taken() {
        let text =
            "alice:aGFuZGxl,cHVibGlj,es256,+presence:*,eA==,eddsa,+presence+pin\nbob:short\n# x\n\ncarol:QQ,04ab\n";
        let found: Vec<Found> = parse(text, "f", None).collect();
        let users: Vec<(&str, &str)> =
            found.iter().map(|found| (found.user.as_str(), found.app.as_ref().unwrap_err().code())).collect();
        let not_yet = "security-keys-not-supported";
        assert_eq!(users, [("alice", not_yet), ("alice", not_yet), ("bob", "malformed"), ("carol", not_yet)]);
        assert!(found[1].notes[0].contains("eddsa"));
    }

    #[test]
    fn in_a_home_only_its_owners_lines_count() {
        let text = "alice:aGFuZGxl,cHVibGlj,es256,\nroot:aGFuZGxl,cHVibGlj,es256,\n";
        let found: Vec<Found> = parse(text, "f", Some("alice")).collect();
        assert_eq!(found.iter().map(|found| found.user.as_str()).collect::<Vec<_>>(), ["alice"]);
    }
}
