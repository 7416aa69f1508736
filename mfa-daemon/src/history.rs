//! `io.mfa.Audit`: the record, a part at a time, and whether its chain holds. Nothing here is written.

use crate::audit::{Head, Site};
use crate::conversation::Conversation;
use crate::listen::{Answer, Failure, refuse};
use crate::store::{Chain, Finding, Place, Sought, Store, StoreError, Walked, Written, Wrong, from_hex, hex};
use mfa_core::Time;
use mfa_core::account::What;
use mfa_proto::audit as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;

/// Bytes of records in an answer, so that the whole fits a frame.
const ROOM: usize = 48 * 1024;
/// Bytes around a record.
const AROUND: usize = 160;

/// `io.mfa.Audit.Records`
pub(crate) async fn records(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Query { user, what, since, after, newest_first } = call.parameters()?;
    if let Some(what) = what.as_deref().filter(|what| !words().any(|word| word == *what)) {
        let known = words().collect::<Vec<_>>().join(", ");
        let what = what.chars().take(64).collect::<String>();
        return Err(refuse(RefusalCode::Invalid, format!("No record is of the word \"{what}\". There are: {known}.")));
    }
    let mut left = ROOM;
    let holds = move |kept: &Written| match left.checked_sub(size(kept)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let sought = Sought { user, what, since: since.map(Time), newest_first };
    let part = store(conversation)?.records(sought, after.map(place), holds).await.map_err(failed)?;
    let records = part.records.into_iter().map(record).collect();
    Ok(encode_reply(&wire::Records { records, next: part.next.map(spelled), done: part.done })?)
}

/// `io.mfa.Audit.Verify`
pub(crate) async fn verify(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Verify { after } = call.parameters()?;
    let after = after.map(walked).transpose()?;
    let part = store(conversation)?.verify(after).await.map_err(failed)?;
    let chain = |chain: &Chain| wire::Chain { node: chain.anchor.node, removed: chain.anchor.seq, last: chain.last };
    Ok(encode_reply(&wire::Verified {
        checked: part.checked,
        total: part.total,
        findings: part.findings.iter().map(finding).collect(),
        next: part.next.map(|Walked { head, newest }| wire::Walked {
            place: spelled((head.node, head.seq)),
            hash: hex(&head.hash),
            newest: newest.0,
        }),
        chains: part.chains.iter().map(chain).collect(),
        uid: rustix::process::geteuid().as_raw(),
    })?)
}

/// `io.mfa.Audit.Hashes`
pub(crate) async fn hashes(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Places { places } = call.parameters()?;
    if places.len() > wire::MOST_PLACES {
        return Err(Failure::Parameter("places".into()));
    }
    let found = store(conversation)?.hashes(places.into_iter().map(place).collect()).await.map_err(failed)?;
    let hashes = found.iter().map(|hash| hash.as_ref().map(hex).unwrap_or_default()).collect();
    Ok(encode_reply(&wire::Hashes { hashes })?)
}

/// The words that records are found under.
fn words() -> impl Iterator<Item = &'static str> {
    What::ALL.into_iter().map(What::as_str).chain(Site::ALL.into_iter().map(Site::as_str))
}

/// Bytes of a record within an answer: quotes and backslashes are escaped once more there, and a damaged record may
/// hold anything.
fn size(kept: &Written) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 2,
        b' '..=b'~' => 1,
        _ => 6,
    };
    AROUND + kept.text.bytes().map(escaped).sum::<usize>()
}

fn record(Written { place: (node, seq), hash, text }: Written) -> wire::Record {
    // A record that was made too long by something else is not shown at all.
    let text = if text.len() > ROOM / 6 { String::new() } else { text };
    wire::Record { node, seq, hash: hex(&hash), record: text }
}

fn place(wire::Place { node, seq }: wire::Place) -> Place {
    (node, seq)
}

fn spelled((node, seq): Place) -> wire::Place {
    wire::Place { node, seq }
}

fn walked(wire::Walked { place, hash, newest }: wire::Walked) -> Result<Walked, Failure> {
    let hash = from_hex(&hash).ok_or_else(|| Failure::Parameter("after".into()))?;
    Ok(Walked { head: Head { node: place.node, seq: place.seq, hash }, newest: Time(newest) })
}

fn finding(found: &Finding) -> wire::Finding {
    let (what, first) = match found.wrong {
        Wrong::Changed => ("changed", None),
        Wrong::Missing(first) => ("missing", Some(first)),
        Wrong::Columns => ("columns", None),
        Wrong::CutOff => ("cut_off", None),
        Wrong::Anchor => ("anchor", None),
    };
    wire::Finding { place: spelled(found.place), what: what.to_owned(), first }
}

fn store(conversation: &Conversation) -> Result<Store, Failure> {
    conversation.daemon().store().map_err(|why| refuse(RefusalCode::Broken, why))
}

fn failed(error: StoreError) -> Failure {
    refuse(RefusalCode::Broken, error.to_string())
}
