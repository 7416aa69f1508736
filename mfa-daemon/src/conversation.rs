//! What one connection is about: at most one dialog, and the right it has earned to change factors.

use crate::audit::Context;
use crate::daemon::Daemon;
use crate::license::Round;
use crate::listen::Peer;
use crate::login::Login;
use crate::own_keys::OnItsWay;
use crate::own_mail::Posted;
use crate::policy::Study;
use crate::store::RestoreTicket;
use mfa_core::Time;
use mfa_core::account::{Identity, Ticket};
use mfa_core::dialog::Proof;
use mfa_core::enrollment::Permission;
use mfa_core::throttle::Caller;
use mfa_proto::admin::Introduce;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection without a dialog may say nothing: somebody is looking for their phone.
const IDLE: Duration = Duration::from_secs(600);

/// The state of a connection.
pub(crate) struct Conversation {
    daemon: Rc<Daemon>,
    peer: Peer,
    /// The dialog, until it is over.
    pub(crate) dialog: Option<Box<Login>>,
    /// Policies that an administrator looks at.
    pub(crate) study: Study,
    /// Accounts that root is telling of.
    pub(crate) round: Round,
    /// What root has said of who asks.
    pub(crate) introduced: Option<Introduce>,
    /// A copy that is being put back.
    pub(crate) restore: Option<RestoreTicket>,
    /// A mail address that waits for the code that was mailed to it.
    pub(crate) posted: Option<Posted>,
    /// A key that is to become a factor, and has not proved itself yet.
    pub(crate) key: Option<OnItsWay>,
    proved: Option<Proved>,
    tickets: u32,
}

/// A factor proved on this connection.
struct Proved {
    whose: Identity,
    proof: Proof,
    at: Time,
    /// Changes of factors that were made on this connection since.
    changes: i64,
}

impl Conversation {
    pub(crate) fn new(daemon: Rc<Daemon>, peer: Peer) -> Self {
        Self {
            daemon,
            peer,
            dialog: None,
            study: Study::default(),
            round: Round::default(),
            introduced: None,
            restore: None,
            posted: None,
            key: None,
            proved: None,
            tickets: 0,
        }
    }

    pub(crate) fn daemon(&self) -> &Rc<Daemon> {
        &self.daemon
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// Who asks, for the record: what the kernel says of the peer, and what root says of itself.
    pub(crate) fn context(&self) -> Context {
        let context = Context::of_peer(self.peer.uid);
        let service = if self.peer.is_root() { "root" } else { "mfa-enroll" };
        match &self.introduced {
            None => Context { service: Some(service.into()), ..context },
            Some(Introduce { program, login_uid, session }) => {
                Context { service: Some(program.clone()), login_uid: *login_uid, session: *session, ..context }
            }
        }
    }

    /// Whose attempts are counted.
    pub(crate) fn caller(&self) -> Caller {
        if self.peer.is_root() { Caller::Root } else { Caller::Plain }
    }

    /// Whether this peer asks no more than a person and their programs would; root may ask as much as it wants.
    pub(crate) fn keeps_pace(&self) -> bool {
        self.peer.is_root() || self.daemon.paces.borrow_mut().take(self.peer.uid)
    }

    /// The next commit outside of a dialog.
    pub(crate) fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Remembers a proof; with it this connection may change that account's factors for a while.
    pub(crate) fn proved(&mut self, whose: Identity, proof: Proof, at: Time) {
        self.proved = Some(Proved { whose, proof, at, changes: 0 });
    }

    /// Its own change of that account's factors leaves the proof of this connection as good as it was.
    pub(crate) fn changed_factors(&mut self, whose: &Identity, changes: i64) {
        if let Some(proved) = self.proved.as_mut().filter(|proved| proved.whose == *whose) {
            proved.changes = proved.changes.saturating_add(changes);
        }
    }

    /// By what right this connection changes that account.
    pub(crate) fn permission(&self, whose: &Identity) -> Permission<'_> {
        match &self.proved {
            _ if self.peer.is_root() => Permission::Root,
            Some(Proved { whose: own, proof, at, changes }) if own == whose => {
                Permission::Proved { proof, at: *at, changes: *changes }
            }
            _ => Permission::Unproved,
        }
    }

    /// Until when the connection may say nothing.
    pub(crate) fn until(&self) -> Instant {
        match &self.dialog {
            Some(dialog) => dialog.until(),
            None => Instant::now() + IDLE,
        }
    }

    /// Whether the dialog waits for a key to be touched.
    pub(crate) fn waits_for_touch(&self) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| dialog.waits_for_touch())
    }

    /// Comes back when it is known what became of the key that the dialog waits for; at once if it waits for none.
    pub(crate) async fn touch_settled(&mut self) {
        if let Some(dialog) = &mut self.dialog {
            dialog.settled().await;
        }
    }

    /// Nobody is at the other end any more.
    pub(crate) fn abandoned(&mut self) {
        if let Some(dialog) = self.dialog.take() {
            dialog.abandoned();
        }
    }
}
