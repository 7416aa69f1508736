//! Logins one after another. The systems take turns with each account, each time in another order, so that whatever
//! else this machine does strikes all of them alike.

use crate::floor::Floor;
use crate::people::{Person, newest_used};
use crate::steps;
use benches::figures::{Logins, Percentiles, Spread};
use benches::systems::System;
use harness::{Failure, Outcome};
use pam_application::{Login, SUCCESS};
use std::time::{Duration, Instant};

/// What the logins of each system took.
#[derive(Default)]
pub(crate) struct Tally {
    taken: Vec<(System, Duration, bool)>,
}

impl Tally {
    /// The figures of those systems.
    pub(crate) fn logins(&self, systems: &[System]) -> Vec<Logins> {
        let of = |system: &System| {
            let own = || self.taken.iter().filter(|(whose, ..)| whose == system);
            let times: Vec<Duration> = own().map(|(_, time, _)| *time).collect();
            Logins { system: *system, time: Spread::of(&times), failed: own().filter(|(.., good)| !good).count() }
        };
        systems.iter().map(of).collect()
    }

    /// How the logins of each system are spread.
    pub(crate) fn percentiles(&self) -> Vec<Percentiles> {
        let of = |system| {
            let own = self.taken.iter().filter(|(whose, ..)| *whose == system);
            Percentiles::of(system, &own.map(|(_, time, _)| *time).collect::<Vec<_>>())
        };
        System::ALL.map(of).to_vec()
    }

    /// A system that never does what it should was set up wrongly, and its figures would be nonsense.
    fn add(&mut self, system: System, taken: Taken, good: bool) -> Outcome {
        let first = !self.taken.iter().any(|(whose, ..)| *whose == system);
        if first && !good {
            let (module, screen) = (system.module(), taken.screen);
            return Err(Failure::new(format!("{module} answered {} when it should not have: {screen}", taken.result)));
        }
        self.taken.push((system, taken.time, good));
        Ok(())
    }
}

/// A login that was tried.
struct Taken {
    time: Duration,
    result: i32,
    screen: String,
}

/// Everybody once with every system, and the floor between them.
pub(crate) fn right_codes(people: &mut [Person], floor: &Floor, tally: &mut Tally) -> Outcome {
    steps::await_next(newest_used(people));
    for (number, person) in people.iter_mut().enumerate() {
        let (step, code) = person.code()?;
        person.used = step;
        let turns = System::ALL.len() + 1;
        for turn in 0..turns {
            match System::ALL.get((number + turn) % turns) {
                Some(system) => {
                    let taken = log_in(*system, &person.name, &code)?;
                    let good = taken.result == SUCCESS;
                    tally.add(*system, taken, good)?;
                }
                None => floor.touch()?,
            }
        }
    }
    Ok(())
}

/// Everybody once with every system that asks: one wrong code, then they hang up.
pub(crate) fn wrong_codes(people: &[Person], tally: &mut Tally) -> Outcome {
    for (number, person) in people.iter().enumerate() {
        let code = person.phone()?.wrong_code();
        let turns = System::ASKING.len();
        for turn in 0..turns {
            let system = System::ASKING[(number + turn) % turns];
            let taken = log_in(system, &person.name, &code)?;
            let good = taken.result != SUCCESS;
            tally.add(system, taken, good)?;
        }
    }
    Ok(())
}

fn log_in(system: System, user: &str, code: &str) -> Outcome<Taken> {
    let service = system.service();
    let begun = Instant::now();
    let mut login = Login::start(&service, user)?;
    let result = login.authenticate(&[code]);
    let screen = login.screen().to_owned();
    drop(login);
    Ok(Taken { time: begun.elapsed(), result, screen })
}
