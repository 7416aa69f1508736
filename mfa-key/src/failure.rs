//! What libfido2's and CTAP's error numbers mean here.

use crate::ffi::Code;
use crate::line::Trouble;
use mfa_proto::key::Failure;

/// CTAP's and libfido2's numbers, by CTAP 2.1's names (section 8.2) and those of `fido/err.h`.
const CHANNEL_BUSY: Code = 0x06;
const CREDENTIAL_EXCLUDED: Code = 0x19;
pub(crate) const UNSUPPORTED_ALGORITHM: Code = 0x26;
const OPERATION_DENIED: Code = 0x27;
const UNSUPPORTED_OPTION: Code = 0x2b;
const INVALID_OPTION: Code = 0x2c;
const KEEPALIVE_CANCEL: Code = 0x2d;
pub(crate) const NO_CREDENTIALS: Code = 0x2e;
const USER_ACTION_TIMEOUT: Code = 0x2f;
const NOT_ALLOWED: Code = 0x30;
const PIN_INVALID: Code = 0x31;
const PIN_BLOCKED: Code = 0x32;
const PIN_AUTH_BLOCKED: Code = 0x34;
const PIN_NOT_SET: Code = 0x35;
const PIN_REQUIRED: Code = 0x36;
const ACTION_TIMEOUT: Code = 0x3a;
const UV_BLOCKED: Code = 0x3c;
const UV_INVALID: Code = 0x3f;
pub(crate) const USER_PRESENCE_REQUIRED: Code = -8;
/// The line broke, or what came over it was no report of an answer.
const TX: Code = -1;
const RX: Code = -2;
const INTERNAL: Code = -9;

/// Why it was not done. What happened to the line explains more than what libfido2 makes of it.
pub(crate) fn because(code: Code, trouble: Option<Trouble>) -> Failure {
    match (code, trouble) {
        (TX | RX | INTERNAL, Some(trouble)) => trouble.into(),
        (CHANNEL_BUSY, _) => Failure::Busy,
        (CREDENTIAL_EXCLUDED, _) => Failure::AlreadyThere,
        (UNSUPPORTED_ALGORITHM | UNSUPPORTED_OPTION | INVALID_OPTION, _) => Failure::Unsupported,
        (OPERATION_DENIED | NOT_ALLOWED | KEEPALIVE_CANCEL | UV_INVALID, _) => Failure::Denied,
        (NO_CREDENTIALS, _) => Failure::NotHere,
        (USER_ACTION_TIMEOUT | ACTION_TIMEOUT, _) => Failure::TimedOut,
        (PIN_INVALID, _) => Failure::PinWrong { tries_left: None },
        (PIN_BLOCKED, _) => Failure::PinBlocked,
        (PIN_AUTH_BLOCKED, _) => Failure::PinPause,
        (PIN_NOT_SET, _) => Failure::PinNotSet,
        // A fingerprint failed too often: the PIN is what is left.
        (PIN_REQUIRED | UV_BLOCKED, _) => Failure::PinNeeded,
        (..0, _) => nonsense(),
        _ => Failure::Failed { detail: format!("the key refused with error 0x{code:02x}") },
    }
}

/// The key answered what no key answers.
pub(crate) fn nonsense() -> Failure {
    Failure::Failed { detail: "the key's answer cannot be understood".into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_broke_says_why() {
        assert_eq!(because(RX, Some(Trouble::Late)), Failure::TimedOut);
        assert_eq!(because(TX, Some(Trouble::Gone)), Failure::Unplugged);
        assert_eq!(because(RX, None), nonsense());
    }

    #[test]
    fn what_the_key_said_stands_even_if_the_line_broke_afterwards() {
        assert_eq!(because(PIN_BLOCKED, Some(Trouble::Gone)), Failure::PinBlocked);
        assert_eq!(because(OPERATION_DENIED, Some(Trouble::Late)), Failure::Denied);
    }

    #[test]
    fn numbers_that_nobody_knows_are_failures_that_can_be_printed() {
        for code in [0x7f, 0xdf, 0xff, i32::MAX, i32::MIN, -5] {
            let Failure::Failed { detail } = because(code, None) else { panic!("{code}") };
            assert!(detail.is_ascii() && !detail.contains('\n'));
        }
    }
}
