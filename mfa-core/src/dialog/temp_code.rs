//! Temporary codes in a login: an administrator's word stands in for whatever factor the policy would take.
//!
//! At the prompt for a code one is typed like a backup code. Where there is no such prompt, because nothing is enrolled
//! or nothing that will do, one is asked for if there is one. Only root's applications come here, and never a change of
//! factors: [`super::Setting::temp_codes`].

use super::{Again, Denial, Dialog, Note, Question, Step, Then, text};
use crate::At;
use crate::account::What;
use crate::factor::{Kind, Kinds, Match, backup_code, temp_code};
use crate::given::Given;
use crate::policy::{Deny, Plan};
use crate::throttle::{Gate, Guess};

impl Dialog {
    /// The temporary code, if this is it.
    pub(super) fn temp_code(&self, normalized: &str, at: &At) -> Option<Match> {
        self.setting.temp_codes.then(|| temp_code::find(&self.account, normalized, at.now)).flatten()
    }

    /// Whether a page of enrolling was answered with what looks like one, and there is one.
    pub(super) fn is_temp_code(&self, typed: &str, at: &At) -> bool {
        self.temp_code_helps(at) && backup_code::normalize(typed).is_some()
    }

    /// Whether there is one that would be taken now.
    pub(super) fn temp_code_helps(&self, at: &At) -> bool {
        let now = self.account.latest(at.now);
        self.setting.temp_codes
            && self.setting.interactive
            && self.account.temp_code.as_ref().is_some_and(|given| given.is_live(now))
            && self.gate(Guess::BackupCode, at) == Gate::Open
    }

    /// Refused, but for somebody who has a temporary code.
    pub(super) fn refuse_but_for_temp_code(self, denial: Denial, text: String, say: Vec<Note>, at: &At) -> Step {
        if !self.temp_code_helps(at) {
            return self.refuse(denial, text, at);
        }
        self.ask_on(Question::TempCode(denial), say, text::but_for_a_temporary_code(&text).into(), false)
    }

    /// Something is enrolled, but nothing that the policy takes.
    pub(super) fn no_usable_factor(self, needs: Kinds, say: Vec<Note>, at: &At) -> Step {
        let text = text::no_usable_factor(needs, &self.setting.support);
        self.refuse_but_for_temp_code(Denial::NoUsableFactor, text, say, at)
    }

    /// It must enroll, and there is no seat for it.
    pub(super) fn seats_full(self, say: Vec<Note>, at: &At) -> Step {
        let text = text::seats_full(&self.setting.support);
        self.refuse_but_for_temp_code(Denial::SeatsFull, text, say, at)
    }

    /// Weighs an answer where a temporary code alone would do.
    pub(super) fn weigh_temp_code(self, denial: Denial, again: Again, at: &At) -> Step {
        if !matches!(self.plan, Plan::Enroll(_) | Plan::Deny(Deny::NoUsableFactor { .. } | Deny::SeatsFull)) {
            return self.deny(Denial::PolicyChanged);
        }
        match backup_code::normalize(again.answer.trim()) {
            Some(code) => self.weigh_printed_code(&code, again, at),
            None if again.answer.trim().is_empty() => {
                self.record(What::Denied, denial.as_str(), Then::Deny(denial), at)
            }
            None => self.ask_anew(vec![Note { error: true, text: text::no_temporary_code() }], at),
        }
    }

    /// Asks what this login asks first, after an answer that did not do.
    pub(super) fn ask_anew(self, say: Vec<Note>, at: &At) -> Step {
        match self.plan {
            Plan::Factors(_) => self.ask_or_refuse(say, at),
            Plan::Enroll(how) => self.welcome(how, say, at),
            Plan::Deny(Deny::NoUsableFactor { needs }) => self.no_usable_factor(needs, say, at),
            Plan::Deny(Deny::SeatsFull) => self.seats_full(say, at),
            _ => self.deny(Denial::PolicyChanged),
        }
    }

    /// The reason for which it was given, to be recorded with its use.
    pub(super) fn words_for(&self, kind: Kind) -> Option<String> {
        self.account.temp_code.as_ref().filter(|_| kind == Kind::TempCode)?.reason.clone()
    }

    /// What is left of it, now that it was used.
    pub(super) fn temp_code_note(&self, at: &At) -> Vec<Note> {
        let told = |given: &Given| {
            let until = text::on_the_clock(given.until, at.now, self.setting.utc_offset);
            Note { error: false, text: text::temporary_code_used(given.left.saturating_sub(1), &until) }
        };
        self.account.temp_code.iter().map(told).collect()
    }
}
