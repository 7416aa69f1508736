//! Security keys, through `mfa-key`: what the core wants to know of a key is asked there, and what came of it is told in
//! the core's words. Nothing is decided here.
//!
//! ```text
//!   Search, Sign ──▶ queue: one at a time, root first ──▶ line: one call to mfa-key ──▶ Found, Signed, or a trouble
//!                                                          └ hung up: the key stops blinking
//! ```

mod line;
mod queue;
mod words;

pub(crate) use line::Line;

use crate::accounts::Lane;
use crate::journal::{self, Level};
use mfa_core::dialog::{KeyEvent, KeyTrouble, Search, Sign};
use mfa_proto::key::{ASSERT, Asserted, FIND, Failure, Found};
use queue::Queue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The way to keys.
pub(crate) struct Keys {
    line: Line,
    queue: Rc<Queue>,
}

impl Keys {
    /// Keys behind this socket.
    pub(crate) fn new(line: Line) -> Self {
        Self { line, queue: Rc::default() }
    }

    /// Which of these credentials are plugged in. No key blinks.
    pub(crate) async fn search(&self, search: Search, lane: Lane) -> KeyEvent {
        let seconds = search.seconds;
        match self.call::<_, Found>(FIND, &words::find(search), (lane, seconds)).await {
            Ok(found) => KeyEvent::Found(words::found(found)),
            Err(failure) => failed(&failure),
        }
    }

    /// Has a key sign; it blinks, until it is touched, its time is up, or whoever wanted it is gone.
    async fn sign(&self, sign: Sign, lane: Lane) -> KeyEvent {
        let seconds = sign.seconds;
        match self.call::<_, Asserted>(ASSERT, &words::assert(sign), (lane, seconds)).await {
            Ok(asserted) => KeyEvent::Signed(words::signed(asserted)),
            Err(failure) => failed(&failure),
        }
    }

    async fn call<P: Serialize, R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &P,
        (lane, seconds): (Lane, u32),
    ) -> Result<R, Failure> {
        let until = Instant::now() + Duration::from_secs(seconds.into());
        let Some(turn) = self.queue.turn(lane, until).await else { return Err(Failure::Busy) };
        tokio::select! {
            done = self.line.call(method, parameters, seconds) => done,
            // Dropping the call hangs up, and the key stops blinking.
            () = turn.is_wanted_by_root() => Err(Failure::Busy),
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
    pub(crate) fn begin(keys: &Rc<Keys>, sign: Sign, lane: Lane) -> Self {
        let keys = Rc::clone(keys);
        Self { task: tokio::task::spawn_local(async move { keys.sign(sign, lane).await }), became: None }
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
fn failed(failure: &Failure) -> KeyEvent {
    if let Failure::Failed { detail } = failure {
        journal::operation(Level::Warning, &format!("a security key could not be used: {detail}"));
    }
    KeyEvent::Failed(words::trouble(failure))
}
