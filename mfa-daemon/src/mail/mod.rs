//! Delivers the letters that wait in the store: takes those that are due, writes them, and hands them to `mfa-mail`.
//!
//! ```text
//!   commit ──▶ outbox ──▶ due ──▶ written ──▶ mfa-mail ──▶ taken: out of the outbox
//!                ▲                                 │
//!                └── later, after a while ◀────────┴──▶ refused, or given up: recorded
//! ```
//!
//! No login waits for any of it. A letter that was committed is delivered or given up, whenever the daemon dies.

mod admin;
mod line;
mod pace;
mod writing;

pub(crate) use admin::{configured, test_mail, waiting};
pub(crate) use line::Line;

use crate::clock;
use crate::config::{Mail, Settings};
use crate::daemon::Daemon;
use crate::journal::{self, Level};
use crate::store::{Change, Recipient, Store, StoreError, Waiting};
use mfa_core::letter::{Address, Topic};
use mfa_proto::mail::{Answer, Outcome};
use pace::Hold;
use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Letters that are looked at in one go.
const LOOKED_AT: u32 = 64;
/// Notices under way at once.
const NOTICES: usize = 2;
/// Letters under way at once; what notices leave is for codes.
const MOST: usize = 16;
/// How long nothing is tried after the store has failed, and the longest sleep.
const PAUSE: Duration = Duration::from_secs(10);

/// Delivers letters until it is stopped.
pub(crate) async fn run(daemon: Rc<Daemon>) {
    let mut post = Post { daemon, under_way: HashSet::new(), notices: 0, hold: Hold::default(), tasks: JoinSet::new() };
    loop {
        let Ok(store) = post.daemon.store() else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let nap = post.set_off(&store).unwrap_or(PAUSE);
        tokio::select! {
            Some(done) = post.tasks.join_next() => post.came_back(done.ok()),
            () = store.letters_put_in() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// Letters on their way.
struct Post {
    daemon: Rc<Daemon>,
    under_way: HashSet<i64>,
    notices: usize,
    hold: Hold,
    tasks: JoinSet<Trip>,
}

/// What a delivery came to.
struct Trip {
    id: i64,
    is_code: bool,
    /// Whether a server could be talked to; `None` if none was tried.
    reached: Option<bool>,
    store: Result<(), StoreError>,
}

impl Post {
    /// Sets off with all that is due and has room. How long there is nothing more to do.
    fn set_off(&mut self, store: &Store) -> Result<Duration, StoreError> {
        let now = clock::now();
        let due = store.due(now, LOOKED_AT)?;
        let mut nap = due.next.map_or(PAUSE, |next| seconds(next.since(now)));
        for letter in due.letters {
            let is_code = letter.code.is_some();
            if self.under_way.contains(&letter.id) {
                continue;
            }
            let held = self.hold.left(Instant::now()).filter(|_| !is_code);
            if let Some(left) = held {
                nap = nap.min(left);
                continue;
            }
            if self.tasks.len() >= MOST || (!is_code && self.notices >= NOTICES) {
                continue; // whoever comes back makes room
            }
            self.under_way.insert(letter.id);
            self.notices += usize::from(!is_code);
            self.tasks.spawn_local(deliver(Rc::clone(&self.daemon), store.clone(), letter));
        }
        Ok(nap.min(PAUSE))
    }

    fn came_back(&mut self, trip: Option<Trip>) {
        let Some(trip) = trip else {
            // A panic of a delivery: which one is not known, so all are looked at again.
            self.under_way.clear();
            self.notices = 0;
            return;
        };
        self.under_way.remove(&trip.id);
        self.notices = self.notices.saturating_sub(usize::from(!trip.is_code));
        match trip.reached {
            Some(true) => self.hold = Hold::default(),
            Some(false) if !trip.is_code => self.hold.longer(Instant::now()),
            _ => {}
        }
        if let Err(error) = trip.store {
            self.daemon.note_unmailed(&error.to_string());
            self.hold.longer(Instant::now());
        }
    }
}

/// Delivers one letter, and keeps what became of it.
async fn deliver(daemon: Rc<Daemon>, store: Store, letter: Waiting) -> Trip {
    let (id, is_code) = (letter.id, letter.code.is_some());
    let mut reached = None;
    let store = match decide(&daemon, &letter) {
        Way::Change(change) => keep(&store, change).await,
        Way::Send(to, topic) => {
            let handed_over = !is_code || keep_it(&store, Change::HandOver(id)).await.unwrap_or(false);
            if handed_over {
                let answer = send(&daemon, &letter, topic, &to).await;
                reached = Some(matches!(answer.outcome, Outcome::Taken | Outcome::Refused));
                keep(&store, after(&daemon, &letter, &answer)).await
            } else {
                Ok(())
            }
        }
    };
    Trip { id, is_code, reached, store }
}

/// What is to be done with a letter now.
enum Way {
    /// Nothing is sent.
    Change(Change),
    /// It goes to a mail server, or to the webhook.
    Send(Destination, Topic),
}

enum Destination {
    Mail(Address),
    Webhook,
}

fn decide(daemon: &Daemon, letter: &Waiting) -> Way {
    let id = letter.id;
    let Some(loaded) = daemon.loaded() else {
        let (next, why) = (clock::now().plus(60), "there is no valid configuration".to_owned());
        return Way::Change(Change::Later { id, next, why });
    };
    let mail = &loaded.config.settings.mail;
    let Some(topic) = letter.topic else {
        return Way::Change(Change::Failed { id, why: "a letter of a later version of mfa-daemon".to_owned() });
    };
    if clock::now() > letter.until {
        return Way::Change(Change::Failed { id, why: "it could not be sent in its time".to_owned() });
    }
    let user = &letter.about.name;
    let to = match &letter.to {
        Recipient::Administrators => return Way::Change(Change::Divided(id, administrators(mail))),
        Recipient::Webhook if mail.webhook => return Way::Send(Destination::Webhook, topic),
        Recipient::Webhook => None,
        Recipient::Owner => mail.address_of(user, letter.verified.as_ref()),
        Recipient::Directory => mail.site_address_of(user),
        Recipient::Address(address) => Some(address.clone()),
    };
    match to.filter(|_| mail.relay.is_some()) {
        Some(address) => Way::Send(Destination::Mail(address), topic),
        None => Way::Change(Change::Dropped(id)),
    }
}

fn administrators(mail: &Mail) -> Vec<Recipient> {
    let by_mail = mail.administrators.iter().filter(|_| mail.relay.is_some()).cloned().map(Recipient::Address);
    by_mail.chain(mail.webhook.then_some(Recipient::Webhook)).collect()
}

async fn send(daemon: &Daemon, letter: &Waiting, topic: Topic, to: &Destination) -> Answer {
    let Some(loaded) = daemon.loaded() else {
        return Answer { outcome: Outcome::Later, detail: "there is no valid configuration".to_owned() };
    };
    let site: (&Settings, &str) = (&loaded.config.settings, &daemon.host);
    match to {
        Destination::Mail(address) => {
            let answer = daemon.mail.send(&writing::letter(letter, topic, address, site)).await;
            // A server that refuses one letter takes others.
            daemon.mail_goes_out.set(matches!(answer.outcome, Outcome::Taken | Outcome::Refused));
            answer
        }
        Destination::Webhook => daemon.mail.notify(writing::notice(letter, topic, site)).await,
    }
}

/// What becomes of a letter by the answer. Of a code that may have been taken nothing is tried again.
fn after(daemon: &Daemon, letter: &Waiting, Answer { outcome, detail }: &Answer) -> Change {
    let (id, why, now) = (letter.id, detail.clone(), clock::now());
    let is_code = letter.code.is_some();
    match outcome {
        Outcome::Taken => Change::Sent(id),
        Outcome::Unknown if is_code => Change::Failed { id, why },
        Outcome::Later | Outcome::Unknown => {
            daemon.note_unmailed(detail);
            let next = now.plus(pace::wait(letter.tries, is_code));
            if next > letter.until { Change::Failed { id, why } } else { Change::Later { id, next, why } }
        }
        Outcome::Refused => {
            let topic = letter.topic.map_or("unknown", Topic::as_str);
            journal::operation(Level::Warning, &format!("a letter ({topic}) was refused: {detail}"));
            Change::Failed { id, why }
        }
    }
}

async fn keep(store: &Store, change: Change) -> Result<(), StoreError> {
    keep_it(store, change).await.map(|_| ())
}

async fn keep_it(store: &Store, change: Change) -> Result<bool, StoreError> {
    store.change_outbox(change, clock::now()).await
}

/// At least one second, so that nothing turns without a pause.
fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).max(1))
}

#[cfg(test)]
mod tests;
