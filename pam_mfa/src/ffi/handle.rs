//! The PAM handle of one call, as a [`Host`]. It lives no longer than the call, and never leaves its thread.

use super::{conversation, sys};
use crate::host::{Aside, ConverseError, Host, Item, Level};
use mfa_proto::Secret;
use mfa_proto::login::{Note, Prompt};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use zeroize::Zeroizing;

/// The name under which libpam keeps what `auth` leaves for `account`.
const KEPT: &CStr = c"pam_mfa_auth";
/// The name under which it keeps what `combined=split` leaves for `combined=verify`.
const ASIDE: &CStr = c"pam_mfa_combined";

/// libpam's handle. Holding a `NonNull`, it is neither `Send` nor `Sync`.
pub(super) struct Handle(NonNull<sys::Handle>);

impl Handle {
    /// Takes what libpam passed to a hook; `None` for a null pointer.
    ///
    /// # Safety
    /// A pointer that is not null is libpam's handle of the hook that runs now, on this thread, and the result is
    /// dropped before the hook returns.
    pub(super) unsafe fn new(handle: *mut sys::Handle) -> Option<Self> {
        NonNull::new(handle).map(Self)
    }

    /// An item as libpam points to it: valid until the item is set anew, so never across a conversation.
    fn raw_item(&self, item: c_int) -> Option<NonNull<c_void>> {
        let mut value = ptr::null();
        // SAFETY: the handle is live (`new`), and `value` is a place for one pointer that libpam does not keep.
        let result = unsafe { sys::pam_get_item(self.0.as_ptr(), item, &raw mut value) };
        if result == sys::SUCCESS { NonNull::new(value.cast_mut()) } else { None }
    }

    /// The bytes of an item that is text, while nothing else happens.
    fn text_item(&self, item: c_int) -> Option<&[u8]> {
        let text = self.raw_item(item)?;
        // SAFETY: every item but PAM_CONV, PAM_FAIL_DELAY and PAM_XAUTHDATA, none of which is asked for here, is a
        // string that libpam terminated; it cannot be replaced while `self` is borrowed, for only `ask` and `show`
        // give the application a chance to, and they borrow mutably.
        Some(unsafe { CStr::from_ptr(text.as_ptr().cast::<c_char>()) }.to_bytes())
    }

    fn converse(&mut self, notes: &[Note], prompt: Option<&Prompt>) -> Result<Option<Secret>, ConverseError> {
        let conversation = self.raw_item(sys::CONV).ok_or(ConverseError::Failed)?.cast::<sys::Conversation>();
        // SAFETY: PAM_CONV is libpam's own aligned copy of a `struct pam_conv`; it is copied out at once, because the
        // application may replace it while it converses.
        let (converse, appdata) = unsafe {
            let conversation = conversation.as_ref();
            (conversation.converse, conversation.appdata)
        };
        conversation::hold(converse.ok_or(ConverseError::Failed)?, appdata, notes, prompt)
    }
}

impl Host for Handle {
    fn item(&self, item: Item) -> Option<Vec<u8>> {
        let item = match item {
            Item::User => sys::USER,
            Item::Service => sys::SERVICE,
            Item::RemoteHost => sys::RHOST,
            Item::RemoteUser => sys::RUSER,
            Item::Terminal => sys::TTY,
        };
        self.text_item(item).map(<[u8]>::to_vec)
    }

    fn pam_variable(&self, name: &CStr) -> Option<Vec<u8>> {
        // SAFETY: the handle is live (`new`) and the name is terminated; libpam only compares it.
        let value = unsafe { sys::pam_getenv(self.0.as_ptr(), name.as_ptr()) };
        // SAFETY: what is not null points into an entry `NAME=value` that libpam terminated and keeps until the
        // variable is set anew; it is copied before anything else runs.
        (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) }.to_bytes().to_vec())
    }

    fn is_password(&self, answer: &Secret) -> bool {
        self.text_item(sys::AUTHTOK)
            .is_some_and(|password| !password.is_empty() && password == answer.expose().as_bytes())
    }

    fn has_password(&self) -> bool {
        self.text_item(sys::AUTHTOK).is_some_and(|password| !password.is_empty())
    }

    fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.text_item(sys::AUTHTOK).map(|password| Zeroizing::new(password.to_vec()))
    }

    fn set_password(&mut self, password: &[u8]) -> bool {
        let mut terminated = Zeroizing::new(Vec::with_capacity(password.len().saturating_add(1)));
        terminated.extend_from_slice(password);
        terminated.push(0);
        let Ok(text) = CStr::from_bytes_with_nul(&terminated) else { return false };
        // SAFETY: the handle is live (`new`) and the text is terminated; libpam copies it, and overwrites the one it had.
        unsafe { sys::pam_set_item(self.0.as_ptr(), sys::AUTHTOK, text.as_ptr().cast()) == sys::SUCCESS }
    }

    fn ask(&mut self, notes: &[Note], prompt: &Prompt) -> Result<Secret, ConverseError> {
        self.converse(notes, Some(prompt))?.ok_or(ConverseError::NoReply)
    }

    fn show(&mut self, notes: &[Note]) {
        // An application that cannot show text, or answers it with nothing at all, is a usual one.
        let _ = self.converse(notes, None);
    }

    fn log(&self, level: Level, line: &str) {
        let priority = match level {
            Level::Alert => 1,
            Level::Critical => 2,
            Level::Error => 3,
            Level::Notice => 5,
            Level::Debug => 7,
        };
        let Ok(line) = CString::new(line) else { return };
        // SAFETY: the handle is live (`new`); the format takes one terminated string and gets one; libpam adds the
        // facility (authpriv) and its own prefix, and keeps neither.
        unsafe { sys::pam_syslog(self.0.as_ptr(), priority, c"%s".as_ptr(), line.as_ptr()) };
    }

    fn keep(&mut self, line: Option<&str>) -> bool {
        let data = match line.map(CString::new) {
            None => ptr::null_mut(),
            Some(Ok(line)) => line.into_raw(),
            Some(Err(_)) => return false,
        };
        // SAFETY: the handle is live (`new`), the name is terminated, and `data` is null or a `CString` given up to
        // libpam, which calls `release` with it exactly once: when it is replaced, or at the end of the handle,
        // which comes before the module is unloaded.
        let result = unsafe { sys::pam_set_data(self.0.as_ptr(), KEPT.as_ptr(), data.cast(), Some(release)) };
        if result != sys::SUCCESS && !data.is_null() {
            // SAFETY: libpam did not take it, so it is still the pointer that `into_raw` gave above.
            drop(unsafe { CString::from_raw(data) });
        }
        result == sys::SUCCESS
    }

    fn kept(&self) -> Option<String> {
        let mut data = ptr::null();
        // SAFETY: the handle is live (`new`), the name is terminated, `data` is a place for one pointer.
        let result = unsafe { sys::pam_get_data(self.0.as_ptr(), KEPT.as_ptr(), &raw mut data) };
        if result != sys::SUCCESS || data.is_null() {
            return None;
        }
        // SAFETY: only `keep` stores under this name, so it is a terminated string, alive until it is replaced.
        let line = unsafe { CStr::from_ptr(data.cast::<c_char>()) };
        line.to_str().ok().map(str::to_owned)
    }

    fn put_aside(&mut self, aside: Option<Aside>) -> bool {
        let data = aside.map_or(ptr::null_mut(), |aside| Box::into_raw(Box::new(aside)));
        // SAFETY: the handle is live (`new`), the name is terminated, and `data` is null or a box given up to libpam,
        // which calls `wipe` with it exactly once, before the module is unloaded.
        let result = unsafe { sys::pam_set_data(self.0.as_ptr(), ASIDE.as_ptr(), data.cast(), Some(wipe)) };
        if result != sys::SUCCESS && !data.is_null() {
            // SAFETY: libpam did not take it, so it is still the box that was given up above.
            drop(unsafe { Box::from_raw(data) });
        }
        result == sys::SUCCESS
    }

    fn aside(&self) -> Option<Aside> {
        let mut data = ptr::null();
        // SAFETY: the handle is live (`new`), the name is terminated, `data` is a place for one pointer.
        let result = unsafe { sys::pam_get_data(self.0.as_ptr(), ASIDE.as_ptr(), &raw mut data) };
        if result != sys::SUCCESS {
            return None;
        }
        // SAFETY: only `put_aside` stores under this name, so what is not null is its box, alive until it is replaced.
        unsafe { data.cast::<Aside>().as_ref() }.cloned()
    }
}

/// Gives back, and by that wipes, what [`Handle::put_aside`] gave up.
///
/// # Safety
/// `data` is null or comes from `put_aside`, and this is its only release.
unsafe extern "C" fn wipe(_: *mut sys::Handle, data: *mut c_void, _: c_int) {
    if !data.is_null() {
        // SAFETY: libpam hands back the very pointer that `Box::into_raw` gave, once.
        drop(unsafe { Box::from_raw(data.cast::<Aside>()) });
    }
}

/// Gives back what [`Handle::keep`] gave up.
///
/// # Safety
/// `data` is null or comes from `keep`, and this is its only release.
unsafe extern "C" fn release(_: *mut sys::Handle, data: *mut c_void, _: c_int) {
    if !data.is_null() {
        // SAFETY: libpam hands back the very pointer that `CString::into_raw` gave, once.
        drop(unsafe { CString::from_raw(data.cast::<c_char>()) });
    }
}
