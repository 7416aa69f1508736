//! Every sentence a login can show, in one place. Plain words, two sentences, lines of 80 columns.

use super::Front;
use super::key_text::KEY_KEY;
use crate::Time;
use crate::factor::{Kind, Kinds, email};
use crate::given::Invitation;
use crate::letter::Address;
use crate::policy::local_time;
use crate::throttle::Gate;
use crate::time::Countdown;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// Terminals and editors recognize a prompt that ends like this.
pub(super) const CODE_PROMPT: &str = "Verification code: ";

/// What is typed to have a code mailed.
pub(super) const MAIL_KEY: &str = "e";
/// Minutes for which a mailed code works.
const MINUTES: i64 = email::LIFE / 60;

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
    format!("{}\nA backup code works now.\nPress Enter, or type a backup code: ", closed(gate))
}

pub(super) fn backup_codes_throttled(gate: Gate) -> String {
    match gate {
        Gate::Wait(seconds) => format!("Too many wrong backup codes. The next one is taken in {}.", Countdown(seconds)),
        Gate::Open | Gate::Off => "Too many wrong backup codes: they are off.".into(),
    }
}

pub(super) fn closed(gate: Gate) -> String {
    match gate {
        Gate::Wait(seconds) => format!("Too many wrong codes. The next try is in {}.", Countdown(seconds)),
        Gate::Open | Gate::Off => "Too many wrong codes in a row: codes by phone and mail are off.".into(),
    }
}

pub(super) fn backup_code_used(left: usize) -> String {
    let left = match left {
        0 => "none left".into(),
        left => format!("{left} left"),
    };
    format!("Backup code used, {left}. New phone? Run: mfa-enroll")
}

/// After a code with a `+`.
pub(super) fn remembered(seconds: u32) -> String {
    let time = i64::from(seconds);
    let time = match (time / 86_400, time / 3600, time / 60) {
        (0, 0, 0..=1) => "a minute".into(),
        (0, 0, minutes) => format!("{minutes} minutes"),
        (0, 1, _) => "an hour".into(),
        (0, hours, _) => format!("{hours} hours"),
        _ => days(time),
    };
    format!("With this SSH key you are not asked again for {time}. Undo: mfa-enroll forget")
}

pub(super) fn not_enrolled(support: &str) -> String {
    format!("A second factor is required here, and you have none yet.{}", help(support))
}

pub(super) fn seats_full(support: &str) -> String {
    format!("A second factor is required here, and none can be set up: all seats are taken.{}", help(support))
}

pub(super) fn seat_taken() -> String {
    "All seats were taken meanwhile: set up your second factor another time.".into()
}

/// Names whose it is: with `su` that is somebody else than who reads it. And the way in that the site takes.
pub(super) fn enroll_elsewhere(site: &str, user: &str, kinds: Kinds, support: &str) -> String {
    // Without anybody named for help, one next step is enough.
    let help = if support.is_empty() { String::new() } else { help(support) };
    let how = match () {
        () if kinds.contains(Kind::Totp) => "on a terminal: mfa-enroll",
        () if kinds.contains(Kind::SecurityKey) => "with the key in this machine: mfa-enroll add security-key",
        () if kinds.contains(Kind::SshKey) => "on a terminal: mfa-enroll add ssh-key",
        () => "on a terminal: mfa-enroll",
    };
    format!("{site} asks for a second factor, and {user} has none yet.\nSet it up first, {how}{help}")
}

pub(super) fn enroll_elsewhere_with_invite(site: &str, support: &str) -> String {
    format!(
        "{site} asks for a second factor, and you have none yet.\nLog in over ssh or at the console, with your \
         enrollment code.{}",
        help(support)
    )
}

pub(super) fn offer(site: &str, seconds_left: Option<i64>, temp_code: bool) -> String {
    let later = match seconds_left {
        Some(seconds) => format!("q = later ({} left)", days(seconds)),
        None => "q = stop".into(),
    };
    format!(
        "{site} asks for a second factor.\nHave an authenticator app ready on your phone.\n{}Enter = show the QR code   {later}: ",
        or_temp_code(temp_code)
    )
}

fn or_temp_code(there_is_one: bool) -> &'static str {
    if there_is_one { "Or type your temporary code.\n" } else { "" }
}

pub(super) fn invite(site: &str, support: &str, temp_code: bool) -> String {
    let whom = if support.is_empty() { "your administrator" } else { support };
    format!(
        "{site} asks for a second factor.\nHave an authenticator app ready on your phone, and the enrollment code that\n\
         you were given. You have none? Ask: {whom}\n{}q = stop   Enrollment code: ",
        or_temp_code(temp_code)
    )
}

pub(super) fn no_enrollment_code() -> String {
    "An enrollment code looks like this: 7KQF-2MZT-9XWA-4HTR (not counted).".into()
}

pub(super) fn wrong_invite(left: u32) -> String {
    match left {
        1 => "That is not it, 1 try left.".into(),
        left => format!("That is not it, {left} tries left."),
    }
}

pub(super) fn not_invited(state: Invitation, site: &str, support: &str) -> String {
    let why = match state {
        Invitation::Ended => "Your enrollment code has ended. Ask for a new one.".to_owned(),
        Invitation::UsedUp => "Too many wrong enrollment codes: yours works no more. Ask for a new one.".to_owned(),
        Invitation::None | Invitation::Live => {
            format!(
                "{site} asks for a second factor, and you have none yet.\nTo set one up you need an enrollment code."
            )
        }
    };
    format!("{why}{}", help(support))
}

pub(super) fn throttled_but_for_a_temporary_code(gate: Gate) -> String {
    format!("{}\nA temporary code works now.\nPress Enter, or type it: ", closed(gate))
}

pub(super) fn but_for_a_temporary_code(refusal: &str) -> String {
    format!("{refusal}\nA temporary code works now.\nPress Enter, or type it: ")
}

pub(super) fn no_temporary_code() -> String {
    "A temporary code looks like this: 7KQF-2MZT-9XWA (not counted).".into()
}

/// `14:40` today, `2026-11-23 14:40` on another day, by the clock on the wall here.
pub(super) fn on_the_clock(moment: Time, now: Time, utc_offset: i32) -> String {
    match (local_time(moment, utc_offset), local_time(now, utc_offset)) {
        (Some(then), Some(now)) if then.date() == now.date() => then.strftime("%H:%M").to_string(),
        (Some(then), _) => then.strftime("%Y-%m-%d %H:%M").to_string(),
        (None, _) => "it is taken back".into(),
    }
}

/// `until` as [`on_the_clock`] has it.
pub(super) fn temporary_code_used(left: u32, until: &str) -> String {
    match left {
        0 => "Temporary code used, no uses left.".into(),
        1 => format!("Temporary code used, 1 use left, until {until}."),
        left => format!("Temporary code used, {left} uses left, until {until}."),
    }
}

pub(super) fn days_left(seconds: i64) -> String {
    format!("Set up your second factor within {}. Run: mfa-enroll", days(seconds))
}

pub(super) fn days_without_address(seconds: i64, support: &str) -> String {
    let days = days(seconds);
    format!("In {days} a mailed code is required.\nThere is no address to mail it to.{}", help(support))
}

fn days(seconds: i64) -> String {
    match seconds / 86_400 {
        0 => "a day".into(),
        1 => "1 day".into(),
        days => format!("{days} days"),
    }
}

/// Room for so many bytes, which are wiped when the text goes; growing would leave a copy behind.
fn page(bytes: usize) -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(bytes))
}

pub(super) fn picture(drawn: &str) -> Zeroizing<String> {
    let mut text = page(drawn.len() + 200);
    // The ssh client writes before the first line, which would shift the picture's.
    let _ = write!(text, "\n{drawn}a = plain QR   t = text and link   q = stop\n{CODE_PROMPT}");
    text
}

pub(super) fn secret(base32: &str, link: &str) -> Zeroizing<String> {
    let mut text = page(2 * base32.len() + link.len() + 200);
    text.push_str("\nType this into your app, as a key based on time:\n");
    for (place, character) in base32.chars().enumerate() {
        match place {
            _ if place % 32 == 0 => text.push_str("\n  "),
            _ if place % 4 == 0 => text.push(' '),
            _ => {}
        }
        text.push(character);
    }
    let _ = write!(text, "\n\n{link}\n\n{CODE_PROMPT}");
    text
}

pub(super) fn resumed() -> String {
    "Your enrollment goes on where it stopped.".into()
}

pub(super) fn one_more() -> String {
    "Right. Now the next code, when it appears.".into()
}

pub(super) fn not_consecutive() -> String {
    "These two do not follow one another. Give a code, then the next one.".into()
}

pub(super) fn clock_off(seconds: i64) -> String {
    let off = match seconds.abs() {
        seconds @ 0..=119 => format!("{seconds} seconds"),
        seconds @ 120..=7199 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    };
    let way = if seconds < 0 { "behind" } else { "ahead" };
    format!("Your phone's clock is {off} {way}.\nSet it to automatic, then give a new code.")
}

pub(super) fn enrollment_ended() -> String {
    "That took too long. Start again.".into()
}

pub(super) fn backup_codes(codes: &[Zeroizing<String>], asked_for: usize) -> Zeroizing<String> {
    let mut text = page(200 + codes.len() * 40);
    text.push_str("\nYour phone is set up. Backup codes, each works once.\nKeep them off this computer:\n\n");
    let half = codes.len().div_ceil(2);
    for row in 0..half {
        for (number, code) in [row, row + half].into_iter().filter_map(|place| Some((place + 1, codes.get(place)?))) {
            let _ = write!(text, "  {number:2}  {}", code.as_str());
        }
        text.push('\n');
    }
    let _ = write!(text, "\nType the last group of code {}: ", asked_for + 1);
    text
}

pub(super) fn not_that_group() -> String {
    "That is not it. Write the codes down, then look again.".into()
}

pub(super) fn no_usable_factor(needs: Kinds, support: &str) -> String {
    let needs: Vec<_> = needs.iter().map(Kind::spoken).collect();
    let needs = needs.join(" or ");
    format!("This login takes only a {needs}, and you have none enrolled.{}", help(support))
}

pub(super) fn caller_unknown(support: &str) -> String {
    format!("A second factor is required here of whoever asks, and it is not known who does.{}", help(support))
}

pub(super) fn cannot_ask(front: Front) -> String {
    if front == Front::Combined {
        return "A code is needed, too. Type it right behind your password.".into();
    }
    "A second factor is required, and it cannot be asked for here.\n\
     Log in with a terminal, or let ssh ask: -o KbdInteractiveAuthentication=yes"
        .into()
}

pub(super) fn ways(usable: &[Kind], mail: Option<&Address>, support: &str) -> String {
    let kinds = usable.iter().map(|kind| match kind {
        Kind::SecurityKey => format!("{KEY_KEY} = security key"),
        kind => capitalized(kind.spoken()),
    });
    let ways: Vec<_> = kinds.chain(mail.map(by_mail)).collect();
    let mut ways = if ways.is_empty() { "There is no way in for this account.".into() } else { ways.join(" · ") };
    if !support.is_empty() {
        ways.push_str(&format!("\nLost everything? {support}"));
    }
    ways
}

fn by_mail(address: &Address) -> String {
    format!("{MAIL_KEY} = mail a code to {}", address.masked())
}

pub(super) fn mailed(address: &Address) -> String {
    format!("A code was mailed to {}. It works for {MINUTES} minutes.", address.masked())
}

pub(super) fn mail_waits(address: &Address, others: &[Kind]) -> String {
    let waits = format!(
        "Mail is not going out at the moment. A code to {}\nwaits for that, {MINUTES} minutes at the most.",
        address.masked()
    );
    let others: Vec<_> = others.iter().map(|kind| capitalized(kind.spoken())).collect();
    if others.is_empty() { waits } else { format!("{waits} Other ways: {}", others.join(" · ")) }
}

pub(super) fn mailed_code_ended() -> String {
    format!("That code has ended (not counted). {MAIL_KEY} = mail another one")
}

pub(super) fn mailed_code_replaced() -> String {
    "That code is not the newest (not counted). Type the one mailed last.".into()
}

pub(super) fn mailed_too_many(wait: i64) -> String {
    format!("Many codes were mailed already. The next one can be in {}.", Countdown(wait))
}

pub(super) fn mail_limit(wait: i64, support: &str) -> String {
    format!("{}{}", mailed_too_many(wait), help(support))
}

pub(super) fn no_mail() -> String {
    "No code can be mailed here.".into()
}

pub(super) fn cannot_mail_here(support: &str) -> String {
    format!(
        "A mailed code is required, and none can be mailed from here.\nLog in with a password first, over ssh or at the console.{}",
        help(support)
    )
}

pub(super) fn no_address(support: &str) -> String {
    format!("A mailed code is required, and there is no address to mail it to.{}", help(support))
}

pub(super) fn help(support: &str) -> String {
    match support {
        "" => "\nAsk your administrator.".into(),
        support => format!("\nAsk for help: {support}"),
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}
