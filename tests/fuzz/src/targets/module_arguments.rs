//! The options behind the module's name in a stack.

use crate::{Target, sentence};
use pam_mfa_inside::fuzz::{Understood, options};

/// A line an option.
pub const TARGET: Target = Target { name: "module_arguments", about: "the module's options", longest: 4096, try_it };

fn try_it(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let account = first % 2 == 1;
    let arguments: Vec<String> =
        rest.split(|byte| *byte == b'\n').map(|word| String::from_utf8_lossy(word).into()).collect();
    match options(&arguments, account) {
        Ok(understood) => {
            assert!((1..=600).contains(&understood.timeout));
            assert!(!(account && (understood.require_publickey || understood.exempt_succeeds)));
            let spelled = spell(&understood);
            assert_eq!(options(&spelled, account), Ok(understood), "{spelled:?}");
            // Nothing but what was written makes anything easier.
            let says = |word: &str| arguments.iter().any(|argument| argument == word);
            assert_eq!(understood.exempt_succeeds, says("exempt=success"));
            assert_eq!(understood.unavailable_allowed, says("unavailable=allow"));
            assert_eq!(understood.require_publickey, says("require_publickey"));
        }
        Err(logged) => sentence::is_one(&logged),
    }
}

fn spell(understood: &Understood) -> Vec<String> {
    let mut words = vec![format!("timeout={}", understood.timeout)];
    let flags = [
        (understood.debug, "debug"),
        (understood.require_publickey, "require_publickey"),
        (understood.exempt_succeeds, "exempt=success"),
        (understood.unavailable_allowed, "unavailable=allow"),
        (understood.split, "combined=split"),
        (understood.verify, "combined=verify"),
    ];
    words.extend(flags.iter().filter(|(set, _)| *set).map(|(_, word)| (*word).to_owned()));
    words
}
