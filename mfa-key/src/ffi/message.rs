//! What a key is asked to sign or to make, and what it gave.

use super::{Code, bytes, done, sys, text};
use crate::public_key::PublicKey;
use std::ffi::{CStr, c_int, c_void};
use std::ptr::{self, NonNull};

/// A request for a signature, and then the signature.
pub(crate) struct Assertion(NonNull<sys::FidoAssert>);

impl Assertion {
    pub(super) fn raw(&mut self) -> *mut sys::FidoAssert {
        self.0.as_ptr()
    }

    /// By that one credential, over that hash; with a touch or, to find out whether the key holds it, without.
    pub(crate) fn new(relying_party: &CStr, id: &[u8], hash: &[u8], touch: bool) -> Result<Self, Code> {
        let assertion = Self(NonNull::new(sys::fido_assert_new()).ok_or(sys::INTERNAL)?);
        let raw = assertion.0.as_ptr();
        // SAFETY: the assertion is ours; libfido2 copies what it is given.
        unsafe {
            done(sys::fido_assert_set_rp(raw, relying_party.as_ptr()))?;
            done(sys::fido_assert_set_clientdata_hash(raw, hash.as_ptr(), hash.len()))?;
            done(sys::fido_assert_allow_cred(raw, id.as_ptr(), id.len()))?;
            if !touch {
                done(sys::fido_assert_set_up(raw, sys::OPT_FALSE))?;
            }
        }
        Ok(assertion)
    }

    /// The key makes sure of its user by itself.
    pub(crate) fn verify_user(&mut self) -> Result<(), Code> {
        // SAFETY: the assertion is ours.
        done(unsafe { sys::fido_assert_set_uv(self.0.as_ptr(), sys::OPT_TRUE) })
    }

    /// Signatures there are.
    pub(crate) fn count(&self) -> usize {
        // SAFETY: the assertion is ours.
        unsafe { sys::fido_assert_count(self.0.as_ptr()) }
    }

    /// Which credential signed; empty where the key leaves it out, having been asked about one.
    pub(crate) fn id(&self) -> Vec<u8> {
        // SAFETY: the assertion is ours; both functions answer nothing for a signature that is not there.
        unsafe { bytes(sys::fido_assert_id_ptr(self.0.as_ptr(), 0), sys::fido_assert_id_len(self.0.as_ptr(), 0)) }
    }

    /// A CBOR byte string.
    pub(crate) fn authenticator_data(&self) -> Vec<u8> {
        // SAFETY: the assertion is ours; both functions answer nothing for a signature that is not there.
        unsafe {
            bytes(sys::fido_assert_authdata_ptr(self.0.as_ptr(), 0), sys::fido_assert_authdata_len(self.0.as_ptr(), 0))
        }
    }

    pub(crate) fn signature(&self) -> Vec<u8> {
        // SAFETY: the assertion is ours; both functions answer nothing for a signature that is not there.
        unsafe { bytes(sys::fido_assert_sig_ptr(self.0.as_ptr(), 0), sys::fido_assert_sig_len(self.0.as_ptr(), 0)) }
    }

    /// Whether the signature is that public key's, over the hash and for the relying party it was asked for. A touch is
    /// demanded only where one was asked for.
    pub(crate) fn is_by(&self, key: &PublicKey) -> bool {
        match key {
            PublicKey::Es256(point) => {
                let mut raw = sys::es256_pk_new();
                // SAFETY: the key is new or null; libfido2 copies the bytes.
                let right = !raw.is_null()
                    && unsafe { sys::es256_pk_from_ptr(raw, point.as_ptr().cast(), point.len()) } == sys::OK
                    && self.verifies(sys::ES256, raw.cast());
                // SAFETY: made above, and not used after this; freeing null does nothing.
                unsafe { sys::es256_pk_free(&raw mut raw) };
                right
            }
            PublicKey::EdDsa(point) => {
                let mut raw = sys::eddsa_pk_new();
                // SAFETY: the key is new or null; libfido2 copies the bytes.
                let right = !raw.is_null()
                    && unsafe { sys::eddsa_pk_from_ptr(raw, point.as_ptr().cast(), point.len()) } == sys::OK
                    && self.verifies(sys::EDDSA, raw.cast());
                // SAFETY: made above, and not used after this; freeing null does nothing.
                unsafe { sys::eddsa_pk_free(&raw mut raw) };
                right
            }
        }
    }

    /// `key` is a live public key of libfido2's, of that algorithm.
    fn verifies(&self, algorithm: c_int, key: *const c_void) -> bool {
        // SAFETY: the assertion is ours, one that has no signature is refused; the key is of the algorithm's type.
        unsafe { sys::fido_assert_verify(self.0.as_ptr(), 0, algorithm, key) == sys::OK }
    }
}

impl Drop for Assertion {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the assertion is ours and goes.
        unsafe { sys::fido_assert_free(&raw mut raw) };
    }
}

/// For whom a credential is made.
pub(crate) struct Subject<'a> {
    pub(crate) relying_party: &'a CStr,
    pub(crate) site: &'a CStr,
    pub(crate) user_id: &'a [u8],
    pub(crate) user_name: &'a CStr,
}

/// A request for a credential, and then the credential.
pub(crate) struct Creation(NonNull<sys::FidoCred>);

impl Creation {
    pub(super) fn raw(&mut self) -> *mut sys::FidoCred {
        self.0.as_ptr()
    }

    /// For whom, over which hash, with which algorithm in COSE's numbers.
    pub(crate) fn new(subject: &Subject<'_>, hash: &[u8], algorithm: c_int) -> Result<Self, Code> {
        let creation = Self(NonNull::new(sys::fido_cred_new()).ok_or(sys::INTERNAL)?);
        let raw = creation.0.as_ptr();
        let name = subject.user_name.as_ptr();
        // SAFETY: the credential is ours; libfido2 copies what it is given, and the icon may be null.
        unsafe {
            done(sys::fido_cred_set_type(raw, algorithm))?;
            done(sys::fido_cred_set_rp(raw, subject.relying_party.as_ptr(), subject.site.as_ptr()))?;
            done(sys::fido_cred_set_user(
                raw,
                subject.user_id.as_ptr(),
                subject.user_id.len(),
                name,
                name,
                ptr::null(),
            ))?;
            done(sys::fido_cred_set_clientdata_hash(raw, hash.as_ptr(), hash.len()))?;
        }
        Ok(creation)
    }

    /// The key makes sure of its user by itself.
    pub(crate) fn verify_user(&mut self) -> Result<(), Code> {
        // SAFETY: the credential is ours.
        done(unsafe { sys::fido_cred_set_uv(self.0.as_ptr(), sys::OPT_TRUE) })
    }

    /// Of the attestation.
    pub(crate) fn format(&self) -> String {
        // SAFETY: the credential is ours, and libfido2 keeps the string until it is freed.
        unsafe { text(sys::fido_cred_fmt(self.0.as_ptr())) }
    }

    pub(crate) fn id(&self) -> Vec<u8> {
        // SAFETY: the credential is ours; where there is no identifier both functions answer nothing.
        unsafe { bytes(sys::fido_cred_id_ptr(self.0.as_ptr()), sys::fido_cred_id_len(self.0.as_ptr())) }
    }

    /// A CBOR byte string.
    pub(crate) fn authenticator_data(&self) -> Vec<u8> {
        // SAFETY: the credential is ours; where there are no data both functions answer nothing.
        unsafe { bytes(sys::fido_cred_authdata_ptr(self.0.as_ptr()), sys::fido_cred_authdata_len(self.0.as_ptr())) }
    }

    /// A CBOR map.
    pub(crate) fn statement(&self) -> Vec<u8> {
        // SAFETY: the credential is ours; where there is no statement both functions answer nothing.
        unsafe { bytes(sys::fido_cred_attstmt_ptr(self.0.as_ptr()), sys::fido_cred_attstmt_len(self.0.as_ptr())) }
    }
}

impl Drop for Creation {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the credential is ours and goes.
        unsafe { sys::fido_cred_free(&raw mut raw) };
    }
}
