//! `~/.config/Yubico/u2f_keys` and `/etc/u2f_mappings`, as pam_u2f reads them: a line a user,
//! `USER:HANDLE,KEY,TYPE,OPTIONS:…`, or as its first versions wrote them, `USER:HANDLE,KEY`. Pure.

use super::found::{Found, Key, Thing, Why};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

/// The central file, where there is one.
pub(crate) const CENTRAL: &str = "/etc/u2f_mappings";
/// In each home.
pub(crate) const PATTERN: &str = "${HOME}/.config/Yubico/u2f_keys";
/// Bytes of the largest file that is read.
pub(crate) const LONGEST: usize = 4 * 1024 * 1024;
/// Bytes of a credential's id at the most (WebAuthn).
const LONGEST_ID: usize = 1023;

/// The credentials of a file's text: of everybody, or of the one in whose home it lies.
pub(crate) fn parse<'a>(text: &'a str, from: &'a str, only: Option<&'a str>) -> impl Iterator<Item = Found> + 'a {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let lines = lines.filter_map(|line| line.trim_end().split_once(':'));
    let lines = lines.filter(move |(user, _)| only.is_none_or(|only| only == *user));
    lines.flat_map(move |(user, keys)| (1..).zip(keys.split(':')).map(move |key| found(user, from, key)))
}

fn found(user: &str, from: &str, (number, text): (usize, &str)) -> Found {
    let fields: Vec<&str> = text.split(',').collect();
    let thing = key(&fields, number).map(Thing::Key);
    let options = fields.get(3).copied().unwrap_or_default();
    let notes = if thing.is_err() { Vec::new() } else { notes(options) };
    Found { user: user.to_owned(), from: from.to_owned(), thing, notes }
}

fn key(fields: &[&str], number: usize) -> Result<Key, Why> {
    let (id, public_key, algorithm, u2f) = match *fields {
        [handle, public] => (handle, first_versions(public), "es256", true),
        ["*", ..] => return Err(Why::Resident),
        [handle, public, "es256", ..] => (handle, raw(public, 64), "es256", false),
        [handle, public, "eddsa", ..] => (handle, raw(public, 32), "eddsa", false),
        [_, _, kind, ..] => return Err(Why::Algorithm(kind.to_owned())),
        _ => return Err(Why::Malformed),
    };
    let id = bytes(id).filter(|id| (1..=LONGEST_ID).contains(&id.len())).ok_or(Why::Malformed)?;
    Ok(Key { id, algorithm, public_key: public_key.ok_or(Why::Malformed)?, u2f, number })
}

/// A key as it is: of ES256 the two halves of its point, with the 4 of an uncompressed one before them or without.
fn raw(text: &str, length: usize) -> Option<Vec<u8>> {
    let mut key = bytes(text)?;
    if length == 64 && key.len() == 65 && key.first() == Some(&4) {
        key.remove(0);
    }
    (key.len() == length).then_some(key)
}

/// An uncompressed point in hexadecimal digits.
fn first_versions(text: &str) -> Option<Vec<u8>> {
    let point = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?;
    point.strip_prefix(&[4]).filter(|point| point.len() == 64).map(<[u8]>::to_vec)
}

/// Base64 in either alphabet, padded or not: both have been written.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    while text.len() % 4 != 0 {
        text.push('=');
    }
    BASE64.decode(text.as_bytes()).ok()
}

/// What pam_u2f asked of the key, where that is decided otherwise here.
fn notes(options: &str) -> Vec<String> {
    let has = |word: &str| options.split('+').any(|option| option == word);
    let mut notes = Vec::new();
    if has("pin") || has("verification") {
        notes.push("it asked for a PIN or fingerprint; here the policy does: verify_user = true".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cHVi…` and the like are no keys; these have the right lengths.
    fn of(length: usize) -> String {
        BASE64.encode(&vec![7; length])
    }

    fn codes(text: &str) -> Vec<(String, String)> {
        let code = |found: &Found| match &found.thing {
            Ok(Thing::Key(key)) => format!("{} {}{}", key.number, key.algorithm, if key.u2f { " u2f" } else { "" }),
            Ok(Thing::App(_)) => panic!("an app"),
            Err(why) => why.code().to_owned(),
        };
        parse(text, "f", None).map(|found| (found.user.clone(), code(&found))).collect()
    }

    #[test]
    fn keys_of_both_types_and_of_the_first_versions_are_taken_and_each_has_its_number() {
        let (es256, point, eddsa, old) = (of(64), of(32), of(32), format!("04{}", "ab".repeat(64)));
        let text = format!(
            "alice:aGFuZGxl,{es256},es256,+presence:eA==,{eddsa},eddsa,+presence+pin\n# x\n\ncarol:Q-_Q,{old}\n\
             dave:QUI,{point},es256,\nerin:*,{eddsa},eddsa,+presence\nfred:QUJD,QUJD,rs256,\nbob:short\ngina:%,{es256},es256,\n"
        );
        let wanted = [
            ("alice", "1 es256"),
            ("alice", "2 eddsa"),
            ("carol", "1 es256 u2f"),
            ("dave", "malformed"),
            ("erin", "resident"),
            ("fred", "algorithm"),
            ("bob", "malformed"),
            ("gina", "malformed"),
        ];
        let wanted = wanted.map(|(user, code)| (user.to_owned(), code.to_owned()));
        assert_eq!(codes(&text), wanted);
        let notes: Vec<usize> = parse(&text, "f", Some("alice")).map(|found| found.notes.len()).collect();
        assert_eq!(notes, [0, 1], "a PIN was asked for");
    }

    #[test]
    fn a_point_is_read_with_its_four_or_without_and_ids_in_either_alphabet() {
        let mut point = vec![4];
        point.extend([9; 64]);
        assert_eq!(raw(&BASE64.encode(&point), 64), Some(vec![9; 64]));
        assert_eq!(raw(&BASE64.encode(&point[1..]), 64), Some(vec![9; 64]));
        assert_eq!(raw(&BASE64.encode(&[2; 33]), 64), None, "compressed");
        assert_eq!(bytes("-_-_"), bytes("+/+/"));
        assert_eq!(
            (bytes("eA"), bytes("eA=="), bytes("e"), bytes("*")),
            (Some(vec![b'x']), Some(vec![b'x']), None, None)
        );
        assert!(key(&[&of(1024), &of(64), "es256", ""], 1).is_err());
        assert!(key(&["", &of(64), "es256", ""], 1).is_err());
    }

    #[test]
    fn in_a_home_only_its_owners_lines_count() {
        let text = "alice:aGFuZGxl,cHVibGlj,es256,\nroot:aGFuZGxl,cHVibGlj,es256,\n";
        let found: Vec<Found> = parse(text, "f", Some("alice")).collect();
        assert_eq!(found.iter().map(|found| found.user.as_str()).collect::<Vec<_>>(), ["alice"]);
    }
}
