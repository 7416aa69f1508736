//! `io.mfa.Admin.BreakGlass`: root tells which codes from the safe let somebody in while nobody decided here. The
//! daemon cannot see the file of codes; it makes a record of each use, once however often it is told.

use crate::audit::{Site, SiteRecord};
use crate::clock;
use crate::conversation::Conversation;
use crate::desk::{broken, changed};
use crate::journal::{self, Level};
use crate::listen::{Answer, Failure};
use crate::store::{Committed, Note, Store, StoreError};
use mfa_proto::admin as wire;
use mfa_proto::break_glass::MOST;
use mfa_proto::frame::{Call, encode_reply};

/// The word of the site under which the uses are kept that are on record.
const NAME: &str = "break-glass";
/// Times a record is tried again because somebody else told something first.
const ROUNDS: usize = 8;

/// Records what is new in it.
pub(crate) async fn told(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::BreakGlassUses { used } = call.parameters()?;
    if used.len() > MOST {
        return Err(Failure::Parameter("used".into()));
    }
    let store = conversation.daemon().store().map_err(|why| broken(&why))?;
    let mut recorded = 0;
    for one in &used {
        if record(&store, conversation, one).await? {
            recorded += 1;
        }
    }
    Ok(encode_reply(&wire::BreakGlass { recorded })?)
}

/// Makes a record of it, unless there is one.
async fn record(store: &Store, conversation: &Conversation, one: &wire::BreakGlassUse) -> Result<bool, Failure> {
    let failed = |error: StoreError| broken(&error.to_string());
    let mut context = conversation.context();
    (context.service, context.rhost) = (Some(one.service.clone()), one.rhost.clone());
    let key = format!("{}/{}", one.made, one.number);
    for _ in 0..ROUNDS {
        let was = store.noted(NAME).map_err(failed)?;
        let known = was.as_deref().unwrap_or_default();
        if known.split(' ').any(|known| known == key) {
            return Ok(false);
        }
        let (becomes, happened) = (format!("{known} {key}").trim_start().to_owned(), happened(one));
        let line = happened.to_string();
        let note = Note { name: NAME, was, becomes, records: vec![happened], at: clock::now() };
        if let Committed::Done(_) = store.note(note, context.clone()).await.map_err(failed)? {
            journal::login(Level::Alert, line);
            return Ok(true);
        }
    }
    Err(changed())
}

fn happened(one: &wire::BreakGlassUse) -> SiteRecord {
    SiteRecord::of(Site::BreakGlassUsed)
        .with("code", i64::from(one.number))
        .with("account", one.user.as_str())
        .with("used", one.at)
}
