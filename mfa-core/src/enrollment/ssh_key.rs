//! An SSH key on a security key becomes a factor: its owner signs a text with it, and touches it for that.
//!
//! An ordinary key is a file that can be copied; so it is none. What is on its way is kept nowhere, as with a security
//! key.

use super::adding::{add, may_add};
use super::{LONGEST_NAME, NotAdded, OnItsWay, Permission, Refusal, Rules, checked_name};
use crate::At;
use crate::account::{Account, Commit, Detail, Ticket};
use crate::factor::Kind;
use crate::factor::ssh_key::SshKey;
use crate::sshsig::{self, KeyError, PublicKey};
use data_encoding::BASE64URL_NOPAD;
use std::fmt;
use zeroize::Zeroizing;

/// What such a signature is made for: `ssh-keygen -Y sign -n mfa-enroll`.
pub const NAMESPACE: &str = "mfa-enroll";
/// What a key may be called whose file has no comment.
const UNNAMED: &str = "ssh key";
/// Random bytes in the text.
const FRESH: usize = 32;

/// A key whose owner was asked to sign a text.
#[derive(Clone, Debug)]
pub struct Proving {
    way: OnItsWay,
    key: PublicKey,
    text: String,
    verify_user: bool,
}

/// What is wanted of an SSH key.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The line of its `.pub` file.
    pub line: &'a str,
    /// What to call it; as its comment says, if that is nothing.
    pub name: Option<&'a str>,
    /// What the site and this host are called, for whoever signs to read.
    pub place: (&'a str, &'a str),
    /// It must know who touches it.
    pub verify_user: bool,
}

impl Proving {
    /// The text to sign: one line of visible ASCII and spaces, without its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What it will be called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.way.name
    }
}

/// Why a public key cannot be a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotASecurityKey {
    /// An ordinary key, in a file or an agent.
    Ordinary,
    /// A certificate, where the key in it is wanted.
    Certificate,
    /// Nothing that ssh-keygen writes, or a security key that was made for a web site.
    NotAKey,
    /// It signs for everybody who touches it, and must not.
    Unverified,
}

impl fmt::Display for NotASecurityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ordinary => {
                "This is an ordinary SSH key: its file can be copied, so it is no second factor. Make one on a security \
                 key: ssh-keygen -t ed25519-sk (or ecdsa-sk)"
            }
            Self::Certificate => "This is a certificate. Give the key itself; its certificates count with it.",
            Self::Unverified => {
                "Here such a key must ask for its PIN or a fingerprint, and this one did not. Make one that does: \
                 ssh-keygen -t ed25519-sk -O verify-required"
            }
            Self::NotAKey => "This is not a public key as ssh-keygen writes it. Give the whole line of the .pub file.",
        })
    }
}

/// Reads the line of a `.pub` file whose key may become a factor.
///
/// # Errors
/// Why it may not.
pub fn read_ssh_key(line: &str) -> Result<PublicKey, NotASecurityKey> {
    match line.parse::<PublicKey>() {
        Ok(key) if key.kind().is_security_key() => Ok(key),
        Ok(_) | Err(KeyError::Kind(_)) => Err(NotASecurityKey::Ordinary),
        Err(KeyError::Certificate(_)) => Err(NotASecurityKey::Certificate),
        Err(KeyError::NotAKey) => Err(NotASecurityKey::NotAKey),
    }
}

/// Asks for a signature by this key. Nothing is written.
///
/// # Errors
/// [`NotAdded`]
pub fn begin_ssh_key(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    wish: &Wish<'_>,
    at: &At,
) -> Result<Proving, NotAdded> {
    may_add(account, permission, rules, Kind::SshKey, at)?;
    let key = read_ssh_key(wish.line)?;
    if has(account, &key) {
        return Err(Refusal::AlreadyThere.into());
    }
    let name = match wish.name {
        Some(name) => checked_name(name)?,
        None => comment(wish.line).unwrap_or_else(|| UNNAMED.to_owned()),
    };
    let text = text(account, wish.place, &key, at).ok_or(Refusal::Internal)?;
    let verify_user = wish.verify_user;
    Ok(Proving { way: OnItsWay::begin(account, name, at.now), key, text, verify_user })
}

/// What is signed: one line, so that it goes into a command that somebody copies. It says for whom and where; the key's
/// owner reads it before touching.
fn text(account: &Account, (site, host): (&str, &str), key: &PublicKey, at: &At) -> Option<String> {
    let fresh: &[u8; FRESH] = at.fresh.expose().first_chunk()?;
    let visible = |text: &str| text.replace(|c: char| !c.is_ascii_graphic() && c != ' ', "?");
    let (user, uid) = (visible(&account.identity.name), account.identity.uid);
    let (site, host, fingerprint) = (visible(site), visible(host), key.fingerprint());
    let once = BASE64URL_NOPAD.encode(fresh);
    Some(format!("{site}: {user} (uid {uid}) on {host} adds {fingerprint} as a second factor, once: {once}"))
}

/// Weighs the signature, as `ssh-keygen -Y sign` writes it: the key is a factor once this is committed, with these
/// backup codes if there were none.
///
/// # Errors
/// [`NotAdded`]
pub fn confirm_ssh_key(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (proving, signature): (&Proving, &str),
    (at, ticket): (&At, Ticket),
) -> Result<(Commit, Vec<Zeroizing<String>>), NotAdded> {
    may_add(account, permission, rules, Kind::SshKey, at)?;
    let Proving { way, key, text, verify_user } = proving;
    way.must_go_on(account, at.now)?;
    if has(account, key) {
        return Err(Refusal::AlreadyThere.into());
    }
    // Whether it was touched is asked there.
    let touch = sshsig::verify_key(text.as_bytes(), signature.as_bytes(), NAMESPACE, key)?;
    let touch = touch.ok_or(NotASecurityKey::Ordinary)?;
    if *verify_user && !touch.user_verified {
        return Err(NotASecurityKey::Unverified.into());
    }
    let detail = Detail::SshKey(SshKey { key: key.clone() });
    Ok(add(account, rules, (&way.name, detail), (at, ticket))?)
}

/// Whether it is one of the account's.
fn has(account: &Account, key: &PublicKey) -> bool {
    account.ssh_keys().any(|(_, known)| known.key == *key)
}

/// What stands after the key, if it can be a name.
fn comment(line: &str) -> Option<String> {
    let mut words = line.trim().splitn(3, [' ', '\t']);
    let comment = words.nth(2)?.trim();
    let short: String = comment.chars().take(LONGEST_NAME).collect();
    checked_name(&short).ok()
}

#[cfg(test)]
#[path = "ssh_key_tests.rs"]
mod tests;
