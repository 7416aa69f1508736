//! All keys that are plugged in, asked at once, each on a thread of its own: a key that is silent or busy keeps no
//! other waiting. What has no answer yet when the survey is dropped ends by itself.

use crate::key::{Key, Word};
use crate::line::{NEXT_TURN, Within, left, rest};
use crate::port::{Port, Ports};
use mfa_proto::key::{Credential, Failure};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a key may take, once it is ours, for all that needs no touch.
const SILENT: Duration = Duration::from_secs(3);

/// How much longer than the time there is a key is waited for, to say why it did nothing in it.
const WHY_NOT: Duration = Duration::from_millis(300);

/// A key, and which of the credentials asked about it holds.
pub(crate) struct Held {
    pub(crate) key: Key,
    pub(crate) port: Box<dyn Port>,
    pub(crate) credentials: Vec<Holding>,
}

/// A credential that a key holds, and how that is known.
pub(crate) struct Holding {
    pub(crate) credential: Credential,
    pub(crate) word: Word,
}

/// What a key answered, or why it did not.
pub(crate) type Finding = Result<Held, Failure>;

/// Keys being asked.
pub(crate) struct Survey {
    findings: Receiver<Finding>,
    /// Keys that are plugged in.
    pub(crate) plugged_in: usize,
    waiting: usize,
    until: Instant,
}

impl Survey {
    /// Asks every key what it is, and which of these it holds.
    ///
    /// # Errors
    /// `Failed` when the ports cannot be looked at.
    pub(crate) fn begin(ports: &dyn Ports, credentials: &[Credential], within: &Within) -> Result<Self, Failure> {
        let plugged_in = ports.plugged_in();
        let plugged_in = plugged_in.map_err(|error| Failure::Failed { detail: error.to_string() })?;
        let (sender, findings) = channel();
        let credentials: Arc<[Credential]> = credentials.into();
        let mut survey = Self { findings, plugged_in: plugged_in.len(), waiting: 0, until: within.until + WHY_NOT };
        for port in plugged_in {
            let (credentials, within) = (credentials.clone(), within.clone());
            let ask = asking(port, credentials, within, sender.clone());
            let started = thread::Builder::new().name("asking".into()).spawn(ask);
            started.map_err(|error| Failure::Failed { detail: format!("no thread to ask with: {}", error.kind()) })?;
            survey.waiting += 1;
        }
        Ok(survey)
    }

    /// The next key's answer; `None` when all have answered, or the time is up.
    pub(crate) fn next(&mut self) -> Option<Finding> {
        self.next_until(self.until)
    }

    /// Whether a key has not said anything, not even why it does not.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.waiting > 0
    }

    fn next_until(&mut self, until: Instant) -> Option<Finding> {
        if self.waiting == 0 {
            return None;
        }
        match self.findings.recv_timeout(left(until.min(self.until)).unwrap_or_default()) {
            Ok(finding) => {
                self.waiting -= 1;
                Some(finding)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// All answers. Once one is `enough`, the others are waited for `settle` longer and not until the end.
    pub(crate) fn all(&mut self, enough: impl Fn(&Held) -> bool, settle: Duration) -> Vec<Finding> {
        let mut until = self.until;
        let mut findings = Vec::new();
        while let Some(finding) = self.next_until(until) {
            if finding.as_ref().is_ok_and(&enough) {
                until = until.min(Instant::now() + settle);
            }
            findings.push(finding);
        }
        findings
    }
}

fn asking(
    port: Box<dyn Port>,
    credentials: Arc<[Credential]>,
    within: Within,
    sender: Sender<Finding>,
) -> impl FnOnce() + Send {
    move || {
        // An error: whoever asked has had enough. Then the key is let go of here.
        let _ = sender.send(ask(port, &credentials, within));
    }
}

/// What the key holds. Where another program, which takes no turns, keeps it busy, it is asked again and again.
fn ask(port: Box<dyn Port>, credentials: &[Credential], within: Within) -> Finding {
    let mut was_busy = false;
    loop {
        match ask_once(&*port, credentials, &within) {
            Ok((key, credentials)) => return Ok(Held { key, port, credentials }),
            Err(Failure::TimedOut) if was_busy => return Err(Failure::Busy),
            Err(Failure::Busy) => {
                was_busy = true;
                let left = left(within.until).ok_or(Failure::Busy)?;
                if let Some(trouble) = rest(&within, left.min(NEXT_TURN)) {
                    return Err(trouble.into());
                }
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn ask_once(port: &dyn Port, credentials: &[Credential], within: &Within) -> Result<(Key, Vec<Holding>), Failure> {
    let until = within.until;
    let mut key = Key::open(port, within.clone(), || until.min(Instant::now() + SILENT))?;
    let mut held = Vec::new();
    for credential in credentials {
        if let Some(word) = key.holds(credential)? {
            held.push(Holding { credential: credential.clone(), word });
        }
    }
    Ok((key, held))
}
