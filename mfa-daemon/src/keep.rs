//! `io.mfa.Keep`: what is kept, as a whole: the master keys, a copy that leaves, a copy that is put back.

use crate::audit::{Site, SiteRecord};
use crate::clock;
use crate::conversation::Conversation;
use crate::desk::broken;
use crate::journal::{self, Level};
use crate::listen::{Answer, Failure, refuse};
use crate::store::{RestoreTicket, Rotation, Store, StoreError};
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::keep as wire;
use mfa_proto::service::RefusalCode;

/// Bytes of accounts on a page: with all that is around them they fit a message.
const PAGE_BYTES: usize = 40 * 1024;

/// `io.mfa.Keep.MasterKeys`
pub(crate) async fn master_keys(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let found = store(conversation)?.rotation().await.map_err(|error| broken(&error.to_string()))?;
    let Rotation { current, held, needed, left, rows } = found;
    let protection = conversation.daemon().protection().map(|protection| protection.as_str()).unwrap_or("none").into();
    Ok(encode_reply(&wire::MasterKeys { current, held, needed, left, rows, protection })?)
}

/// `io.mfa.Keep.Export`
pub(crate) async fn export(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Export { after } = call.parameters()?;
    let page = store(conversation)?.export(after, PAGE_BYTES).await;
    Ok(encode_reply(&page.map_err(|error| broken(&error.to_string()))?)?)
}

/// `io.mfa.Keep.ExportDone`
pub(crate) async fn export_done(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::ExportDone { accounts } = call.parameters()?;
    let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
    let record = SiteRecord::of(Site::Exported).with("accounts", accounts);
    let context = conversation.context();
    let recorded = store(conversation)?.record(record, clock::now(), context).await;
    recorded.map_err(|error| broken(&error.to_string()))?;
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Keep.RestoreBegin`
pub(crate) async fn restore_begin(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::RestoreBegin { replace } = call.parameters()?;
    let ticket = RestoreTicket::fresh(replace).map_err(refused)?;
    store(conversation)?.begin_restore(&ticket, clock::now()).await.map_err(refused)?;
    conversation.restore = Some(ticket);
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Keep.RestoreAccounts`
pub(crate) async fn restore_accounts(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::RestoreAccounts { accounts } = call.parameters()?;
    let store = store(conversation)?;
    // Whatever goes wrong, this restore is over then.
    let ticket = conversation.restore.take().ok_or_else(not_begun)?;
    store.stage(&ticket, accounts, clock::now()).await.map_err(refused)?;
    conversation.restore = Some(ticket);
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Keep.RestoreFinish`
pub(crate) async fn restore_finish(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::RestoreFinish { accounts, made } = call.parameters()?;
    let store = store(conversation)?;
    let ticket = conversation.restore.take().ok_or_else(not_begun)?;
    let context = conversation.context();
    let finished = store.finish_restore(ticket, (accounts, made), clock::now(), context).await;
    let restored = finished.map_err(refused)?;
    journal::operation(Level::Alert, "a copy was put back: backup codes and all else that is good once are void");
    Ok(encode_reply(&restored)?)
}

fn store(conversation: &Conversation) -> Result<Store, Failure> {
    conversation.daemon().store().map_err(|why| broken(&why))
}

fn not_begun() -> Failure {
    refuse(RefusalCode::NotFound, "No restore is under way on this connection. Begin it anew: mfactl restore FILE")
}

fn refused(error: StoreError) -> Failure {
    let code = match error {
        StoreError::NotEmpty(_) => RefusalCode::Conflict,
        StoreError::BadCopy(_) => RefusalCode::Invalid,
        _ => return broken(&error.to_string()),
    };
    let text = error.to_string();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    refuse(code, format!("{}{rest}.", first.to_uppercase()))
}
