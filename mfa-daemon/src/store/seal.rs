//! Sealing: what is secret leaves for the database encrypted, and bound to its row.
//!
//! XChaCha20-Poly1305 with a random nonce. Table, account, row, kind and parameters are associated data, so that
//! sealed bytes that were moved to another row, or whose parameters were changed, do not open. Nothing here writes.

use super::StoreError;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use mfa_core::Secret;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The bytes of a nonce.
pub(super) type Nonce = [u8; 24];
/// The bytes of the Poly1305 tag at the end of what is sealed.
const TAG: usize = 16;
/// Leads the associated data: nothing sealed for another purpose with the same key opens here.
const DOMAIN: &[u8] = b"mfa store, schema 1\0";

/// The key that seals secrets at rest, and the ones it replaced, which still open what they sealed.
pub(crate) struct MasterKey {
    current: Numbered,
    older: Vec<Numbered>,
}

/// A key by the number that rows name it with. The cipher wipes its key when dropped.
struct Numbered {
    id: u32,
    cipher: XChaCha20Poly1305,
}

impl MasterKey {
    /// Takes the key; the caller's copy is the caller's to wipe.
    #[must_use]
    pub(crate) fn new(id: u32, bytes: [u8; 32]) -> Self {
        Self { current: Numbered::new(id, bytes), older: Vec::new() }
    }

    /// Also opens what this key sealed.
    #[must_use]
    pub(crate) fn with_older(mut self, id: u32, bytes: [u8; 32]) -> Self {
        self.older.push(Numbered::new(id, bytes));
        self
    }

    /// The number of the key that seals.
    pub(super) fn current(&self) -> u32 {
        self.current.id
    }

    /// The numbers of its keys, the current one first.
    pub(super) fn held(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(&self.current).chain(&self.older).map(|key| key.id)
    }

    /// The same, for tests elsewhere.
    #[cfg(test)]
    pub(crate) fn numbers(&self) -> Vec<u32> {
        self.held().collect()
    }

    /// Whether it holds the key of this number.
    pub(super) fn holds(&self, id: u32) -> bool {
        self.numbered(id).is_some()
    }

    /// Seals with the current key.
    pub(super) fn seal(&self, place: &Place<'_>, secret: &[u8]) -> Result<Sealed, StoreError> {
        let mut nonce: Nonce = [0; 24];
        getrandom::fill(&mut nonce).map_err(|error| StoreError::Failed(format!("no random numbers: {error}")))?;
        // Room for the tag, so that growing leaves no copy of the secret behind.
        let mut bytes = Vec::with_capacity(secret.len().saturating_add(TAG));
        bytes.extend_from_slice(secret);
        let bound = place.associated(self.current.id);
        let sealed = self.current.cipher.encrypt_in_place(&XNonce::from(nonce), &bound, &mut bytes);
        sealed.map_err(|_| StoreError::Failed("too long to be sealed".to_owned()))?;
        Ok(Sealed { key_id: self.current.id, nonce, bytes })
    }

    /// Opens what was sealed for this very place; anything else is an error.
    pub(super) fn open(&self, place: &Place<'_>, sealed: Sealed) -> Result<Secret, StoreError> {
        let refused = || StoreError::Unsealable { table: place.table, id: place.id };
        let key = self.numbered(sealed.key_id).ok_or_else(refused)?;
        let mut bytes = Zeroizing::new(sealed.bytes);
        let bound = place.associated(sealed.key_id);
        let opened = key.cipher.decrypt_in_place(&XNonce::from(sealed.nonce), &bound, &mut *bytes);
        opened.map_err(|_| refused())?;
        Ok(Secret::new(std::mem::take(&mut *bytes)))
    }

    fn numbered(&self, id: u32) -> Option<&Numbered> {
        std::iter::once(&self.current).chain(&self.older).find(|key| key.id == id)
    }
}

impl Numbered {
    fn new(id: u32, mut bytes: [u8; 32]) -> Self {
        let cipher = XChaCha20Poly1305::new(&bytes.into());
        bytes.zeroize();
        Self { id, cipher }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, …)", self.current.id)
    }
}

/// Where sealed bytes belong. `table`, `kind` and `params` hold no NUL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The table.
    pub(super) table: &'static str,
    /// The row of the account.
    pub(super) account: i64,
    /// The row.
    pub(super) id: i64,
    /// The kind of factor.
    pub(super) kind: &'a str,
    /// How the secret is used.
    pub(super) params: &'a str,
}

impl Place<'_> {
    fn associated(&self, key_id: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(80);
        bytes.extend_from_slice(DOMAIN);
        for text in [self.table, self.kind, self.params] {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(&key_id.to_be_bytes());
        bytes.extend_from_slice(&self.account.to_be_bytes());
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes
    }
}

/// Encrypted bytes as a row keeps them.
#[derive(Clone, Debug)]
pub(super) struct Sealed {
    /// With which key.
    pub(super) key_id: u32,
    /// With which nonce.
    pub(super) nonce: Nonce,
    /// Ciphertext, then tag.
    pub(super) bytes: Vec<u8>,
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
