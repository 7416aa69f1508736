//! An open device, and what it says of itself.

use super::message::{Assertion, Creation};
use super::{Code, bytes, done, hooks, quietly, sys, text};
use crate::line::Line;
use std::ffi::{CStr, c_char};
use std::ptr::{self, NonNull};

/// An open device. Dropping it closes the line.
pub(crate) struct Device(NonNull<sys::FidoDev>);

// SAFETY: libfido2 keeps all of a device in its allocation; what it keeps for a thread (logging, how it lists devices)
// is no part of it. `Line` is `Send`, and every call takes the device alone.
unsafe impl Send for Device {}

impl Device {
    /// Opens a channel over that line.
    pub(crate) fn open(line: Line) -> Result<Self, Code> {
        quietly();
        let device = Self(NonNull::new(sys::fido_dev_new()).ok_or(sys::INTERNAL)?);
        let io = sys::Io { open: hooks::open, close: hooks::close, read: hooks::read, write: hooks::write };
        // SAFETY: the device is new; libfido2 copies the four functions.
        done(unsafe { sys::fido_dev_set_io_functions(device.0.as_ptr(), &raw const io) })?;
        hooks::talk_through(Some(line));
        // SAFETY: the device is new and not open; the path is a constant that `open` does not look at.
        let opened = done(unsafe { sys::fido_dev_open(device.0.as_ptr(), c"line".as_ptr()) });
        hooks::talk_through(None); // where libfido2 did not come as far as to open it
        opened.map(|()| device)
    }

    pub(crate) fn is_fido2(&self) -> bool {
        // SAFETY: the device is ours and open.
        unsafe { sys::fido_dev_is_fido2(self.0.as_ptr()) }
    }

    pub(crate) fn has_pin(&self) -> bool {
        // SAFETY: the device is ours and open.
        unsafe { sys::fido_dev_has_pin(self.0.as_ptr()) }
    }

    pub(crate) fn has_built_in_verification(&self) -> bool {
        // SAFETY: the device is ours and open.
        unsafe { sys::fido_dev_has_uv(self.0.as_ptr()) }
    }

    /// Tries of the PIN that are left.
    pub(crate) fn tries(&mut self) -> Result<u8, Code> {
        let mut tries = 0;
        // SAFETY: the device is ours and open, and `tries` is ours.
        done(unsafe { sys::fido_dev_get_retry_count(self.0.as_ptr(), &raw mut tries) })?;
        Ok(u8::try_from(tries.max(0)).unwrap_or(u8::MAX))
    }

    pub(crate) fn info(&mut self) -> Result<Info, Code> {
        let mut raw = sys::fido_cbor_info_new();
        if raw.is_null() {
            return Err(sys::INTERNAL);
        }
        // SAFETY: the device is ours and open; the information is new.
        let code = unsafe { sys::fido_dev_get_cbor_info(self.0.as_ptr(), raw) };
        // SAFETY: the information is ours; it is filled where the code says so.
        let info = done(code).map(|()| unsafe { Info::of(raw) });
        // SAFETY: made above, and not used after this.
        unsafe { sys::fido_cbor_info_free(&raw mut raw) };
        info
    }

    /// Tells the key to stop waiting for a touch.
    pub(crate) fn cancel(&mut self) {
        // SAFETY: the device is ours and open. Nothing can be done about an error: the key may be gone.
        let _ = unsafe { sys::fido_dev_cancel(self.0.as_ptr()) };
    }

    /// Makes the credential.
    pub(crate) fn make(&mut self, creation: &mut Creation, pin: Option<&CStr>) -> Result<(), Code> {
        // SAFETY: both are ours, the device is open; the PIN is null or ends in a NUL and outlives the call.
        done(unsafe { sys::fido_dev_make_cred(self.0.as_ptr(), creation.raw(), pointer(pin)) })
    }

    /// Signs, or finds out whether the key could.
    pub(crate) fn sign(&mut self, assertion: &mut Assertion, pin: Option<&CStr>) -> Result<(), Code> {
        // SAFETY: both are ours, the device is open; the PIN is null or ends in a NUL and outlives the call.
        done(unsafe { sys::fido_dev_get_assert(self.0.as_ptr(), assertion.raw(), pointer(pin)) })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let mut raw = self.0.as_ptr();
        // SAFETY: the device is ours and goes; closing one that is not open is an error that does nothing.
        unsafe {
            sys::fido_dev_close(raw);
            sys::fido_dev_free(&raw mut raw);
        }
    }
}

fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(ptr::null(), CStr::as_ptr)
}

/// What a key says of itself.
pub(crate) struct Info {
    pub(crate) aaguid: Vec<u8>,
    /// The options it has, and whether they are on.
    pub(crate) options: Vec<(String, bool)>,
    /// The algorithms it knows, in COSE's numbers; empty where it does not say.
    pub(crate) algorithms: Vec<i64>,
}

impl Info {
    /// # Safety
    /// `raw` is a live information that libfido2 has filled.
    unsafe fn of(raw: *const sys::FidoCborInfo) -> Self {
        // SAFETY: libfido2 keeps as many names, values and algorithms as it says, until the information is freed.
        unsafe {
            let (names, values) =
                (sys::fido_cbor_info_options_name_ptr(raw), sys::fido_cbor_info_options_value_ptr(raw));
            let options = if names.is_null() || values.is_null() { 0 } else { sys::fido_cbor_info_options_len(raw) };
            Self {
                aaguid: bytes(sys::fido_cbor_info_aaguid_ptr(raw), sys::fido_cbor_info_aaguid_len(raw)),
                options: (0..options).map(|i| (text(*names.add(i)), *values.add(i) != 0)).collect(),
                algorithms: (0..sys::fido_cbor_info_algorithm_count(raw))
                    .map(|index| i64::from(sys::fido_cbor_info_algorithm_cose(raw, index)))
                    .collect(),
            }
        }
    }
}
