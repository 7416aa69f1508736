//! `crowd SERVICE [AT_ONCE [ROUNDS]]`: many logins through libpam, in one process, several at once.
//!
//! A line of standard input is a login: a user and the answers to what they are asked, separated by tabs. All of them
//! are played ROUNDS times by AT_ONCE threads, which begin together. It prints, as JSON, how often libpam answered
//! what, each login of the last round, how long they took, and what the process holds before, after each tenth of the
//! way, and at the end.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::Instant;
use std::{fs, io, thread};

use pam_application::{Login, StartError};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match crowd() {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

struct Wanted {
    service: String,
    at_once: usize,
    logins: Vec<Vec<String>>,
    rounds: usize,
}

#[derive(Default)]
struct Told {
    codes: BTreeMap<i32, usize>,
    logins: BTreeMap<usize, Value>,
    on_the_way: Vec<Value>,
    took: Vec<f64>,
}

fn crowd() -> io::Result<Value> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|word| word.parse().ok()).unwrap_or(1);
    let wanted = Wanted {
        service: args.first().cloned().unwrap_or_default(),
        at_once: number(1),
        rounds: number(2),
        logins: io::stdin()
            .lines()
            .map(|line| Ok(line?.split('\t').map(str::to_owned).collect()))
            .collect::<io::Result<_>>()?,
    };
    // Room for all of it from the beginning: what is held on the way is to be PAM's, and not this program's.
    let told = Told { took: vec![f64::MAX; wanted.logins.len() * wanted.rounds], ..Told::default() };
    let (next, told, gate) = (AtomicUsize::new(0), Mutex::new(told), Barrier::new(wanted.at_once));
    let before = holds(0);
    thread::scope(|scope| {
        for _ in 0..wanted.at_once {
            scope.spawn(|| one_thread(&wanted, &next, &told, &gate));
        }
    });
    let Told { codes, logins, mut on_the_way, took } = told.into_inner().unwrap_or_else(PoisonError::into_inner);
    let codes: BTreeMap<String, usize> = codes.into_iter().map(|(code, count)| (code.to_string(), count)).collect();
    on_the_way.insert(0, before);
    on_the_way.push(holds(wanted.logins.len() * wanted.rounds));
    Ok(json!({ "codes": codes, "logins": logins.into_values().collect::<Vec<_>>(), "holds": on_the_way,
        "milliseconds": percentiles(took) }))
}

fn one_thread(wanted: &Wanted, next: &AtomicUsize, told: &Mutex<Told>, gate: &Barrier) {
    let all = wanted.logins.len() * wanted.rounds;
    let mut waited = false;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let which = number % wanted.logins.len().max(1);
        let login = wanted.logins.get(which).filter(|_| number < all);
        let begun = login.and_then(|login| Some((Login::start(&wanted.service, login.first()?), login)));
        if !std::mem::replace(&mut waited, true) {
            gate.wait();
        }
        let Some((begun, login)) = begun else { return };
        let since = Instant::now();
        let (code, screen) = play(begun, login.get(1..).unwrap_or_default());
        let took = since.elapsed().as_secs_f64() * 1000.0;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = told.took.get_mut(number) {
            *place = took;
        }
        *told.codes.entry(code).or_default() += 1;
        if number >= all - wanted.logins.len() {
            told.logins.insert(which, json!({ "user": login.first(), "code": code, "screen": screen }));
        }
        if (number + 1) % (all / 10).max(1) == 0 {
            told.on_the_way.push(holds(number + 1));
        }
    }
}

/// libpam's number, and what was on the screen. A login that could not begin has a number of its own.
fn play(begun: Result<Login, StartError>, answers: &[String]) -> (i32, String) {
    let played = begun.map(|mut login| {
        let code = login.authenticate(answers);
        (code, login.screen().to_owned())
    });
    played.unwrap_or_else(|error| (-1, error.to_string()))
}

/// How long half of them, 99 of 100, and the longest took.
fn percentiles(mut took: Vec<f64>) -> Value {
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took.get((took.len() * part / 100).min(took.len().saturating_sub(1))).copied();
    json!({ "median": at(50), "p99": at(99), "most": took.last() })
}

fn holds(after: usize) -> Value {
    json!({ "after": after, "descriptors": descriptors(), "resident_kib": resident_kib() })
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}
