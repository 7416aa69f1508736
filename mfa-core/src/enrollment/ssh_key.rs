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
}

impl Proving {
    /// The text to sign: lines of ASCII, the last one ended.
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
}

impl fmt::Display for NotASecurityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ordinary => {
                "This is an ordinary SSH key: its file can be copied, so it is no second factor. Make one on a security \
                 key: ssh-keygen -t ed25519-sk (or ecdsa-sk)"
            }
            Self::Certificate => "This is a certificate. Give the key itself; its certificates count with it.",
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

/// Asks for a signature by this key, the line of a `.pub` file. Without a name it is called as its comment says.
/// Nothing is written.
///
/// # Errors
/// [`NotAdded`]
pub fn begin_ssh_key(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (line, name): (&str, Option<&str>),
    at: &At,
) -> Result<Proving, NotAdded> {
    may_add(account, permission, rules, Kind::SshKey, at)?;
    let key = read_ssh_key(line)?;
    if has(account, &key) {
        return Err(Refusal::AlreadyThere.into());
    }
    let name = match name {
        Some(name) => checked_name(name)?,
        None => comment(line).unwrap_or_else(|| UNNAMED.to_owned()),
    };
    let fresh: &[u8; FRESH] = at.fresh.expose().first_chunk().ok_or(Refusal::Internal)?;
    let text = format!(
        "Sign this to use the key as a second factor.\nUser: {} ({})\nKey: {}\nOnce: {}\n",
        account.identity.name,
        account.identity.uid,
        key.fingerprint(),
        BASE64URL_NOPAD.encode(fresh)
    );
    Ok(Proving { way: OnItsWay::begin(account, name, at.now), key, text })
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
    let Proving { way, key, text } = proving;
    way.must_go_on(account, at.now)?;
    if has(account, key) {
        return Err(Refusal::AlreadyThere.into());
    }
    // Whether it was touched is asked there.
    let touch = sshsig::verify_key(text.as_bytes(), signature.as_bytes(), NAMESPACE, key)?;
    let touch = touch.ok_or(NotASecurityKey::Ordinary)?;
    let detail = Detail::SshKey(SshKey { key: key.clone(), verified: touch.user_verified });
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
