//! Every sentence about keys that a login can show. Plain words, lines of 80 columns.

use super::asked_key::KeyTrouble;
use super::text::{closed, help};
use crate::throttle::Gate;

/// What is typed to use a security key.
pub(super) const KEY_KEY: &str = "k";

/// Read before the key blinks: what the touch lets happen.
pub(super) fn touch(occasion: &str, seconds: u32, then_code: bool) -> String {
    let then = if then_code { ", then a code" } else { "" };
    format!("Touch your security key: {} ({seconds} s{then})", shown(occasion))
}

/// The same as a prompt, for applications that show no text besides.
pub(super) fn ready(occasion: &str, or_code: bool) -> String {
    let or = if or_code { ", or a code" } else { "" };
    format!("Your security key is plugged in: {}\nEnter = touch it{or}: ", shown(occasion))
}

pub(super) fn pin(occasion: &str, or_code: bool) -> String {
    let or = if or_code { " (Enter = code)" } else { "" };
    format!("Security key: {}\nPIN of your security key{or}: ", shown(occasion))
}

pub(super) fn no_pin() -> String {
    "A PIN has 4 to 63 characters. It was not sent.".into()
}

pub(super) fn no_pin_to_type() -> String {
    "Here a security key counts with its PIN, and this one has none yet.\nSet one with its maker's tool.".into()
}

pub(super) fn pins_enough() -> String {
    "That is enough of PINs for this login. The key takes its PIN in the next one.".into()
}

pub(super) fn plug(or_backup_code: bool) -> &'static str {
    if or_backup_code {
        "Press Enter with your security key plugged in, or type a backup code: "
    } else {
        "Press Enter with your security key plugged in: "
    }
}

/// Why no key has answered, and what to do.
pub(super) fn key_trouble(trouble: KeyTrouble, waited: u32) -> String {
    match trouble {
        KeyTrouble::NotHere => "None of your security keys is plugged in here.".into(),
        KeyTrouble::TimedOut => format!("The key was not touched within {waited} s."),
        KeyTrouble::Denied => "The key said no.".into(),
        KeyTrouble::Unplugged => "The key was unplugged.".into(),
        KeyTrouble::PinNeeded => "The key does nothing without its PIN.".into(),
        KeyTrouble::PinNotSet => {
            "A PIN or a fingerprint is wanted here, and this key has none yet.\nSet one with its maker's tool.".into()
        }
        KeyTrouble::PinWrong(left) => match left {
            Some(1) => "That PIN is wrong, 1 try left.".into(),
            Some(left) => format!("That PIN is wrong, {left} tries left."),
            None => "That PIN is wrong.".into(),
        },
        KeyTrouble::PinLastTries(left) => {
            let tries = if left == 1 { "1 try is".to_owned() } else { format!("{left} tries are") };
            format!(
                "Only {tries} left for this key's PIN, so none is sent from here.\nGive the right one to its maker's \
                 tool, then try again."
            )
        }
        KeyTrouble::PinBlocked => "This key takes no PIN any more. It must be reset with its maker's tool.".into(),
        KeyTrouble::PinPause => "The key takes no PIN for now. Unplug it, plug it in, then type k.".into(),
        KeyTrouble::Busy => "The key is in use. Try again: k".into(),
        KeyTrouble::Elsewhere => "The key was not used: your session is not in front at this machine.".into(),
        KeyTrouble::Unsupported => "This key cannot do what is wanted here.".into(),
        KeyTrouble::Broken => "The key cannot be used now.".into(),
    }
}

pub(super) fn key_wrong() -> String {
    "That key's answer was not accepted.".into()
}

pub(super) fn counter_back() -> String {
    "That key's answer was not accepted: there may be a copy of the key.\nYour administrators are told.".into()
}

pub(super) fn key_elsewhere(pin_typed: bool) -> String {
    if pin_typed {
        return NOT_ALONE.into();
    }
    "A security key works only for somebody who sits at this machine.".into()
}

/// The same where factors are changed, and somebody of that name may be elsewhere, too.
const NOT_ALONE: &str =
    "To change factors, a security key works only while you are logged in at this\nmachine and nowhere else.";

pub(super) fn no_key_that_does() -> String {
    "You have no security key that would do here.".into()
}

pub(super) fn keys_tried_enough() -> String {
    "That is enough of keys for now. Try again later.".into()
}

pub(super) fn key_failed(support: &str) -> String {
    format!("This login takes only your security key, and none answered.{}", help(support))
}

/// Codes are refused for a while, keys are not.
pub(super) fn throttled_but_for_a_key(gate: Gate, or_backup_code: bool) -> String {
    let closed = closed(gate);
    if or_backup_code {
        format!(
            "{closed}\nA backup code or your security key works now.\nEnter = stop   k = security key   or a backup code: "
        )
    } else {
        format!("{closed}\nYour security key works now. Enter = stop   k = security key: ")
    }
}

/// Why the keys that somebody has do not do in this login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// One of these SSH keys was not shown to sshd; names, if they may be told.
    SshKey(Vec<String>),
    /// It was shown, and nothing beside it.
    SshKeyAlone,
    /// It was shown, and nobody says that it has checked its user.
    SshKeyUnverified,
    /// It would have to be shown to sshd, and this is no login over SSH.
    NoSsh,
    /// The security key is where its owner is not.
    Elsewhere,
    /// Factors are to be changed, and its owner is not here, or elsewhere as well.
    NotAlone,
    /// The security key knows U2F alone, and is to check its user.
    CannotVerify,
}

impl Missing {
    pub(super) fn told(&self) -> String {
        match self {
            Self::SshKey(names) if names.is_empty() => "This login needs one of your SSH security keys.".into(),
            Self::SshKey(names) => {
                let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
                format!("This login needs one of your SSH security keys: {}", names.join(", "))
            }
            Self::SshKeyAlone => "Your SSH security key is one factor; another must stand beside it.".into(),
            Self::SshKeyUnverified => "SSH security keys do not do here: sshd does not make them check a PIN.".into(),
            Self::NoSsh => "Only your SSH security key would do, and that is shown when you log in with ssh.".into(),
            Self::Elsewhere => "Your security key works only for somebody who sits at this machine.".into(),
            Self::NotAlone => NOT_ALONE.into(),
            Self::CannotVerify => "A PIN or a fingerprint is wanted here, and your security key knows neither.".into(),
        }
    }
}

pub(super) fn refused(missing: &Missing, support: &str) -> String {
    format!("{}{}", missing.told(), help(support))
}

pub(super) fn but_for_a_backup_code(missing: &Missing) -> String {
    format!("{}\nA backup code works as well. {}", missing.told(), super::text::CODE_PROMPT)
}

/// A word from elsewhere, with control characters made visible.
fn shown(word: &str) -> String {
    word.escape_debug().to_string()
}
