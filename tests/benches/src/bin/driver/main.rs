//! Runs in the lab: enrolls accounts with all systems, logs them in, takes the time. What it measured goes to standard
//! output as JSON, what it is doing to standard error.
//!
//! `driver measure SCALE` measures. It starts itself as `driver worker …` and `driver floor …` for what must happen in
//! processes of their own.
#![forbid(unsafe_code)]

mod alone;
mod connections;
mod floor;
mod peers;
mod people;
mod service;
mod socket;
mod steps;
mod together;

use benches::figures::Figures;
use benches::scale::Scale;
use benches::systems::System;
use harness::{Failure, Outcome};
use people::Person;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = match words[..] {
        ["measure", scale] => measure(scale),
        ["worker", service] => together::work(service),
        ["floor", file, socket] => floor::serve(file, socket),
        _ => Err(Failure::new("usage: driver measure SCALE | worker SERVICE | floor FILE SOCKET")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn measure(scale: &str) -> Outcome {
    let scale: Scale = serde_json::from_str(scale)?;
    eprintln!("Enrolling {} local accounts", scale.accounts);
    let names = (1..=scale.accounts).map(|number| format!("local{number:04}")).collect();
    let mut people = people::enroll(names)?;
    peers::enroll(&people)?;
    let floor = floor::Floor::start()?;
    let (mut alone, mut wrong) = (alone::Tally::default(), alone::Tally::default());
    let mut crowds = together::Crowds::default();
    for round in 1..=scale.rounds {
        eprintln!("Round {round} of {}: at once, one after another, wrong codes", scale.rounds);
        forget_accounts()?;
        together::round(&mut people, &mut crowds)?;
        forget_accounts()?;
        alone::right_codes(&mut people, &floor, &mut alone)?;
        forget_accounts()?;
        alone::wrong_codes(&people, &mut wrong)?;
    }
    let mut by_number = Vec::new();
    for at_once in &scale.crowds {
        eprintln!("By {at_once} at once");
        by_number.extend(together::of(&mut people, *at_once)?);
    }
    let (floor, sync) = floor.spreads();
    let spreads = alone.percentiles();
    let (alone, wrong) = (alone.logins(&System::ALL), wrong.logins(&System::ASKING));
    let (together, socket) = (crowds.figures(), Vec::new());
    let mut figures = Figures { alone, wrong, floor, sync, together, socket, spreads, crowds: by_number };
    if scale.socket > 0 {
        let mut people: Vec<Person> = Vec::new();
        for (enrolled, logins) in scale.sizes() {
            socket::enroll_up_to(enrolled, &mut people)?;
            figures.socket.push(socket::measure(&mut people, logins)?);
        }
    }
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// Makes the daemon look accounts up again: it keeps none beyond a change of the local files.
fn forget_accounts() -> Outcome {
    Ok(std::fs::File::options().append(true).open("/etc/group")?.set_modified(SystemTime::now())?)
}
