//! The files of the other modules, as their own tools would write them, with the secrets that the phones have already.

use crate::people::Person;
use benches::systems::OATH_FILE;
use harness::{Failure, Outcome};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

/// Writes them; nobody else may read them.
pub(crate) fn enroll(people: &[Person]) -> Outcome {
    let uids = uids()?;
    let mut lines = String::new();
    for person in people {
        let uid = uids.get(&person.name).ok_or_else(|| Failure::new(format!("there is no {}", person.name)))?;
        google_authenticator(person, *uid)?;
        write!(lines, "HOTP/T30/6\t{}\t-\t", person.name)?;
        for byte in &person.phone()?.account().secret {
            write!(lines, "{byte:02x}")?;
        }
        lines.push('\n');
    }
    write_private(Path::new(OATH_FILE), &lines)
}

/// `~/.google_authenticator`, in a home made for it.
fn google_authenticator(person: &Person, uid: u32) -> Outcome {
    let home = Path::new("/home").join(&person.name);
    fs::create_dir(&home)?;
    let file = home.join(".google_authenticator");
    write_private(&file, &format!("{}\n\" DISALLOW_REUSE\n\" TOTP_AUTH\n", person.secret))?;
    chown(&file, Some(uid), Some(uid))?;
    Ok(chown(&home, Some(uid), Some(uid))?)
}

fn write_private(file: &Path, text: &str) -> Outcome {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The local accounts.
fn uids() -> Outcome<HashMap<String, u32>> {
    let entry = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    Ok(fs::read_to_string("/etc/passwd")?.lines().filter_map(entry).collect())
}
