//! How a scenario ends: well, or with a `Failure` whose text is fit to be read in a test log.

use std::error::Error;
use std::fmt;

/// What a scenario returns.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Whatever went wrong in a scenario. Made by `?` from any error, or from words of your own.
pub struct Failure(Box<dyn Error + Send + Sync>);

impl Failure {
    /// A failure in the scenario's own words.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into().into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(deeper) = cause {
            write!(f, "\n  because: {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

/// The test runner prints this one, so it reads like the sentence and not like a struct.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
