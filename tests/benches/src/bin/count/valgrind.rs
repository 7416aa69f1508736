//! A program under valgrind, and what it executed: instructions as callgrind counts them, system calls by name.

use harness::{Failure, Outcome};
use std::collections::BTreeMap;
use std::ops::Sub;
use std::path::{Path, PathBuf};

/// What was executed, from the program's start to its end or for each of some logins.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Count {
    /// Instructions, of all threads.
    pub(crate) instructions: f64,
    /// System calls, by name.
    pub(crate) calls: BTreeMap<String, f64>,
}

impl Count {
    /// All system calls.
    pub(crate) fn all_calls(&self) -> f64 {
        self.calls.values().sum()
    }

    /// The part of each of so many.
    pub(crate) fn each_of(mut self, logins: usize) -> Self {
        self.instructions /= logins as f64;
        self.calls.values_mut().for_each(|count| *count /= logins as f64);
        self
    }
}

impl Sub<&Self> for Count {
    type Output = Self;

    fn sub(mut self, other: &Self) -> Self {
        self.instructions -= other.instructions;
        for (name, count) in &other.calls {
            *self.calls.entry(name.clone()).or_default() -= count;
        }
        self
    }
}

/// Where valgrind writes what it counts of one run.
pub(crate) struct Counting {
    profile: PathBuf,
    trace: PathBuf,
}

impl Counting {
    /// Into this folder.
    pub(crate) fn into(folder: &Path) -> Self {
        Self { profile: folder.join("profile"), trace: folder.join("trace") }
    }

    /// valgrind and its options, before the program's own words.
    pub(crate) fn words(&self) -> Vec<String> {
        let profile = format!("--callgrind-out-file={}", self.profile.display());
        let trace = format!("--log-file={}", self.trace.display());
        let words = ["valgrind", "--tool=callgrind", "--trace-syscalls=yes", profile.as_str(), trace.as_str()];
        words.map(str::to_owned).to_vec()
    }

    /// What was counted, once the program has ended.
    pub(crate) fn read(&self) -> Outcome<Count> {
        let profile = std::fs::read_to_string(&self.profile)?;
        let totals = profile.lines().find_map(|line| line.strip_prefix("totals:"));
        let totals = totals.ok_or_else(|| Failure::new("callgrind has written no total"))?;
        let trace = String::from_utf8_lossy(&std::fs::read(&self.trace)?).into_owned();
        Ok(Count { instructions: totals.trim().parse()?, calls: calls(&trace) })
    }
}

/// The system calls of a trace: `SYSCALL[12,1](257) sys_openat ( 4294967196, …`. Where one had to wait, a second line
/// has `...` in the place of its name.
fn calls(trace: &str) -> BTreeMap<String, f64> {
    let mut calls = BTreeMap::new();
    for line in trace.lines().filter(|line| line.starts_with("SYSCALL[")) {
        let name = line.split_whitespace().nth(1).and_then(|word| word.strip_prefix("sys_"));
        if let Some(name) = name.map(|name| name.split(['(', '[']).next().unwrap_or(name)) {
            *calls.entry(name.to_owned()).or_default() += 1.0;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waited_is_counted_once() {
        let trace = "==7== Command: /bin/true\n\
            SYSCALL[7,1](257) sys_openat ( 4294967196, 0x4034bb0(/etc/x), 524288 ) --> [async] ... \n\
            SYSCALL[7,1](257) ... [async] --> Success(0x4) \n\
            SYSCALL[7,2](0) sys_read ( 4, 0x1ffeffee18, 832 ) --> [async] ... \n\
            SYSCALL[7,1](72) sys_fcntl[ARG3=='lock'] ( 4, 6, 0x4d ) --> [async] ... \n\
            SYSCALL[7,1](3) sys_close ( 4 )[sync] --> Success(0x0) \n";
        let expected = [("close", 1.0), ("fcntl", 1.0), ("openat", 1.0), ("read", 1.0)];
        assert_eq!(calls(trace), expected.map(|(name, count)| (name.to_owned(), count)).into());
    }

    #[test]
    fn a_login_costs_what_many_cost_more_than_few() {
        let of = |instructions, reads| Count { instructions, calls: [("read".to_owned(), reads)].into() };
        assert_eq!((of(5000.0, 50.0) - &of(1000.0, 10.0)).each_of(4), of(1000.0, 10.0));
    }
}
