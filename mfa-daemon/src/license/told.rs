//! What administrators are told of once: seats that reach four fifths or the last one, a license that ends soon, goes on
//! in its grace, or has ended. Each crossing is one record of the site's; what was compared last is kept in the store, so
//! that no restart tells it again. Mail follows from the records.

use super::{moment, seats_now};
use crate::audit::{Context, Site, SiteRecord};
use crate::daemon::Daemon;
use crate::journal::{self, Level};
use crate::store::{Note, Store};
use mfa_core::license::{Installed, Standing};
use mfa_core::seats::{Crossing, Seats, crossing};
use serde::{Deserialize, Serialize};

/// The word under which it is kept.
const TOLD: &str = "told";

/// What was compared last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    total: u64,
    used: u64,
    license: String,
    standing: String,
}

/// Looks whether something was crossed since the last look, and records it. Costs next to nothing if nothing moved.
pub(crate) async fn look(daemon: &Daemon) {
    let (Ok(store), Ok(seats)) = (daemon.store(), seats_now(daemon)) else { return };
    let installed = daemon.license.installed();
    let standing = installed.standing(moment(daemon));
    let id = if let Installed::License(license) = &*installed { license.id.clone() } else { String::new() };
    let now = Told { total: seats.total, used: seats.used, license: id, standing: word(standing).to_owned() };
    if daemon.license.told.borrow().as_ref() == Some(&format!("{now:?}")) {
        return;
    }
    if compare(&store, seats, (&now, standing), daemon).await.is_ok() {
        daemon.license.told.replace(Some(format!("{now:?}")));
    }
}

async fn compare(
    store: &Store,
    seats: Seats,
    (now, standing): (&Told, Standing<'_>),
    daemon: &Daemon,
) -> Result<(), ()> {
    let was = store.noted(TOLD).map_err(|_| ())?;
    let before: Told = was.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    if before == *now {
        return Ok(());
    }
    // Before the first look nothing was taken.
    let total = if was.is_some() { before.total } else { now.total };
    let compared = Seats { total, used: before.used, open: true };
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut records = Vec::new();
    if let Some(mark) = crossing(compared, seats) {
        let reason = match mark {
            Crossing::EightyPercent => "80%",
            Crossing::Full => "100%",
        };
        let record = SiteRecord::of(Site::SeatsCrossed).because(reason);
        records.push(record.with("used", number(seats.used)).with("total", number(seats.total)));
    }
    let moved = (&before.license, &before.standing) != (&now.license, &now.standing);
    if moved && let Some(reason) = ending(standing) {
        records.push(SiteRecord::of(Site::LicenseEnding).because(reason).with("id", now.license.as_str()));
    }
    for record in &records {
        journal::operation(Level::Warning, &format!("{record}. See: mfactl license status"));
    }
    let becomes = serde_json::to_string(now).map_err(|_| ())?;
    let note = Note { name: TOLD, was, becomes, records, at: moment(daemon) };
    store.note(note, Context::of_daemon()).await.map(drop).map_err(|_| ())
}

fn word(standing: Standing<'_>) -> &'static str {
    ending(standing).unwrap_or_default()
}

/// Why administrators should know.
fn ending(standing: Standing<'_>) -> Option<&'static str> {
    match standing {
        Standing::EndsSoon { .. } => Some("ends-soon"),
        Standing::InGrace { .. } => Some("in-grace"),
        Standing::Ended => Some("ended"),
        Standing::None | Standing::NotYet | Standing::Valid { .. } | Standing::NotValid(_) => None,
    }
}
