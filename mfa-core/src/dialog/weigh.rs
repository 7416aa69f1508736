//! What an answer would do to this account: pure, and ending in at most one commit.

use super::key_text::{self, KEY_KEY};
use super::mail::Typed;
use super::{Again, Denial, Dialog, Note, Step, Then, text};
use crate::account::{Record, Seen, What, Write};
use crate::factor::{Kind, Match, backup_code, totp};
use crate::policy::Plan;
use crate::throttle::{Gate, Guess, Throttle};
use crate::trust::{self, NotRemembered};
use crate::{At, account};

/// Used codes that are not counted as guesses, for each step; the next ones are.
const FREE_REPLAYS: u32 = 10;

impl Dialog {
    /// Weighs a line that is some code, on the account as it is known.
    pub(super) fn weigh_code_line(self, again: Again, at: &At) -> Step {
        if !matches!(self.plan, Plan::Factors(_)) {
            return self.deny(Denial::PolicyChanged);
        }
        let (answer, chosen) = line(&again.answer);
        if answer.is_empty() {
            return self.nothing_typed(at);
        }
        if answer == "?" {
            let mail = self.mailbox().filter(|_| self.can_mail(at)).map(|mailbox| &mailbox.address);
            let ways = text::ways(&self.usable_but_for_mail(at), mail, &self.setting.support);
            return self.ask_or_refuse(vec![Note { error: false, text: ways }], at);
        }
        if answer.eq_ignore_ascii_case(text::MAIL_KEY) {
            return self.mail_code(again, at);
        }
        if answer.eq_ignore_ascii_case(KEY_KEY) {
            return self.search_as_asked(at);
        }
        if let Some(why) = self.not_remembered().filter(|_| chosen) {
            // Nothing was weighed, so the code is still good: a note after a pass is not shown everywhere.
            return self.ask_or_refuse(vec![Note { error: true, text: why.to_string() }], at);
        }
        match backup_code::normalize(answer) {
            Some(code) => self.weigh_printed_code(&code, again, at),
            None => self.weigh_code(again, at),
        }
    }

    /// Why nobody can choose to be remembered here, if so.
    fn not_remembered(&self) -> Option<NotRemembered> {
        match &self.plan {
            Plan::Factors(ask) => self.setting.ties.refuses_to_remember(ask),
            _ => Some(NotRemembered::Policy),
        }
    }

    /// An empty line is not a guess; while codes are refused it is a good-bye.
    fn nothing_typed(self, at: &At) -> Step {
        match self.gate(Guess::Code, at) {
            Gate::Open => self.ask(Vec::new(), text::CODE_PROMPT),
            closed => {
                let denial = denial_of(closed);
                self.record(What::Denied, denial.as_str(), Then::Deny(denial), at)
            }
        }
    }

    /// A backup code, or a temporary one: they look alike, and wrong ones are counted alike.
    pub(super) fn weigh_printed_code(self, code: &str, again: Again, at: &At) -> Step {
        let gate = self.gate(Guess::BackupCode, at);
        if gate != Gate::Open {
            return self.ask_anew(vec![Note { error: true, text: text::backup_codes_throttled(gate) }], at);
        }
        let backup = self.may(Kind::BackupCode).then(|| backup_code::find(&self.account.backup, code)).flatten();
        let matched = backup.or_else(|| self.temp_code(code, at));
        match matched {
            Some(matched) => self.right(matched, again, at),
            None => self.wrong(Guess::BackupCode, again, at),
        }
    }

    fn weigh_code(self, again: Again, at: &At) -> Step {
        if self.gate(Guess::Code, at) != Gate::Open {
            return self.ask_or_refuse(Vec::new(), at);
        }
        match self.find_mailed(line(&again.answer).0, at) {
            Typed::Right(matched) => return self.right(matched, again, at),
            Typed::Ended => return self.mailed_before(text::mailed_code_ended(), at),
            Typed::Replaced => return self.mailed_before(text::mailed_code_replaced(), at),
            Typed::Other => {}
        }
        match self.look_up(line(&again.answer).0, at) {
            totp::Finding::Fresh(matched) => self.right(matched, again, at),
            totp::Finding::Used(factor) => self.used(factor, again, at),
            totp::Finding::Wrong => self.wrong(Guess::Code, again, at),
        }
    }

    fn look_up(&self, code: &str, at: &At) -> totp::Finding {
        if !self.may(Kind::Totp) {
            return totp::Finding::Wrong;
        }
        let apps = self.account.factors.iter().filter_map(|factor| Some((factor.id, factor.detail.app()?)));
        totp::find(apps, code, at.now)
    }

    pub(super) fn right(self, matched: Match, again: Again, at: &At) -> Step {
        let mut writes = vec![matched.uses_up()];
        // A success of any kind forgets this caller's failures, and a backup code turns codes on again.
        for guess in [Guess::Code, Guess::BackupCode, Guess::Key] {
            let bucket = self.bucket(guess);
            if self.account.throttles.get(bucket) != Throttle::default() {
                writes.push(Write::Throttle(bucket, Throttle::default()));
            }
        }
        let chosen = line(&again.answer).1;
        let mut say = Vec::new();
        if let Plan::Factors(ask) = &self.plan {
            let earned = trust::earn(&self.account, ask, &self.setting.ties, (&matched, chosen), at.now);
            let is_chosen = |write: &Write| matches!(write, Write::Trust(earned) if earned.bond.is_chosen());
            if earned.iter().any(is_chosen) {
                say.push(Note { error: false, text: text::remembered(ask.remember) });
            }
            writes.extend(earned);
        }
        let words = self.words_for(matched.kind());
        let record = Record { words, ..Record::of(What::Passed).with(matched.kind(), matched.factor()) };
        self.commit_writes(writes, record, Then::Pass(matched, say), again, at)
    }

    pub(super) fn wrong(mut self, guess: Guess, again: Again, at: &At) -> Step {
        let bucket = self.bucket(guess);
        let throttle = self.account.throttles.get(bucket).failed(at.now);
        let kind = match guess {
            Guess::Code if self.waits_for_mail() => Kind::Email,
            Guess::Code => Kind::Totp,
            Guess::BackupCode => Kind::BackupCode,
            Guess::Key => Kind::SecurityKey,
        };
        let then = if guess == Guess::Key { Then::KeyWrong(key_text::key_wrong()) } else { Then::Wrong };
        let record = Record::of(What::Wrong).with(kind, None);
        if self.account.version.is_none() {
            // Nothing is kept of this account, so there is nothing to guess and nothing to count.
            return self.commit(Seen::Anything, Vec::new(), record, (then, Some(again)), at);
        }
        self.account.throttles.set(bucket, throttle); // true if it commits; a stale one brings the account anew
        let mut writes = vec![Write::Throttle(bucket, throttle)];
        // Somebody who mistypes once is remembered all the same; somebody who guesses is not.
        let guessing = self.tries <= 1 || throttle.gate(bucket, at.now) != Gate::Open;
        if guessing && !self.account.trust.is_empty() {
            writes.push(Write::ForgetAll);
        }
        self.commit_writes(writes, record, then, again, at)
    }

    /// A used code is no guess: who typed it had the app in hand. It is told, and counted only beyond a cap.
    fn used(self, factor: account::FactorId, again: Again, at: &At) -> Step {
        let Some(app) = self.account.factor(factor).and_then(|factor| factor.detail.app()) else {
            return self.deny(Denial::Unexpected);
        };
        let replays = app.replays.saturating_add(1);
        if replays > FREE_REPLAYS {
            return self.wrong(Guess::Code, again, at);
        }
        let then = Then::Used { wait: app.parameters.until_after(app.used, at.now) };
        let record = Record::of(What::Replayed).with(Kind::Totp, Some(factor));
        self.commit_writes(vec![Write::CountReplay { factor, replays }], record, then, again, at)
    }

    pub(super) fn commit_writes(self, writes: Vec<Write>, record: Record, then: Then, again: Again, at: &At) -> Step {
        let Some(version) = self.account.version else { return self.deny(Denial::Unexpected) };
        self.commit(Seen::At(version), writes, record, (then, Some(again)), at)
    }

    /// The kinds that would get this account in from here, mailed codes aside; an SSH key has done so before anything
    /// is asked.
    pub(super) fn usable_but_for_mail(&self, at: &At) -> Vec<Kind> {
        if self.account.version.is_none() && self.account.mailbox.is_none() {
            // Nobody is asked of whom nothing is kept, but for names without an account: not for strangers to learn.
            return vec![Kind::Totp, Kind::BackupCode];
        }
        let taken_now = |kind: &Kind| match kind {
            Kind::Totp | Kind::Email => self.gate(Guess::Code, at) == Gate::Open,
            Kind::BackupCode => self.gate(Guess::BackupCode, at) == Gate::Open,
            Kind::SecurityKey => self.key_helps(at),
            Kind::SshKey | Kind::TempCode => true,
        };
        let enrolled = self.account.enrolled().without(Kind::SshKey).without(Kind::Email);
        enrolled.iter().filter(|kind| self.may(*kind)).filter(taken_now).collect()
    }
}

/// What was typed, and whether its `+` says that the user wants to be remembered. No code has a `+` in it.
fn line(answer: &str) -> (&str, bool) {
    let answer = answer.trim();
    match answer.strip_suffix('+') {
        Some(code) => (code.trim_end(), true),
        None => (answer, false),
    }
}

/// What a closed gate is called.
pub(super) fn denial_of(gate: Gate) -> Denial {
    match gate {
        Gate::Off => Denial::CodesOff,
        Gate::Open | Gate::Wait(_) => Denial::Throttled,
    }
}
