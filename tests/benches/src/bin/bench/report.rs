//! The figures as a table of at most 80 columns, and the goals beside what was reached.

use crate::goals::Goal;
use crate::module::Module;
use benches::figures::{AtSocket, Crowd, Figures, Logins, Spread};
use benches::systems::System;
use std::fmt::Write as _;

/// Everything that was measured.
pub(crate) fn table(figures: &Figures, module: &Module) -> String {
    let mut text = String::new();
    let sections = [one_by_one(figures), wrong(figures), crowds(figures), socket(figures), shape(module)];
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        text += "\n";
        text += &section;
    }
    text
}

/// The goals.
pub(crate) fn goals(goals: &[Goal]) -> String {
    let mut text = String::from("\nGoals\n");
    for Goal { wanted, found, reached } in goals {
        let word = if *reached { "reached" } else { "MISSED" };
        let _ = writeln!(text, "  {word:8} {wanted:58} {found:>10}");
    }
    text
}

fn one_by_one(figures: &Figures) -> String {
    let count = figures.alone.first().map_or(0, |logins| logins.time.count);
    let mut text = heading(&format!("{} logins, one after another", thousands(count)), "failed");
    for Logins { system, time, failed } in &figures.alone {
        let added = figures.added(*system).filter(|_| *system != System::Permit);
        text += &row(system.module(), *time, added, figures.floor, *failed);
    }
    text += &row("the floor: 2 round trips, 1 fdatasync", figures.floor, None, figures.floor, 0);
    text += &row("  of which the fdatasync", figures.sync, None, figures.floor, 0);
    text
}

fn wrong(figures: &Figures) -> String {
    let mut text = heading("The same with one wrong code", "passed");
    for Logins { system, time, failed } in &figures.wrong {
        text += &row(system.module(), *time, figures.added_wrong(*system), figures.floor, *failed);
    }
    text
}

fn heading(words: &str, last: &str) -> String {
    format!("{words:38} {:>8} {:>8} {:>8} {:>7} {last:>6}\n", "median", "p99", "added", "x floor")
}

fn row(name: &str, time: Spread, added: Option<f64>, floor: Spread, failed: usize) -> String {
    let ratio = added.map(|added| format!("{:.2}", added / floor.median)).unwrap_or_default();
    let added = added.map(millis).unwrap_or_default();
    let failed = if failed == 0 { String::new() } else { failed.to_string() };
    let line =
        format!("  {name:36} {:>8} {:>8} {added:>8} {ratio:>7} {failed:>6}", millis(time.median), millis(time.p99));
    format!("{}\n", line.trim_end())
}

fn millis(micros: f64) -> String {
    let millis = micros / 1e3;
    let decimals = match millis {
        ..100.0 => 2,
        ..1000.0 => 1,
        _ => 0,
    };
    format!("{millis:.decimals$} ms")
}

fn crowds(figures: &Figures) -> String {
    let mut text =
        format!("{:38} {:>10} {:>12} {:>7} {:>9}\n", "64 at once", "logins/s", "x pam_permit", "x peer", "failed");
    let ceiling = figures.crowd(System::Permit).map_or(0.0, |crowd| crowd.rate);
    let ours = figures.crowd(System::Mfa).map_or(0.0, |crowd| crowd.rate);
    for Crowd { system, rate, tried, failed } in &figures.together {
        let failed = if *failed == 0 { "none".to_owned() } else { format!("{failed}/{tried}") };
        let over = if System::PEERS.contains(system) { format!("{:.1}", ours / rate) } else { String::new() };
        let rate_of = thousands_of(*rate);
        let _ = writeln!(text, "  {:36} {rate_of:>10} {:>12.2} {over:>7} {failed:>9}", system.module(), rate / ceiling);
    }
    text += "  (x peer: pam_mfa's logins a second for one of the peer's)\n";
    text
}

fn socket(figures: &Figures) -> String {
    if figures.socket.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "{:21} {:>8} {:>11} {:>7} {:>8} {:>10} {:>9}\n",
        "64 at the socket", "cached/s", "looked up/s", "failed", "CPU each", "resident", "start"
    );
    for AtSocket { enrolled, cached, looked_up, computed, failed, resident, start } in &figures.socket {
        let enrolled = format!("{} enrolled", thousands(*enrolled));
        let failed = if *failed == 0 { "none".to_owned() } else { failed.to_string() };
        let computed = format!("{:.0} us", computed.values().sum::<f64>());
        let resident = format!("{:.1} MiB", *resident as f64 / 1024.0);
        let start = format!("{:.0} ms", start / 1e3);
        let (cached, looked_up) = (thousands_of(*cached), thousands_of(*looked_up));
        let _ = write!(text, "  {enrolled:19} {cached:>8} {looked_up:>11} {failed:>7} {computed:>8}");
        let _ = writeln!(text, " {resident:>10} {start:>9}");
    }
    text
}

fn shape(module: &Module) -> String {
    let crates = module.crates.map(|count| format!(", {count} crates not ours")).unwrap_or_default();
    format!("The module: {} KiB{crates}, needs {}\n", module.size / 1024, module.needed.join(" "))
}

pub(crate) fn thousands_of(rate: f64) -> String {
    thousands(rate.round().max(0.0) as usize)
}

/// `1234567` as `1,234,567`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_eighty_columns() {
        let time = Spread { median: 12_345.6, p99: 345_678.9, count: 30_000 };
        let logins = |system| Logins { system, time, failed: 29_999 };
        let crowd = |system| Crowd { system, rate: 12_345.6, tried: 3000, failed: 2999 };
        let at = |enrolled| AtSocket {
            enrolled,
            cached: 17_000.0,
            looked_up: 9_000.0,
            computed: [("mfa-daemon".to_owned(), 123.4)].into(),
            failed: 70_000,
            resident: 65_000,
            start: 1.5e6,
        };
        let figures = Figures {
            alone: System::ALL.map(logins).to_vec(),
            wrong: System::ASKING.map(logins).to_vec(),
            floor: time,
            sync: time,
            together: System::ALL.map(crowd).to_vec(),
            socket: vec![at(70_000), at(1_000_000)],
            ..Figures::default()
        };
        let module = Module { size: 370_000, needed: vec!["libpam.so.0".into(), "libc.so.6".into()], crates: Some(12) };
        let text = table(&figures, &module) + &goals(&crate::goals::weigh(&figures, &module));
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([1.5, 12_345.6, 345_678.9, 2e6].map(millis), ["0.00 ms", "12.35 ms", "345.7 ms", "2000 ms"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
