//! People with phones, enrolled over the real wire by root.

use crate::steps;
use benches::scale::AT_ONCE;
use harness::{Failure, Outcome, Phone};
use mfa_proto::enrollment::{ADD_TOTP, AddTotp, CONFIRM, Confirm, Confirmation, Confirmed, PendingTotp};
use mfa_proto::{Client, ROOT_SOCKET, Secret};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// For all that is done on one connection.
const DEADLINE: Duration = Duration::from_secs(3600);

/// Somebody with a phone. A million of them fit into memory, so the phone is made when it is needed.
pub(crate) struct Person {
    /// The login name.
    pub(crate) name: String,
    /// In Base32.
    pub(crate) secret: String,
    /// The newest step whose code was used.
    pub(crate) used: u64,
}

impl Person {
    pub(crate) fn phone(&self) -> Outcome<Phone> {
        Ok(Phone::scan(&format!("otpauth://totp/bench?secret={}", self.secret))?)
    }

    /// The code of the next step.
    pub(crate) fn code(&self) -> Outcome<(u64, String)> {
        let step = steps::next(self.used);
        Ok((step, self.phone()?.code_of_step(step)))
    }
}

/// The newest step that any of them used.
pub(crate) fn newest_used(people: &[Person]) -> u64 {
    people.iter().map(|person| person.used).max().unwrap_or_default()
}

/// Enrolls all of them, many at once.
pub(crate) fn enroll(names: Vec<String>) -> Outcome<Vec<Person>> {
    let share = names.len().div_ceil(AT_ONCE).max(1);
    let done = &AtomicUsize::new(0);
    std::thread::scope(|threads| {
        let each = |names| threads.spawn(move || enroll_one_by_one(names, done));
        let enrolling: Vec<_> = names.chunks(share).map(each).collect();
        let mut people = Vec::with_capacity(names.len());
        for thread in enrolling {
            people.extend(thread.join().map_err(|_| Failure::new("enrolling panicked"))??);
        }
        Ok(people)
    })
}

fn enroll_one_by_one(names: &[String], done: &AtomicUsize) -> Outcome<Vec<Person>> {
    let mut client = Client::connect(Path::new(ROOT_SOCKET), Instant::now() + DEADLINE)?;
    names
        .iter()
        .map(|name| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if done % 50_000 == 0 {
                eprintln!("  {done}");
            }
            enroll_one(&mut client, name)
        })
        .collect()
}

fn enroll_one(client: &mut Client, name: &str) -> Outcome<Person> {
    let user = Some(name.to_owned());
    let asked = AddTotp { user: user.clone(), name: None, fresh: false };
    let pending: PendingTotp = client.call(ADD_TOTP, &asked)?;
    let mut person = Person { name: name.to_owned(), secret: pending.secret.expose().to_owned(), used: 0 };
    let (step, code) = person.code()?;
    let confirm = Confirm { user, id: pending.id, codes: vec![Secret::new(code)] };
    let confirmed: Confirmed = client.call(CONFIRM, &confirm)?;
    person.used = step;
    match confirmed.result {
        Confirmation::Done => Ok(person),
        other => Err(Failure::new(format!("{name} could not be enrolled: {other:?}"))),
    }
}
