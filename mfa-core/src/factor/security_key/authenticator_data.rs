//! What a key says and signs (WebAuthn Level 3, section 6.1): for whom, whether it was touched, its count, and of a new
//! credential the id and the public key. Whatever does not fit to the last byte is `None`.

use super::challenge::Purpose;
use super::cose::CoseKey;
use super::{CredentialId, cbor};

/// Somebody touched it: user present.
const UP: u8 = 1;
/// It knows who: user verified.
const UV: u8 = 1 << 2;
/// The credential may be copied to other devices: backup eligible.
const BE: u8 = 1 << 3;
/// It is, now: backup state.
const BS: u8 = 1 << 4;
/// A new credential follows: attested credential data.
const AT: u8 = 1 << 6;
/// Extensions follow.
const ED: u8 = 1 << 7;

/// What a key says.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'b> {
    /// The SHA-256 of the relying party.
    pub(super) relying_party: &'b [u8; 32],
    /// Its count of signatures; 0 for keys that do not count.
    pub(super) counter: u32,
    /// The new credential, where one was asked for.
    pub(super) attested: Option<AttestedCredential>,
    flags: u8,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct AttestedCredential {
    /// Make and model; zeros where they are not told.
    pub(super) aaguid: [u8; 16],
    pub(super) id: CredentialId,
    pub(super) key: CoseKey,
}

impl<'b> AuthenticatorData<'b> {
    /// Reads it. A new credential is in it if one was asked for, and only then.
    pub(super) fn parse(bytes: &'b [u8], purpose: Purpose) -> Option<Self> {
        let (relying_party, rest) = bytes.split_first_chunk()?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk()?;
        if (flags & AT != 0) != (purpose == Purpose::Create) || flags & (BE | BS) == BS {
            return None;
        }
        let attested = if flags & AT == 0 { None } else { Some(AttestedCredential::take(&mut rest)?) };
        if flags & ED != 0 {
            // Signed, and of no use here.
            cbor::map(&mut rest)?;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(Self { relying_party, counter, attested, flags })
    }

    /// Whether somebody touched the key.
    pub(super) fn touched(&self) -> bool {
        self.flags & UP != 0
    }

    /// Whether the key knows who touched it, by PIN or fingerprint.
    pub(super) fn verified(&self) -> bool {
        self.flags & UV != 0
    }
}

impl AttestedCredential {
    /// Section 6.5.1.
    fn take(rest: &mut &[u8]) -> Option<Self> {
        let (aaguid, after) = rest.split_first_chunk()?;
        let (length, after) = after.split_first_chunk()?;
        let (id, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
        *rest = after;
        Some(Self { aaguid: *aaguid, id: CredentialId::new(id.to_vec())?, key: CoseKey::take(rest)? })
    }
}
