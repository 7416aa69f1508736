//! What programs share that do one thing in one process and end: what they say of themselves, how they end, and that
//! nothing of what they heard is left behind.
//!
//! Nothing of what they do is known here.
#![forbid(unsafe_code)]

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

/// Such a program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// As it is called.
    pub name: &'static str,
    /// Of the package.
    pub version: &'static str,
    /// All that `--help` says.
    pub help: &'static str,
}

impl Program {
    /// Its `main`: it takes no arguments but `--help` and `--version`, and does its one thing. Exit code 1 and a sentence on
    /// standard error if that went wrong, 2 for any other argument.
    #[must_use]
    pub fn run(self, serve: impl FnOnce() -> Result<(), String>) -> ExitCode {
        self.run_with(std::env::args().nth(1).as_deref(), (&mut stdout(), &mut stderr()), serve)
    }

    fn run_with(
        self,
        argument: Option<&str>,
        (out, complaints): (&mut dyn Write, &mut dyn Write),
        serve: impl FnOnce() -> Result<(), String>,
    ) -> ExitCode {
        let Self { name, version, help } = self;
        let mut complain = |why: &str, code: u8| {
            let _ = writeln!(complaints, "{why}"); // nobody may be there to read it
            ExitCode::from(code)
        };
        let written = match argument {
            None => {
                return match serve() {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(why) => complain(&why, 1),
                };
            }
            Some("--help" | "-h") => out.write_all(help.as_bytes()),
            Some("--version" | "-V") => writeln!(out, "{name} {version}"),
            Some(_) => return complain(&format!("{name} takes no arguments. See {name} --help."), 2),
        };
        if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Makes this process one that leaves nothing behind: no core, no way for the user's other processes to look into it
/// while a PIN or a password is in it, no word on the terminal should it panic, since its text could hold one.
///
/// # Errors
/// When the kernel refuses, in a sentence.
pub fn leave_nothing_behind() -> Result<(), String> {
    std::panic::set_hook(Box::new(|_| {}));
    let refused = |errno| format!("this process cannot be kept from dumping its memory: {errno}");
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(refused)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on fails

    use super::*;

    /// What it says, and complains of.
    fn ran(argument: Option<&str>, outcome: Result<(), String>) -> (ExitCode, String, String) {
        let program = Program { name: "mfa-some", version: "1.2", help: "Does some.\n" };
        let (mut out, mut complaints) = (Vec::new(), Vec::new());
        let code = program.run_with(argument, (&mut out, &mut complaints), || outcome);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(complaints).unwrap())
    }

    #[test]
    fn it_says_what_it_is_and_does_nothing_then() {
        let never = || Err("served".to_owned());
        for help in ["--help", "-h"] {
            assert_eq!(ran(Some(help), never()), (ExitCode::SUCCESS, "Does some.\n".into(), String::new()));
        }
        assert_eq!(ran(Some("-V"), never()), (ExitCode::SUCCESS, "mfa-some 1.2\n".into(), String::new()));
        let told = "mfa-some takes no arguments. See mfa-some --help.\n";
        assert_eq!(ran(Some("now"), never()), (ExitCode::from(2), String::new(), told.into()));
    }

    #[test]
    fn it_does_its_one_thing_and_complains_if_that_goes_wrong() {
        assert_eq!(ran(None, Ok(())), (ExitCode::SUCCESS, String::new(), String::new()));
        assert_eq!(ran(None, Err("no".into())), (ExitCode::from(1), String::new(), "no\n".into()));
    }
}
