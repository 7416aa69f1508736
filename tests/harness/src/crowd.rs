//! Many logins at the same moment, through libpam, as root's applications do it: with the program `crowd` in the lab.

use crate::lab::Lab;
use crate::outcome::Outcome;

/// Where the program `crowd` is in a lab.
const CROWD: &str = "/usr/local/bin/crowd";

/// One of many logins at once.
pub struct Knock<'a> {
    /// Who.
    pub user: &'a str,
    /// What they answer, in order; at one question more they hang up.
    pub answers: Vec<&'a str>,
}

/// How a login through libpam ended.
#[derive(Debug)]
pub struct Ended {
    /// libpam's number; 0 is success.
    pub code: i64,
    /// Everything that was shown.
    pub screen: String,
}

impl Ended {
    /// Whether it was let in.
    pub fn is_in(&self) -> bool {
        self.code == 0
    }
}

impl Lab {
    /// Lets all of them log in to a service at the same moment.
    pub fn all_at_once(&self, service: &str, knocks: &[Knock<'_>]) -> Outcome<Vec<Ended>> {
        let lines = knocks.iter().map(|knock| {
            let words: Vec<&str> = std::iter::once(knock.user).chain(knock.answers.iter().copied()).collect();
            words.join("\t") + "\n"
        });
        let lines: String = lines.collect();
        let told = self.run_with_input([CROWD, service, &knocks.len().to_string()], &lines)?.json()?;
        let ended = told["logins"].as_array().into_iter().flatten().map(|login| Ended {
            code: login["code"].as_i64().unwrap_or(-1),
            screen: login["screen"].as_str().unwrap_or_default().to_owned(),
        });
        Ok(ended.collect())
    }
}
