//! What is to be reached, and whether it was. Ratios within one run, so that they mean the same on any machine.

use crate::module::Module;
use benches::figures::{AtSocket, Figures};
use benches::scale::Scale;
use benches::systems::System;

/// A goal.
pub(crate) struct Goal {
    /// What is wanted.
    pub(crate) wanted: String,
    /// What came out, in words.
    pub(crate) found: String,
    /// Whether that is what is wanted.
    pub(crate) reached: bool,
}

/// All goals for which something was measured.
pub(crate) fn weigh(figures: &Figures, module: &Module) -> Vec<Goal> {
    let goals = [
        floor(figures),
        google_authenticator(figures),
        wrong_code(figures),
        crowd(figures),
        nobody_left_out(figures),
        at_socket(figures),
    ];
    goals.into_iter().flatten().chain(large_store(figures)).chain(shape(module)).collect()
}

/// A ratio that is to stay at or below a limit.
fn at_most(wanted: &str, ratio: f64, limit: f64) -> Goal {
    Goal { wanted: wanted.into(), found: format!("{ratio:.2}"), reached: ratio <= limit }
}

fn at_least(wanted: &str, ratio: f64, limit: f64) -> Goal {
    Goal { wanted: wanted.into(), found: format!("{ratio:.2}"), reached: ratio >= limit }
}

fn floor(figures: &Figures) -> Option<Goal> {
    let ratio = figures.added(System::Mfa)? / figures.floor.median;
    Some(at_most("a code adds at most 1.6 x the floor", ratio, 1.6))
}

fn google_authenticator(figures: &Figures) -> Option<Goal> {
    let ratio = figures.added(System::Mfa)? / figures.added(System::GoogleAuthenticator)?;
    Some(at_most("and at most 0.25 x what pam_google_authenticator adds", ratio, 0.25))
}

fn wrong_code(figures: &Figures) -> Option<Goal> {
    let ratio = figures.added_wrong(System::Mfa)? / figures.added(System::Mfa)?;
    // Two medians of the same thing differ by some hundredths.
    Some(at_most("a wrong code is no slower than a right one (1.05 x)", ratio, 1.05))
}

fn crowd(figures: &Figures) -> Option<Goal> {
    let ratio = figures.crowd(System::Mfa)?.rate / figures.crowd(System::Permit)?.rate;
    Some(at_least("64 at once: at least 0.7 x pam_permit's logins a second", ratio, 0.7))
}

fn nobody_left_out(figures: &Figures) -> Option<Goal> {
    let crowd = figures.crowd(System::Mfa)?;
    let found = format!("{} of {}", crowd.tried - crowd.failed, crowd.tried);
    Some(Goal { wanted: "64 at once: all of them succeed".into(), found, reached: crowd.failed == 0 })
}

fn at_socket(figures: &Figures) -> Option<Goal> {
    let socket = usual(figures)?;
    let wanted = "at the socket, at least 10,000 durable logins a second".into();
    let found = format!("{:.0}", socket.cached);
    Some(Goal { wanted, found, reached: socket.cached >= 10_000.0 && socket.failed == 0 })
}

/// The largest store but for that of a million.
fn usual(figures: &Figures) -> Option<&AtSocket> {
    figures
        .socket
        .iter()
        .filter(|at| at.enrolled < Scale::MILLION)
        .find(|at| at.enrolled == 70_000)
        .or_else(|| figures.socket.iter().filter(|at| at.enrolled < Scale::MILLION).max_by_key(|at| at.enrolled))
}

fn large_store(figures: &Figures) -> Vec<Goal> {
    let large = figures.socket.iter().find(|at| at.enrolled == Scale::MILLION);
    let (Some(small), Some(large)) = (usual(figures), large) else { return Vec::new() };
    let AtSocket { resident, start, .. } = large;
    vec![
        at_most("a million enrolled: within 1.2 x of that", small.cached / large.cached, 1.2),
        Goal {
            wanted: "a million enrolled: the daemon starts within a second".into(),
            found: format!("{:.0} ms", start / 1e3),
            reached: *start < 1e6,
        },
        Goal {
            wanted: "a million enrolled: the daemon has less than 64 MiB".into(),
            found: format!("{:.1} MiB", *resident as f64 / 1024.0),
            reached: *resident < 64 * 1024,
        },
    ]
}

fn shape(module: &Module) -> Vec<Goal> {
    let size = Goal {
        wanted: "the module is smaller than 1 MiB".into(),
        found: format!("{} KiB", module.size / 1024),
        reached: module.size < 1024 * 1024,
    };
    let crates = module.crates.map(|count| Goal {
        wanted: "at most 12 crates in it are not ours".into(),
        found: count.to_string(),
        reached: count <= 12,
    });
    let alone = !module.needed.iter().any(|library| library.starts_with("libgcc_s"));
    let needed = Goal {
        wanted: "it loads no libgcc_s".into(),
        found: if alone { "none" } else { "it does" }.into(),
        reached: alone,
    };
    [Some(size), crates, Some(needed)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use benches::figures::{Crowd, Logins, Spread};

    fn figures(mfa: f64, wrong: f64, rate: f64) -> Figures {
        let spread = |median| Spread { median, p99: median, count: 1 };
        let logins = |system, median| Logins { system, time: spread(median), failed: 0 };
        let crowd = |system, rate| Crowd { system, rate, tried: 1000, failed: 0 };
        Figures {
            alone: vec![
                logins(System::Permit, 1000.0),
                logins(System::Mfa, mfa),
                logins(System::GoogleAuthenticator, 4000.0),
            ],
            wrong: vec![logins(System::Mfa, wrong)],
            floor: spread(300.0),
            together: vec![crowd(System::Permit, 2000.0), crowd(System::Mfa, rate)],
            ..Figures::default()
        }
    }

    fn missed(figures: &Figures, module: &Module) -> Vec<String> {
        weigh(figures, module).into_iter().filter(|goal| !goal.reached).map(|goal| goal.found).collect()
    }

    #[test]
    fn goals_are_reached_at_their_limits_and_missed_beyond_them() {
        let module = Module { size: 1000, needed: vec!["libc.so.6".into()], crates: Some(12) };
        assert!(missed(&figures(1480.0, 1480.0, 1400.0), &module).is_empty());
        assert_eq!(missed(&figures(1800.0, 1850.0, 1300.0), &module), ["2.67", "0.27", "1.06", "0.65"]);
        let module = Module { size: 1 << 20, needed: vec!["libgcc_s.so.1".into()], crates: Some(13) };
        assert_eq!(missed(&figures(1480.0, 1400.0, 1400.0), &module), ["1024 KiB", "13", "it does"]);
    }
}
