//! The login dialog: a plan and an account, then events in, effects out. It decides everything and performs nothing.
//!
//! ```text
//!           begin                 answer                      committed: right
//!   plan ──────────▶ Asking Code ────────▶ Committing ───────────────────────▶ Over (Pass)
//!    │                  ▲   │                 │ │ │ committed: wrong, used
//!    │ nothing asked,   └───┼─────────────────┘ │ └──▶ Asking Code, three tries in all
//!    │ or refused           │                   │ stale: weighed again, eight times at most
//!    └──────▶ Committing ───┼▶ Asking Farewell ─┴▶ Over (Denied, Skipped, Broken)
//! ```
//!
//! Whoever must enroll first is asked on pages of their own, in `enroll`, and passes by the code that confirms the app.
//! A state is consumed by each step. An event that does not fit ends in a denial, and so does a failed commit: nothing
//! but [`Proof`], which only a committed match becomes, lets anybody in.

mod ask;
mod asked_key;
mod ending;
mod enroll;
mod front;
mod invite;
mod key;
mod key_text;
mod mail;
mod proof;
mod ssh_key;
mod state;
mod temp_code;
mod text;
mod turn;
mod weigh;

pub use asked_key::{KeyEvent, KeyTrouble, Plugged, Search, Sign, Signed, Wanted};
pub use enroll::Welcome;
pub use front::{Due, Front, due};
pub use proof::Proof;
pub use state::{Setting, Ssh};
pub use turn::{Denial, Effect, Event, Next, Note, Turn, Verdict};

use crate::account::{Account, Record, Seen, What};
use crate::factor::Kind;
use crate::policy::{Deny, Plan, Skip};
use crate::throttle::{Bucket, Gate, Guess};
use crate::trust;
use crate::{At, Time};
use enroll::Progress;
use state::{Again, Question, State, Then};

/// Wrong codes a dialog takes.
const TRIES: u8 = 3;
/// Answers a dialog takes, whatever they are: used codes, questions and empty lines count here.
const ANSWERS: u8 = 12;
/// The reason in records of logins that an earlier one covers.
const REMEMBERED: &str = "remembered";
/// Times one answer is weighed again because the account had changed meanwhile.
const ROUNDS: u8 = 8;

/// A login on its way.
pub struct Dialog {
    plan: Plan,
    account: Account,
    setting: Setting,
    state: State,
    tries: u8,
    answers: u8,
    /// Whether anything was asked yet.
    asked: bool,
    commits: u32,
    enrolling: Progress,
    post: mail::Post,
    keys: key::Keys,
}

/// The dialog after a step, and what to do.
pub type Step = (Dialog, Effect);

impl Dialog {
    /// Begins: asks, or commits a record of why it does not.
    #[must_use]
    pub fn begin(plan: Plan, account: Account, setting: Setting, at: &At) -> Step {
        let (state, enrolling, post, keys) = Default::default();
        let (tries, answers, asked, commits) = (TRIES, ANSWERS, false, 0);
        let dialog = Self { plan, account, setting, state, tries, answers, asked, commits, enrolling, post, keys };
        dialog.open(0, at)
    }

    /// The first thing that happens, on the account as it is known.
    fn open(self, rounds: u8, at: &At) -> Step {
        match &self.plan {
            Plan::Skip(why @ (Skip::NotEnrolled | Skip::SeatsFull)) => {
                let why = why.as_str();
                self.skip(why, Then::Skip(why), Again::of_nothing(rounds), at)
            }
            Plan::Skip(why) => {
                let why = why.as_str();
                self.record(What::Skipped, why, Then::Skip(why), at)
            }
            Plan::Observe(would) => {
                let would = observed(would);
                self.record(What::Skipped, would, Then::Skip("observed"), at)
            }
            Plan::Deny(Deny::NoUsableFactor { needs }) => {
                let needs = *needs;
                self.no_usable_factor(needs, Vec::new(), at)
            }
            Plan::Deny(Deny::CallerUnknown) => {
                let text = text::caller_unknown(&self.setting.support);
                self.refuse(Denial::CallerUnknown, text, at)
            }
            Plan::Deny(Deny::SeatsFull) => self.seats_full(Vec::new(), at),
            Plan::Enroll(how) => {
                let how = *how;
                self.welcome(how, Vec::new(), at)
            }
            Plan::Factors(ask) => match trust::cover(&self.account, ask, &self.setting.ties) {
                Some((trust, _)) => {
                    let record = Record::of(What::Skipped).because(REMEMBERED).covered_by(trust.record);
                    self.covered(record, rounds, at)
                }
                None => self.ask_first(rounds, at),
            },
        }
    }

    /// Nothing is asked, as long as nothing has changed: what covers this login may be forgotten at this moment.
    fn covered(self, record: Record, rounds: u8, at: &At) -> Step {
        let Some(version) = self.account.version else { return self.deny(Denial::Unexpected) };
        self.commit(Seen::At(version), Vec::new(), record, (Then::Cover, Some(Again::of_nothing(rounds))), at)
    }

    /// Lets in without a factor for want of one, as long as none was enrolled meanwhile.
    fn skip(self, why: &'static str, then: Then, again: Again, at: &At) -> Step {
        let (seen, record) = (self.seen(), Record::of(What::Skipped).because(why));
        self.commit(seen, Vec::new(), record, (then, Some(again)), at)
    }

    /// The account as it was read.
    fn seen(&self) -> Seen {
        self.account.version.map_or(Seen::Absent, Seen::At)
    }

    /// Takes an event; says what to do. Nothing is true before the effect has happened.
    #[must_use]
    pub fn step(mut self, event: Event, at: &At) -> Step {
        match (std::mem::replace(&mut self.state, State::Over), event) {
            (State::Asking(Question::Farewell(denial)), Event::Answer(_) | Event::Deadline) => self.deny(denial),
            (State::Asking(question), Event::Answer(answer)) => self.weigh(Again { question, answer, rounds: 0 }, at),
            (State::Searching { asked }, Event::Key(event)) => self.searched(asked, event, at),
            (State::Touching(touching), Event::Key(event)) => self.touched(touching, event, at),
            (State::Asking(_) | State::Searching { .. } | State::Touching(_), Event::Deadline) => {
                self.deny(Denial::TimedOut)
            }
            (State::Committing { then, .. }, Event::Committed) => self.committed(then, at),
            (State::Committing { again: Some(again), .. }, Event::Stale(now)) => self.weigh_again(again, *now, at),
            (State::Committing { .. }, Event::Stale(_)) => self.deny(Denial::Unsettled),
            (State::Committing { .. }, Event::Failed) => self.done(Vec::new(), Verdict::Broken),
            _ => self.deny(Denial::Unexpected),
        }
    }

    /// Takes a newer read of the account, before an answer is given to [`Dialog::step`].
    pub fn refresh(&mut self, plan: Plan, account: Account) {
        self.plan = plan;
        self.account = account;
    }

    /// Whether the next step may need random bytes.
    #[must_use]
    pub fn needs_randomness(&self) -> bool {
        matches!(self.plan, Plan::Enroll(_)) || self.mailbox().is_some() || self.has_key_here()
    }

    /// When it is over, whatever happens.
    #[must_use]
    pub fn until(&self) -> Time {
        self.setting.until
    }

    /// Whether the last effect ended it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    fn weigh_again(mut self, again: Again, now: (Plan, Account), at: &At) -> Step {
        if again.rounds >= ROUNDS {
            return self.deny(Denial::Unsettled);
        }
        (self.plan, self.account) = now;
        self.weigh(Again { rounds: again.rounds + 1, ..again }, at)
    }

    fn weigh(self, again: Again, at: &At) -> Step {
        match again.question {
            Question::Nothing => self.open(again.rounds, at),
            Question::Code => self.weigh_code_line(again, at),
            Question::Plug | Question::Ready => self.weigh_key_line(again, at),
            Question::Pin => self.weigh_pin(again, at),
            Question::Touched => self.weigh_touch(again, at),
            Question::Offer | Question::Invite | Question::Picture => self.weigh_enrolling(again, at),
            Question::TempCode(denial) => self.weigh_temp_code(denial, again, at),
            Question::Keep => self.kept(&again.answer),
            Question::Farewell(denial) => self.deny(denial),
        }
    }

    fn may(&self, kind: Kind) -> bool {
        matches!(&self.plan, Plan::Factors(ask) if ask.kinds.contains(kind))
    }

    fn bucket(&self, guess: Guess) -> Bucket {
        Bucket { caller: self.setting.caller, guess }
    }

    fn gate(&self, guess: Guess, at: &At) -> Gate {
        let bucket = self.bucket(guess);
        self.account.throttles.get(bucket).gate(bucket, at.now)
    }
}

/// What is recorded where nothing is asked yet: what would be.
fn observed(would: &Plan) -> &'static str {
    match would {
        Plan::Factors(_) => "observed-would-ask",
        Plan::Enroll(_) => "observed-would-enroll",
        Plan::Deny(_) => "observed-would-deny",
        Plan::Skip(_) | Plan::Observe(_) => "observed-would-not-ask",
    }
}

#[cfg(test)]
mod tests;
