//! Security keys, through `mfa-key`: what the core wants to know of a key is asked there, and what came of it is told in
//! the core's words. Nothing is decided here.
//!
//! ```text
//!   Search, Sign ──▶ queue: one at a time, root first ──▶ line: one call to mfa-key ──▶ Found, Signed, or a trouble
//!                                                          └ hung up: the key stops blinking
//! ```
//!
//! Nobody is told to touch a key before it is their turn: else the touch could be somebody else's, whose key blinks.
//! A key is asked for whoever sits at this machine, and only while they do: that is looked at when their turn has come
//! and again and again until the key has answered.

mod line;
mod queue;
mod words;

pub(crate) use line::Line;

use crate::accounts::{Lane, Logind, Presence};
use crate::journal::{self, Level};
use mfa_core::dialog::{KeyEvent, KeyTrouble, Search, Sign};
use mfa_proto::key::{ASSERT, Asserted, FIND, Failure, Found};
use queue::{Queue, Turn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How often it is looked at whether whoever a key was asked for still sits here.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// How long a turn is waited for, while nothing is on the screen.
const PATIENCE: Duration = Duration::from_secs(3);

/// The way to keys.
pub(crate) struct Keys {
    line: Line,
    logind: Logind,
    queue: Rc<Queue>,
}

/// For whom a key is asked.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// Who waits with whom.
    pub(crate) lane: Lane,
    /// Whose keys: the account's uid.
    pub(crate) whose: u32,
    /// By what they are known to sit at this machine.
    pub(crate) presence: Presence,
}

impl Keys {
    /// Keys behind this socket.
    pub(crate) fn new(line: Line, logind: Logind) -> Self {
        Self { line, logind, queue: Rc::default() }
    }

    /// Which of these credentials are plugged in. No key blinks.
    pub(crate) async fn search(&self, search: Search, asker: &Asker) -> KeyEvent {
        let Some(turn) = self.turn(asker).await else { return KeyEvent::Failed(KeyTrouble::Busy) };
        let seconds = search.seconds;
        match self.call::<_, Found>(FIND, &words::find(search), (turn, asker, seconds)).await {
            Ok(found) => KeyEvent::Found(words::found(found)),
            Err(trouble) => KeyEvent::Failed(trouble),
        }
    }

    /// Waits for a turn at the keys; `None` if others have them for too long.
    pub(crate) async fn turn(&self, asker: &Asker) -> Option<Turn> {
        self.queue.turn((asker.lane, asker.whose), Instant::now() + PATIENCE).await
    }

    /// Has a key sign; it blinks, until it is touched, its time is up, or whoever wanted it is gone.
    async fn sign(&self, sign: Sign, (turn, asker): (Turn, &Asker)) -> KeyEvent {
        let seconds = sign.seconds;
        match self.call::<_, Asserted>(ASSERT, &words::assert(sign), (turn, asker, seconds)).await {
            Ok(asserted) => KeyEvent::Signed(words::signed(asserted)),
            Err(trouble) => KeyEvent::Failed(trouble),
        }
    }

    async fn call<P: Serialize, R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &P,
        (turn, asker, seconds): (Turn, &Asker, u32),
    ) -> Result<R, KeyTrouble> {
        tokio::select! {
            biased;
            // Dropping the call hangs up, and the key stops blinking.
            () = self.has_left(&asker.presence) => Err(KeyTrouble::Elsewhere),
            () = turn.is_wanted_by_root() => Err(KeyTrouble::Busy),
            done = self.line.call(method, parameters, seconds) => done.map_err(|failure| told(&failure)),
        }
    }

    /// Comes back when whoever it is asked for does not sit here, at once if they have left already.
    async fn has_left(&self, presence: &Presence) {
        let mut look = tokio::time::interval(LOOK_AGAIN);
        loop {
            look.tick().await; // the first comes at once
            if !self.logind.is_here(presence) {
                return;
            }
        }
    }
}

/// A key that is about to be touched, for as long as somebody waits for it: dropped, it hangs up.
pub(crate) struct Touch {
    task: JoinHandle<KeyEvent>,
    became: Option<KeyEvent>,
}

impl Touch {
    /// Begins at once, whoever waits for it.
    pub(crate) fn begin(keys: &Rc<Keys>, sign: Sign, (turn, asker): (Turn, Asker)) -> Self {
        let keys = Rc::clone(keys);
        Self { task: tokio::task::spawn_local(async move { keys.sign(sign, (turn, &asker)).await }), became: None }
    }

    /// Comes back when it is known what became of it; whoever stops waiting can wait again.
    pub(crate) async fn settled(&mut self) {
        if self.became.is_none() {
            let became = (&mut self.task).await;
            self.became = Some(became.unwrap_or(KeyEvent::Failed(KeyTrouble::Broken)));
        }
    }

    /// What became of it.
    pub(crate) async fn outcome(mut self) -> KeyEvent {
        self.settled().await;
        self.became.take().unwrap_or(KeyEvent::Failed(KeyTrouble::Broken))
    }
}

impl Drop for Touch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What goes wrong with a key is its user's to know; what goes wrong with `mfa-key`, the administrator's.
fn told(failure: &Failure) -> KeyTrouble {
    if let Failure::Failed { detail } = failure {
        journal::operation(Level::Warning, &format!("a security key could not be used: {detail}"));
    }
    words::trouble(failure)
}
