//! The soak: one Debian with the packages installed, people who log in by all ways at once, rightly, wrongly and not at
//! all, and administrators who reset, reload, restart and kill beside it. What must hold is looked at all the while.
//!
//! It forgives a login that was under way when the daemon was killed, and nothing else.
#![forbid(unsafe_code)]

mod acts;
mod chance;
mod ledger;
mod logins;
mod office;
mod options;
mod people;
mod play;
mod record;
mod report;
mod site;
mod watch;

use std::process::ExitCode;
use std::thread::scope;

use harness::Outcome;
use options::Options;
use play::Play;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options = match Options::parse(&words) {
        Ok(options) => options,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(2);
        }
    };
    match soak(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything held.
fn soak(options: &Options) -> Outcome<bool> {
    println!("{}, {}, seed {}: again with --seed {}", options.release, options.long(), options.seed, options.seed);
    let (lab, people) = site::boot(options)?;
    let begun = watch::look(&lab)?;
    let play = Play::new(lab, people, options);
    scope(|threads| {
        for actor in 0..options.actors {
            let play = &play;
            threads.spawn(move || acts::keep_acting(play, actor));
        }
        threads.spawn(|| office::keep_working(&play));
        watch::keep_watching(&play);
    });
    watch::at_the_end(&play, &begun)?;
    record::compare(&play)?;
    report::close(&play)
}
