//! PAM stacks as libpam would run them: read with everything they include, and walked through with every outcome.
//!
//! Nothing is run and nothing is written. It knows where a line stands, so that whoever is told of it finds it.

mod control;
mod read;
mod walk;

pub(crate) use control::{Action, Control, Outcome};
pub(crate) use read::{Files, Place, Service, read, services};
pub(crate) use walk::{Ending, Mfa, Path, Primary, paths};

use std::fmt;

/// What a line of a stack is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// `auth`
    Auth,
    /// `account`
    Account,
    /// `password`
    Password,
    /// `session`
    Session,
}

impl Phase {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Password, Self::Session];

    /// As a line of a stack begins.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A module in a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    /// Where its line is.
    pub(crate) place: Place,
    /// What its outcomes do.
    pub(crate) control: Control,
    /// As the line names it: `pam_unix.so`, or a path.
    pub(crate) path: String,
    /// Its options.
    pub(crate) arguments: Vec<String>,
    /// The line begins with `-`: libpam does not log that the module is missing. It fails all the same.
    pub(crate) quiet: bool,
}

impl Module {
    /// The file's name, without the folder and `.so`.
    pub(crate) fn name(&self) -> &str {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        file.strip_suffix(".so").unwrap_or(file)
    }

    /// Whether it is ours.
    pub(crate) fn is_ours(&self) -> bool {
        self.name() == "pam_mfa"
    }

    /// Whether this option is given.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.arguments.iter().any(|argument| argument == option)
    }
}

/// One step of a stack, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A module.
    Module(Module),
    /// The lines of another file, whose `done` and `die` end it alone.
    Substack {
        /// Where it is named.
        place: Place,
        /// Its steps.
        steps: Vec<Step>,
    },
}

/// All modules, those of substacks too.
pub(crate) fn modules(steps: &[Step]) -> Vec<&Module> {
    steps.iter().flat_map(of_step).collect()
}

fn of_step(step: &Step) -> Vec<&Module> {
    match step {
        Step::Module(module) => vec![module],
        Step::Substack { steps, .. } => modules(steps),
    }
}

#[cfg(test)]
mod tests;
