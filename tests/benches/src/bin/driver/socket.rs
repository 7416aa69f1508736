//! Logins at the daemon's socket, without libpam: how many a second the daemon decides and keeps durably.

use crate::connections::{Connections, Done, Job};
use crate::people::{self, Person, newest_used};
use crate::{service, steps};
use benches::figures::{AtSocket, median};
use benches::systems::System;
use harness::Outcome;
use mfa_proto::enrollment::{STATUS, Subject};
use mfa_proto::frame::encode_call;
use mfa_proto::login::{ANSWER, Answer, BEGIN, Begin};
use mfa_proto::{PROTOCOL, Secret};
use std::collections::BTreeMap;
use std::time::Instant;

/// Accounts that are looked up before they log in: the daemon keeps ten thousand, for ten seconds.
const BATCH: usize = 8_000;

/// The accounts by arithmetic come before the files, so that no file is searched for them.
const NAME_SERVICE: &str = "passwd: bench files\ngroup: files\nshadow: files\n";

/// Enrolls accounts of the arithmetic name service until there are that many.
pub(crate) fn enroll_up_to(count: usize, people: &mut Vec<Person>) -> Outcome {
    eprintln!("Enrolling up to {count} accounts");
    std::fs::write("/etc/nsswitch.conf", NAME_SERVICE)?;
    let begun = Instant::now();
    let names = (people.len()..count).map(|number| format!("remote{number:07}")).collect();
    people.extend(people::enroll(names)?);
    eprintln!("  done in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Logs `count` of them in, each once after the daemon has looked them up and once before; they are chosen without
/// any order, but the same each time.
pub(crate) fn measure(people: &mut [Person], count: usize) -> Outcome<AtSocket> {
    eprintln!("Logging {count} of {} in at the socket", people.len());
    let mut chosen = shuffled(people.len());
    chosen.truncate(count);
    let mut connections = Connections::open()?;
    let cached = log_in(people, &chosen, &mut connections, Lookups::Before)?;
    let looked_up = log_in(people, &chosen, &mut connections, Lookups::During)?;
    drop(connections);
    let resident = service::resident()?;
    Ok(AtSocket {
        enrolled: people.len(),
        cached: cached.rate,
        looked_up: looked_up.rate,
        computed: cached.computed,
        failed: cached.failed + looked_up.failed,
        resident,
        start: service::restart()?,
    })
}

/// When the daemon looks the accounts up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lookups {
    Before,
    During,
}

struct Rate {
    rate: f64,
    computed: BTreeMap<String, f64>,
    failed: usize,
}

fn log_in(people: &mut [Person], chosen: &[usize], connections: &mut Connections, lookups: Lookups) -> Outcome<Rate> {
    steps::await_next(newest_used(people));
    let (mut rates, mut failed) = (Vec::new(), 0);
    let mut computed = BTreeMap::new();
    for batch in chosen.chunks(BATCH) {
        crate::forget_accounts()?;
        if lookups == Lookups::Before {
            let jobs = batch.iter().map(|number| asking(&people[*number])).collect::<Outcome<Vec<_>>>()?;
            connections.perform(&jobs, b"factors")?;
        }
        let jobs = batch.iter().map(|number| login(&mut people[*number])).collect::<Outcome<Vec<_>>>()?;
        let before = service::computed()?;
        let done: Done = connections.perform(&jobs, br#""outcome":"pass""#)?;
        for (thread, after) in service::computed()? {
            // A thread that has just begun has computed all of it since.
            let spent = after - before.get(&thread).copied().unwrap_or_default();
            *computed.entry(thread).or_default() += spent / chosen.len() as f64;
        }
        rates.push((batch.len() - done.failed) as f64 / done.seconds);
        failed += done.failed;
    }
    Ok(Rate { rate: median(rates), computed, failed })
}

fn asking(person: &Person) -> Outcome<Job> {
    let subject = Subject { user: Some(person.name.clone()) };
    Ok(Job { messages: vec![encode_call(STATUS, &subject)?.to_vec()] })
}

fn login(person: &mut Person) -> Outcome<Job> {
    let (step, code) = person.code()?;
    person.used = step;
    let begin = Begin {
        protocol: PROTOCOL,
        user: person.name.clone(),
        service: System::Mfa.service(),
        timeout: 120,
        ..Begin::default()
    };
    let answer = Answer { answer: Secret::new(code) };
    Ok(Job { messages: vec![encode_call(BEGIN, &begin)?.to_vec(), encode_call(ANSWER, &answer)?.to_vec()] })
}

/// The numbers below `count` in no order (Fisher and Yates), the same each time (a 64-bit linear generator, Knuth's).
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut state: u64 = 1;
    for at in (1..count).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let below = at as u64 + 1;
        numbers.swap(at, usize::try_from((state >> 33) % below).unwrap_or(0));
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_every_number_once_and_hardly_any_in_its_place() {
        let mut numbers = shuffled(1000);
        assert!(numbers.iter().enumerate().filter(|(place, number)| place == *number).count() < 20);
        numbers.sort_unstable();
        assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
    }
}
