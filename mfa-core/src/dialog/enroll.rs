//! The first factor, enrolled in the middle of a login: offer, picture, confirmation by a code, backup codes.
//!
//! Each page is one prompt, since text alone is held back by most versions of sshd. What was begun is kept, so that a
//! dropped line goes on with the same secret. Only root's terminals come here: nobody enrolls through a locker.

use super::{Again, Denial, Dialog, Front, Note, Proof, Question, Step, Then, text};
use crate::account::{Commit, Pending, Record, Ticket, What, Write};
use crate::enrollment::{self, Begun, Confirming, Permission, Refusal, Rules};
use crate::factor::totp::{Link, base32};
use crate::factor::{Kind, Kinds};
use crate::given::Accepted;
use crate::policy::{Deny, Enroll, Plan, Skip};
use crate::throttle::Caller;
use crate::{At, Secret};
use mfa_qr::{Ink, Qr};
use zeroize::Zeroizing;

/// Rows a picture may take, so that its last line is on the screen with it.
const ROWS: usize = 21;

/// What the site says about enrolling here.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// What the site calls itself.
    pub site: String,
    /// What apps show above the account.
    pub issuer: String,
    /// What apps show as the account: `user@host`.
    pub label: String,
    /// Whether this login has a terminal on which a picture can be shown.
    pub terminal: bool,
    /// How apps are confirmed.
    pub rules: Rules,
}

/// An enrollment on its way.
#[derive(Default)]
pub(super) struct Progress {
    secret: Zeroizing<String>,
    link: Zeroizing<String>,
    look: Look,
    /// The first of two codes, once it was right.
    first: Option<Zeroizing<String>>,
    codes: Vec<Zeroizing<String>>,
    /// Which backup code is asked for, counted from 0.
    asked_for: usize,
    proof: Option<Proof>,
    /// The invitation whose code was typed.
    pub(super) invited: Option<Accepted>,
}

impl Progress {
    /// Begins with this secret.
    fn shows(&mut self, secret: Zeroizing<String>, link: Zeroizing<String>) {
        *self = Self { secret, link, invited: self.invited, ..Self::default() };
    }
}

/// How the secret is shown.
#[derive(Clone, Copy, Default)]
enum Look {
    #[default]
    Blocks,
    Ascii,
    Text,
}

impl Dialog {
    /// Offers to enroll, or says where that can be done.
    pub(super) fn welcome(self, how: Enroll, say: Vec<Note>, at: &At) -> Step {
        let can_be_here = self.setting.interactive
            && self.setting.front == Front::Terminal
            && self.setting.caller == Caller::Root
            && self.setting.welcome.terminal
            && self.setting.welcome.rules.kinds.contains(Kind::Totp);
        let (site, support) = (&self.setting.welcome.site, &self.setting.support);
        match how {
            // An address is nothing that a newcomer can add: the site has one for them, or an administrator adds it.
            Enroll::AtLogin { kinds } | Enroll::Invite { kinds } if is_mail_alone(kinds) => {
                let text = text::no_address(support);
                self.refuse_but_for_temp_code(Denial::CannotMail, text, say, at)
            }
            Enroll::Grace { .. } if !can_be_here => self.later(0, at),
            Enroll::AtLogin { .. } | Enroll::Grace { .. } if can_be_here => self.offer(say, at),
            Enroll::Invite { .. } if can_be_here => self.ask_for_invite(say, at),
            Enroll::AtLogin { .. } if self.setting.interactive => {
                let kinds = self.setting.welcome.rules.kinds;
                let text = text::enroll_elsewhere(site, &self.account.identity.name, kinds, support);
                self.refuse_but_for_temp_code(Denial::NotEnrolled, text, say, at)
            }
            Enroll::Invite { .. } if self.setting.interactive => {
                let text = text::enroll_elsewhere_with_invite(site, support);
                self.refuse_but_for_temp_code(Denial::NotEnrolled, text, say, at)
            }
            Enroll::AtLogin { .. } | Enroll::Grace { .. } | Enroll::Invite { .. } | Enroll::Deny => {
                let text = text::not_enrolled(support);
                self.refuse_but_for_temp_code(Denial::NotEnrolled, text, say, at)
            }
        }
    }

    /// Weighs an answer to one of the pages.
    pub(super) fn weigh_enrolling(self, again: Again, at: &At) -> Step {
        let how = match self.plan {
            Plan::Enroll(how) => how,
            // Somebody else took the last seat meanwhile.
            Plan::Skip(Skip::SeatsFull) => {
                let why = Skip::SeatsFull.as_str();
                return self.skip(why, Then::Without(why, text::seat_taken()), again, at);
            }
            Plan::Deny(Deny::SeatsFull) => {
                let text = text::seats_full(&self.setting.support);
                return self.refuse(Denial::SeatsFull, text, at);
            }
            _ => return self.deny(Denial::PolicyChanged),
        };
        let answer = again.answer.trim();
        match (again.question, answer) {
            (_, "q" | "Q") => self.leave(how, again.rounds, at),
            (Question::Offer | Question::Invite, typed) if self.is_temp_code(typed, at) => {
                self.weigh_temp_code(Denial::NotEnrolled, again, at)
            }
            (Question::Invite, _) => self.weigh_invite(again, at),
            (Question::Offer, "") => self.begin_enrolling(again, at),
            (Question::Offer, _) => self.offer(Vec::new(), at),
            (Question::Picture, "a" | "A") => self.look(Look::Ascii),
            (Question::Picture, "t" | "T") => self.look(Look::Text),
            (Question::Picture, "") => self.picture(Vec::new()),
            (Question::Picture, _) => self.confirm(again, at),
            _ => self.deny(Denial::Unexpected),
        }
    }

    fn offer(self, say: Vec<Note>, at: &At) -> Step {
        let Plan::Enroll(how) = self.plan else { return self.deny(Denial::Unexpected) };
        let left = match how {
            Enroll::Grace { seconds_left, .. } => Some(seconds_left),
            _ => None,
        };
        let prompt = text::offer(&self.setting.welcome.site, left, self.temp_code_helps(at));
        self.ask_on(Question::Offer, say, prompt.into(), true)
    }

    /// Not now: with time left the login goes on, without it does not.
    fn leave(self, how: Enroll, rounds: u8, at: &At) -> Step {
        match how {
            Enroll::Grace { .. } => self.later(rounds, at),
            _ => self.record(What::Denied, Denial::NotEnrolled.as_str(), Then::Deny(Denial::NotEnrolled), at),
        }
    }

    /// Lets in without, and keeps when the time for that began; as long as nothing was enrolled meanwhile.
    fn later(self, rounds: u8, at: &At) -> Step {
        let Plan::Enroll(Enroll::Grace { kinds, seconds_left }) = self.plan else {
            return self.deny(Denial::Unexpected);
        };
        let support = &self.setting.support;
        let text = if is_mail_alone(kinds) {
            text::days_without_address(seconds_left, support)
        } else {
            text::days_left(seconds_left)
        };
        let then = Then::Without("grace", text);
        let again = Again { question: Question::Offer, answer: Zeroizing::new("q".into()), rounds };
        let begins = self.account.grace_began.is_none().then_some(Write::BeginGrace(at.now));
        let (seen, record) = (self.seen(), Record::of(What::Skipped).because("grace"));
        self.commit(seen, begins.into_iter().collect(), record, (then, Some(again)), at)
    }

    pub(super) fn begin_enrolling(mut self, again: Again, at: &At) -> Step {
        let Some(permission) = self.permission() else { return self.ask_for_invite(Vec::new(), at) };
        let rules = self.setting.welcome.rules;
        let begun =
            enrollment::begin_totp(&self.account, &permission, &rules, (None, false), (at, Ticket(self.commits)));
        match begun {
            Ok(Begun::Resumed(Pending { secret, parameters, .. })) => {
                let (secret, link) = self.spelled(secret, *parameters);
                self.enrolling.shows(secret, link);
                // Shown once that is recorded: by now it may be a factor, whose secret nobody sees again.
                let (seen, record) = (self.seen(), Record::of(What::Begun).with(Kind::Totp, None).because("resumed"));
                let say = vec![Note { error: false, text: text::resumed() }];
                self.commit(seen, Vec::new(), record, (Then::Begun(say), Some(again)), at)
            }
            Ok(Begun::New(commit)) => {
                for write in &commit.writes {
                    if let Write::Begin(pending) = write {
                        let (secret, link) = self.spelled(&pending.secret, pending.parameters);
                        self.enrolling.shows(secret, link);
                    }
                }
                self.commit_decided(commit, Then::Begun(Vec::new()), again)
            }
            Err(refusal) => self.refuse(Denial::NotEnrolled, refusal.to_string(), at),
        }
    }

    /// By what right this login enrolls; `None` where that takes an invitation that it has not shown.
    fn permission(&self) -> Option<Permission<'static>> {
        match (self.plan_of_enrolling(), self.enrolling.invited) {
            (Some(Enroll::Invite { .. }), Some(accepted)) if accepted.still_holds(&self.account) => {
                Some(Permission::Invited(accepted))
            }
            (Some(Enroll::Invite { .. }), _) => None,
            _ => Some(Permission::Unproved),
        }
    }

    fn plan_of_enrolling(&self) -> Option<Enroll> {
        if let Plan::Enroll(how) = self.plan { Some(how) } else { None }
    }

    fn confirm(mut self, again: Again, at: &At) -> Step {
        let rules = self.setting.welcome.rules;
        // By now the invitation may be another, or the policy may want one.
        let Some(permission) = self.permission() else { return self.ask_for_invite(Vec::new(), at) };
        let Some(id) = self.account.pending.as_ref().map(|pending| pending.id) else { return self.offer(ended(), at) };
        let typed = Zeroizing::new(again.answer.replace([' ', '-'], ""));
        let codes: Vec<&str> = self.enrolling.first.iter().chain([&typed]).map(|code| code.as_str()).collect();
        let error = |text| vec![Note { error: true, text }];
        // The secret is on the screen of this very login: there is nothing to guess, and nothing to count.
        let permission = if matches!(permission, Permission::Invited(_)) { permission } else { Permission::Root };
        let when = (at, Ticket(self.commits));
        match enrollment::confirm(&self.account, &permission, (id, &codes), &rules, when) {
            Ok(Confirming::Right(commit, codes)) => {
                let chosen = at.fresh.expose().last().copied().unwrap_or(0);
                self.enrolling.asked_for = usize::from(chosen).checked_rem(codes.len()).unwrap_or(0);
                self.enrolling.codes = codes;
                self.commit_decided(*commit, Then::Enrolled(id), again)
            }
            Ok(Confirming::OneMore) => {
                self.enrolling.first = Some(typed);
                self.picture(vec![Note { error: false, text: text::one_more() }])
            }
            Ok(Confirming::Wrong(_)) => self.start_over(error(text::wrong())),
            Ok(Confirming::NotConsecutive) => self.start_over(error(text::not_consecutive())),
            Ok(Confirming::ClockOff(offset)) => self.start_over(error(text::clock_off(offset))),
            Err(Refusal::NotFound) => self.offer(ended(), at),
            Err(refusal) => self.start_over(error(refusal.to_string())),
        }
    }

    fn start_over(mut self, say: Vec<Note>) -> Step {
        self.enrolling.first = None;
        self.picture(say)
    }

    fn look(mut self, look: Look) -> Step {
        self.enrolling.look = look;
        self.picture(Vec::new())
    }

    /// The secret on a screen of its own, ending in the prompt for a code of it.
    pub(super) fn picture(self, say: Vec<Note>) -> Step {
        let Progress { secret, link, look, .. } = &self.enrolling;
        let drawn = match (look, Qr::of(link)) {
            (Look::Blocks, Ok(qr)) => text::picture(&qr.in_half_blocks(Ink::Light, Some(ROWS))),
            (Look::Ascii, Ok(qr)) => text::picture(&qr.in_ascii(Ink::Light)),
            (Look::Text, _) | (_, Err(_)) => text::secret(secret, link),
        };
        // After a code the picture need not be drawn again; it is still on the screen.
        let prompt = if say.iter().any(|note| note.error) { text::CODE_PROMPT.to_owned().into() } else { drawn };
        self.ask_on(Question::Picture, say, prompt, false)
    }

    /// The backup codes, which are shown this once.
    pub(super) fn keep(mut self, id: crate::account::FactorId) -> Step {
        self.enrolling.proof = Some(Proof::enrolled(id, Ticket(self.commits), self.account.factor_generation));
        self.show_codes(Vec::new())
    }

    fn show_codes(self, say: Vec<Note>) -> Step {
        let Progress { codes, asked_for, .. } = &self.enrolling;
        let prompt = text::backup_codes(codes, *asked_for);
        self.ask_on(Question::Keep, say, prompt, true)
    }

    /// Whoever has written the codes down can say a part of one.
    pub(super) fn kept(mut self, answer: &str) -> Step {
        let wanted = self.enrolling.codes.get(self.enrolling.asked_for);
        let group = wanted.and_then(|code| code.rsplit('-').next()).unwrap_or_default();
        let typed = answer.trim();
        let whole = wanted.is_some_and(|code| code.eq_ignore_ascii_case(typed));
        if !typed.eq_ignore_ascii_case(group) && !whole {
            return self.show_codes(vec![Note { error: true, text: text::not_that_group() }]);
        }
        match self.enrolling.proof.take() {
            // The codes were read for minutes: by now it may have been reset, or an app may not be taken any more.
            Some(proof) if self.still_takes(&proof) => self.passed(proof),
            Some(_) => self.deny(Denial::PolicyChanged),
            None => self.deny(Denial::Unexpected),
        }
    }

    fn still_takes(&self, proof: &Proof) -> bool {
        self.may(proof.kind()) && proof.factor().is_some_and(|id| self.account.factor(id).is_some())
    }

    fn spelled(
        &self,
        secret: &Secret,
        parameters: crate::factor::totp::Parameters,
    ) -> (Zeroizing<String>, Zeroizing<String>) {
        let Welcome { issuer, label, .. } = &self.setting.welcome;
        let link = Link { issuer, label, secret, parameters };
        (base32(secret), link.spelled())
    }

    fn commit_decided(self, commit: Commit, then: Then, again: Again) -> Step {
        let Commit { seen, writes, record, at, .. } = commit;
        let at = At { now: at, fresh: Secret::new(Vec::new()) };
        self.commit(seen, writes, record, (then, Some(again)), &at)
    }
}

/// Whether a mailed code is all that will do.
fn is_mail_alone(kinds: Kinds) -> bool {
    kinds == Kinds::NONE.with(Kind::Email)
}

fn ended() -> Vec<Note> {
    vec![Note { error: true, text: text::enrollment_ended() }]
}
