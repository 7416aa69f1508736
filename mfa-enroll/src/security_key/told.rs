//! What a security key, or the lack of one, means to the person: a sentence and the way out.

use mfa_cli::Failure;
use mfa_cli::words::counted;
use mfa_proto::key;

/// What becomes of a failed operation.
pub(crate) enum Next {
    /// Something can be done about it at once: this sentence, and Enter once it is done.
    Mend(String),
    /// The PIN is needed; what there is to say first, if anything.
    AskPin(Option<String>),
    /// It is over.
    Over(Failure),
}

/// What is to be done next. `elsewhere` says that the person does not sit at this machine, `host`.
pub(crate) fn next(failure: &key::Failure, (host, elsewhere): (&str, bool)) -> Next {
    use key::Failure as F;
    let mend = |text: &str| Next::Mend(text.to_owned());
    match failure {
        F::NoKey if elsewhere => Next::Over(plugged_in_here(host)),
        F::NoKey => mend("Plug in your security key."),
        F::AlreadyThere | F::NotHere => mend("Plug in the one that is to be added, and no other."),
        F::Several { keys } => {
            Next::Mend(format!("{} are plugged in. Leave in the one to add.", counted((*keys).into(), "security key")))
        }
        F::TimedOut => mend("It was not touched in time."),
        F::Denied => mend("The key said no."),
        F::Unplugged => mend("The key was unplugged. Plug it in again."),
        F::Busy => mend("Another program is using the key. Wait until it is done."),
        F::PinPause => mend("After several wrong PINs the key makes a pause: unplug it and plug it in again."),
        F::PinNeeded => Next::AskPin(None),
        F::PinWrong { tries_left: None } => Next::AskPin(Some("That PIN is not right.".to_owned())),
        F::PinWrong { tries_left: Some(left) } => {
            Next::AskPin(Some(format!("That PIN is not right; {} left.", counted_tries(*left))))
        }
        F::PinLastTries { .. } | F::PinBlocked | F::PinNotSet | F::Unsupported | F::Failed { .. } => {
            Next::Over(over(failure))
        }
    }
}

/// The word and the sentence of a failure that nobody mends here.
pub(crate) fn over(failure: &key::Failure) -> Failure {
    use key::Failure as F;
    let (code, text) = match failure {
        F::NoKey => ("no_key", "No security key is plugged in. Plug it in, then try again.".to_owned()),
        F::AlreadyThere => ("already_there", "This security key is already enrolled.".to_owned()),
        F::NotHere => ("not_here", "The key that was just added is not plugged in any more. Try again.".to_owned()),
        F::Several { .. } => {
            ("several", "Several security keys are plugged in. Leave in the one to add, then try again.".to_owned())
        }
        F::TimedOut => ("timed_out", "The key was not touched in time. Try again.".to_owned()),
        F::Denied => ("key_denied", "The key said no. Try again.".to_owned()),
        F::Unplugged => ("unplugged", "The key was unplugged. Plug it in, then try again.".to_owned()),
        F::Busy => ("key_busy", "Another program is using the key. Try again when it is done.".to_owned()),
        F::PinNeeded => ("pin_needed", "The key wants its PIN. Try again in a terminal.".to_owned()),
        F::PinWrong { tries_left: Some(left) } => {
            ("pin_wrong", format!("That PIN is not right; {} left.", counted_tries(*left)))
        }
        F::PinWrong { tries_left: None } => ("pin_wrong", "That PIN is not right.".to_owned()),
        F::PinLastTries { tries_left } => (
            "pin_last_tries",
            format!(
                "The key has {} of its PIN left, and none is spent here. Enter the PIN once with the tool of the key's \
                 maker: if it is right there, all tries are back.",
                counted_tries(*tries_left)
            ),
        ),
        F::PinBlocked => (
            "pin_blocked",
            "The key takes no PIN any more, after too many wrong ones. Only a reset with the tool of its maker helps; \
             that ends every login with it, everywhere."
                .to_owned(),
        ),
        F::PinPause => (
            "pin_pause",
            "After several wrong PINs the key makes a pause: unplug it, plug it in again, then try again.".to_owned(),
        ),
        F::PinNotSet => (
            "pin_not_set",
            "Here a key must make sure of who holds it, and this one has no PIN yet. Set one with the tool of its \
             maker, or: fido2-token -L, fido2-token -S DEVICE"
                .to_owned(),
        ),
        F::Unsupported => (
            "unsupported",
            "This key cannot do what is asked of it here: it is too old to know PINs, or signs in another way. Use \
             another key."
                .to_owned(),
        ),
        F::Failed { detail } => {
            ("key_failed", format!("The key failed: {}. Unplug it, plug it in again, then try again.", shown(detail)))
        }
    };
    Failure::refused(code, text)
}

/// For whoever sits elsewhere.
fn plugged_in_here(host: &str) -> Failure {
    Failure::refused(
        "no_key",
        format!(
            "No security key is plugged into {host}, and you came here over the network: it must be plugged into {host} \
             itself. For ssh from your own computer, with the key there: mfa-enroll add ssh-key"
        ),
    )
}

fn counted_tries(left: u8) -> String {
    if left == 1 { "1 try".to_owned() } else { format!("{left} tries") }
}

fn shown(detail: &str) -> String {
    mfa_cli::printable::line(detail.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (&str, bool) = ("web1", false);

    fn all() -> Vec<key::Failure> {
        use key::Failure as F;
        vec![
            F::NoKey,
            F::NotHere,
            F::AlreadyThere,
            F::Several { keys: 2 },
            F::TimedOut,
            F::Denied,
            F::Unplugged,
            F::PinNeeded,
            F::PinNotSet,
            F::PinWrong { tries_left: Some(1) },
            F::PinWrong { tries_left: None },
            F::PinLastTries { tries_left: 3 },
            F::PinBlocked,
            F::PinPause,
            F::Busy,
            F::Unsupported,
            F::Failed { detail: "the port\x1b is gone.".into() },
        ]
    }

    #[test]
    fn every_failure_is_a_sentence_that_moves_no_cursor() {
        for failure in all() {
            let told = over(&failure);
            assert!(told.message.ends_with(['.', 'E']) && !told.message.contains('\x1b'), "{told}");
            assert!(told.message.starts_with(char::is_uppercase), "{told}");
        }
    }

    #[test]
    fn a_wrong_pin_says_how_many_tries_are_left_and_asks_again() {
        let Next::AskPin(Some(text)) = next(&key::Failure::PinWrong { tries_left: Some(5) }, HERE) else {
            panic!("not asked again");
        };
        assert_eq!(text, "That PIN is not right; 5 tries left.");
    }

    #[test]
    fn the_last_tries_and_a_blocked_pin_end_it_with_the_way_out() {
        for (failure, part) in [
            (key::Failure::PinLastTries { tries_left: 3 }, "has 3 tries of its PIN left, and none is spent here"),
            (key::Failure::PinBlocked, "Only a reset"),
            (key::Failure::PinNotSet, "fido2-token -S"),
        ] {
            let Next::Over(told) = next(&failure, HERE) else { panic!("{failure:?} is not over") };
            assert!(told.message.contains(part), "{told}");
        }
    }

    #[test]
    fn over_the_network_the_key_must_be_at_this_machine_and_the_other_way_is_named() {
        let Next::Over(told) = next(&key::Failure::NoKey, ("web1", true)) else { panic!("waits") };
        assert!(told.message.contains("plugged into web1 itself") && told.message.contains("add ssh-key"), "{told}");
        assert!(matches!(next(&key::Failure::NoKey, HERE), Next::Mend(_)));
    }
}
