//! `io.mfa.Keep`: what is kept, as a whole: the master keys, a copy that leaves, a copy that is put back.

use crate::conversation::Conversation;
use crate::enrollment::broken;
use crate::listen::{Answer, Failure};
use crate::store::{Rotation, Store};
use mfa_proto::frame::encode_reply;
use mfa_proto::keep as wire;

/// `io.mfa.Keep.MasterKeys`
pub(crate) async fn master_keys(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let found = store(conversation)?.rotation().await.map_err(|error| broken(&error.to_string()))?;
    let Rotation { current, held, needed, left, rows } = found;
    let protection = conversation.daemon().protection().map(|protection| protection.as_str()).unwrap_or("none").into();
    Ok(encode_reply(&wire::MasterKeys { current, held, needed, left, rows, protection })?)
}

fn store(conversation: &Conversation) -> Result<Store, Failure> {
    conversation.daemon().store().map_err(|why| broken(&why))
}
