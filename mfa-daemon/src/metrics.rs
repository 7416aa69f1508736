//! `io.mfa.Admin.Metrics`: figures for those who watch their systems. No user's name is in them. The names are listed in
//! docs/METRICS.md and stay as they are.

use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::license;
use crate::listen::{Answer, Failure};
use crate::meters::{ENDS, Histogram};
use crate::store::{Outbox, Store};
use mfa_proto::frame::encode_reply;
use mfa_proto::metrics::{Family, Kind, Metrics, Sample};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// `io.mfa.Admin.Metrics`
pub(crate) async fn metrics(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = conversation.daemon();
    let mut families = of_daemon(daemon);
    if let Ok(store) = daemon.store() {
        families.extend(of_store(&store).await);
    }
    Ok(encode_reply(&Metrics { families })?)
}

fn of_daemon(daemon: &Daemon) -> Vec<Family> {
    let loaded = daemon.loaded();
    let mut families = vec![
        gauge("mfa_up", "Whether the daemon answers.", 1),
        gauge(
            "mfa_problems",
            "Things that keep logins from being decided, or should be looked into.",
            number(daemon.problems().len()),
        ),
        gauge("mfa_start_time_seconds", "When the daemon started, since 1970.", daemon.started.0),
        gauge("mfa_connections", "Connections now.", i64::from(daemon.connections.get())),
        gauge(
            "mfa_policy_rules",
            "Rules in force.",
            loaded.as_ref().map_or(0, |l| number(l.config.policy.rules().len())),
        ),
    ];
    if let Ok(seats) = license::seats_now(daemon) {
        families.push(gauge("mfa_seats_licensed", "Seats there are.", i64::try_from(seats.total).unwrap_or(i64::MAX)));
    }
    if let Some(loaded) = loaded {
        families.push(gauge(
            "mfa_policy_loaded_time_seconds",
            "When the policy was put in force, since 1970.",
            loaded.at.0,
        ));
    }
    families.push(histogram("mfa_answer_seconds", "How long the daemon took to answer at logins.", &daemon.answers));
    families
}

async fn of_store(store: &Store) -> Vec<Family> {
    let (meters, tally) = (store.meters(), store.tally());
    let records = meters.records().into_iter().map(|((what, factor, reason), count)| Sample {
        suffix: "_total".into(),
        labels: [("what", what), ("factor", factor), ("reason", reason)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(label, value)| (label.to_owned(), value.to_owned()))
            .collect(),
        value: float(count),
    });
    let mut families = vec![
        Family {
            samples: records.collect(),
            ..family("mfa_records", "Records made: logins and changes, by what happened.", Kind::Counter)
        },
        histogram(
            "mfa_store_commit_seconds",
            "How long transactions took, the sync to disk included.",
            &meters.commits,
        ),
        counter("mfa_store_failures", "Transactions that failed.", meters.failures.load(Ordering::Relaxed)),
        counter("mfa_store_jobs", "Things committed; many share a transaction.", meters.jobs.load(Ordering::Relaxed)),
        gauge("mfa_seats", "Seats taken.", i64::try_from(tally.seats).unwrap_or(i64::MAX)),
        gauge("mfa_audit_records", "The number of the newest audit record.", store.heads().borrow().seq),
    ];
    if let Ok(counts) = store.counts(clock::now()).await {
        let each = [("enrolled", counts.enrolled), ("pending", counts.pending), ("throttled", counts.throttled)];
        let samples = each.map(|(state, count)| Sample {
            labels: BTreeMap::from([("state".to_owned(), state.to_owned())]),
            value: float(count),
            ..Sample::default()
        });
        families.push(Family { samples: samples.into(), ..family("mfa_accounts", "Accounts, by state.", Kind::Gauge) });
    }
    if let Ok(outbox) = store.outbox().await {
        families.extend(letters(&outbox));
    }
    if let Ok(Some(at)) = store.last_pass().await {
        families.push(gauge("mfa_last_pass_time_seconds", "When a code last let somebody in, since 1970.", at.0));
    }
    families
}

fn letters(outbox: &Outbox) -> Vec<Family> {
    let each = [("sent", outbox.sent), ("failed", outbox.failed), ("dropped", outbox.dropped)];
    let samples = each.map(|(result, count)| Sample {
        suffix: "_total".into(),
        labels: BTreeMap::from([("result".to_owned(), result.to_owned())]),
        value: float(count),
    });
    let waiting = i64::try_from(outbox.waiting).unwrap_or(i64::MAX);
    let mut families = vec![
        Family {
            samples: samples.into(),
            ..family("mfa_letters", "Letters, by what became of them, since there is this store.", Kind::Counter)
        },
        gauge("mfa_letters_waiting", "Letters that wait to be sent.", waiting),
    ];
    if let Some(since) = outbox.since {
        let help = "When the oldest letter that waits was written, since 1970.";
        families.push(gauge("mfa_letters_waiting_since_time_seconds", help, since.0));
    }
    families
}

fn family(name: &str, help: &str, kind: Kind) -> Family {
    Family { name: name.to_owned(), help: help.to_owned(), kind, samples: Vec::new() }
}

fn gauge(name: &str, help: &str, value: i64) -> Family {
    let value = value as f64; // exact for all that is counted here
    Family { samples: vec![Sample { value, ..Sample::default() }], ..family(name, help, Kind::Gauge) }
}

fn counter(name: &str, help: &str, value: u64) -> Family {
    let sample = Sample { suffix: "_total".into(), value: float(value), ..Sample::default() };
    Family { samples: vec![sample], ..family(name, help, Kind::Counter) }
}

fn histogram(name: &str, help: &str, histogram: &Histogram) -> Family {
    let measured = histogram.measured();
    let ends = ENDS.iter().map(|micros| (float(*micros) / 1e6).to_string()).chain(["+Inf".to_owned()]);
    let bucket = |(end, count): (String, &u64)| Sample {
        suffix: "_bucket".into(),
        labels: BTreeMap::from([("le".to_owned(), end)]),
        value: float(*count),
    };
    let mut samples: Vec<Sample> = ends.zip(&measured.up_to).map(bucket).collect();
    let all = measured.up_to.last().copied().unwrap_or_default();
    for (suffix, value) in [("_count", float(all)), ("_sum", float(measured.micros) / 1e6)] {
        samples.push(Sample { suffix: suffix.into(), value, ..Sample::default() });
    }
    Family { samples, ..family(name, help, Kind::Histogram) }
}

fn float(count: u64) -> f64 {
    count as f64 // exact below 2^53
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
