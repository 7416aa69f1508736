//! Asking: which prompt is next, or why there is none.

use super::state::Question;
use super::{Denial, Dialog, Note, Step, text, weigh};
use crate::At;
use crate::factor::Kind;
use crate::throttle::{Gate, Guess};
use zeroize::Zeroizing;

impl Dialog {
    /// Asks for a code, unless all that this account could type is throttled.
    pub(super) fn ask_or_refuse(self, say: Vec<Note>, at: &At) -> Step {
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

    pub(super) fn ask(self, say: Vec<Note>, prompt: &str) -> Step {
        self.ask_on(Question::Code, say, prompt.to_owned().into(), false)
    }

    pub(super) fn ask_on(mut self, question: Question, say: Vec<Note>, prompt: Zeroizing<String>, echo: bool) -> Step {
        if self.answers == 0 {
            return self.deny(Denial::TooManyAnswers);
        }
        self.answers -= 1;
        self.put(question, say, prompt, echo)
    }
}
