//! One connection: frames in, one after the other, an answer out for each. It ends with its deadline, its peer, or the
//! daemon; what is being answered is answered first.

use super::Peer;
use super::methods::{self, Answered};
use super::visitor::Visitor;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use mfa_proto::frame::Decoder;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

/// How long a peer may take to say something at first.
const FIRST_WORD: Duration = Duration::from_secs(30);
/// How long a frame may take once it has begun.
const FRAME: Duration = Duration::from_secs(10);
/// How long a peer may take to read an answer.
const READING: Duration = Duration::from_secs(10);

/// Serves the connection to its end.
pub(super) async fn serve(daemon: Rc<Daemon>, mut visitor: Visitor, peer: Peer, mut stop: watch::Receiver<bool>) {
    let mut inbox = Decoder::default();
    let mut conversation = Conversation::new(daemon, peer);
    let mut until = Instant::now() + FIRST_WORD;
    loop {
        let frame = tokio::select! {
            biased;
            frame = receive(&visitor, &mut inbox, until) => frame,
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(frame) = frame else { break };
        // A key blinks only as long as somebody waits for it.
        let waits = async {
            if conversation.waits_for_touch() && methods::is_wait(&frame) {
                conversation.touch_settled().await;
            }
        };
        let still_there = tokio::select! {
            biased;
            () = waits => true,
            () = gone(&visitor, &mut inbox) => false,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        if !still_there {
            break;
        }
        let Answered { reply, hang_up } = methods::answer(&mut conversation, &frame).await;
        let sent = timeout(READING, visitor.write_all(&reply)).await;
        // A peer that always has another call ready must not keep the daemon from stopping.
        if hang_up || !matches!(sent, Ok(Ok(()))) || *stop.borrow() {
            break;
        }
        until = conversation.until();
    }
    // Whatever was asked: nobody answers it any more.
    conversation.abandoned();
}

/// Comes back when the peer has hung up, or sent what cannot be frames; what it sends early is kept.
async fn gone(visitor: &Visitor, inbox: &mut Decoder) {
    while visitor.readable().await.is_ok() {
        let kept = match inbox.take_from(|piece| visitor.try_read(piece)) {
            Ok(0) => false,
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        if !kept {
            return;
        }
    }
}

/// The next frame, or nothing: the peer hung up, sent what is not a frame, or took too long.
async fn receive(visitor: &Visitor, inbox: &mut Decoder, until: Instant) -> Option<Zeroizing<Vec<u8>>> {
    let mut until = until;
    let mut begun = false;
    loop {
        if let Some(frame) = inbox.next_frame() {
            return Some(frame);
        }
        if inbox.has_leftover() && !begun {
            // A byte a second does not keep a frame alive: its time runs from its first byte.
            begun = true;
            until = until.min(Instant::now() + FRAME);
        }
        timeout_at(until, visitor.readable()).await.ok()?.ok()?;
        match inbox.take_from(|piece| visitor.try_read(piece)) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}
