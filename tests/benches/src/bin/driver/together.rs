//! Logins at once: processes that log people in, as sshd's are, each a few, one after another; all begin together.

use crate::people::{Person, newest_used};
use crate::steps;
use benches::figures::{Crowd, CrowdOf, median};
use benches::scale::AT_ONCE;
use benches::systems::System;
use harness::{Failure, Outcome};
use pam_application::{Login, SUCCESS};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Instant;

/// What a worker says once it knows whom it will log in.
const READY: &str = "ready\n";

/// What became of all rounds.
#[derive(Default)]
pub(crate) struct Crowds {
    rounds: Vec<Round>,
}

struct Round {
    system: System,
    rate: f64,
    tried: usize,
    failed: usize,
}

impl Crowds {
    pub(crate) fn figures(&self) -> Vec<Crowd> {
        let of = |system: System| {
            let own = || self.rounds.iter().filter(move |round| round.system == system);
            Crowd {
                system,
                rate: median(own().map(|round| round.rate).collect()),
                tried: own().map(|round| round.tried).sum(),
                failed: own().map(|round| round.failed).sum(),
            }
        };
        System::ALL.map(of).to_vec()
    }
}

/// Everybody once with every system, so many at once, but for the one that most logins fail with.
pub(crate) fn of(people: &mut [Person], at_once: usize) -> Outcome<Vec<CrowdOf>> {
    crate::forget_accounts()?;
    let systems = [System::Permit, System::Mfa, System::GoogleAuthenticator];
    let rounds = played(people, &systems, at_once)?;
    let of = |Round { system, rate, tried, failed }| CrowdOf { at_once, crowd: Crowd { system, rate, tried, failed } };
    Ok(rounds.into_iter().map(of).collect())
}

/// Everybody once with every system; another one begins in each round.
pub(crate) fn round(people: &mut [Person], crowds: &mut Crowds) -> Outcome {
    let mut systems = System::ALL;
    systems.rotate_left(crowds.rounds.len() / System::ALL.len() % System::ALL.len());
    crowds.rounds.extend(played(people, &systems, AT_ONCE)?);
    Ok(())
}

fn played(people: &mut [Person], systems: &[System], at_once: usize) -> Outcome<Vec<Round>> {
    steps::await_next(newest_used(people));
    let mut used: HashMap<usize, u64> = HashMap::new();
    let mut rounds = Vec::new();
    for system in systems {
        let mut shares = vec![String::new(); at_once];
        for (number, person) in people.iter().enumerate() {
            let (step, code) = person.code()?;
            used.insert(number, step);
            shares[number % at_once] += &format!("{} {code}\n", person.name);
        }
        rounds.push(play(*system, &shares, people.len())?);
    }
    for (number, person) in people.iter_mut().enumerate() {
        person.used = used.get(&number).copied().unwrap_or(person.used);
    }
    Ok(rounds)
}

fn play(system: System, shares: &[String], tried: usize) -> Outcome<Round> {
    let workers = shares.iter().map(|share| Worker::start(system, share)).collect::<Outcome<Vec<_>>>()?;
    let begun = Instant::now();
    let running: Vec<_> = workers.into_iter().map(Worker::go).collect();
    let counts = running.into_iter().map(Running::count).collect::<Outcome<Vec<usize>>>()?;
    let seconds = begun.elapsed().as_secs_f64();
    let good: usize = counts.iter().sum();
    Ok(Round { system, rate: good as f64 / seconds, tried, failed: tried - good })
}

/// A process that knows whom it will log in, and waits for the end of its input.
struct Worker {
    process: Child,
    says: BufReader<ChildStdout>,
}

/// One that was let go.
struct Running {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Worker {
    fn start(system: System, share: &str) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["worker", &system.service()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = share.lines().count();
        let input = process.stdin.as_mut().ok_or_else(|| Failure::new("a worker has no input"))?;
        write!(input, "{lines}\n{share}")?;
        let output = process.stdout.take().ok_or_else(|| Failure::new("a worker has no output"))?;
        let mut says = BufReader::new(output);
        let mut line = String::new();
        says.read_line(&mut line)?;
        if line == READY { Ok(Self { process, says }) } else { Err(Failure::new("a worker ended too early")) }
    }

    fn go(mut self) -> Running {
        drop(self.process.stdin.take());
        Running { process: self.process, says: self.says }
    }
}

impl Running {
    /// How many logins succeeded.
    fn count(mut self) -> Outcome<usize> {
        let mut line = String::new();
        self.says.read_line(&mut line)?;
        self.process.wait()?;
        Ok(line.trim().parse()?)
    }
}

/// `driver worker SERVICE`: reads how many and whom (name and code, a line each), waits for the end of its input, logs
/// them in, and says how many got in.
pub(crate) fn work(service: &str) -> Outcome {
    let mut input = stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let mut people = Vec::new();
    for _ in 0..line.trim().parse()? {
        line.clear();
        input.read_line(&mut line)?;
        let (name, code) = line.trim().split_once(' ').ok_or_else(|| Failure::new("no name and code"))?;
        people.push((name.to_owned(), code.to_owned()));
    }
    print!("{READY}");
    std::io::stdout().flush()?;
    input.read_to_end(&mut Vec::new())?;
    let mut good = 0;
    for (name, code) in &people {
        let mut login = Login::start(service, name)?;
        good += usize::from(login.authenticate(&[code]) == SUCCESS);
    }
    println!("{good}");
    Ok(())
}
