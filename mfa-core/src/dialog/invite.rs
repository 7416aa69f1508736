//! The page before the picture where enrolling takes an invitation: the enrollment code, which an administrator gives.
//!
//! A wrong one is counted in the store before it is told. The right one is worth the picture and nothing else; it is
//! used up by the commit that makes the factor, so that a dropped line goes on with it.

use super::{Again, Denial, Dialog, Note, Question, Step, Then, text};
use crate::At;
use crate::account::{Record, Seen, What, Write};
use crate::given::{self, Checked, Invitation, Purpose};

impl Dialog {
    /// Asks for the enrollment code, or says why that would be of no use.
    pub(super) fn ask_for_invite(self, say: Vec<Note>, at: &At) -> Step {
        let state = given::invitation(&self.account, at.now);
        let support = &self.setting.support;
        if state != Invitation::Live {
            let text = text::not_invited(state, &self.setting.welcome.site, support);
            return self.refuse_but_for_temp_code(Denial::NotInvited, text, say, at);
        }
        let prompt = text::invite(&self.setting.welcome.site, support, self.temp_code_helps(at));
        self.ask_on(Question::Invite, say, prompt.into(), true)
    }

    /// Weighs what was typed there.
    pub(super) fn weigh_invite(mut self, again: Again, at: &At) -> Step {
        let error = |text| vec![Note { error: true, text }];
        match given::check_invite(&self.account, &again.answer, at.now) {
            Checked::Right(accepted) => {
                self.enrolling.invited = Some(accepted);
                self.begin_enrolling(again, at)
            }
            Checked::Wrong { id, left } => {
                let Some(version) = self.account.version else { return self.deny(Denial::Unexpected) };
                let write = Write::Spend { id, purpose: Purpose::Invite };
                let then = Then::WrongInvite { left };
                self.commit(Seen::At(version), vec![write], Record::of(What::InviteWrong), (then, Some(again)), at)
            }
            Checked::NotOne if again.answer.trim().is_empty() => self.ask_for_invite(Vec::new(), at),
            Checked::NotOne => self.ask_for_invite(error(text::no_enrollment_code()), at),
            Checked::NotNow(_) => self.ask_for_invite(Vec::new(), at),
        }
    }

    /// A wrong code was counted.
    pub(super) fn wrong_invite(mut self, left: u32, at: &At) -> Step {
        if let Some(invite) = &mut self.account.invite {
            invite.left = left; // as it was committed
        }
        let say = match left {
            0 => Vec::new(), // what comes next says it all
            left => vec![Note { error: true, text: text::wrong_invite(left) }],
        };
        self.ask_for_invite(say, at)
    }
}
