//! Mailed codes in a login: `e` has one mailed, and where nothing else would do it is mailed at once.
//!
//! The code is bound to this dialog: what is known of it is kept here and nowhere else, and goes when the dialog does.
//! The newest is the only one. The letter goes into the outbox with the commit that counts it, and nobody waits for a
//! mail server. Nothing is mailed for whoever has shown nothing else yet, nor for a user's own programs.

use super::{Again, Denial, Dialog, Effect, Note, Question, Step, Then, text};
use crate::At;
use crate::account::{Record, Seen, What, Write};
use crate::factor::email::{Finding, Mailed};
use crate::factor::{Kind, Kinds, Match};
use crate::letter::Letter;
use crate::mailbox::Mailbox;
use crate::throttle::{Gate, Guess};
use zeroize::Zeroizing;

/// The codes that this dialog had mailed.
#[derive(Default)]
pub(super) struct Post {
    /// The one that is taken.
    newest: Option<Mailed>,
    /// Those before it, to tell them from wrong ones.
    older: Vec<Mailed>,
    /// The one that is being committed.
    on_its_way: Option<Mailed>,
}

/// What a line is, compared with the mailed codes.
pub(super) enum Typed {
    Right(Match),
    Ended,
    Replaced,
    Other,
}

impl Dialog {
    /// Asks for a code, and has one mailed first if nothing else would do.
    pub(super) fn ask_for_code(self, rounds: u8, at: &At) -> Step {
        let alone = self.has_mail_alone() && self.can_mail(at);
        let again = Again { question: Question::Code, answer: Zeroizing::new(text::MAIL_KEY.to_owned()), rounds };
        if alone { self.mail_code(again, at) } else { self.ask_or_refuse(Vec::new(), at) }
    }

    /// Whether a code was mailed, for which somebody waits.
    #[must_use]
    pub fn waits_for_mail(&self) -> bool {
        self.post.newest.is_some()
    }

    /// Where a code can be mailed from here.
    pub(super) fn mailbox(&self) -> Option<&Mailbox> {
        self.account.mailbox.as_ref().filter(|_| self.setting.mails && self.may(Kind::Email))
    }

    /// Whether `e` has a code mailed now.
    pub(super) fn can_mail(&self, at: &At) -> bool {
        self.mailbox().is_some() && self.gate(Guess::Code, at) == Gate::Open && self.wait_for_mail(at).is_none()
    }

    fn wait_for_mail(&self, at: &At) -> Option<i64> {
        self.account.mailings.get(self.setting.caller).wait(at.now)
    }

    /// Whether the policy takes nothing that this account has but a mailed code.
    fn has_mail_alone(&self) -> bool {
        // A name without an account has nothing; that is not for strangers to learn.
        let somebody = self.account.version.is_some() || self.account.mailbox.is_some();
        somebody && self.may(Kind::Email) && self.other_ways().is_empty()
    }

    /// What else would do, backup codes aside: they are for when the rest is lost.
    fn other_ways(&self) -> Kinds {
        let enrolled = self.account.enrolled().without(Kind::SshKey).without(Kind::Email);
        let enrolled = if self.has_key_here() { enrolled } else { enrolled.without(Kind::SecurityKey) };
        enrolled.iter().filter(|kind| *kind != Kind::BackupCode && self.may(*kind)).collect()
    }

    /// Has a code mailed; the last one is void once it is.
    pub(super) fn mail_code(mut self, again: Again, at: &At) -> Step {
        let Some(mailbox) = self.mailbox().cloned() else {
            return self.ask_or_refuse(vec![Note { error: true, text: text::no_mail() }], at);
        };
        if self.gate(Guess::Code, at) != Gate::Open {
            return self.ask_or_refuse(Vec::new(), at);
        }
        if let Some(wait) = self.wait_for_mail(at) {
            return self.ask_or_refuse(vec![Note { error: true, text: text::mailed_too_many(wait) }], at);
        }
        let Some((mailed, code)) = Mailed::new(&at.fresh, mailbox.address, at.now) else {
            return self.ask_or_refuse(vec![Note { error: true, text: text::no_mail() }], at);
        };
        let letter = Letter::with_code(mailed.to().clone(), code, (at.now, mailed.until()));
        self.post.on_its_way = Some(mailed);
        let caller = self.setting.caller;
        let sends = self.account.mailings.get(caller).sent(at.now);
        let seen = self.account.version.map_or(Seen::Absent, Seen::At);
        let record = Record::of(What::Mailed).with(Kind::Email, None);
        let then = (Then::Mailed, Some(again));
        let (dialog, mut effect) = self.commit(seen, vec![Write::Mailings(caller, sends)], record, then, at);
        if let Effect::Commit(commit) = &mut effect {
            commit.letters.push(letter);
        }
        (dialog, effect)
    }

    /// The letter is in the outbox: says so, and asks for the code.
    pub(super) fn mailed(mut self, at: &At) -> Step {
        let before = std::mem::replace(&mut self.post.newest, self.post.on_its_way.take());
        self.post.older.extend(before);
        let caller = self.setting.caller;
        let sends = self.account.mailings.get(caller).sent(at.now);
        self.account.mailings.set(caller, sends);
        let text = match &self.account.mailbox {
            Some(mailbox) if mailbox.goes_out => text::mailed(&mailbox.address),
            Some(mailbox) => text::mail_waits(&mailbox.address, &self.usable_but_for_mail(at)),
            None => text::no_mail(),
        };
        self.ask(vec![Note { error: false, text }], text::CODE_PROMPT)
    }

    /// Whether the line is a code that was mailed for this dialog, to where its mail still goes.
    pub(super) fn find_mailed(&self, typed: &str, at: &At) -> Typed {
        let Some(mailbox) = self.mailbox() else { return Typed::Other };
        let newest = self.post.newest.as_ref();
        match newest.map(|mailed| (mailed.find(typed, at.now), mailed)) {
            Some((Finding::Right, mailed)) if *mailed.to() == mailbox.address => {
                let factor = self.account.own_mail().filter(|_| mailbox.own).map(|factor| factor.id);
                Typed::Right(mailed.matched(factor))
            }
            Some((Finding::Right, _)) => Typed::Replaced,
            Some((Finding::Ended, _)) => Typed::Ended,
            _ if self.post.older.iter().any(|mailed| mailed.find(typed, at.now) != Finding::Wrong) => Typed::Replaced,
            _ => Typed::Other,
        }
    }

    /// A mailed code that is none any more: told, and not counted, for who typed it reads that mail.
    pub(super) fn mailed_before(self, text: String, at: &At) -> Step {
        self.ask_or_refuse(vec![Note { error: true, text }], at)
    }

    /// Nothing would do but a mailed code, and there will be none: refused, but for somebody who has another way in.
    pub(super) fn refuse_without_mail(&self, at: &At) -> Option<(Denial, String)> {
        let has_backup = self.may(Kind::BackupCode) && !self.account.backup.codes.is_empty();
        if !self.has_mail_alone() || self.waits_for_mail() || has_backup || self.temp_code_helps(at) {
            return None;
        }
        let support = &self.setting.support;
        match (self.mailbox(), self.wait_for_mail(at)) {
            (Some(_), Some(wait)) => Some((Denial::MailLimit, text::mail_limit(wait, support))),
            (Some(_), None) => None,
            (None, _) if self.account.mailbox.is_some() => Some((Denial::CannotMail, text::cannot_mail_here(support))),
            (None, _) => Some((Denial::CannotMail, text::no_address(support))),
        }
    }
}
