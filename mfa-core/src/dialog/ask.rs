//! Asking: which prompt is next, or why there is none.

use super::key_text::{self, Missing};
use super::state::{Again, Question};
use super::{Denial, Dialog, Note, Step, text, weigh};
use crate::At;
use crate::factor::Kind;
use crate::throttle::{Gate, Guess};
use zeroize::Zeroizing;

impl Dialog {
    /// The first question, unless an SSH key has answered it already; a security key is looked for before a code is
    /// asked for.
    pub(super) fn ask_first(self, rounds: u8, at: &At) -> Step {
        if let Some(matched) = self.shown_ssh_key() {
            return self.right(matched, Again::of_nothing(rounds), at);
        }
        if !self.setting.interactive {
            let text = text::cannot_ask(self.setting.front);
            return self.refuse(Denial::CannotAsk, text, at);
        }
        if self.key_helps(at) { self.search(false, at) } else { self.ask_for_code(rounds, at) }
    }

    /// Asks for a code or a key, unless all that this account could show is throttled, or is not here.
    pub(super) fn ask_or_refuse(self, say: Vec<Note>, at: &At) -> Step {
        let gate = self.gate(Guess::Code, at);
        let codes_closed = (self.may(Kind::Totp) || self.may(Kind::Email)) && gate != Gate::Open;
        if codes_closed {
            return self.ask_for_what_is_open(gate, say, at);
        }
        if let Some((denial, text)) = self.refusal(at) {
            return self.refuse(denial, after(&say, text), at);
        }
        if self.takes_codes() {
            return self.ask(say, text::CODE_PROMPT);
        }
        match self.missing() {
            _ if self.key_may_help(at) => {
                let prompt = key_text::plug(self.can_type(at)).to_owned().into();
                self.ask_on(Question::Plug, say, prompt, false)
            }
            Some(missing) => self.ask(say, &key_text::but_for_a_backup_code(&missing)),
            None => self.ask(say, text::CODE_PROMPT),
        }
    }

    /// Codes by app and mail are refused for a while.
    fn ask_for_what_is_open(self, gate: Gate, say: Vec<Note>, at: &At) -> Step {
        let backup_helps = self.has_backup_codes() && self.gate(Guess::BackupCode, at) == Gate::Open;
        if self.key_helps(at) {
            return self.ask(say, &key_text::throttled_but_for_a_key(gate, backup_helps));
        }
        if backup_helps {
            return self.ask(say, &text::throttled_but_for_backup_codes(gate));
        }
        if self.temp_code_helps(at) {
            return self.ask(say, &text::throttled_but_for_a_temporary_code(gate));
        }
        let text = text::throttled(gate, &self.setting.support);
        self.refuse(weigh::denial_of(gate), text, at)
    }

    /// Nothing would do but what there will not be: a mailed code, or a key.
    fn refusal(&self, at: &At) -> Option<(Denial, String)> {
        // Whoever has keys and no address is told of the keys.
        let keys_come_first = self.missing().is_some() && self.mailbox().is_none();
        let by_key = || self.refuse_without_key(at);
        if keys_come_first { by_key() } else { self.refuse_without_mail(at).or_else(by_key) }
    }

    /// Nothing would do but a key, and there will be none.
    fn refuse_without_key(&self, at: &At) -> Option<(Denial, String)> {
        if self.takes_codes() || self.has_backup_codes() || self.temp_code_helps(at) || self.key_may_help(at) {
            return None;
        }
        let support = &self.setting.support;
        match self.missing() {
            Some(missing) => Some((Denial::KeyNotShown, key_text::refused(&missing, support))),
            None => Some((Denial::KeyFailed, key_text::key_failed(support))),
        }
    }

    /// Whether a code by app or mail would do, or must seem to: whether there is such an account is not for strangers.
    fn takes_codes(&self) -> bool {
        let stranger = self.account.version.is_none() && self.account.mailbox.is_none();
        let app = self.may(Kind::Totp) && self.account.enrolled().contains(Kind::Totp);
        stranger || app || self.mailbox().is_some()
    }

    fn has_backup_codes(&self) -> bool {
        self.may(Kind::BackupCode) && !self.account.backup.codes.is_empty()
    }

    /// Whether anything can be typed where a key would do.
    pub(super) fn can_type(&self, at: &At) -> bool {
        self.usable_but_for_mail(at).iter().any(|kind| *kind != Kind::SecurityKey)
            || self.can_mail(at)
            || self.temp_code_helps(at)
    }

    /// Why no key does in this login; `None` where one would.
    fn missing(&self) -> Option<Missing> {
        if self.has_key_here() {
            return None;
        }
        let has = |kind| self.may(kind) && self.account.enrolled().contains(kind);
        match () {
            () if has(Kind::SshKey) && self.setting.ssh.is_some() => Some(self.missing_ssh_key()),
            () if has(Kind::SecurityKey) && self.setting.at_the_machine => Some(Missing::CannotVerify),
            () if has(Kind::SecurityKey) && self.setting.pin_typed => Some(Missing::NotAlone),
            () if has(Kind::SecurityKey) => Some(Missing::Elsewhere),
            () if has(Kind::SshKey) => Some(Missing::NoSsh),
            () => None,
        }
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

/// What was about to be said, with the refusal after it.
fn after(say: &[Note], text: String) -> String {
    let said = say.iter().map(|note| note.text.as_str());
    said.chain([text.as_str()]).collect::<Vec<_>>().join("\n")
}
