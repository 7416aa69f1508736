//! `mfa-enroll add security-key`: a key that is plugged into this machine makes a credential, and proves it at once.
//!
//! The daemon says what to make and verifies what was made; the key is talked to by `mfa-key`, as whoever runs this. Its
//! PIN goes to that program alone, and is wiped with the enrollment.

mod keys;
mod program;
mod told;

use crate::backup_codes::{self, Keep};
use crate::session::Session;
use crate::sheet::{Sheet, SheetFile};
use keys::Keys;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::enrollment::{
    ADD_SECURITY_KEY, AddSecurityKey, AddedKey, CONFIRM_SECURITY_KEY, ConfirmSecurityKey, KeyToMake, KeyToProve,
    SECURITY_KEY_MADE, SecurityKeyMade,
};
use std::path::PathBuf;

/// Characters of a name at the most.
const LONGEST_NAME: usize = 64;

/// Add a security key that is plugged into this machine (FIDO2 or U2F)
#[derive(clap::Args, Default)]
#[command(after_help = "\
Examples:
  mfa-enroll add security-key
  mfa-enroll add security-key --name \"work key\"
  sudo mfa-enroll add security-key --user alice    for somebody beside you
  mfa-enroll add security-key --json < /dev/null   for scripts: touch it twice

It works where you sit at this machine: console, sudo, desktop. For ssh, with
the key at your own computer, see: mfa-enroll add ssh-key --help")]
pub(crate) struct Args {
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Agree that its make and model are read, where this site wants that
    #[arg(long)]
    read_model: bool,
    /// Write backup codes, if there are new ones, to a new file that only you can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write a page to print, with new backup codes: .html or .txt
    #[arg(long, value_name = "FILE")]
    print: Option<SheetFile>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let keep = Keep::reserve(args.save.as_deref(), args.print.as_ref())?;
    let host = session.status()?.host;
    let mut keys = Keys::of(session, &host);
    // Before a code is used up to prove who asks.
    keys.until_plugged_in(session)?;
    let mut add = AddSecurityKey { user: session.user(), name: args.name };
    let mut wanted: KeyToMake = session.change(ADD_SECURITY_KEY, &add)?;
    let reads_model = wanted.attestation && agrees(session, &wanted, args.read_model)?;
    if reads_model && add.name.is_none() {
        add.name = keys.product(session)?;
        wanted = session.daemon.call(ADD_SECURITY_KEY, &add)?;
    }
    let made = keys.make(session, &wanted, reads_model)?;
    let proving: KeyToProve =
        session.daemon.call(SECURITY_KEY_MADE, &SecurityKeyMade { user: session.user(), made })?;
    let asserted = keys.prove(session, &proving)?;
    let confirm = ConfirmSecurityKey { user: session.user(), asserted };
    let added: AddedKey = session.daemon.call(CONFIRM_SECURITY_KEY, &confirm)?;
    drop(keys);
    hand_over(session, &added, keep, "It is asked for where you sit at this machine: console, sudo, desktop.")?;
    Ok(Exit::Done)
}

/// Says that the key counts, and hands over what came with it.
pub(crate) fn hand_over(session: &mut Session, added: &AddedKey, keep: Keep, where_to: &str) -> Result<(), Failure> {
    let enrolled = session.status()?;
    let sheet = Sheet { enrolled: &enrolled, app: None, codes: &added.backup_codes };
    if session.json() {
        keep.write(&sheet)?;
        return session.screen.json(added);
    }
    let name = printable::line(&added.name);
    session.screen.line(&printable::wrap(&format!("\nRight: \"{name}\" counts from now on. {where_to}")))?;
    backup_codes::hand_over(session, &sheet, keep)?;
    if enrolled.factors.len() < 2 {
        session
            .screen
            .line(&printable::wrap("Keys get lost: add a second one, or an app, while you are here: mfa-enroll"))?;
    }
    Ok(())
}

/// Whether the key's make and model may be read. Without, the site would not take it.
fn agrees(session: &mut Session, wanted: &KeyToMake, beforehand: bool) -> Result<bool, Failure> {
    let site = printable::line(&wanted.site);
    let why = format!(
        "{site} takes keys of certain makes alone. So the make and model of yours are read now, and kept with it; \
         nothing that tells it from others of its kind."
    );
    if !beforehand {
        if !session.is_interactive() {
            let text = format!("{why} If you agree, say so with --read-model");
            return Err(Failure::refused("not_confirmed", text));
        }
        session.terminal.say(&format!("{}\n", printable::wrap(&why)));
        if !session.terminal.agrees("Read them?")? {
            let text = "Nothing was changed: without its make and model a key cannot be added here.";
            return Err(Failure::refused("not_confirmed", text));
        }
    }
    Ok(true)
}

/// What a key calls itself, as a name for it.
fn named_after(product: &str) -> Option<String> {
    let name: String = product.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let name = name.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_after_its_product_within_what_a_name_may_be() {
        assert_eq!(named_after(" YubiKey 5 NFC\x07 ").as_deref(), Some("YubiKey 5 NFC"));
        assert_eq!(named_after(" \x1b "), None);
        assert_eq!(named_after(&"x".repeat(200)).map(|name| name.len()), Some(LONGEST_NAME));
    }
}
