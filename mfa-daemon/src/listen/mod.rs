//! The two sockets: who connects, how many at once, and the life of a connection.
//!
//! Who may do what follows from the kernel's word about the peer and the one table in [`methods`]. A client that sends
//! slowly, or does not read, hurts only itself: every connection is a task with deadlines, and each user has a few.

mod burial;
mod connection;
mod methods;
mod places;
mod sockets;
mod visitor;

pub(crate) use methods::{Answer, Failure, Subject, refuse};
pub(crate) use sockets::Sockets;

use crate::daemon::Daemon;
use crate::journal::{self, Level};
use connection::serve;
use places::Places;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use visitor::Visitor;

/// How long a stop waits for what is being answered.
const DRAIN: Duration = Duration::from_secs(5);
/// How long accepting pauses when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The uid of the process that connected.
    pub(crate) uid: u32,
}

impl Peer {
    /// Whether it may name any user and is believed about the rest.
    pub(crate) fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// Serves both sockets until `stop` says so, then lets what is being answered come to its end.
pub(crate) async fn run(daemon: Rc<Daemon>, sockets: Sockets, mut stop: watch::Receiver<bool>, descriptors: u64) {
    let told = stop.clone();
    let mut places = Places::within(descriptors);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&sockets.root) => admit(&daemon, &mut places, &mut connections, accepted, &told),
            accepted = accept(&sockets.everybody) => admit(&daemon, &mut places, &mut connections, accepted, &told),
        }
    }
    let drained = tokio::time::timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        journal::operation(Level::Warning, "stopping although some answers are not delivered yet");
    }
}

async fn accept(listener: &UnixListener) -> io::Result<UnixStream> {
    match listener.accept().await {
        Ok((stream, _)) => Ok(stream),
        Err(error) => {
            // Out of descriptors, most likely: without a pause this would spin.
            tokio::time::sleep(PAUSE).await;
            Err(error)
        }
    }
}

fn admit(
    daemon: &Rc<Daemon>,
    places: &mut Places,
    connections: &mut JoinSet<()>,
    accepted: io::Result<UnixStream>,
    stop: &watch::Receiver<bool>,
) {
    let stream = match accepted {
        Ok(stream) => stream,
        Err(error) => return daemon.note_untaken(&error),
    };
    // Without the kernel's word there is no peer, and the connection is closed as anybody's.
    let credentials = stream.peer_cred();
    let peer = Peer { uid: credentials.as_ref().map_or(u32::MAX, UCred::uid) };
    let visitor = Visitor::new(stream, peer);
    if credentials.is_err() {
        return;
    }
    match places.take(peer) {
        Some(place) => {
            let (daemon, stop) = (Rc::clone(daemon), stop.clone());
            connections.spawn_local(async move {
                let connections = &daemon.connections;
                connections.set(connections.get().saturating_add(1));
                serve(Rc::clone(&daemon), visitor, peer, stop).await;
                connections.set(connections.get().saturating_sub(1));
                drop(place);
            });
        }
        None => daemon.note_crowd(peer),
    }
}
