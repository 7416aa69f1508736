//! The license that is in force and the seats it leaves: what they make of a login, of an enrollment, and what
//! administrators see and do about them (`io.mfa.License`).
//!
//! Every plan goes through [`settle`], whether a login carries it out or somebody only asks about it. It can change one
//! kind of plan, the one that makes somebody enroll who never has: whoever is or was enrolled is out of its reach.

mod methods;
mod reconcile;
mod told;

pub(crate) use methods::{bypassed, check, reload, reread, status};
pub(crate) use reconcile::{Round, reconcile, sighted};
pub(crate) use told::look;

use crate::accounts::{Entry, Lane};
use crate::clock;
use crate::config;
use crate::daemon::{Daemon, Loaded};
use crate::scene::Trouble;
use crate::staff;
use mfa_core::Time;
use mfa_core::account::Account;
use mfa_core::license::Installed;
use mfa_core::policy::Plan;
use mfa_core::seats::{self, Claim, Claimant, Seats};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

/// What is installed, as it was read last.
pub(crate) struct License {
    folder: PathBuf,
    installed: RefCell<Rc<Installed>>,
    /// What was compared last, so that nothing is read again while nothing moves.
    told: RefCell<Option<String>>,
}

impl License {
    /// Reads what is installed in this folder of configuration.
    pub(crate) fn load(folder: PathBuf, now: Time) -> Self {
        let installed = RefCell::new(Rc::new(config::installed(&folder, now)));
        Self { folder, installed, told: RefCell::default() }
    }

    /// What is installed.
    pub(crate) fn installed(&self) -> Rc<Installed> {
        Rc::clone(&self.installed.borrow())
    }

    /// Reads it again.
    pub(crate) async fn reread(&self, now: Time) {
        let folder = self.folder.clone();
        // Without a thread to read it, what was read before stays.
        if let Ok(installed) = tokio::task::spawn_blocking(move || config::installed(&folder, now)).await {
            self.installed.replace(Rc::new(installed));
        }
    }
}

/// Now, for what a license allows: a clock that was turned back does not lengthen it.
pub(crate) fn moment(daemon: &Daemon) -> Time {
    let newest = daemon.store().map_or(Time(i64::MIN), |store| store.newest_time());
    clock::now().max(newest)
}

/// The seats as they are at this moment.
pub(crate) fn seats_now(daemon: &Daemon) -> Result<Seats, Trouble> {
    let taken = daemon.store().map_err(Trouble::Broken)?.tally().seats;
    Ok(daemon.license.installed().seats(taken, moment(daemon)))
}

/// A login's plan as the seats leave it, and what enrolling in it would do about one.
pub(crate) async fn settle(
    daemon: &Daemon,
    loaded: &Loaded,
    (asked, account): (&Entry, &Account),
    (plan, lane): (Plan, Lane),
) -> Result<(Plan, Claim), Trouble> {
    if !matches!(plan, Plan::Enroll(_)) {
        return Ok((plan, Claim::NotNeeded));
    }
    let (claimant, seats) = claimant(daemon, (asked, account), lane).await?;
    let on_full = loaded.config.settings.on_full;
    Ok((seats::settle(plan, seats, claimant, on_full), seats::claim(seats, claimant)))
}

/// What enrolling an account that must enroll would do about a seat; refused if that cannot be told.
pub(crate) async fn claim(daemon: &Daemon, whose: (&Entry, &Account), lane: Lane) -> Claim {
    let claimed = claimant(daemon, whose, lane).await;
    claimed.map_or(Claim::Refused, |(claimant, seats)| seats::claim(seats, claimant))
}

async fn claimant(
    daemon: &Daemon,
    (asked, account): (&Entry, &Account),
    lane: Lane,
) -> Result<(Claimant, Seats), Trouble> {
    let ever_enrolled = account.ever_enrolled;
    let privileged = !ever_enrolled && staff::is_privileged(daemon, asked, lane).await;
    Ok((Claimant { required: true, ever_enrolled, privileged }, seats_now(daemon)?))
}

#[cfg(test)]
mod tests;
