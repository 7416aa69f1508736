//! What goes on beside each other: logins, an administrator's orders, a change of policy. Each does one thing that others
//! can see at a time: look at the account, hand something to the writer, have it written.
//!
//! A login does what `Login` in `crate::login` does, in the same order; what it does between two steps nobody sees.

use super::*;
use crate::login::is_covered;
use mfa_core::At;
use mfa_core::dialog::{Dialog, Effect, Event, Front, Next, Setting, Step as Dialogue, Turn, Verdict, Welcome};
use mfa_core::enrollment::{Rules, reset, unlock};
use mfa_core::factor::Kinds;
use mfa_core::policy::Plan;
use mfa_core::seats::Claim;
use mfa_core::throttle::Caller;
use mfa_core::trust::Ties;
use std::rc::Rc;
use zeroize::Zeroizing;

/// What somebody has seen of the account, and under which policy.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) plan: Plan,
    pub(super) account: Rc<Account>,
    pub(super) epoch: usize,
    /// Of all of that.
    pub(super) digest: u64,
}

impl std::hash::Hash for Look {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

/// One of those who do something.
#[derive(Clone, Hash)]
pub(super) enum Process {
    Login(Login),
    Administrator(Administrator),
    /// Puts the other policy in force, once.
    Reload {
        done: bool,
    },
}

/// What an administrator wants.
#[derive(Clone, Copy, Hash)]
pub(super) enum Order {
    Reset,
    Unlock,
}

#[derive(Clone, Hash)]
pub(super) struct Administrator {
    order: Order,
    look: Option<Look>,
    done: bool,
}

/// What a dialog was told, in turn; with it, it is what it is.
#[derive(Clone, Hash)]
enum Told {
    Begin(Look),
    Refresh(Look),
    Answer(String),
    Committed,
    Stale(Look),
}

/// What a login does next.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Doing {
    /// Reads the account and weighs the policy.
    Look,
    /// Goes on with its dialog, and hands to the writer what comes out.
    Go,
    /// Waits for the writer.
    Written,
    Over,
}

#[derive(Clone, Hash)]
pub(super) struct Login {
    answers: Vec<String>,
    told: Vec<Told>,
    doing: Doing,
    look: Option<Look>,
    /// Whether its commit was stale, or found another policy in force.
    stale: bool,
    /// Whether a commit has happened since it looked.
    outdated: bool,
    /// Of its newest commit.
    receipt: Option<u32>,
    /// The policy in force when it handed over its commit.
    handed_under: usize,
}

/// What a step came to, for whoever watches.
pub(super) enum Came {
    /// Nothing that others see.
    Nothing,
    /// The other policy is in force.
    Reloaded,
    /// Something is to be written; the process waits for it.
    ToWrite(Commit),
    /// The dialog has ended, letting somebody in.
    Pass,
}

impl Process {
    pub(super) fn login(answers: Vec<String>) -> Self {
        let (told, look, receipt) = Default::default();
        let (doing, stale, outdated, handed_under) = (Doing::Look, false, false, 0);
        Self::Login(Login { answers, told, doing, look, stale, outdated, receipt, handed_under })
    }

    pub(super) fn administrator(order: Order) -> Self {
        Self::Administrator(Administrator { order, look: None, done: false })
    }

    pub(super) fn reload() -> Self {
        Self::Reload { done: false }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Login(login) => login.doing == Doing::Over,
            Self::Administrator(Administrator { done, .. }) | Self::Reload { done } => *done,
        }
    }

    /// Whether its next step is nobody's business: it neither looks at what others change nor changes what others look
    /// at, so that it does not matter when it is taken. A policy that may still change is looked at by every step.
    pub(super) fn keeps_to_itself(&self, policy_may_change: bool) -> bool {
        match self {
            Self::Login(login) => login.doing == Doing::Go && !policy_may_change,
            Self::Administrator(administrator) => administrator.look.is_some(),
            Self::Reload { .. } => false,
        }
    }

    /// The policy under which a login handed over what it waits for.
    pub(super) fn handed_under(&self) -> usize {
        if let Self::Login(login) = self { login.handed_under } else { 0 }
    }

    /// One step, in a world where `look` shows what is kept now and this policy is in force.
    pub(super) fn step(&mut self, epoch: usize, look: impl FnOnce() -> Look) -> Came {
        match self {
            Self::Reload { done } => {
                *done = true;
                Came::Reloaded
            }
            Self::Administrator(administrator) => administrator.step(look),
            Self::Login(login) => login.step(epoch, look),
        }
    }

    /// What the writer said.
    pub(super) fn written(&mut self, done: Option<Receipt>, epoch: usize) -> Came {
        match self {
            Self::Reload { .. } => Came::Nothing,
            Self::Administrator(administrator) => {
                (administrator.look, administrator.done) = (None, done.is_some());
                Came::Nothing
            }
            Self::Login(login) => login.written(done, epoch),
        }
    }
}

impl Administrator {
    fn step(&mut self, look: impl FnOnce() -> Look) -> Came {
        let Some(seen) = self.look.take() else {
            self.look = Some(look());
            return Came::Nothing;
        };
        let at = moment();
        let commit = match self.order {
            Order::Reset => reset(&seen.account, None, (&at, Ticket(1))).unwrap(),
            Order::Unlock => unlock(&seen.account, (&at, Ticket(1))),
        };
        self.look = Some(seen);
        commit.map_or(Came::Nothing, Came::ToWrite)
    }
}

impl Login {
    fn step(&mut self, epoch: usize, look: impl FnOnce() -> Look) -> Came {
        match self.doing {
            Doing::Look => {
                self.look = Some(look());
                self.doing = Doing::Go;
                Came::Nothing
            }
            Doing::Go => self.go(epoch),
            Doing::Written | Doing::Over => Came::Nothing,
        }
    }

    /// Tells its dialog what it has seen, if it has looked, and what was typed.
    fn go(&mut self, epoch: usize) -> Came {
        match self.look.take() {
            Some(look) if self.told.is_empty() => self.told.push(Told::Begin(look)),
            Some(look) if self.stale => {
                self.stale = false;
                self.told.push(Told::Stale(look));
            }
            Some(look) => {
                self.outdated = false;
                self.told.push(Told::Refresh(look));
                return self.answer(epoch);
            }
            None => return self.answer(epoch),
        }
        self.perform(epoch)
    }

    fn answer(&mut self, epoch: usize) -> Came {
        if self.answers.is_empty() {
            self.doing = Doing::Over; // hangs up
            return Came::Nothing;
        }
        self.told.push(Told::Answer(self.answers.remove(0)));
        self.perform(epoch)
    }

    /// What comes of what it was told last.
    fn perform(&mut self, epoch: usize) -> Came {
        match self.dialogue().1 {
            Effect::Turn(turn) => self.said(&turn, epoch),
            Effect::Commit(_) if self.under() != epoch => {
                (self.stale, self.doing) = (true, Doing::Look);
                Came::Nothing
            }
            Effect::Commit(commit) => {
                (self.doing, self.handed_under) = (Doing::Written, epoch);
                Came::ToWrite(commit)
            }
            Effect::Search(_) | Effect::Touch(..) => panic!("there is no key here"),
        }
    }

    fn said(&mut self, turn: &Turn, epoch: usize) -> Came {
        let receipt = self.receipt.map(|ticket| Receipt { ticket: Ticket(ticket) });
        assert!(is_covered(turn, receipt.as_ref()), "without a receipt: {turn:?}");
        match &turn.next {
            Next::Ask { .. } => {
                let looks = !self.answers.is_empty() && (self.outdated || self.under() != epoch);
                self.doing = if looks { Doing::Look } else { Doing::Go };
                Came::Nothing
            }
            Next::Wait { .. } => panic!("nothing is waited for"),
            Next::Done(verdict) => {
                self.doing = Doing::Over;
                let lets_in = matches!(verdict, Verdict::Pass(_) | Verdict::Skipped(_) | Verdict::Remembered);
                if lets_in { Came::Pass } else { Came::Nothing }
            }
        }
    }

    fn written(&mut self, done: Option<Receipt>, epoch: usize) -> Came {
        match done {
            Some(receipt) => {
                (self.receipt, self.outdated) = (Some(receipt.ticket().0), true);
                self.told.push(Told::Committed);
                self.perform(epoch)
            }
            None => {
                (self.stale, self.doing) = (true, Doing::Look);
                Came::Nothing
            }
        }
    }

    /// The policy it has looked under last.
    fn under(&self) -> usize {
        let looks = self.told.iter().rev().find_map(|told| match told {
            Told::Begin(look) | Told::Refresh(look) | Told::Stale(look) => Some(look.epoch),
            Told::Answer(_) | Told::Committed => None,
        });
        looks.unwrap_or(0)
    }

    /// The core's dialog, told all that it was told: a proof can be had no other way, and not be copied.
    fn dialogue(&self) -> Dialogue {
        let at = moment();
        let mut now: Option<Dialogue> = None;
        for told in &self.told {
            now = Some(match (told, now) {
                (Told::Begin(look), _) => {
                    Dialog::begin(look.plan.clone(), Account::clone(&look.account), setting(), &at)
                }
                (Told::Refresh(look), Some((mut dialog, effect))) => {
                    dialog.refresh(look.plan.clone(), Account::clone(&look.account));
                    (dialog, effect)
                }
                (Told::Answer(text), Some((dialog, _))) => {
                    dialog.step(Event::Answer(Zeroizing::new(text.clone())), &at)
                }
                (Told::Committed, Some((dialog, _))) => dialog.step(Event::Committed, &at),
                (Told::Stale(look), Some((dialog, _))) => {
                    let now = (look.plan.clone(), Account::clone(&look.account));
                    dialog.step(Event::Stale(Box::new(now)), &at)
                }
                (_, None) => panic!("told something before it began"),
            });
        }
        now.unwrap()
    }
}

pub(super) fn moment() -> At {
    At { now: NOW, fresh: Secret::new(Vec::new()) }
}

/// alice, over ssh, with a terminal and nothing else.
fn setting() -> Setting {
    let (utc_offset, support, ties, occasion) = (0, String::new(), Ties::default(), String::new());
    let rules = Rules {
        confirm_codes: 1,
        parameters: Parameters::default(),
        kinds: Kinds::NONE,
        required: true,
        by_invitation: false,
        seat: Claim::NotNeeded,
        own_addresses: false,
        mail_first: false,
    };
    let (site, issuer, label) = ("lab".to_owned(), "lab".to_owned(), "alice@lab".to_owned());
    Setting {
        caller: Caller::Root,
        interactive: true,
        front: Front::Terminal,
        until: NOW.plus(120),
        temp_codes: false,
        utc_offset,
        support,
        welcome: Welcome { site, issuer, label, terminal: false, rules },
        ties,
        mails: false,
        occasion,
        at_the_machine: false,
        touch_wait: 15,
        shows_text: true,
        ssh: None,
        pin_typed: false,
    }
}
