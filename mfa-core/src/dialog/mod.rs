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

mod enroll;
mod front;
mod invite;
mod mail;
mod proof;
mod temp_code;
mod text;
mod turn;
mod weigh;

pub use enroll::Welcome;
pub use front::{Due, Front, due};
pub use proof::Proof;
pub use turn::{Denial, Effect, Event, Next, Note, Turn, Verdict};

use crate::account::{Account, Commit, FactorId, Record, Seen, Ticket, What, Write};
use crate::factor::{Kind, Match};
use crate::letter;
use crate::policy::{Deny, Plan, Skip};
use crate::throttle::{Bucket, Caller, Gate, Guess};
use crate::trust::{self, Ties};
use crate::{At, Time};
use enroll::Progress;
use zeroize::Zeroizing;

/// Wrong codes a dialog takes.
const TRIES: u8 = 3;
/// Answers a dialog takes, whatever they are: used codes, questions and empty lines count here.
const ANSWERS: u8 = 12;
/// The reason in records of logins that an earlier one covers.
const REMEMBERED: &str = "remembered";
/// Times one answer is weighed again because the account had changed meanwhile.
const ROUNDS: u8 = 8;

/// What a dialog is told when it begins.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Whose attempts are counted.
    pub caller: Caller,
    /// Whether anything can be asked; not in PAM's account phase, nor where no code stood in the one line.
    pub interactive: bool,
    /// What asks the user.
    pub front: Front,
    /// When it is over, whatever happens.
    pub until: Time,
    /// Whether a temporary code will do: in logins through root's applications, and never to change factors.
    pub temp_codes: bool,
    /// Seconds by which the clock on the wall here is ahead of UTC.
    pub utc_offset: i32,
    /// Whom to ask for help; may be empty.
    pub support: String,
    /// What an account that must enroll first is told.
    pub welcome: Welcome,
    /// To what a remembered pass would be bound, and what one that covers this login must be bound to.
    pub ties: Ties,
    /// Whether codes are mailed: not for whoever has shown nothing else yet, nor for a user's own programs.
    pub mails: bool,
}

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
}

enum State {
    Asking(Question),
    Committing { then: Then, again: Option<Again> },
    Over,
}

/// What the user was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Nothing yet.
    Nothing,
    /// For a code of whatever kind.
    Code,
    /// To have read why it is refused.
    Farewell(Denial),
    /// For a temporary code, where nothing else would do; or to have read why it is refused.
    TempCode(Denial),
    /// For the enrollment code of an invitation.
    Invite,
    /// Whether to enroll now.
    Offer,
    /// For a code of the app that is being enrolled.
    Picture,
    /// For a part of a backup code, to show that they are kept.
    Keep,
}

/// What an answer came to, once it is committed.
#[derive(Debug)]
enum Then {
    Pass(Match, Vec<Note>),
    Skip(&'static str),
    Cover,
    Deny(Denial),
    Explain(Denial, String),
    Wrong,
    Used { wait: i64 },
    Mailed,
    WrongInvite { left: u32 },
    Begun(Vec<Note>),
    Enrolled(FactorId),
    Without(&'static str, String),
}

/// An answer that is weighed again if the account had changed.
struct Again {
    question: Question,
    answer: Zeroizing<String>,
    rounds: u8,
}

impl Again {
    /// What happens before anything is asked.
    fn of_nothing(rounds: u8) -> Self {
        Self { question: Question::Nothing, answer: Zeroizing::default(), rounds }
    }
}

/// The dialog after a step, and what to do.
pub type Step = (Dialog, Effect);

impl Dialog {
    /// Begins: asks, or commits a record of why it does not.
    #[must_use]
    pub fn begin(plan: Plan, account: Account, setting: Setting, at: &At) -> Step {
        let (state, enrolling, post) = (State::Over, Progress::default(), mail::Post::default());
        let (tries, answers, asked, commits) = (TRIES, ANSWERS, false, 0);
        let dialog = Self { plan, account, setting, state, tries, answers, asked, commits, enrolling, post };
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
                None if !self.setting.interactive => {
                    let text = text::cannot_ask(self.setting.front);
                    self.refuse(Denial::CannotAsk, text, at)
                }
                None => self.ask_for_code(rounds, at),
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
            (State::Asking(_), Event::Deadline) => self.deny(Denial::TimedOut),
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
        matches!(self.plan, Plan::Enroll(_)) || self.mailbox().is_some()
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
            Question::Offer | Question::Invite | Question::Picture => self.weigh_enrolling(again, at),
            Question::TempCode(denial) => self.weigh_temp_code(denial, again, at),
            Question::Keep => self.kept(&again.answer),
            Question::Farewell(denial) => self.deny(denial),
        }
    }

    fn committed(mut self, then: Then, at: &At) -> Step {
        match then {
            Then::Pass(matched, mut say) => {
                say.splice(0..0, self.passed_note(&matched, at));
                let proof = Proof::committed(&matched, Ticket(self.commits), self.account.factor_generation);
                self.done(say, Verdict::Pass(proof))
            }
            Then::Skip(why) => self.done(Vec::new(), Verdict::Skipped(why)),
            Then::Cover => self.done(Vec::new(), Verdict::Remembered),
            Then::Deny(denial) => self.deny(denial),
            Then::Explain(denial, text) => self.farewell(denial, text),
            Then::Wrong => {
                self.tries = self.tries.saturating_sub(1);
                if self.tries == 0 {
                    return self.deny(Denial::Wrong);
                }
                self.ask_anew(vec![Note { error: true, text: text::wrong() }], at)
            }
            Then::WrongInvite { left } => self.wrong_invite(left, at),
            Then::Mailed => self.mailed(at),
            Then::Begun(say) => self.picture(say),
            Then::Enrolled(id) => self.keep(id),
            Then::Without(why, text) => self.done(vec![Note { error: false, text }], Verdict::Skipped(why)),
            Then::Used { wait } => self.ask(vec![Note { error: true, text: text::used(wait) }], text::CODE_PROMPT),
        }
    }

    /// Asks for a code, unless all that this account could type is throttled.
    fn ask_or_refuse(self, say: Vec<Note>, at: &At) -> Step {
        let gate = self.gate(Guess::Code, at);
        let codes_closed = (self.may(Kind::Totp) || self.may(Kind::Email)) && gate != Gate::Open;
        if !codes_closed {
            if let Some((denial, text)) = self.refuse_without_mail(at) {
                return self.refuse(denial, text, at);
            }
            return self.ask(say, text::CODE_PROMPT);
        }
        let backup_helps = self.may(Kind::BackupCode)
            && !self.account.backup.codes.is_empty()
            && self.gate(Guess::BackupCode, at) == Gate::Open;
        if backup_helps {
            return self.ask(say, &text::throttled_but_for_backup_codes(gate));
        }
        if self.temp_code_helps(at) {
            return self.ask(say, &text::throttled_but_for_a_temporary_code(gate));
        }
        let text = text::throttled(gate, &self.setting.support);
        self.refuse(weigh::denial_of(gate), text, at)
    }

    fn ask(self, say: Vec<Note>, prompt: &str) -> Step {
        self.ask_on(Question::Code, say, prompt.to_owned().into(), false)
    }

    fn ask_on(mut self, question: Question, say: Vec<Note>, prompt: Zeroizing<String>, echo: bool) -> Step {
        if self.answers == 0 {
            return self.deny(Denial::TooManyAnswers);
        }
        self.answers -= 1;
        self.put(question, say, prompt, echo)
    }

    fn passed(self, proof: Proof) -> Step {
        self.done(Vec::new(), Verdict::Pass(proof))
    }

    /// Records the refusal, then says it.
    fn refuse(self, denial: Denial, text: String, at: &At) -> Step {
        self.record(What::Denied, denial.as_str(), Then::Explain(denial, text), at)
    }

    fn record(self, what: What, reason: &'static str, then: Then, at: &At) -> Step {
        self.commit(Seen::Anything, Vec::new(), Record::of(what).because(reason), (then, None), at)
    }

    fn commit(
        mut self,
        seen: Seen,
        writes: Vec<Write>,
        record: Record,
        (then, again): (Then, Option<Again>),
        at: &At,
    ) -> Step {
        self.commits += 1;
        let identity = self.account.identity.clone();
        let letters = letter::that_follow(&record, &writes, &self.account);
        let commit = Commit { ticket: Ticket(self.commits), identity, seen, writes, record, letters, at: at.now };
        self.state = State::Committing { then, again };
        (self, Effect::Commit(commit))
    }

    fn deny(self, denial: Denial) -> Step {
        self.done(Vec::new(), Verdict::Denied(denial))
    }

    fn done(mut self, say: Vec<Note>, verdict: Verdict) -> Step {
        self.state = State::Over;
        (self, Effect::Turn(Turn { say, next: Next::Done(verdict) }))
    }

    fn passed_note(&self, matched: &Match, at: &At) -> Vec<Note> {
        let left = self.account.backup.codes.len().saturating_sub(1);
        match matched.kind() {
            Kind::BackupCode => vec![Note { error: false, text: text::backup_code_used(left) }],
            Kind::TempCode => self.temp_code_note(at),
            _ => Vec::new(),
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
