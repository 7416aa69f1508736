//! What is declared of libfido2: functions that version 1.12 has already, and whose types have not changed since.

use std::ffi::{c_char, c_int, c_void};
use std::marker::{PhantomData, PhantomPinned};

/// It worked.
pub(super) const OK: c_int = 0;
/// libfido2's own error, for want of memory and the like.
pub(super) const INTERNAL: c_int = -9;
/// A device whose answer to the first question after `INIT` cannot be read is not taken for one that knows U2F alone.
pub(super) const DISABLE_U2F_FALLBACK: c_int = 0x02;
/// COSE's number of ES256.
pub(super) const ES256: c_int = -7;
/// COSE's number of EdDSA.
pub(super) const EDDSA: c_int = -8;
/// `FIDO_OPT_FALSE`.
pub(super) const OPT_FALSE: c_int = 1;
/// `FIDO_OPT_TRUE`.
pub(super) const OPT_TRUE: c_int = 2;

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[repr(C)]
        pub(super) struct $name {
            _data: [u8; 0],
            _marker: PhantomData<(*mut u8, PhantomPinned)>,
        }
    )*};
}
opaque!(FidoDev, FidoAssert, FidoCred, FidoCborInfo, FidoDevInfo, Es256Pk, EddsaPk);

/// `fido_dev_io_t`.
#[repr(C)]
pub(super) struct Io {
    pub(super) open: extern "C" fn(*const c_char) -> *mut c_void,
    pub(super) close: extern "C" fn(*mut c_void),
    pub(super) read: extern "C" fn(*mut c_void, *mut u8, usize, c_int) -> c_int,
    pub(super) write: extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
}

#[link(name = "fido2")]
unsafe extern "C" {
    pub(super) safe fn fido_init(flags: c_int);
    pub(super) safe fn fido_set_log_handler(handler: extern "C" fn(*const c_char));

    pub(super) safe fn fido_dev_info_new(count: usize) -> *mut FidoDevInfo;
    pub(super) fn fido_dev_info_free(list: *mut *mut FidoDevInfo, count: usize);
    pub(super) fn fido_dev_info_manifest(list: *mut FidoDevInfo, count: usize, found: *mut usize) -> c_int;
    pub(super) fn fido_dev_info_ptr(list: *const FidoDevInfo, index: usize) -> *const FidoDevInfo;
    pub(super) fn fido_dev_info_path(info: *const FidoDevInfo) -> *const c_char;
    pub(super) fn fido_dev_info_manufacturer_string(info: *const FidoDevInfo) -> *const c_char;
    pub(super) fn fido_dev_info_product_string(info: *const FidoDevInfo) -> *const c_char;

    pub(super) safe fn fido_dev_new() -> *mut FidoDev;
    pub(super) fn fido_dev_free(dev: *mut *mut FidoDev);
    pub(super) fn fido_dev_set_io_functions(dev: *mut FidoDev, io: *const Io) -> c_int;
    pub(super) fn fido_dev_open(dev: *mut FidoDev, path: *const c_char) -> c_int;
    pub(super) fn fido_dev_close(dev: *mut FidoDev) -> c_int;
    pub(super) fn fido_dev_cancel(dev: *mut FidoDev) -> c_int;
    pub(super) fn fido_dev_is_fido2(dev: *const FidoDev) -> bool;
    pub(super) fn fido_dev_has_pin(dev: *const FidoDev) -> bool;
    pub(super) fn fido_dev_has_uv(dev: *const FidoDev) -> bool;
    pub(super) fn fido_dev_get_retry_count(dev: *mut FidoDev, tries: *mut c_int) -> c_int;
    pub(super) fn fido_dev_get_cbor_info(dev: *mut FidoDev, info: *mut FidoCborInfo) -> c_int;
    pub(super) fn fido_dev_make_cred(dev: *mut FidoDev, cred: *mut FidoCred, pin: *const c_char) -> c_int;
    pub(super) fn fido_dev_get_assert(dev: *mut FidoDev, assert: *mut FidoAssert, pin: *const c_char) -> c_int;

    pub(super) safe fn fido_cbor_info_new() -> *mut FidoCborInfo;
    pub(super) fn fido_cbor_info_free(info: *mut *mut FidoCborInfo);
    pub(super) fn fido_cbor_info_aaguid_ptr(info: *const FidoCborInfo) -> *const u8;
    pub(super) fn fido_cbor_info_aaguid_len(info: *const FidoCborInfo) -> usize;
    pub(super) fn fido_cbor_info_options_name_ptr(info: *const FidoCborInfo) -> *mut *mut c_char;
    pub(super) fn fido_cbor_info_options_value_ptr(info: *const FidoCborInfo) -> *const u8;
    pub(super) fn fido_cbor_info_options_len(info: *const FidoCborInfo) -> usize;
    pub(super) fn fido_cbor_info_algorithm_count(info: *const FidoCborInfo) -> usize;
    pub(super) fn fido_cbor_info_algorithm_cose(info: *const FidoCborInfo, index: usize) -> c_int;

    pub(super) safe fn fido_assert_new() -> *mut FidoAssert;
    pub(super) fn fido_assert_free(assert: *mut *mut FidoAssert);
    pub(super) fn fido_assert_set_rp(assert: *mut FidoAssert, id: *const c_char) -> c_int;
    pub(super) fn fido_assert_set_clientdata_hash(assert: *mut FidoAssert, hash: *const u8, len: usize) -> c_int;
    pub(super) fn fido_assert_allow_cred(assert: *mut FidoAssert, id: *const u8, len: usize) -> c_int;
    pub(super) fn fido_assert_set_up(assert: *mut FidoAssert, up: c_int) -> c_int;
    pub(super) fn fido_assert_set_uv(assert: *mut FidoAssert, uv: c_int) -> c_int;
    pub(super) fn fido_assert_count(assert: *const FidoAssert) -> usize;
    pub(super) fn fido_assert_id_ptr(assert: *const FidoAssert, index: usize) -> *const u8;
    pub(super) fn fido_assert_id_len(assert: *const FidoAssert, index: usize) -> usize;
    pub(super) fn fido_assert_authdata_ptr(assert: *const FidoAssert, index: usize) -> *const u8;
    pub(super) fn fido_assert_authdata_len(assert: *const FidoAssert, index: usize) -> usize;
    pub(super) fn fido_assert_sig_ptr(assert: *const FidoAssert, index: usize) -> *const u8;
    pub(super) fn fido_assert_sig_len(assert: *const FidoAssert, index: usize) -> usize;
    pub(super) fn fido_assert_verify(
        assert: *const FidoAssert,
        index: usize,
        algorithm: c_int,
        key: *const c_void,
    ) -> c_int;

    pub(super) safe fn es256_pk_new() -> *mut Es256Pk;
    pub(super) fn es256_pk_free(key: *mut *mut Es256Pk);
    pub(super) fn es256_pk_from_ptr(key: *mut Es256Pk, bytes: *const c_void, len: usize) -> c_int;
    pub(super) safe fn eddsa_pk_new() -> *mut EddsaPk;
    pub(super) fn eddsa_pk_free(key: *mut *mut EddsaPk);
    pub(super) fn eddsa_pk_from_ptr(key: *mut EddsaPk, bytes: *const c_void, len: usize) -> c_int;

    pub(super) safe fn fido_cred_new() -> *mut FidoCred;
    pub(super) fn fido_cred_free(cred: *mut *mut FidoCred);
    pub(super) fn fido_cred_set_type(cred: *mut FidoCred, algorithm: c_int) -> c_int;
    pub(super) fn fido_cred_set_rp(cred: *mut FidoCred, id: *const c_char, name: *const c_char) -> c_int;
    pub(super) fn fido_cred_set_user(
        cred: *mut FidoCred,
        id: *const u8,
        len: usize,
        name: *const c_char,
        display_name: *const c_char,
        icon: *const c_char,
    ) -> c_int;
    pub(super) fn fido_cred_set_clientdata_hash(cred: *mut FidoCred, hash: *const u8, len: usize) -> c_int;
    pub(super) fn fido_cred_set_uv(cred: *mut FidoCred, uv: c_int) -> c_int;
    pub(super) fn fido_cred_fmt(cred: *const FidoCred) -> *const c_char;
    pub(super) fn fido_cred_id_ptr(cred: *const FidoCred) -> *const u8;
    pub(super) fn fido_cred_id_len(cred: *const FidoCred) -> usize;
    pub(super) fn fido_cred_authdata_ptr(cred: *const FidoCred) -> *const u8;
    pub(super) fn fido_cred_authdata_len(cred: *const FidoCred) -> usize;
    pub(super) fn fido_cred_attstmt_ptr(cred: *const FidoCred) -> *const u8;
    pub(super) fn fido_cred_attstmt_len(cred: *const FidoCred) -> usize;
}
