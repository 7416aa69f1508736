//! The page about speed in the documents: its words stand in `performance.md.in` beside this file, the figures and plots are
//! of one run. It says what machine that was, and nothing of where it stands.

use crate::chart::{Axis, Chart, Line, Scale};
use crate::goals::Goal;
use benches::figures::Figures;
use benches::systems::System;
use harness::{Failure, Outcome};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const WORDS: &str = include_str!("performance.md.in");

/// Writes the page and its plots into this folder.
pub(crate) fn write(folder: &Path, figures: &Figures, goals: &[Goal]) -> Outcome {
    let plots = [("latency", latency(figures)?), ("crowds", crowds(figures)?), ("stores", stores(figures)?)];
    for (name, chart) in &plots {
        fs::write(folder.join(format!("performance-{name}.svg")), chart)?;
    }
    let count = figures.alone(System::Mfa).map_or(0, |logins| logins.time.count);
    let page = WORDS
        .replace("{{machine}}", &machine())
        .replace("{{count}}", &count.to_string())
        .replace("{{goals}}", table_of_goals(goals).trim_end())
        .replace("{{times}}", table_of_times(figures).trim_end());
    fs::write(folder.join("performance.md"), page)?;
    println!("Written: {}", folder.join("performance.md").display());
    Ok(())
}

/// How long the slower logins take: of a hundred, the shortest to the 99th.
fn latency(figures: &Figures) -> Outcome<String> {
    let line = |percentiles: &benches::figures::Percentiles| Line {
        name: percentiles.system.module(),
        points: percentiles.times.iter().enumerate().map(|(at, micros)| (micros / 1e3, at as f64)).collect(),
    };
    let lines: Vec<Line<'_>> = figures.spreads.iter().map(line).collect();
    let slowest = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x).fold(0.0, f64::max);
    let fastest = lines.iter().flat_map(|line| &line.points).map(|(x, _)| *x).fold(f64::INFINITY, f64::min);
    let marks = ratios(fastest, slowest, |value| format!("{value} ms"))?;
    Ok(Chart {
        title: "Logins, one after another: how many of a hundred have ended",
        across: Axis { name: "after", scale: Scale::Logarithmic, marks },
        up: Axis { name: "of a hundred logins", scale: Scale::Linear, marks: numbers(&[0.0, 25.0, 50.0, 75.0, 100.0]) },
        lines,
    }
    .svg())
}

/// Logins a second, by how many come at once.
fn crowds(figures: &Figures) -> Outcome<String> {
    let systems = [System::Permit, System::Mfa, System::GoogleAuthenticator];
    let of = |system: System| {
        let own = figures.crowds.iter().filter(move |crowd| crowd.crowd.system == system);
        own.map(|crowd| (crowd.at_once as f64, crowd.crowd.rate)).collect::<Vec<_>>()
    };
    let lines: Vec<Line<'_>> =
        systems.map(|system| Line { name: system.module(), points: of(system) }).into_iter().collect();
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, rate)| *rate).fold(0.0, f64::max);
    Ok(Chart {
        title: "Logins a second through PAM, by how many come at once",
        across: Axis {
            name: "at once",
            scale: Scale::Logarithmic,
            marks: numbers(&[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]),
        },
        up: Axis { name: "logins a second", scale: Scale::Linear, marks: even(most)? },
        lines,
    }
    .svg())
}

/// Logins a second at the socket, by how many accounts are enrolled.
fn stores(figures: &Figures) -> Outcome<String> {
    let of = |rate: fn(&benches::figures::AtSocket) -> f64| {
        figures.socket.iter().map(|at| (at.enrolled as f64, rate(at))).collect::<Vec<_>>()
    };
    let lines = vec![
        Line { name: "accounts just looked up", points: of(|at| at.cached) },
        Line { name: "accounts to be looked up", points: of(|at| at.looked_up) },
    ];
    let most = lines.iter().flat_map(|line| &line.points).map(|(_, rate)| *rate).fold(0.0, f64::max);
    let sizes = figures.socket.iter().map(|at| at.enrolled as f64);
    let (least, largest) = (sizes.clone().fold(f64::INFINITY, f64::min), sizes.fold(0.0, f64::max));
    Ok(Chart {
        title: "Durable logins a second at the daemon's socket, 64 connections",
        across: Axis { name: "enrolled accounts", scale: Scale::Logarithmic, marks: powers(least, largest)? },
        up: Axis { name: "logins a second", scale: Scale::Linear, marks: even(most)? },
        lines,
    }
    .svg())
}

fn nothing_measured() -> Failure {
    Failure::new("what a plot needs was not measured; leave out --socket 0")
}

fn numbers(values: &[f64]) -> Vec<(f64, String)> {
    values.iter().map(|value| (*value, value.to_string())).collect()
}

/// From 0 to beyond the largest, in steps of a round number.
fn even(largest: f64) -> Outcome<Vec<(f64, String)>> {
    if !largest.is_finite() || largest <= 0.0 {
        return Err(nothing_measured());
    }
    let magnitude = 10_f64.powf((largest / 5.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * magnitude);
    let step = steps.into_iter().find(|step| largest / step <= 6.0).unwrap_or(magnitude * 10.0);
    let count = (largest / step).ceil() as usize;
    Ok((0..=count).map(|number| number as f64 * step).map(|value| (value, spelled(value))).collect())
}

/// 1, 2, 5, 10, … from below the least to beyond the largest.
fn ratios(least: f64, largest: f64, words: impl Fn(f64) -> String) -> Outcome<Vec<(f64, String)>> {
    let all = (-3..7).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(power)));
    let all: Vec<f64> = all.map(|value| (value * 1e3).round() / 1e3).collect();
    let first = all.iter().rposition(|value| *value <= least).ok_or_else(nothing_measured)?;
    let last = all.iter().position(|value| *value >= largest).ok_or_else(nothing_measured)?;
    Ok(all[first..=last.max(first)].iter().map(|value| (*value, words(*value))).collect())
}

/// The powers of ten around them.
fn powers(least: f64, largest: f64) -> Outcome<Vec<(f64, String)>> {
    if !least.is_finite() || least < 1.0 {
        return Err(nothing_measured());
    }
    let (first, last) = (least.log10().floor() as i32, largest.log10().ceil() as i32);
    Ok((first..=last.max(first + 1)).map(|power| 10_f64.powi(power)).map(|value| (value, spelled(value))).collect())
}

/// `12,000`
fn spelled(value: f64) -> String {
    crate::report::thousands_of(value)
}

fn table_of_goals(goals: &[Goal]) -> String {
    let mut table = "| goal | here | |\n|---|---|---|\n".to_owned();
    for Goal { wanted, found, reached } in goals {
        let _ = writeln!(table, "| {wanted} | {found} | {} |", if *reached { "reached" } else { "missed" });
    }
    table
}

fn table_of_times(figures: &Figures) -> String {
    let mut table = "| | median | all but one in a hundred | adds to pam_permit | a wrong code adds |\n\
         |---|---|---|---|---|\n"
        .to_owned();
    let millis = |micros: f64| format!("{:.2} ms", micros / 1e3);
    for logins in &figures.alone {
        let of = |added: Option<f64>| added.filter(|_| logins.system != System::Permit).map(millis).unwrap_or_default();
        let (name, time) = (logins.system.module(), logins.time);
        let (added, wrong) = (of(figures.added(logins.system)), of(figures.added_wrong(logins.system)));
        let _ = writeln!(table, "| {name} | {} | {} | {added} | {wrong} |", millis(time.median), millis(time.p99));
    }
    let (floor, sync) = (figures.floor, figures.sync);
    let _ = writeln!(table, "| the floor | {} | {} | | |", millis(floor.median), millis(floor.p99));
    let _ = writeln!(table, "| of which the fdatasync | {} | {} | | |", millis(sync.median), millis(sync.p99));
    table
}

/// `2 cores of AMD EPYC, 8 GiB, Linux 6.18, ext4`
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processor = value(&read("/proc/cpuinfo"), "model name");
    let memory = value(&read("/proc/meminfo"), "MemTotal");
    let kibibytes: f64 = memory.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    // The first two numbers: what follows is of whoever has built it.
    let release = read("/proc/sys/kernel/osrelease");
    let release: Vec<&str> = release.trim().splitn(3, '.').take(2).collect();
    let mounts = read("/proc/mounts");
    let disk = mounts.lines().filter_map(|line| line.split(' ').nth(1).zip(line.split(' ').nth(2)));
    let disk = disk.filter(|(place, _)| *place == "/").map(|(_, kind)| kind).next_back().unwrap_or("unknown");
    let gibibytes = kibibytes / f64::from(1 << 20);
    format!("{cores} cores of {processor}, {gibibytes:.0} GiB, Linux {}, {disk}", release.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_reach_around_what_was_measured() {
        let values = |marks: Vec<(f64, String)>| marks.into_iter().map(|(value, _)| value).collect::<Vec<_>>();
        assert_eq!(values(even(1_900.0).unwrap()), [0.0, 500.0, 1000.0, 1500.0, 2000.0]);
        assert_eq!(values(even(6_789.0).unwrap()), [0.0, 2000.0, 4000.0, 6000.0, 8000.0]);
        assert_eq!(values(ratios(0.86, 9.1, |value| value.to_string()).unwrap()), [0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!(values(powers(10.0, 70_000.0).unwrap()), [1e1, 1e2, 1e3, 1e4, 1e5]);
        assert!(even(0.0).is_err() && powers(f64::INFINITY, 0.0).is_err());
    }

    #[test]
    fn the_page_has_no_place_that_nothing_was_put_into() {
        for place in ["{{machine}}", "{{count}}", "{{goals}}", "{{times}}"] {
            assert_eq!(WORDS.matches(place).count(), 1, "{place}");
        }
        assert_eq!(WORDS.matches("{{").count(), 4);
    }
}
