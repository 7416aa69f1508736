//! How a step ends: in a commit and what follows once it has happened, or in a verdict. A pass is made here and nowhere
//! else, and only of a committed match.

use super::state::{Again, State, Then};
use super::{Denial, Dialog, Effect, Next, Note, Proof, Step, Turn, Verdict, text};
use crate::At;
use crate::account::{Commit, Record, Seen, Ticket, What, Write};
use crate::factor::{Kind, Match};
use crate::letter;

impl Dialog {
    pub(super) fn committed(mut self, then: Then, at: &At) -> Step {
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
            Then::KeyWrong(text) => self.key_wrong(text, at),
            Then::PinWrong(left) => self.pin_wrong(left, at),
            Then::WrongInvite { left } => self.wrong_invite(left, at),
            Then::Mailed => self.mailed(at),
            Then::Begun(say) => self.picture(say),
            Then::Enrolled(id) => self.keep(id),
            Then::Without(why, text) => self.done(vec![Note { error: false, text }], Verdict::Skipped(why)),
            Then::Used { wait } => self.ask(vec![Note { error: true, text: text::used(wait) }], text::CODE_PROMPT),
        }
    }

    pub(super) fn passed(self, proof: Proof) -> Step {
        self.done(Vec::new(), Verdict::Pass(proof))
    }

    /// Records the refusal, then says it.
    pub(super) fn refuse(self, denial: Denial, text: String, at: &At) -> Step {
        self.record(What::Denied, denial.as_str(), Then::Explain(denial, text), at)
    }

    pub(super) fn record(self, what: What, reason: &'static str, then: Then, at: &At) -> Step {
        self.commit(Seen::Anything, Vec::new(), Record::of(what).because(reason), (then, None), at)
    }

    pub(super) fn commit(
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

    pub(super) fn deny(self, denial: Denial) -> Step {
        self.done(Vec::new(), Verdict::Denied(denial))
    }

    pub(super) fn done(mut self, say: Vec<Note>, verdict: Verdict) -> Step {
        self.state = State::Over;
        (self, Effect::Turn(Turn { say, next: Next::Done(verdict) }))
    }

    pub(super) fn passed_note(&self, matched: &Match, at: &At) -> Vec<Note> {
        let left = self.account.backup.codes.len().saturating_sub(1);
        match matched.kind() {
            Kind::BackupCode => vec![Note { error: false, text: text::backup_code_used(left) }],
            Kind::TempCode => self.temp_code_note(at),
            _ => Vec::new(),
        }
    }
}
