//! The people: what each has in their pocket, what they had before a reset, and which codes have let them in.

use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};

use harness::{Enrolled, Phone};

use crate::chance::Chance;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse";

/// Somebody who logs in.
#[derive(Debug)]
pub(crate) struct Person {
    /// The login name.
    pub(crate) name: String,
    /// The phone that is enrolled, if one is.
    pub(crate) phone: Option<Phone>,
    /// Backup codes that were not used.
    pub(crate) backup_codes: Vec<String>,
    /// Codes that have let in, or were typed at a moment when nobody knows: good for nothing.
    pub(crate) spent: Vec<String>,
    /// Phones from before a reset.
    pub(crate) lost: Vec<Phone>,
    /// The private key of whoever shows one before the code, outside the lab.
    pub(crate) key: Option<PathBuf>,
}

impl Person {
    /// Somebody with that name.
    pub(crate) fn new(name: &str, enrolled: Enrolled, key: Option<PathBuf>) -> Self {
        Self {
            name: name.into(),
            phone: Some(enrolled.phone),
            backup_codes: enrolled.backup_codes,
            spent: Vec::new(),
            lost: Vec::new(),
            key,
        }
    }

    /// All factors are gone.
    pub(crate) fn lose_all(&mut self) {
        self.lost.extend(self.phone.take());
        self.spent.append(&mut self.backup_codes);
    }

    /// New factors.
    pub(crate) fn has(&mut self, phone: Phone, backup_codes: Vec<String>) {
        self.phone = Some(phone);
        self.spent.append(&mut self.backup_codes);
        self.backup_codes = backup_codes;
    }
}

/// Those who are at home: one actor plays one person at a time.
pub(crate) struct Home {
    people: Mutex<Vec<Person>>,
    comes: Condvar,
}

impl Home {
    pub(crate) fn new(people: Vec<Person>) -> Self {
        Self { people: Mutex::new(people), comes: Condvar::new() }
    }

    /// Somebody goes out.
    pub(crate) fn take(&self, chance: &mut Chance) -> Person {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        let mut people =
            self.comes.wait_while(people, |people| people.is_empty()).unwrap_or_else(PoisonError::into_inner);
        let which = chance.below(people.len());
        people.swap_remove(which)
    }

    /// And comes back.
    pub(crate) fn put(&self, person: Person) {
        self.people.lock().unwrap_or_else(PoisonError::into_inner).push(person);
        self.comes.notify_one();
    }

    /// How many have a phone now, once all are back.
    pub(crate) fn enrolled(&self) -> usize {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.iter().filter(|person| person.phone.is_some()).count()
    }
}
