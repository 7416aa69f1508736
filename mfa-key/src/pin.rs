//! The PIN: when it may be sent, and that it is wiped.

use mfa_proto::Secret;
use mfa_proto::key::{Can, Failure, LAST_TRIES};
use std::ffi::CStr;
use zeroize::Zeroizing;

/// Bytes of a PIN, as CTAP 2.1 bounds it (section 6.5.1): a shorter or longer one cannot be right.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=63;

/// A PIN as libfido2 wants it, with a NUL at its end. Wiped when dropped, and never printed.
pub(crate) struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// `None` for what cannot be anybody's PIN.
    pub(crate) fn new(typed: &Secret) -> Option<Self> {
        let typed = typed.expose().as_bytes();
        if !LENGTHS.contains(&typed.len()) || typed.contains(&0) {
            return None;
        }
        // Room for all of it at once: a vector that grows leaves its old bytes behind.
        let mut pin = Zeroizing::new(Vec::with_capacity(typed.len() + 1));
        pin.extend_from_slice(typed);
        pin.push(0);
        Some(Self(pin))
    }

    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.0).unwrap_or_default()
    }
}

/// How the user is to be verified.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Not at all: a touch is enough.
    Touch,
    /// The PIN goes to the key.
    Pin,
    /// The key does it by itself.
    ByItself,
}

/// Which way the user is verified on this key: what was given, what the key can, what is demanded.
///
/// # Errors
/// What is missing, `Unsupported` where the key can never do it.
pub(crate) fn way(can: &Can, pin_given: bool, verify_user: bool) -> Result<Way, Failure> {
    let demanded = verify_user || can.always_verifies;
    if pin_given && can.pin_set {
        Ok(Way::Pin)
    } else if !demanded {
        Ok(Way::Touch)
    } else if can.u2f_only {
        Err(Failure::Unsupported)
    } else if pin_given {
        // Whoever gave it wants it checked: a finger is no answer to that.
        Err(Failure::PinNotSet)
    } else if can.built_in_verification {
        Ok(Way::ByItself)
    } else if can.pin_set {
        Err(Failure::PinNeeded)
    } else {
        Err(Failure::PinNotSet)
    }
}

/// Whether a PIN may be sent to a key with that many tries left: the last ones are for its owner, at the maker's tool.
///
/// # Errors
/// `PinBlocked`, `PinLastTries`.
pub(crate) fn may_be_sent(tries_left: u8) -> Result<(), Failure> {
    match tries_left {
        0 => Err(Failure::PinBlocked),
        1..=LAST_TRIES => Err(Failure::PinLastTries { tries_left }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITH_PIN: Can =
        Can { pin_set: true, always_verifies: false, pin_left: Some(8), built_in_verification: false, u2f_only: false };

    #[test]
    fn what_cannot_be_a_pin_is_not_sent() {
        for typed in ["", "123", "12\u{0}45", &"7".repeat(64)] {
            assert!(Pin::new(&Secret::from(typed)).is_none(), "{typed:?}");
        }
        for typed in ["1234", "zwölf", &"7".repeat(63)] {
            assert_eq!(Pin::new(&Secret::from(typed)).unwrap().as_c_str().to_bytes(), typed.as_bytes());
        }
    }

    #[test]
    fn the_last_tries_are_never_used_up() {
        assert_eq!(may_be_sent(0), Err(Failure::PinBlocked));
        for tries_left in 1..=3 {
            assert_eq!(may_be_sent(tries_left), Err(Failure::PinLastTries { tries_left }));
        }
        assert!(may_be_sent(4).is_ok() && may_be_sent(8).is_ok());
    }

    #[test]
    fn a_touch_is_enough_where_nothing_more_is_demanded() {
        assert_eq!(way(&WITH_PIN, false, false), Ok(Way::Touch));
        assert_eq!(way(&Can { u2f_only: true, ..Can::default() }, true, false), Ok(Way::Touch));
        assert_eq!(way(&Can { always_verifies: true, ..WITH_PIN }, false, false), Err(Failure::PinNeeded));
    }

    #[test]
    fn a_pin_goes_only_to_a_key_that_has_one() {
        assert_eq!(way(&WITH_PIN, true, false), Ok(Way::Pin));
        assert_eq!(way(&Can { pin_set: false, ..WITH_PIN }, true, true), Err(Failure::PinNotSet));
        assert_eq!(way(&Can { u2f_only: true, ..Can::default() }, true, true), Err(Failure::Unsupported));
    }

    #[test]
    fn a_finger_spares_the_pin() {
        let finger = Can { built_in_verification: true, ..WITH_PIN };
        assert_eq!(way(&finger, false, true), Ok(Way::ByItself));
        assert_eq!(way(&finger, true, true), Ok(Way::Pin));
        assert_eq!(way(&WITH_PIN, false, true), Err(Failure::PinNeeded));
    }

    #[test]
    fn a_finger_is_no_answer_to_a_pin_that_was_given_and_is_not_set() {
        let finger = Can { pin_set: false, built_in_verification: true, ..WITH_PIN };
        assert_eq!(way(&finger, false, true), Ok(Way::ByItself));
        assert_eq!(way(&finger, true, true), Err(Failure::PinNotSet));
        assert_eq!(way(&Can { always_verifies: true, ..finger }, true, false), Err(Failure::PinNotSet));
        assert_eq!(way(&finger, true, false), Ok(Way::Touch));
        assert_eq!(way(&Can { u2f_only: true, ..finger }, true, true), Err(Failure::Unsupported));
    }
}
