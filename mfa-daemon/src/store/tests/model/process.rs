//! What goes on beside each other: logins, an administrator's orders, a change of policy, of the clock, the daemon's end.
//! Each does one thing that others can see at a time: look at the account, hand something to the writer, have it written.

use super::login::{Login, Look};
use super::*;
use mfa_core::At;
use mfa_core::enrollment::{reset, unlock};

/// One of those who do something.
#[derive(Clone, Hash)]
pub(super) enum Process {
    Login(Login),
    Administrator(Administrator),
    /// Puts these policies in force, one after the other.
    Reload(Vec<usize>),
    /// Moves the clock by these seconds, one after the other.
    Clock(Vec<i64>),
    /// The daemon is killed, once, and started again: what is not on the disk is gone, and whoever logs in goes on.
    Crash(bool),
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

/// What everybody works in.
pub(super) struct Around<'a> {
    /// How many policies came into force before the one of now.
    pub(super) epoch: usize,
    /// Which of the policies it is.
    pub(super) policy: usize,
    pub(super) now: Time,
    /// The code that each login had mailed last.
    pub(super) mail: &'a [Option<String>],
    /// How often the key has signed.
    pub(super) signatures: &'a mut u32,
}

/// What a step came to, for whoever watches.
pub(super) enum Came {
    /// Nothing that others see.
    Nothing,
    /// Another policy is in force.
    Reloaded(usize),
    /// The clock was moved.
    Moved(i64),
    /// The daemon was killed.
    Crashed,
    /// Something is to be written; the process waits for it.
    ToWrite(Commit),
    /// The dialog has ended, letting somebody in.
    Pass,
}

impl Process {
    pub(super) fn login(answers: Vec<String>) -> Self {
        Self::Login(Login::new(answers))
    }

    /// Of somebody at the machine, whose key is plugged in.
    pub(super) fn key_login() -> Self {
        Self::Login(Login::with_key())
    }

    pub(super) fn administrator(order: Order) -> Self {
        Self::Administrator(Administrator { order, look: None, done: false })
    }

    pub(super) fn reload() -> Self {
        Self::Reload(vec![1])
    }

    /// Its place among all.
    pub(super) fn numbered(self, who: usize) -> Self {
        if let Self::Login(login) = self { Self::Login(login.numbered(who)) } else { self }
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Login(login) => login.is_over(),
            Self::Administrator(Administrator { done, .. }) | Self::Crash(done) => *done,
            Self::Reload(left) => left.is_empty(),
            Self::Clock(left) => left.is_empty(),
        }
    }

    /// Whether it can do nothing before somebody else has: it waits for a letter.
    pub(super) fn is_blocked(&self, mail: &[Option<String>]) -> bool {
        matches!(self, Self::Login(login) if login.is_blocked(mail))
    }

    /// Whether whatever anybody does hangs on when this one comes.
    pub(super) fn disturbs(&self) -> bool {
        matches!(self, Self::Reload(_) | Self::Clock(_) | Self::Crash(_)) && !self.is_over()
    }

    /// Whether its next step is nobody's business: it neither looks at what others change nor changes what others look
    /// at, so that it does not matter when it is taken. A policy or a clock that may still change is looked at by every
    /// step.
    pub(super) fn keeps_to_itself(&self, is_disturbed: bool) -> bool {
        match self {
            Self::Login(login) => login.keeps_to_itself() && !is_disturbed,
            Self::Administrator(administrator) => administrator.look.is_some() && !is_disturbed,
            Self::Reload(_) | Self::Clock(_) | Self::Crash(_) => false,
        }
    }

    /// The policy under which a login handed over what it waits for.
    pub(super) fn handed_under(&self) -> usize {
        if let Self::Login(login) = self { login.handed_under() } else { 0 }
    }

    /// One step, in a world where `look` shows what is kept now.
    pub(super) fn step(&mut self, around: &mut Around<'_>, look: impl FnOnce() -> Look) -> Came {
        match self {
            Self::Reload(left) => Came::Reloaded(left.remove(0)),
            Self::Clock(left) => Came::Moved(left.remove(0)),
            Self::Crash(done) => {
                *done = true;
                Came::Crashed
            }
            Self::Administrator(administrator) => administrator.step(around.now, look),
            Self::Login(login) => login.step(around, look),
        }
    }

    /// What the writer said.
    pub(super) fn written(&mut self, done: Option<Receipt>, around: &mut Around<'_>) -> Came {
        match self {
            Self::Administrator(administrator) => {
                (administrator.look, administrator.done) = (None, done.is_some());
                Came::Nothing
            }
            Self::Login(login) => login.written(done, around),
            Self::Reload(_) | Self::Clock(_) | Self::Crash(_) => Came::Nothing,
        }
    }

    /// The daemon is a new one: whoever waits calls it, and says again what was not answered.
    pub(super) fn crashed(&mut self) {
        match self {
            Self::Login(login) => login.begin_anew(),
            Self::Administrator(administrator) => administrator.look = None,
            Self::Reload(_) | Self::Clock(_) | Self::Crash(_) => {}
        }
    }
}

impl Administrator {
    fn step(&mut self, now: Time, look: impl FnOnce() -> Look) -> Came {
        let Some(seen) = self.look.take() else {
            self.look = Some(look());
            return Came::Nothing;
        };
        let at = At { now, fresh: Secret::new(Vec::new()) };
        let commit = match self.order {
            Order::Reset => reset(&seen.account, None, (&at, Ticket(1))).unwrap(),
            Order::Unlock => unlock(&seen.account, (&at, Ticket(1))),
        };
        self.look = Some(seen);
        commit.map_or(Came::Nothing, Came::ToWrite)
    }
}
