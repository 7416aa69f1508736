//! `io.mfa.License`, the part that shows and checks: what administrators see of the license, and whether one would do.

use super::{moment, seats_now, told};
use crate::audit::{Context, Site, SiteRecord};
use crate::clock;
use crate::config;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::desk::{broken, troubled};
use crate::listen::{Answer, Failure, refuse};
use crate::store::{Note, Store};
use mfa_core::Time;
use mfa_core::license::{Installed, License, Standing};
use mfa_core::seats::{self, OnFull, Request, Seats};
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::license as wire;
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// The word under which the installation's name is kept.
const SITE: &str = "id";
/// The word under which the last counts are kept.
pub(super) const COUNTS: &str = "counts";
/// Names in a list of who was let in with one factor.
const MOST_BYPASSED: u32 = 1000;

/// `io.mfa.License.Status`
pub(crate) async fn status(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = Rc::clone(conversation.daemon());
    Ok(encode_reply(&now(&daemon).await?)?)
}

/// `io.mfa.License.Check`
pub(crate) async fn check(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Files { license, signature } = call.parameters()?;
    let (folder, now) = (conversation.daemon().license.folder.clone(), moment(conversation.daemon()));
    let read = tokio::task::spawn_blocking(move || {
        let issuers = config::issuers(&folder)?;
        License::read(license.as_bytes(), signature.as_bytes(), &issuers, now)
    });
    let read = read.await.map_err(|_| broken("the files cannot be read"))?;
    let invalid = |why: String| refuse(RefusalCode::Invalid, why);
    let license = read.map_err(|error| invalid(error.to_string()))?;
    match license.standing(now) {
        Standing::NotYet => Err(invalid(format!(
            "The license begins on {}, which is still to come. Is the clock right?",
            license.issued
        ))),
        Standing::Ended => Err(invalid(format!("The license ended on {}. Ask for a newer one.", license.ends))),
        _ => Ok(encode_reply(&described(&license))?),
    }
}

/// `io.mfa.License.Reload`
pub(crate) async fn reload(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = Rc::clone(conversation.daemon());
    let context = Context { service: Some("mfactl".into()), ..Context::of_peer(conversation.peer().uid) };
    reread(&daemon, context).await;
    Ok(encode_reply(&now(&daemon).await?)?)
}

/// `io.mfa.License.Bypassed`
pub(crate) async fn bypassed(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Since { since } = call.parameters()?;
    let store = conversation.daemon().store().map_err(|why| broken(&why))?;
    let since = since.map_or_else(midnight, Time);
    let users = store.bypassed(since, MOST_BYPASSED).await.map_err(|error| broken(&error.to_string()))?;
    Ok(encode_reply(&wire::Bypassed { users })?)
}

/// Reads the license anew, and records what is another one, or none.
pub(crate) async fn reread(daemon: &Daemon, context: Context) {
    let before = daemon.license.installed();
    daemon.license.reread(moment(daemon)).await;
    let after = daemon.license.installed();
    if before != after {
        let record = match &*after {
            Installed::None => SiteRecord::of(Site::LicenseInstalled).because("removed"),
            Installed::License(license) => SiteRecord::of(Site::LicenseInstalled)
                .with("id", license.id.as_str())
                .with("seats", i64::try_from(license.seats).unwrap_or(i64::MAX)),
            Installed::NotValid(why) => {
                let why = why.to_string();
                SiteRecord::of(Site::LicenseRefused).with("problem", why.lines().next().unwrap_or_default())
            }
        };
        daemon.record(record, context).await;
    }
    told::look(daemon).await;
}

async fn now(daemon: &Daemon) -> Result<wire::Status, Failure> {
    let (installed, now) = (daemon.license.installed(), moment(daemon));
    let seats = seats_now(daemon).map_err(troubled)?;
    let store = daemon.store().map_err(|why| broken(&why))?;
    let failed = |error: crate::store::StoreError| broken(&error.to_string());
    let counts: Option<wire::Counts> =
        store.noted(COUNTS).map_err(failed)?.and_then(|text| serde_json::from_str(&text).ok());
    let loaded = daemon.loaded();
    let settings = loaded.as_ref().map(|loaded| &loaded.config.settings);
    let site = site(&store).await.ok_or_else(|| broken("the name of this installation cannot be kept"))?;
    let name = settings.map(|settings| settings.site(&daemon.host).to_owned()).unwrap_or_default();
    let on_full = settings.map(|settings| settings.on_full).unwrap_or_default();
    Ok(wire::Status {
        state: installed.state(seats.used, now).as_str().to_owned(),
        sentence: installed.sentence(now),
        license: license_of(&installed).map(described),
        seats: wire::Seats { total: seats.total, used: seats.used, free: seats.free() },
        on_full: word_of(on_full).to_owned(),
        suspended: store.tally().suspended,
        bypassed_today: store.bypassed_count(midnight()).await.map_err(failed)?,
        request: request(&installed, (&site, &name), (seats, &store), counts.as_ref()),
        counts,
        site,
        site_name: name,
    })
}

fn license_of(installed: &Installed) -> Option<&License> {
    match installed {
        Installed::License(license) => Some(license),
        Installed::None | Installed::NotValid(_) => None,
    }
}

fn described(license: &License) -> wire::License {
    wire::License {
        id: license.id.clone(),
        customer: license.customer.clone(),
        seats: license.seats,
        issued: license.issued.to_string(),
        ends: license.ends.to_string(),
        grace_days: license.grace_days,
    }
}

fn word_of(on_full: OnFull) -> &'static str {
    OnFull::WORDS.into_iter().find(|(_, known)| *known == on_full).map_or("", |(word, _)| word)
}

/// The request's text, for as many seats as there are; whoever sends it puts in how many are wanted.
fn request(
    installed: &Installed,
    (site, name): (&str, &str),
    (seats, store): (Seats, &Store),
    counts: Option<&wire::Counts>,
) -> String {
    let tally = store.tally();
    let (required, pending) =
        counts.map_or((0, 0), |counts| (counts.required, counts.required.saturating_sub(counts.enrolled)));
    let counts = seats::Counts {
        required,
        enrolled: tally.enrolled,
        pending,
        suspended: tally.suspended,
        seats_total: seats.total,
        seats_used: seats.used,
    };
    let license = license_of(installed).map(|license| license.id.as_str());
    Request { site, name, license, seats_wanted: seats.total, made: clock::now(), counts }.to_string()
}

/// The installation's name, made when it is first asked for.
async fn site(store: &Store) -> Option<String> {
    if let Ok(Some(known)) = store.noted(SITE) {
        return Some(known);
    }
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    let becomes = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let note = Note { name: SITE, was: None, becomes, records: Vec::new(), at: clock::now() };
    // Whoever was first has made it.
    let _ = store.note(note, Context::of_daemon()).await;
    store.noted(SITE).ok().flatten()
}

/// The beginning of today here.
fn midnight() -> Time {
    let now = clock::now();
    let zoned = jiff::Timestamp::from_second(now.0).map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()));
    let start = zoned.and_then(|zoned| zoned.start_of_day());
    start.map_or(now.plus(-86_400), |start| Time(start.timestamp().as_second()))
}
