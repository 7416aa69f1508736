//! The hooks that libpam calls, all of one shape: catch, convert, call, map. They are the module's only symbols.
//!
//! `pam_sm_open_session`, `pam_sm_close_session` and `pam_sm_chauthtok` are missing on purpose: a stack that names the
//! module there is mistaken, and libpam says so, where a hook that is ignored would say nothing.

use super::handle::Handle;
use super::{guard, memory, sys};
use crate::host::{Host, Level};
use crate::verdict::Code;
use crate::{Call, acct_mgmt, authenticate, setcred};
use std::ffi::{CStr, c_char, c_int};

type Hook = fn(&mut dyn Host, &Call) -> Code;

/// Asks for the second factor. See `pam_sm_authenticate(3)`.
///
/// # Safety
/// For libpam alone: `handle` is its own, `argv` has `argc` strings, all of them alive until this returns.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_authenticate(
    handle: *mut sys::Handle,
    flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: what libpam promised is passed on as it is.
    unsafe { enter(handle, flags, argc, argv, authenticate) }
}

/// Decides about a login that `auth` has not seen. See `pam_sm_acct_mgmt(3)`.
///
/// # Safety
/// For libpam alone: `handle` is its own, `argv` has `argc` strings, all of them alive until this returns.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_acct_mgmt(
    handle: *mut sys::Handle,
    flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: what libpam promised is passed on as it is.
    unsafe { enter(handle, flags, argc, argv, acct_mgmt) }
}

/// Succeeds, whatever happens. See `pam_sm_setcred(3)`; cron and public-key logins call it without
/// `pam_sm_authenticate`.
///
/// # Safety
/// For libpam alone: `handle` is its own, `argv` has `argc` strings, all of them alive until this returns.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pam_sm_setcred(
    handle: *mut sys::Handle,
    flags: c_int,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    // SAFETY: what libpam promised is passed on as it is.
    unsafe { enter(handle, flags, argc, argv, setcred) };
    Code::NO_CREDENTIALS.raw()
}

/// # Safety
/// As the hooks: a live handle or null, and `argc` live strings at `argv` or null.
unsafe fn enter(handle: *mut sys::Handle, flags: c_int, argc: c_int, argv: *const *const c_char, hook: Hook) -> c_int {
    let guarded = guard::catch(|| {
        // SAFETY: libpam's handle of this hook, dropped with this closure.
        let Some(mut handle) = (unsafe { Handle::new(handle) }) else { return Code::FAULT };
        // SAFETY: libpam's argument list of this hook, copied at once.
        let Some(arguments) = (unsafe { arguments(argc, argv) }) else { return Code::FAULT };
        let call = Call { arguments, silent: flags & sys::SILENT != 0 };
        let code = guard::catch(|| hook(&mut handle, &call)).unwrap_or_else(|place| {
            handle.log(Level::Critical, &format!("refused: internal error at {place}; please report it"));
            Code::FAULT
        });
        if memory::was_short() {
            handle.log(Level::Critical, "refused: there is not enough memory");
            let _ = memory::was_short(); // the line may have needed some, too
            return Code::FAULT;
        }
        code
    });
    guarded.unwrap_or(Code::FAULT).raw()
}

/// The arguments behind the module's name in the stack; `None` if they are not a list of strings. Bytes that are not
/// UTF-8 become replacement characters: no option has one, so such an argument is an unknown option.
///
/// # Safety
/// `argv` is null or points to `argc` pointers, each null or a live terminated string.
unsafe fn arguments(argc: c_int, argv: *const *const c_char) -> Option<Vec<String>> {
    let count = usize::try_from(argc).ok()?;
    if count == 0 {
        return Some(Vec::new());
    }
    if argv.is_null() {
        return None;
    }
    // SAFETY: not null, and as many pointers as the caller promises.
    let list = unsafe { std::slice::from_raw_parts(argv, count) };
    list.iter()
        .map(|argument| {
            // SAFETY: not null, so a terminated string, by the caller's promise.
            (!argument.is_null()).then(|| unsafe { CStr::from_ptr(*argument) }.to_string_lossy().into_owned())
        })
        .collect()
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
