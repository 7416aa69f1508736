//! Every sentence a login can show, in one place. Plain words, two sentences, lines of 80 columns.

use crate::factor::{Kind, Kinds};
use crate::throttle::Gate;
use crate::time::Countdown;

/// Terminals and editors recognize a prompt that ends like this.
pub(super) const CODE_PROMPT: &str = "Verification code: ";

pub(super) fn wrong() -> String {
    "That code is not right.".into()
}

pub(super) fn used(wait: i64) -> String {
    match wait {
        // An app's next code is never further away than two periods and a bit, unless the clock was turned back.
        1..=180 => format!("That code was just used (not counted). The next one comes in {wait} s."),
        _ => "That code was used before (not counted).\nIs the clock of this machine right?".into(),
    }
}

pub(super) fn throttled(gate: Gate, support: &str) -> String {
    format!("{}{}", closed(gate), help(support))
}

pub(super) fn throttled_but_for_backup_codes(gate: Gate) -> String {
    format!("{}\nA backup code works now. Press Enter, or type a backup code: ", closed(gate))
}

fn closed(gate: Gate) -> String {
    match gate {
        Gate::Wait(seconds) => format!("Too many wrong codes. The next try is in {}.", Countdown(seconds)),
        Gate::Open | Gate::Off => "Too many wrong codes in a row: phone codes are off.".into(),
    }
}

pub(super) fn backup_code_used(left: usize) -> String {
    let left = match left {
        0 => "none left".into(),
        left => format!("{left} left"),
    };
    format!("Backup code used, {left}. New phone? Run: mfa-enroll")
}

pub(super) fn not_enrolled(support: &str) -> String {
    format!("A second factor is required here, and you have none yet.{}", help(support))
}

pub(super) fn no_usable_factor(needs: Kinds, support: &str) -> String {
    let needs: Vec<_> = needs.iter().map(Kind::spoken).collect();
    let needs = needs.join(" or ");
    format!("This login takes only a {needs}, and you have none enrolled.{}", help(support))
}

pub(super) fn caller_unknown(support: &str) -> String {
    format!("A second factor is required here of whoever asks, and it is not known who does.{}", help(support))
}

pub(super) fn cannot_ask() -> String {
    "A second factor is required, and it cannot be asked for here.\n\
     Log in with a terminal, or let ssh ask: -o KbdInteractiveAuthentication=yes"
        .into()
}

pub(super) fn ways(usable: &[Kind], support: &str) -> String {
    let mut ways = match usable {
        [] => "There is no way in for this account.".into(),
        _ => {
            let ways: Vec<_> = usable.iter().map(|kind| capitalized(kind.spoken())).collect();
            ways.join(" · ")
        }
    };
    if !support.is_empty() {
        ways.push_str(&format!("\nLost everything? {support}"));
    }
    ways
}

fn help(support: &str) -> String {
    match support {
        "" => "\nAsk your administrator.".into(),
        support => format!("\nAsk for help: {support}"),
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}
