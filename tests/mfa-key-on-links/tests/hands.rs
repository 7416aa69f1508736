//! Each kind of key, each state of its PIN, whatever a hand does: made, or signed, or the right reason why not.

use std::thread;

use mfa_proto::key::Failure;
use virtual_key::VirtualKey;

use crate::cases::each;
use crate::desk::{AMPLE, How, Kind, enroll, make, sign};
use crate::site::Site;

const PIN: &str = "314159";

/// Seconds for a touch that does not come: the key blinks within them on a busy machine, too.
const UNTOUCHED: u32 = 4;

/// The PIN of the key, what is asked of it, and what the user types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pin {
    /// There is none, and none is wanted.
    None,
    /// There is one, and nobody wants it.
    NotWanted,
    /// The user is to be verified, and types it.
    Right,
    /// The user is to be verified, and was not asked for it.
    NotGiven,
    /// The user types something else.
    Wrong,
    /// Too many have typed something else already.
    LastTries,
    /// All tries are gone.
    Blocked,
    /// The user is to be verified by a key that has none.
    NotSet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hand {
    Touches,
    SaysNo,
    Rests,
    PullsItOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Make,
    Sign,
}

type Case = (Operation, Kind, Pin, Hand);

fn cases() -> Vec<Case> {
    let pins =
        [Pin::None, Pin::NotWanted, Pin::Right, Pin::NotGiven, Pin::Wrong, Pin::LastTries, Pin::Blocked, Pin::NotSet];
    let mut cases = Vec::new();
    for operation in [Operation::Make, Operation::Sign] {
        for kind in Kind::ALL {
            for pin in pins {
                for hand in [Hand::Touches, Hand::SaysNo, Hand::Rests, Hand::PullsItOut] {
                    cases.push((operation, kind, pin, hand));
                }
            }
        }
    }
    cases
}

impl Pin {
    fn is_set(self) -> bool {
        !matches!(self, Self::None | Self::NotSet)
    }

    fn verify_user(self) -> bool {
        !matches!(self, Self::None | Self::NotWanted)
    }

    fn typed(self) -> Option<&'static str> {
        match self {
            Self::None | Self::NotWanted | Self::NotGiven | Self::NotSet => None,
            Self::Right | Self::LastTries | Self::Blocked => Some(PIN),
            Self::Wrong => Some("271828"),
        }
    }

    /// Why it does not come as far as to blink.
    fn stops(self, kind: Kind) -> Option<Failure> {
        match self {
            Self::None | Self::NotWanted => None,
            // A key of before FIDO2 has no PIN, whatever was typed.
            _ if kind == Kind::U2f => Some(Failure::Unsupported),
            Self::Right => None,
            Self::NotGiven => Some(Failure::PinNeeded),
            Self::Wrong => Some(Failure::PinWrong { tries_left: Some(7) }),
            Self::LastTries => Some(Failure::PinLastTries { tries_left: 3 }),
            Self::Blocked => Some(Failure::PinBlocked),
            Self::NotSet => Some(Failure::PinNotSet),
        }
    }

    /// PINs that reach the key.
    fn sent(self, kind: Kind) -> u32 {
        u32::from(kind != Kind::U2f && matches!(self, Self::Right | Self::Wrong))
    }
}

impl Hand {
    fn outcome(self, kind: Kind) -> Result<(), Failure> {
        match self {
            Self::Touches => Ok(()),
            // U2F has no word for no.
            Self::SaysNo if kind == Kind::U2f => Err(Failure::TimedOut),
            Self::SaysNo => Err(Failure::Denied),
            Self::Rests => Err(Failure::TimedOut),
            Self::PullsItOut => Err(Failure::Unplugged),
        }
    }

    fn moves(self, key: &VirtualKey) {
        match self {
            Self::Touches => key.touch().unwrap(),
            Self::SaysNo => key.deny().unwrap(),
            Self::Rests => key.await_blink().unwrap(),
            Self::PullsItOut => {
                key.await_blink().unwrap();
                key.unplug();
            }
        }
    }
}

#[test]
fn each_pin_and_each_hand_has_the_outcome_that_it_must() {
    each(cases(), play);
}

fn play(&(operation, kind, pin, hand): &Case) {
    let site = Site::new();
    let key = site.key("blue", kind.model());
    let credential = (operation == Operation::Sign).then(|| enroll(&site, &key, kind));
    prepare(&key, pin);
    let before = key.seen();
    let expected = pin.stops(kind).map_or_else(|| hand.outcome(kind), Err);
    let seconds = if expected == Err(Failure::TimedOut) { UNTOUCHED } else { AMPLE };
    let how = How { pin: pin.typed(), verify_user: pin.verify_user(), attestation: false, seconds };
    let blinks = pin.stops(kind).is_none();
    let outcome = thread::scope(|scope| {
        if blinks {
            scope.spawn(|| hand.moves(&key));
        }
        match &credential {
            None => make(&site, kind, &how, &[]).map(drop),
            Some(credential) => sign(&site, &[credential], &how),
        }
    });
    assert_eq!(outcome, expected);
    let after = key.seen();
    assert_eq!(after.pins - before.pins, pin.sent(kind), "PINs sent");
    assert_eq!(after.asked - before.asked, u32::from(blinks), "times that it blinked");
}

fn prepare(key: &VirtualKey, pin: Pin) {
    if pin.is_set() {
        key.set_pin(Some(PIN)).unwrap();
    }
    match pin {
        Pin::LastTries => key.set_pin_tries_left(3).unwrap(),
        Pin::Blocked => key.set_pin_tries_left(0).unwrap(),
        _ => {}
    }
}
