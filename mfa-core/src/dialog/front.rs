//! What the user sees of a dialog: a terminal, a window with one entry, or nothing at all; and whether a login out of
//! one line has a code in it.

use super::{Denial, Dialog, Effect, Next, Note, Question, State, Step, Turn, Verdict};
use crate::account::Account;
use crate::factor::Kind;
use crate::policy::{Class, Plan};
use crate::trust::{self, Ties};
use zeroize::Zeroizing;

/// Digits of the codes of an account of which nothing is kept, which is asked like any other.
const USUAL_DIGITS: u8 = 6;

/// What asks the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Front {
    /// Lines of text. What must be read before a denial is part of a prompt: sshd drops text alone.
    #[default]
    Terminal,
    /// A window: a prompt is the hint in an entry, one short line, and text stands above it.
    Graphical,
    /// An application that asks once: password and code came in one line, before this dialog began. It asks for one
    /// answer, which is that code; without one nothing can be asked.
    Combined,
}

impl Front {
    /// What asks at this PAM service, where the stack does not say that it is [`Front::Combined`].
    #[must_use]
    pub fn of(service: &str) -> Self {
        match Class::of(service) {
            Some(Class::Desktop | Class::Lock | Class::Polkit) => Self::Graphical,
            Some(Class::Ssh | Class::Login | Class::Sudo | Class::Su) | None => Self::Terminal,
        }
    }

    /// Whether this PAM service shows text that is no prompt, and before the key that it speaks of blinks. Lockers that
    /// are known to drop it are named; what must be read there goes into a prompt.
    #[must_use]
    pub fn shows_text(service: &str) -> bool {
        const SILENT: [&str; 7] = ["kde", "kscreenlocker", "kscreensaver", "hyprlock", "swaylock", "waylock", "i3lock"];
        !SILENT.iter().any(|silent| silent.eq_ignore_ascii_case(service))
    }
}

/// A code belongs into this login: how it looks, so that it can be told from the password before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The lengths of the codes that the account's apps show, longest first; none where it has no app that counts.
    pub digits: Vec<u8>,
}

/// Whether a login of this plan will ask for a factor. It changes nothing and records nothing.
#[must_use]
pub fn due(plan: &Plan, account: &Account, ties: &Ties) -> Option<Due> {
    let Plan::Factors(ask) = plan else { return None };
    if trust::cover(account, ask, ties).is_some() {
        return None;
    }
    if account.version.is_none() && account.mailbox.is_none() {
        // Whether there is such an account is not for strangers to learn.
        return Some(Due { digits: vec![USUAL_DIGITS] });
    }
    let apps = account.factors.iter().filter_map(|factor| factor.detail.app());
    let mut digits: Vec<u8> =
        apps.filter(|_| ask.kinds.contains(Kind::Totp)).map(|app| app.parameters.digits).collect();
    digits.sort_unstable_by(|one, other| other.cmp(one));
    digits.dedup();
    Some(Due { digits })
}

impl Dialog {
    /// What must be read before a denial is a prompt on terminals: text alone is lost on most versions of sshd.
    pub(super) fn farewell(mut self, denial: Denial, text: String) -> Step {
        if !self.setting.interactive || self.setting.front != Front::Terminal {
            return self.done(vec![Note { error: true, text }], Verdict::Denied(denial));
        }
        self.state = State::Asking(Question::Farewell(denial));
        let prompt = format!("{text}\nPress Enter. ").into();
        (self, Effect::Turn(Turn { say: Vec::new(), next: Next::Ask { prompt, echo: false } }))
    }

    /// The question as this front shows it.
    pub(super) fn put(mut self, question: Question, mut say: Vec<Note>, prompt: Zeroizing<String>, echo: bool) -> Step {
        let front = self.setting.front;
        let prompt = if front == Front::Terminal { prompt } else { hint(&mut say, &prompt) };
        if front == Front::Combined && self.asked {
            // The one answer has been given, and weighed.
            return self.done(say, Verdict::Denied(Denial::NoMoreAnswers));
        }
        self.asked = true;
        self.state = State::Asking(question);
        (self, Effect::Turn(Turn { say, next: Next::Ask { prompt, echo } }))
    }
}

/// The last line of a prompt; what comes before it is said.
fn hint(say: &mut Vec<Note>, prompt: &str) -> Zeroizing<String> {
    let (before, hint) = prompt.rsplit_once('\n').unwrap_or(("", prompt));
    if !before.is_empty() {
        say.push(Note { error: true, text: before.to_owned() });
    }
    Zeroizing::new(hint.to_owned())
}
