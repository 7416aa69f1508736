//! Whose enrollment is suspended, so that its seat is free, and whose is restored.
//!
//! Suspending touches nothing but the seat: factors stay, and whoever comes back is asked for theirs. So being wrong
//! here costs nobody an enrollment, and still it is not guessed: while accounts cannot be looked up nobody is suspended,
//! and an account that merely cannot be found waits first. No file and no directory is read here.

use crate::Time;

/// What a look at the account found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whether there is such an account.
    pub presence: Presence,
    /// When it expires or has expired (shadow(5), or the directory's word); not its password.
    pub expires: Option<Time>,
    /// Whether its shell is `nologin` or `false`.
    pub nologin: bool,
    /// Whether its password is locked. Known, and never a reason by itself: an SSH key still works.
    pub password_locked: bool,
    /// Its last login with a factor, or its enrollment if there was none since.
    pub last_seen: Time,
}

/// Whether there is such an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Present,
    /// It was in this machine's own files, was taken out of them, and nothing else knows it.
    Deleted,
    /// Nothing knows it. A directory that is down can look like that.
    Vanished,
    /// The look-up failed.
    Unknown,
}

/// What is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Seconds for which an account must have been gone without a trace.
    pub vanished: i64,
    /// Whether a `nologin` shell is a reason.
    pub nologin: bool,
    /// Seconds without a login that are a reason, if that is one.
    pub idle: Option<i64>,
}

impl Default for Rules {
    /// Two weeks for the vanished; neither shells nor idleness count.
    fn default() -> Self {
        Self { vanished: 14 * 86_400, nologin: false, idle: None }
    }
}

/// What is kept of an account between two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Since when it has not been found.
    pub missing_since: Option<Time>,
    /// Whether it takes no seat.
    pub suspended: Option<Suspension>,
}

/// An enrollment that takes no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// Since when.
    pub since: Time,
    /// Why.
    pub why: Reason,
}

/// Why an enrollment is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The account was deleted.
    Deleted,
    /// It has been gone for the waiting time.
    Vanished,
    /// It has expired.
    Expired,
    /// Its shell lets nobody in.
    Nologin,
    /// It has not been used for long.
    Idle,
}

impl Reason {
    /// All of them, for readers of what is stored.
    pub const ALL: [Self; 5] = [Self::Deleted, Self::Vanished, Self::Expired, Self::Nologin, Self::Idle];

    /// The word in records and lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Vanished => "vanished",
            Self::Expired => "expired",
            Self::Nologin => "nologin",
            Self::Idle => "idle",
        }
    }
}

impl Watch {
    /// Somebody logged in with the account: it is back, whatever was thought of it.
    #[must_use]
    pub fn returned(self) -> Self {
        Self::default()
    }
}

/// What is to be kept after a look. The suspension begins or ends if it differs from what was kept before.
///
/// `nss_failing` is whether *any* look-up of this round failed, this account's or another's: then nobody is suspended,
/// and every waiting begins anew when the directories are back.
#[must_use]
pub fn reconcile(kept: Watch, seen: Sighting, nss_failing: bool, rules: Rules, now: Time) -> Watch {
    let gone = matches!(seen.presence, Presence::Vanished | Presence::Deleted);
    if nss_failing || seen.presence == Presence::Unknown {
        let back = seen.presence == Presence::Present && reason(kept, seen, rules, now).is_none();
        return Watch { missing_since: None, suspended: kept.suspended.filter(|_| !back) };
    }
    let missing_since = gone.then(|| kept.missing_since.filter(|since| *since <= now).unwrap_or(now));
    let kept = Watch { missing_since, ..kept };
    let suspended = reason(kept, seen, rules, now).map(|why| Suspension { since: since(kept, now), why });
    // Gone, and not yet for long enough: who is suspended for something else stays so.
    let waiting = gone && suspended.is_none();
    Watch { missing_since, suspended: if waiting { kept.suspended } else { suspended } }
}

fn since(kept: Watch, now: Time) -> Time {
    kept.suspended.map_or(now, |suspension| suspension.since)
}

fn reason(kept: Watch, seen: Sighting, rules: Rules, now: Time) -> Option<Reason> {
    let waited = kept.missing_since.is_some_and(|since| now.since(since) >= rules.vanished);
    match seen.presence {
        Presence::Unknown => None,
        Presence::Deleted => Some(Reason::Deleted),
        Presence::Vanished => waited.then_some(Reason::Vanished),
        Presence::Present if seen.expires.is_some_and(|end| now >= end) => Some(Reason::Expired),
        Presence::Present if rules.nologin && seen.nologin => Some(Reason::Nologin),
        Presence::Present => rules.idle.filter(|idle| now.since(seen.last_seen) >= *idle).map(|_| Reason::Idle),
    }
}
