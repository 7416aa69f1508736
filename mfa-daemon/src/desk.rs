//! Where one account's factors are looked after: its account and what rules hold for it are read, a change is decided by
//! the core and committed, and a change that came too late because something else changed first is decided again.

use crate::accounts::{Entry, Lane};
use crate::audit::Context;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Loaded;
use crate::journal::{self, Level, Quoted};
use crate::license;
use crate::listen::{Failure, refuse};
use crate::reach::Reach;
use crate::scene::{self, Trouble};
use crate::store::Committed;
use mfa_core::account::{Account, Commit, Ticket, What};
use mfa_core::enrollment::{Permission, Refusal, Rules};
use mfa_core::seats::Claim;
use mfa_core::{At, policy};
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// Times a change is decided again because something else changed first.
const ROUNDS: usize = 8;

/// Where one account's factors are looked after.
pub(crate) struct Desk {
    pub(crate) whose: Entry,
    pub(crate) loaded: Rc<Loaded>,
}

/// What a change is decided on, read anew for every decision.
pub(crate) struct View<'a> {
    pub(crate) account: Account,
    /// By what right this connection changes it.
    pub(crate) permission: Permission<'a>,
    pub(crate) at: At,
    pub(crate) ticket: Ticket,
}

impl View<'_> {
    /// When it is decided, and which commit it would be.
    pub(crate) fn when(&self) -> (&At, Ticket) {
        (&self.at, self.ticket)
    }
}

/// What is to be committed, if anything, and the answer once it is.
pub(crate) type Decided<T> = (Option<Commit>, T);

impl Desk {
    pub(crate) fn open(conversation: &Conversation, whose: Entry) -> Result<Self, Failure> {
        let loaded = conversation.daemon().loaded().ok_or_else(|| broken("there is no valid policy"))?;
        Ok(Self { whose, loaded })
    }

    pub(crate) fn account(&self, conversation: &Conversation) -> Result<Account, Failure> {
        scene::snapshot(conversation.daemon(), &self.whose.identity).map_err(troubled)
    }

    /// Decides on the account as it is and commits that; decides again if something else changed first.
    ///
    /// # Errors
    /// What `decide` refuses, `Changed` when that never ends, `Broken`.
    pub(crate) async fn settle<T>(
        &self,
        conversation: &mut Conversation,
        decide: impl FnMut(&View<'_>) -> Result<Decided<T>, Failure>,
    ) -> Result<T, Failure> {
        self.settle_as(self.context(conversation), conversation, decide).await
    }

    /// As [`Desk::settle`], with more to go into the record.
    pub(crate) async fn settle_as<T>(
        &self,
        context: Context,
        conversation: &mut Conversation,
        mut decide: impl FnMut(&View<'_>) -> Result<Decided<T>, Failure>,
    ) -> Result<T, Failure> {
        for _ in 0..ROUNDS {
            let account = self.account(conversation)?;
            let decided = decide(&self.view(conversation, account)?)?;
            if let Some(answer) = self.perform(&context, conversation, decided).await? {
                return Ok(answer);
            }
        }
        Err(changed())
    }

    /// As [`Desk::settle`], where site and policy have a say.
    pub(crate) async fn settle_by_rules<T>(
        &self,
        conversation: &mut Conversation,
        mut decide: impl FnMut(&View<'_>, &Rules) -> Result<Decided<T>, Failure>,
    ) -> Result<T, Failure> {
        let context = self.context(conversation);
        for _ in 0..ROUNDS {
            let account = self.account(conversation)?;
            let rules = self.rules(conversation, &account).await;
            let decided = decide(&self.view(conversation, account)?, &rules)?;
            if let Some(answer) = self.perform(&context, conversation, decided).await? {
                return Ok(answer);
            }
        }
        Err(changed())
    }

    fn view<'a>(&self, conversation: &'a mut Conversation, account: Account) -> Result<View<'a>, Failure> {
        let (at, ticket) = (now()?, conversation.ticket());
        Ok(View { account, permission: conversation.permission(&self.whose.identity), at, ticket })
    }

    /// The answer, unless something else changed first.
    async fn perform<T>(
        &self,
        context: &Context,
        conversation: &mut Conversation,
        (commit, answer): Decided<T>,
    ) -> Result<Option<T>, Failure> {
        let happened = match commit {
            Some(commit) => self.commit(context.clone(), conversation, commit).await?,
            None => true,
        };
        Ok(happened.then_some(answer))
    }

    /// What the policy says of this account in all its logins.
    pub(crate) async fn reach(&self, conversation: &Conversation) -> Reach<'_> {
        Reach::of(conversation.daemon(), &self.loaded, &self.whose, lane(conversation)).await
    }

    /// What site and policy say about this account's factors.
    pub(crate) async fn rules(&self, conversation: &Conversation, account: &Account) -> Rules {
        let reach = self.reach(conversation).await;
        let kinds = reach.addable(account);
        let policy::Required { required, rule } = reach.required();
        let policy = &self.loaded.config.policy;
        let deciding = rule.and_then(|rule| policy.rules().get(rule)).map_or(policy.defaults(), |rule| rule.settings());
        let by_invitation = account.invited_only || required && deciding.enroll == policy::Enrolling::Invite;
        let settings = &self.loaded.config.settings;
        let (confirm_codes, parameters) = (settings.confirm_codes, settings.parameters);
        let own_addresses = settings.mail.relay.is_some() && settings.mail.heeds_own(&self.whose.identity.name);
        let mail_first = reach.mail_first(account, kinds);
        let whose = (&self.whose, account);
        // Voluntary enrollment takes no seat, so that nobody fills them by themselves.
        let seat = if required {
            license::claim(conversation.daemon(), whose, lane(conversation)).await
        } else {
            Claim::NotNeeded
        };
        Rules { confirm_codes, parameters, kinds, required, by_invitation, seat, own_addresses, mail_first }
    }

    /// Whether it happened; if not, something else changed first.
    async fn commit(&self, context: Context, conversation: &mut Conversation, commit: Commit) -> Result<bool, Failure> {
        let daemon = Rc::clone(conversation.daemon());
        let store = daemon.store().map_err(|why| broken(&why))?;
        let (what, is_report) = (commit.record.what.as_str(), commit.record.what == What::Reported);
        let (user, changes) = (commit.identity.name.clone(), commit.changes_of_factors());
        // What was decided under another policy is decided again.
        if daemon.loaded().is_none_or(|loaded| loaded.epoch != self.loaded.epoch) {
            return Err(changed());
        }
        match store.commit(commit, context).await {
            Ok(Committed::Done(_)) => {
                conversation.changed_factors(&self.whose.identity, changes);
                let line = format!("{what} user={} peer={}", Quoted(&user), conversation.peer().uid);
                let level = if is_report { Level::Alert } else { Level::Notice };
                journal::login(level, line);
                Ok(true)
            }
            Ok(Committed::Stale) => Ok(false),
            Err(error) => {
                journal::operation(Level::Alert, &format!("a change could not be made: {error}"));
                Err(broken(&error.to_string()))
            }
        }
    }

    /// Who makes a change here, for the record: whoever is neither root nor the owner is of the help desk.
    fn context(&self, conversation: &Conversation) -> Context {
        let context = conversation.context();
        match conversation.peer().uid {
            own if own == self.whose.identity.uid || own == 0 => context,
            _ => Context { service: Some("helpdesk".into()), ..context },
        }
    }
}

/// Whose threads ask the name service.
fn lane(conversation: &Conversation) -> Lane {
    if conversation.peer().is_root() { Lane::Root } else { Lane::Plain }
}

pub(crate) fn now() -> Result<At, Failure> {
    clock::at().map_err(|_| broken("the kernel gives no random numbers"))
}

pub(crate) fn broken(why: &str) -> Failure {
    refuse(RefusalCode::Broken, format!("Nothing can be changed now: {why}."))
}

pub(crate) fn troubled(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Broken(why) => broken(&why),
        Trouble::Conflict(why) => refuse(RefusalCode::Conflict, why),
    }
}

pub(crate) fn changed() -> Failure {
    refuse(RefusalCode::Changed, "Something else keeps changing this account. Try again.")
}

pub(crate) fn refused(refusal: Refusal) -> Failure {
    let code = match refusal {
        Refusal::ProveFirst => RefusalCode::AuthorizeFirst,
        Refusal::StrongerFirst | Refusal::SiteAddress => RefusalCode::NotAllowed,
        Refusal::BadAddress => RefusalCode::Invalid,
        Refusal::TooManyMails(_) => RefusalCode::Busy,
        Refusal::NotFound | Refusal::NothingEnrolled => RefusalCode::NotFound,
        Refusal::LastRequired
        | Refusal::NotTaken
        | Refusal::InvitedOnly
        | Refusal::NoSeat
        | Refusal::TooMany
        | Refusal::AlreadyThere => RefusalCode::NotAllowed,
        Refusal::BadName | Refusal::BadCodes => RefusalCode::Invalid,
        Refusal::Throttled(_) => RefusalCode::Busy,
        Refusal::Internal => RefusalCode::Broken,
    };
    refuse(code, refusal.to_string())
}
