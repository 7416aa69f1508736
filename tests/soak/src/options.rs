//! The words on the command line.

use std::time::{Duration, SystemTime};

use harness::Release;

/// How it is played.
#[derive(Debug)]
pub(crate) struct Options {
    /// For how long.
    pub(crate) time: Duration,
    /// Where: Debian 13, or 12.
    pub(crate) release: Release,
    /// What all choices follow from; who comes first is left to the machine.
    pub(crate) seed: u64,
    /// How many act at once.
    pub(crate) actors: u64,
}

impl Options {
    /// Of these words.
    pub(crate) fn parse(words: &[String]) -> Result<Self, String> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut options = Self {
            time: Duration::from_secs(3600),
            release: Release::Trixie,
            seed: u64::from(since.subsec_nanos()),
            actors: 8,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).filter(|number| *number > 0);
            let wants = || format!("{word} wants a number, 1 or more.");
            match word.as_str() {
                "--minutes" => options.time = Duration::from_secs(number().ok_or_else(wants)? * 60),
                "--seed" => options.seed = number().ok_or_else(wants)?,
                "--at-once" => options.actors = number().ok_or_else(wants)?,
                "--bookworm" => options.release = Release::Bookworm,
                _ => return Err(format!("{word} is not understood here.")),
            }
        }
        Ok(options)
    }

    /// For how long, in words.
    pub(crate) fn long(&self) -> String {
        match self.time.as_secs() / 60 {
            1 => "a minute".into(),
            minutes => format!("{minutes} minutes"),
        }
    }
}
